//! Ansible with a recorder in the place of its programs: arguments, environment, prompts, requirements, inventories.

use std::fs;

use serde_json::{Value, json};

use super::support::{World, file_url, git};
use crate::job::{JobSpec, Outcome, SecretSet};

const STATIC: &str = "localhost ansible_connection=local";

fn static_inventory() -> Value {
    json!({"id": 2, "name": "ssh+become", "kind": "static", "content": STATIC})
}

/// The recorded scene `ansible everything`, with a password where it has an SSH key, and secrets in a file.
#[tokio::test]
async fn the_command_line_is_that_of_the_recorded_scene() {
    let world = World::new();
    world.record(&["ansible-playbook", "ansible-galaxy"]);
    let repository = world.repository("repo", &[("play/site.yml", "[]\n")]);
    let hash = git(&repository, &["rev-parse", "HEAD"]);
    let mut secrets = SecretSet::default();
    let mut secret = |name: &str, value: &str| json!(secrets.insert(name, value.as_bytes().to_vec()));
    let (user, root) = (secret("user", "user-secret"), secret("root", "become-secret"));
    let (one, two) = (secret("one", "vault-one"), secret("two", "vault-two!"));
    let (var, env, survey) = (secret("vs", "var secret"), secret("sec", "env secret"), secret("sv", "secret survey"));
    let mut inventory = static_inventory();
    inventory["key"] = json!({"id": 3, "kind": {"type": "login_password", "login": "deploy", "password": user}});
    inventory["become_key"] = json!({"id": 4, "kind": {"type": "login_password", "login": "rooty", "password": root}});
    let ask = json!([
        "SSH password: ",
        "BECOME password[defaults to SSH password]: ",
        "Vault password (default): ",
        "Vault password (one): "
    ]);
    let spec = world.spec_with("ansible", "play/site.yml", &file_url(&repository), json!({
        "task_id": 11, "template_id": 10, "inventory": inventory,
        "environment": {
            "extra_vars": {"z": null, "greeting": "hi", "n": 5, "f": true, "l": [1, 2], "o": {"a": "b"}, "survey": "S"},
            "secret_extra_vars": {"sv": survey},
            "env": [["FOO", "bar"], ["ASK", ask.to_string()]],
            "secrets": [{"name": "vs", "kind": "var", "value": var}, {"name": "SEC", "kind": "env", "value": env}],
        },
        "template_arguments": ["--forks", "3"], "task_arguments": ["--start-at-task", "x"],
        "ansible": {"verbosity": 3, "dry_run": true, "diff": true, "limit": ["a", "b"], "tags": ["x"], "skip_tags": ["y"]},
        "vaults": [{"name": "default", "kind": {"password": two}}, {"name": "scr", "kind": {"script": "vaultpw.sh"}},
                   {"name": "one", "kind": {"password": one}}],
        "details": {"message": "msg", "username": "admin", "url": "http://web/project/1/history?t=11"},
    }));
    let finished = world.run_with(spec, secrets).await;
    finished.expect(&Outcome::Success);

    let records = world.records();
    let [record] = records.as_slice() else { panic!("one program expected: {records:?}") };
    let (project, clone) = (world.config.project_dir(1), world.project("repository_1_template_10"));
    let (inventory, secret_file) =
        (project.join("inventory_2").display().to_string(), format!("@{}/secret_vars_11.json", project.display()));
    let details = format!(
        r#"{{"f":true,"greeting":"hi","l":[1,2],"n":5,"o":{{"a":"b"}},"semaphore_vars":{{"task_details":{{"commit_hash":"{hash}","commit_message":"first commit","id":11,"inventory_id":2,"inventory_name":"ssh+become","message":"msg","repository_id":1,"repository_name":"g","url":"http://web/project/1/history?t=11","username":"admin"}}}},"survey":"S","z":null}}"#
    );
    assert_eq!(
        record["argv"],
        json!([
            "-i",
            inventory,
            "--user",
            "deploy",
            "--ask-pass",
            "--become-user",
            "rooty",
            "--ask-become-pass",
            "-vvv",
            "--diff",
            "--check",
            "--vault-id=default@prompt",
            "--vault-id=scr@vaultpw.sh",
            "--vault-id=one@prompt",
            "--extra-vars",
            details,
            "--extra-vars",
            secret_file,
            "--forks",
            "3",
            "--limit=a,b",
            "--tags=x",
            "--skip-tags=y",
            "--start-at-task",
            "x",
            "play/site.yml"
        ])
    );
    assert_eq!(record["cwd"], clone.display().to_string());
    assert_eq!(record["files"][&secret_file]["content"], r#"{"sv":"secret survey","vs":"var secret"}"#);
    assert_eq!(record["files"][&secret_file]["mode"], "0o600");
    assert_eq!(record["files"][&inventory]["content"], STATIC);
    assert_eq!(
        (&record["stdin_is_tty"], &record["stdout_is_tty"], &record["own_session"]),
        (&json!(true), &json!(false), &json!(true))
    );
    // Each prompt got its own password: the recorder tells the lengths.
    let answers: Vec<_> = finished.lines.iter().filter(|line| line.starts_with("got ")).collect();
    assert_eq!(answers, ["got 11", "got 13", "got 10", "got 9"]);

    let home = world.project("repository_1_template_10_home");
    let path = world.config.path.clone();
    let order: Vec<&str> = record["env_order"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let names = [
        "PYTHONUNBUFFERED",
        "ANSIBLE_FORCE_COLOR",
        "ANSIBLE_HOST_KEY_CHECKING",
        "PATH",
        "FWD_A",
        "CFG_VAR",
        "HOME",
        "PWD",
        "ANSIBLE_HOME",
        "FOO",
        "ASK",
        "SEC",
    ];
    let order: Vec<&str> =
        order.into_iter().filter(|name| *name != "LC_CTYPE" && *name != "__CF_USER_TEXT_ENCODING").collect();
    assert_eq!(order, names);
    for (name, value) in [
        ("PYTHONUNBUFFERED", "1"),
        ("ANSIBLE_FORCE_COLOR", "True"),
        ("ANSIBLE_HOST_KEY_CHECKING", "False"),
        ("PATH", path.as_str()),
        ("HOME", &world.config.home.display().to_string()),
        ("PWD", &clone.display().to_string()),
        ("ANSIBLE_HOME", &home.join(".ansible").display().to_string()),
        ("SEC", "env secret"),
    ] {
        assert_eq!(record["env"][name], value, "{name}");
    }
    assert_eq!(world.left_behind(), ["repository_1_template_10", "repository_1_template_10_home"]);
}

/// Names of vaults need not be different, and those without one are all called `default`.
#[tokio::test]
async fn the_last_of_several_vaults_with_one_name_counts() {
    let world = World::new();
    world.record(&["ansible-playbook"]);
    let directory = world.files("repo", &[("site.yml", "[]\n")]);
    let mut secrets = SecretSet::default();
    let mut secret = |name: &str, value: &str| json!(secrets.insert(name, value.as_bytes().to_vec()));
    let (first, last) = (secret("first", "first-password"), secret("last", "last-one"));
    let spec = world.spec_with("ansible", "site.yml", directory.to_str().unwrap(), json!({
        "inventory": static_inventory(),
        "environment": {"env": [["ASK", json!(["Vault password (default): "]).to_string()]]},
        "vaults": [{"name": "default", "kind": {"password": first}}, {"name": "default", "kind": {"password": last}}],
    }));
    let finished = world.run_with(spec, secrets).await;
    finished.expect(&Outcome::Success);
    let argv = world.records()[0]["argv"].to_string();
    assert_eq!(argv.matches("--vault-id=default@prompt").count(), 1, "{argv}");
    assert!(finished.lines.contains(&"got 8".to_owned()), "{}", finished.text());
}

/// The hash files lie in the repository, so it can put links in their places: to files of the server, or to what has no end.
#[tokio::test]
async fn links_in_the_place_of_hash_files_are_not_followed() {
    let world = World::new();
    world.record(&["ansible-playbook", "ansible-galaxy"]);
    let victim = world.path("victim");
    fs::write(&victim, "precious").unwrap();
    let endless = world.path("endless");
    nix::unistd::mkfifo(&endless, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let repository = world.files("repo", &[("site.yml", "[]\n"), ("requirements.yml", "a\n")]);
    std::os::unix::fs::symlink(&victim, repository.join("requirements.yml_role.md5")).unwrap();
    std::os::unix::fs::symlink(&endless, repository.join("requirements.yml_collection.md5")).unwrap();
    git(&repository, &["init", "-q", "-b", "main"]);
    super::support::commit_all(&repository, "links");
    let spec = world.spec_with("ansible", "site.yml", &file_url(&repository), json!({"inventory": static_inventory()}));
    world.run(spec).await.expect(&Outcome::Success);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    let hash = fs::symlink_metadata(world.project("repository_1_template_1/requirements.yml_role.md5")).unwrap();
    assert!(hash.is_file(), "the link was replaced");
}

#[tokio::test]
async fn requirements_are_installed_once_and_again_when_they_change() {
    let world = World::new();
    world.record(&["ansible-playbook", "ansible-galaxy"]);
    let repository = world.repository(
        "repo",
        &[
            ("play/site.yml", "[]\n"),
            ("play/requirements.yml", "a\n"),
            ("collections/requirements.yml", "b\n"),
            ("roles/requirements.yml", "c\n"),
        ],
    );
    let spec = || {
        world.spec_with(
            "ansible",
            "play/site.yml",
            &file_url(&repository),
            json!({"inventory": static_inventory(), "template_kind": "build"}),
        )
    };
    let first = world.run(spec()).await;
    first.expect(&Outcome::Success);
    let clone = world.project("repository_1_template_1");
    let place = |name: &str| clone.join(name).display().to_string();
    let galaxy = |records: &[Value]| -> Vec<Value> {
        records
            .iter()
            .filter(|record| record["program"] == "ansible-galaxy")
            .map(|record| record["argv"].clone())
            .collect()
    };
    let records = world.records();
    assert_eq!(
        galaxy(&records),
        [
            json!(["collection", "install", "-r", place("play/requirements.yml"), "--force"]),
            json!(["collection", "install", "-r", place("collections/requirements.yml"), "--force"]),
            json!(["role", "install", "-r", place("play/requirements.yml"), "--force"]),
            json!(["role", "install", "-r", place("roles/requirements.yml"), "--force"]),
        ]
    );
    assert_eq!(records[0]["stdin_is_tty"], false);
    assert!(
        records[0]["env"].get("SEMAPHORE_TASK_TYPE").is_none() && records[4]["env"]["SEMAPHORE_TASK_TYPE"] == "build"
    );
    let missing = |name: &str| format!("No {} file found. Skip galaxy install process.\n", place(name));
    let skips: Vec<&String> = first.lines.iter().filter(|line| line.starts_with("No ")).collect();
    let expected =
        ["play/collections/requirements.yml", "requirements.yml", "play/roles/requirements.yml", "requirements.yml"];
    assert_eq!(skips, expected.map(missing).iter().collect::<Vec<_>>());
    let hash = fs::read_to_string(clone.join("play/requirements.yml_role.md5")).unwrap();
    assert_eq!(hash, "60b725f10c9c85c70d97880dfe8191b3");

    let second = world.run(spec()).await;
    assert_eq!(galaxy(&world.records()).len(), 4);
    assert_eq!(
        second.lines.iter().filter(|line| line.contains("has no changes. Skip galaxy install process.\n")).count(),
        4
    );
    fs::write(repository.join("roles/requirements.yml"), "changed\n").unwrap();
    super::support::commit_all(&repository, "changed");
    world.run(spec()).await.expect(&Outcome::Success);
    assert_eq!(
        galaxy(&world.records())[4..],
        [json!(["role", "install", "-r", place("roles/requirements.yml"), "--force"])]
    );

    world.program("ansible-galaxy", "#!/bin/sh\necho no such role >&2\nexit 5\n");
    fs::write(repository.join("roles/requirements.yml"), "changed again\n").unwrap();
    super::support::commit_all(&repository, "changed again");
    let failed = world.run(spec()).await;
    failed.broken("requirements", "(exit status 5)");
    assert_eq!(failed.lines.last().unwrap(), "Failed to install requirements: exit status 5");
    assert!(failed.lines.contains(&"no such role".to_owned()));
}

#[tokio::test]
async fn inventories_of_every_kind_become_an_argument() {
    let world = World::new();
    world.record(&["ansible-playbook"]);
    let directory = world.files("local", &[("site.yml", "[]\n"), ("hosts.ini", "x\n")]).display().to_string();
    let hosts = world.repository("hosts", &[("inventories/hosts.ini", "y\n")]);
    let second = |url: String| json!({"id": 9, "name": "i", "url": url, "branch": "main", "key": {"id": 1, "kind": {"type": "none"}}});
    let run = async |inventory: Value| {
        let spec = world.spec_with("ansible", "site.yml", &directory, json!({"inventory": inventory}));
        let finished = world.run(spec).await;
        let argument = world.records().last().map(|record| record["argv"][1].as_str().unwrap().to_owned());
        (finished, argument.unwrap_or_default())
    };
    let project = world.config.project_dir(1).display().to_string();
    let (finished, argument) = run(json!({"id": 3, "name": "i", "kind": "static-yaml", "content": "all: {}"})).await;
    assert_eq!((&finished.outcome, argument), (&Outcome::Success, format!("{project}/inventory_3.yml")));
    let (_, argument) = run(json!({"id": 4, "name": "i", "kind": "file", "content": "hosts.ini"})).await;
    assert_eq!(argument, "hosts.ini");
    let (_, argument) = run(
        json!({"id": 7, "name": "i", "kind": "file", "content": "hosts.ini", "repository": second(directory.clone())}),
    )
    .await;
    assert_eq!(argument, format!("{directory}/hosts.ini"));
    let cloned = json!({"id": 5, "name": "i", "kind": "file", "content": "inventories/hosts.ini", "repository": second(file_url(&hosts))});
    for line in ["Cloning Repository ", "Updating Repository "] {
        let (finished, argument) = run(cloned.clone()).await;
        assert_eq!(argument, format!("{project}/repository_9_template_1_inventory_5/inventories/hosts.ini"));
        assert!(finished.lines.contains(&"cloning inventory repository".to_owned()));
        assert!(finished.lines.contains(&format!("{line}{}", file_url(&hosts))), "{}", finished.text());
    }
    let calls = world.records().len();
    for content in ["/etc/passwd", "../hosts.ini", "a/../../x", "-x"] {
        let (finished, _) = run(json!({"id": 6, "name": "i", "kind": "file", "content": content})).await;
        finished.broken("inventory", "the path");
        assert!(finished.lines.last().unwrap().starts_with("Failed to install inventory: the path"));
    }
    let (finished, _) =
        run(json!({"id": 8, "name": "i", "kind": "file", "content": "../x", "repository": second(file_url(&hosts))}))
            .await;
    finished.broken("inventory", "leads out of its repository");
    world.run(world.spec("ansible", "site.yml", &directory)).await.broken("run", "no inventory");
    assert_eq!(world.records().len(), calls, "ansible was started with a bad inventory");
    assert_eq!(world.left_behind(), ["repository_1_template_1_home", "repository_9_template_1_inventory_5"]);
}

#[tokio::test]
async fn missing_playbooks_are_named_and_failures_keep_their_code() {
    let world = World::new();
    world.program("ansible-playbook", "#!/bin/sh\necho 'ERROR! the playbook could not be found' >&2\nexit 1\n");
    let directory = world.files("local", &[("x", "")]);
    let spec = world.spec_with(
        "ansible",
        "site.yml",
        &directory.display().to_string(),
        json!({"inventory": static_inventory()}),
    );
    let finished = world.run(spec).await;
    finished.expect(&Outcome::Failed("exit status 1".to_owned()));
    let error = finished.lines.iter().find(|line| line.starts_with("error: ")).unwrap();
    assert!(
        error.contains("the playbook site.yml does not exist")
            && error.contains(&*directory.join("site.yml").to_string_lossy())
    );
}

/// Five passwords for one run: the SSH password, the become password and those of three vaults.
fn five_passwords(world: &World, secrets: &mut SecretSet) -> JobSpec {
    let directory = world.files("local", &[("site.yml", "[]\n")]).display().to_string();
    let mut key = |name: &str| {
        let password = secrets.insert(name, format!("wrong-{name}").into_bytes());
        json!({"id": 3, "kind": {"type": "login_password", "login": "u", "password": password}})
    };
    let mut inventory = static_inventory();
    (inventory["key"], inventory["become_key"]) = (key("login"), key("become"));
    let vaults = ["default", "one", "another"]
        .map(|name| json!({"name": name, "kind": {"password": key(&format!("vault-{name}"))["kind"]["password"]}}));
    world.spec_with("ansible", "site.yml", &directory, json!({"inventory": inventory, "vaults": vaults}))
}

/// A password that is refused is asked for again; that must end the job instead of looping.
#[tokio::test]
async fn a_wrong_password_ends_the_job() {
    for (prompt, expected) in [
        ("SSH password: ", "wrong SSH password: `SSH password:` was asked again"),
        ("BECOME password[defaults to SSH password]: ", "wrong become password: `BECOME password` was asked again"),
        ("Vault password (one): ", "wrong vault password: `Vault password (one):` was asked again"),
    ] {
        let world = World::new();
        let script = format!("#!/usr/bin/env python3\nimport getpass\nwhile True: getpass.getpass({prompt:?})\n");
        world.program("ansible-playbook", &script);
        let mut secrets = SecretSet::default();
        let spec = five_passwords(&world, &mut secrets);
        let finished = world.run_with(spec, secrets).await;
        finished.broken("run", expected);
        assert!(!finished.text().contains("wrong-"));
        assert_eq!(world.left_behind(), ["repository_1_template_1_home"]);
    }
}

/// Every prompt arrives in two pieces, after a megabyte of other text on the terminal.
#[tokio::test]
async fn five_prompts_are_found_in_pieces_among_other_text() {
    let world = World::new();
    let script = r#"#!/usr/bin/env python3
import getpass, os, time
tty = os.open("/dev/tty", os.O_WRONLY)
for prompt in ["SSH password: ", "BECOME password[defaults to SSH password]: ", "Vault password (default): ",
               "Vault password (one): ", "Vault password (another): "]:
    for line in range(4096):
        os.write(tty, b"this is no SSH password: " + b"." * 30 + b"\n")
    os.write(tty, prompt[:11].encode())
    # Two writes that are read apart: what is tested is that nothing is answered before the prompt is whole.
    time.sleep(0.05)
    print(prompt, len(getpass.getpass(prompt[11:])), flush=True)
"#;
    world.program("ansible-playbook", script);
    let mut secrets = SecretSet::default();
    let spec = five_passwords(&world, &mut secrets);
    let finished = world.run_with(spec, secrets).await;
    finished.expect(&Outcome::Success);
    let lengths: Vec<&str> = finished
        .lines
        .iter()
        .filter(|line| line.contains("assword"))
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    assert_eq!(lengths, ["11", "12", "19", "15", "19"], "{}", finished.text());
}

/// A file of a clone is chosen by whoever can push; in a directory of the machine links are its owner's affair.
#[tokio::test]
async fn an_inventory_does_not_leave_its_clone_through_a_link() {
    let world = World::new();
    world.record(&["ansible-playbook"]);
    let outside = world.path("outside.ini");
    fs::write(&outside, "h\n").unwrap();
    let repository = world.repository("repo", &[("site.yml", "[]\n"), ("hosts.ini", "h\n")]);
    for (name, target) in [("out.ini", outside.to_str().unwrap()), ("in.ini", "hosts.ini"), ("up", "..")] {
        std::os::unix::fs::symlink(target, repository.join(name)).unwrap();
    }
    super::support::commit_all(&repository, "links");
    let run = async |url: &str, content: &str| {
        let inventory = json!({"id": 4, "name": "i", "kind": "file", "content": content});
        world.run(world.spec_with("ansible", "site.yml", url, json!({"inventory": inventory}))).await
    };
    let url = file_url(&repository);
    run(&url, "in.ini").await.expect(&Outcome::Success);
    for content in ["out.ini", "up", "up/repository_1_template_1_home"] {
        run(&url, content).await.broken("inventory", "leads out of its repository");
    }
    run(repository.to_str().unwrap(), "out.ini").await.expect(&Outcome::Success);
}

/// The git of ansible-galaxy gets what opens the template's repository, and a configuration of the user's goes on counting.
#[tokio::test]
async fn galaxy_has_the_credentials_of_the_repository() {
    let world = World::new();
    world.record(&["ansible-playbook", "ansible-galaxy"]);
    // The clone is made without a server by what stands in for git.
    let script = "#!/bin/sh\nfor last; do :; done\ncase $1 in clone) mkdir -p \"$last/.git\"; echo '[]' > \"$last/requirements.yml\"; echo '[]' > \"$last/site.yml\";; rev-parse) echo 1234567;; show-branch) echo x;; esac\n";
    world.program("git", script);
    let mut secrets = SecretSet::default();
    let password = secrets.insert("p", b"pass-word".to_vec());
    let key = json!({"id": 2, "kind": {"type": "login_password", "login": "deployer", "password": password}});
    let environment =
        json!({"env": [["GIT_CONFIG_COUNT", "1"], ["GIT_CONFIG_KEY_0", "a.b"], ["GIT_CONFIG_VALUE_0", "c"]]});
    let repository =
        json!({"id": 1, "name": "g", "url": "https://git.example.com/a.git", "branch": "main", "key": key});
    let fields = json!({"inventory": static_inventory(), "repository": repository, "environment": environment});
    let spec = world.spec_with("ansible", "site.yml", "", fields);
    let finished = world.run_with(spec, secrets).await;
    let records = world.records();
    let galaxy = records.iter().find(|record| record["program"] == "ansible-galaxy");
    let galaxy = &galaxy.unwrap_or_else(|| panic!("{:?} {}", finished.outcome, finished.text()))["env"];
    assert_eq!(galaxy["GIT_CONFIG_COUNT"], "3");
    assert_eq!((&galaxy["GIT_CONFIG_KEY_0"], &galaxy["GIT_CONFIG_VALUE_0"]), (&json!("a.b"), &json!("c")));
    assert_eq!(galaxy["GIT_CONFIG_KEY_2"], "credential.https://git.example.com.helper");
    assert_eq!(galaxy["SEMAPHORE_GIT_PASSWORD"], "pass-word");
    let playbook = records.iter().find(|record| record["program"] == "ansible-playbook").unwrap();
    assert!(playbook["env"].get("SEMAPHORE_GIT_PASSWORD").is_none(), "it is galaxy's alone");
}

/// A bastion host of `ansible.cfg` or of the inventory lives in the common arguments of ssh: those are the user's.
#[tokio::test]
async fn managed_host_keys_leave_the_user_his_ssh() {
    let world = World::new();
    world.record(&["ansible-playbook", "ansible-galaxy"]);
    let repository = world.repository("repo", &[("site.yml", "[]"), ("requirements.yml", "[]")]);
    let run = async |env: Value| {
        let fields = json!({
            "inventory": static_inventory(), "host_keys": {"mode": "strict", "known_hosts": "h ssh-ed25519 AAAA"},
            "environment": {"env": env},
        });
        let mut spec = world.spec_with("ansible", "site.yml", "", fields);
        spec.repository.url = super::support::file_url(&repository);
        let finished = world.run(spec).await;
        let records = world.records();
        let last = |program: &str| records.iter().rev().find(|record| record["program"] == program).cloned();
        let found = (last("ansible-playbook"), last("ansible-galaxy"));
        let (Some(playbook), Some(galaxy)) = found else { panic!("{:?} {}", finished.outcome, finished.text()) };
        (playbook["env"].clone(), galaxy["env"].clone())
    };
    let (plain, _) = run(json!([])).await;
    assert!(plain.get("ANSIBLE_SSH_COMMON_ARGS").is_none(), "{plain}");
    for name in ["ANSIBLE_SSH_EXTRA_ARGS", "ANSIBLE_SFTP_EXTRA_ARGS", "ANSIBLE_SCP_EXTRA_ARGS"] {
        assert!(plain[name].as_str().unwrap().starts_with("-o StrictHostKeyChecking=yes -o "), "{plain}");
    }
    assert_eq!(plain["ANSIBLE_HOST_KEY_CHECKING"], "True");
    fs::remove_file(world.project("repository_1_template_1/requirements.yml_role.md5")).unwrap();
    let theirs = json!([["ANSIBLE_SSH_COMMON_ARGS", "-J bastion"], ["GIT_SSH_COMMAND", "ssh -i mine"]]);
    let (playbook, galaxy) = run(theirs).await;
    let common = playbook["ANSIBLE_SSH_COMMON_ARGS"].as_str().unwrap();
    assert!(common.starts_with("-o StrictHostKeyChecking=yes") && common.ends_with(" -J bastion"), "{common}");
    assert_eq!(playbook["GIT_SSH_COMMAND"], "ssh -i mine");
    assert_eq!(galaxy["GIT_SSH_COMMAND"], "ssh -i mine");
}
