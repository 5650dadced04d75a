//! The recorded Ansible scenes of the Go server, replayed: the same programs with the same arguments, environment, files and
//! prompts, except for the listed differences (secrets travel in a file; the agent's socket has another name; the order of vaults
//! is random there and that of the template here).

use std::{collections::BTreeMap, fs, process::Command};

use serde_json::{Map, Value, json};

use super::support::{World, commit_all, file_url, git};
use crate::{
    config::HomeDirMode,
    job::{Outcome, SecretSet},
};

const RECORDED: &str = include_str!("recorded/ansible.json");

/// Stands in for Ansible's programs: writes down what the recorder of the Go server wrote down, and asks for the passwords that
/// its arguments announce.
const RECORDER: &str = r#"#!/usr/bin/env python3
import getpass, json, os, stat, subprocess, sys
name, argv = os.path.basename(sys.argv[0]), sys.argv[1:]
record = {"program": name, "argv": argv, "cwd": os.getcwd(), "env": dict(os.environ),
          "stdin_is_tty": os.isatty(0), "stdout_is_tty": os.isatty(1)}
if name == "ansible-playbook":
    path = argv[argv.index("-i") + 1]
    record["inventory_file"] = {"path": path}
    try:
        record["inventory_file"].update(mode=oct(stat.S_IMODE(os.stat(path).st_mode)), content=open(path).read())
    except OSError as error:
        record["inventory_file"]["error"] = str(error)
    if "SSH_AUTH_SOCK" in os.environ:
        record["agent"] = subprocess.run(["ssh-add", "-l"], capture_output=True, text=True).stdout.split()[-1:]
    record["secrets"] = [[oct(stat.S_IMODE(os.stat(a[1:]).st_mode)), json.load(open(a[1:]))] for a in argv if a[:2] == "@/"]
    asked = ["SSH password: "] * ("--ask-pass" in argv) + ["BECOME password: "] * ("--ask-become-pass" in argv)
    vaults = [a[len("--vault-id="):] for a in argv if a.startswith("--vault-id=")]
    asked += ["Vault password (%s): " % v[:-len("@prompt")] for v in vaults if v.endswith("@prompt")]
    # Among three passwords, text that is no prompt.
    answers = {}
    for prompt in asked:
        os.write(os.open("/dev/tty", os.O_WRONLY), b"no question: \r\nBECOME what\n")
        answers[prompt] = getpass.getpass(prompt) + "\n"
    if answers:
        record["password_prompts_answered"] = answers
with open(os.environ["PATH"].split(":")[0] + "/records", "a") as out:
    out.write(json.dumps(record) + "\n")
"#;

/// A machine like that of the recording.
struct Scenes {
    world: World,
    secrets: SecretSet,
    repository: String,
    local: String,
    ids: BTreeMap<&'static str, Value>,
}

impl Scenes {
    fn new(mode: HomeDirMode) -> Self {
        let mut world = World::new();
        world.config.home_dir_mode = mode;
        for name in ["ansible-playbook", "ansible-galaxy"] {
            world.program(name, RECORDER);
        }
        let files = ["collections/", "roles/", ""].map(|part| format!("{part}requirements.yml"));
        let files = files.iter().flat_map(|name| [name.clone(), format!("play/{name}")]);
        let files: Vec<_> = files.chain(["site.yml".to_owned(), "play/site.yml".to_owned()]).collect();
        let path = world.files("repo", &files.iter().map(|name| (name.as_str(), "[]\n")).collect::<Vec<_>>());
        git(&path, &["init", "-q", "-b", "main"]);
        commit_all(&path, "requirements repo");
        let hosts = "[local]\nlocalhost ansible_connection=local\n";
        let local = world.files("local", &[("site.yml", "[]\n"), ("hosts.ini", hosts)]).display().to_string();
        let mut secrets = SecretSet::default();
        let mut ids = BTreeMap::new();
        for (name, text) in [
            ("root", "become-secret"),
            ("one", "vault-one"),
            ("two", "vault-two"),
            ("vs", "var secret"),
            ("sec", "env secret"),
            ("sv", "secret survey"),
        ] {
            ids.insert(name, json!(secrets.insert(name, text.as_bytes().to_vec())));
        }
        for (name, kind) in [("ed25519", "ed25519"), ("rsa", "rsa")] {
            let file = world.path(name);
            let made = Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-f"]).arg(&file).status().unwrap();
            assert!(made.success());
            ids.insert(name, json!(secrets.insert(name, fs::read(&file).unwrap())));
        }
        Self { repository: file_url(&path), local, world, secrets, ids }
    }

    fn key(&self, id: i32, kind: &str, login: &str) -> Value {
        json!({"id": id, "kind": {"type": "ssh", "login": login, "private_key": self.ids[kind], "passphrase": null}})
    }

    /// The inventory with this id of the recording.
    fn inventory(&self, id: i64) -> Value {
        let rooty =
            json!({"id": 5, "kind": {"type": "login_password", "login": "rooty", "password": self.ids["root"]}});
        let repository = |id: i32, name: &str, url: &str| json!({"id": id, "name": name, "url": url, "branch": "main", "key": {"id": 1, "kind": {"type": "none"}}});
        match id {
            1 => json!({"id": 1, "name": "st", "kind": "static", "content": "localhost ansible_connection=local"}),
            2 => {
                json!({"id": 2, "name": "ssh+become", "kind": "static", "content": "h1", "key": self.key(3, "ed25519", "deploy"), "become_key": rooty})
            }
            3 => json!({"id": 3, "name": "yaml", "kind": "static-yaml", "content": "all: {}", "key": rooty}),
            4 => json!({"id": 4, "name": "file", "kind": "file", "content": "hosts.ini"}),
            5 => {
                json!({"id": 5, "name": "file in repo", "kind": "file", "content": "inv/hosts.ini", "key": self.key(4, "rsa", ""), "repository": repository(1, "g", &self.repository)})
            }
            _ => {
                json!({"id": 7, "name": "file in local repo", "kind": "file", "content": "hosts.ini", "repository": repository(2, "l", &self.local)})
            }
        }
    }

    /// Replays a scene; `parameters` are what the service merged from template and task.
    async fn replay(&self, name: &str, template: i64, inventory: i64, playbook: &str, fields: Value) {
        let recorded: Value = serde_json::from_str::<Value>(RECORDED).unwrap()[name].clone();
        let last = recorded["processes"].as_array().unwrap().last().unwrap();
        let first = details(last);
        let task = first["semaphore_vars"]["task_details"]["id"].clone();
        let is_local = first["semaphore_vars"]["task_details"]["repository_id"] == 2;
        let mut variables = json!({"greeting": "hi", "n": 5, "f": true, "l": [1, 2], "o": {"a": "b"}, "z": null});
        if let Some(survey) = first.get("survey") {
            variables["survey"] = survey.clone();
        }
        let mut environment = json!({
            "extra_vars": variables, "env": [["FOO", "bar"], ["PATH_X", "$PATH"]],
            "secrets": [{"name": "vs", "kind": "var", "value": self.ids["vs"]}, {"name": "SEC", "kind": "env", "value": self.ids["sec"]}],
        });
        if first.get("sv").is_some() {
            environment["secret_extra_vars"] = json!({"sv": self.ids["sv"]});
        }
        let mut all = json!({
            "task_id": task, "template_id": template, "inventory": self.inventory(inventory), "environment": environment,
            "details": {"username": "admin", "url": format!("http://web/project/1/history?t={task}"),
                "message": first["semaphore_vars"]["task_details"]["message"].as_str().unwrap_or_default()},
        });
        if is_local {
            all["repository"] = json!({"id": 2, "name": "l", "url": self.local, "branch": "", "key": {"id": 1, "kind": {"type": "none"}}});
        }
        for (field, value) in fields.as_object().unwrap() {
            all[field] = value.clone();
        }
        let before = self.world.records().len();
        let spec = self.world.spec_with("ansible", playbook, &self.repository, all);
        let finished = self.world.run_with(spec, self.secrets.clone()).await;
        finished.expect(&Outcome::Success);

        let found: Vec<Value> = self.world.records().split_off(before).iter().map(|found| self.normal(found)).collect();
        let expected: Vec<Value> =
            recorded["processes"].as_array().unwrap().iter().map(|known| self.normal(known)).collect();
        assert_eq!(found.len(), expected.len(), "{name}: {}", finished.text());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{name}");
        }
        let expected: Vec<String> =
            recorded["log"].as_array().unwrap().iter().map(|line| self.replaced(line.as_str().unwrap())).collect();
        let starts = [
            "Preparing",
            "Cloning Repository",
            "Updating Repository",
            "Get current",
            "installing static",
            "cloning inventory",
            "No ",
        ];
        let lines = finished.lines.iter().map(|line| line.trim_end().to_owned());
        let found: Vec<String> = lines
            .filter(|line| starts.iter().any(|start| line.starts_with(start)) || line.contains("has no changes. Skip"))
            .collect();
        assert_eq!(found, expected, "{name}");
    }

    /// The recording's placeholders filled in.
    fn replaced(&self, text: &str) -> String {
        let config = &self.world.config;
        let repository = self.repository.trim_start_matches("file://");
        let head = git(std::path::Path::new(repository), &["rev-parse", "HEAD"]);
        [
            ("<TMP_PATH>", config.tmp_path.to_str().unwrap()),
            ("<COMMIT>", &head),
            ("<WEB_HOST>", "http://web"),
            ("<SERVER_HOME>", config.home.to_str().unwrap()),
            ("<PATH OF THE SERVER>", &config.path),
            ("<GIT_REPO>", repository),
            ("<LOCAL_DIR>", &self.local),
        ]
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// A process in the form in which recorded and found ones are equal.
    fn normal(&self, process: &Value) -> Value {
        let mut process: Value = serde_json::from_str(&self.replaced_json(process)).unwrap();
        let fields = process.as_object_mut().unwrap();
        fields.remove("stdout_is_tty");
        let environment = fields["env"].as_object_mut().unwrap();
        environment.retain(|name, _| name != "LC_CTYPE");
        if let Some(socket) = environment.get_mut("SSH_AUTH_SOCK") {
            *socket = json!("<agent>");
        }
        fields.remove("agent");
        if fields["program"] != "ansible-playbook" {
            return process;
        }
        let mut given = fields.remove("secrets").map(|secrets| {
            let [one] = secrets.as_array().unwrap().as_slice() else { panic!("one secret file expected: {secrets}") };
            assert_eq!(one[0], "0o600");
            one[1].clone()
        });
        let mut arguments: Vec<String> = serde_json::from_value(fields["argv"].take()).unwrap();
        take_secrets(&mut arguments, &mut given);
        sort_vaults(&mut arguments);
        fields["argv"] = json!(arguments);
        fields.insert("secret variables".to_owned(), given.unwrap());
        process
    }

    fn replaced_json(&self, process: &Value) -> String {
        self.replaced(&process.to_string())
    }
}

/// The JSON that is the first `--extra-vars`.
fn details(process: &Value) -> Value {
    let arguments = process["argv"].as_array().unwrap();
    let position = arguments.iter().position(|argument| argument == "--extra-vars").unwrap();
    serde_json::from_str(arguments[position + 1].as_str().unwrap()).unwrap()
}

/// Takes the secret variables out of the arguments, where the Go server has them.
fn take_secrets(arguments: &mut Vec<String>, given: &mut Option<Value>) {
    let mut secrets = Map::new();
    let mut kept = Vec::new();
    let mut rest = std::mem::take(arguments).into_iter();
    while let Some(argument) = rest.next() {
        if argument != "--extra-vars" {
            kept.push(argument);
            continue;
        }
        let value = rest.next().unwrap();
        if let Some((name, value)) = value.split_once('=').filter(|_| value.starts_with("vs=")) {
            secrets.insert(name.to_owned(), json!(value));
        } else if !value.starts_with("@/") {
            let mut variables: Value = serde_json::from_str(&value).unwrap();
            // The order of the names is what `to_string` must give back.
            assert_eq!(variables.to_string(), value);
            if let Some(secret) = variables.as_object_mut().unwrap().remove("sv") {
                secrets.insert("sv".to_owned(), secret);
            }
            kept.extend([argument, variables.to_string()]);
        }
    }
    given.get_or_insert(Value::Object(secrets));
    *arguments = kept;
}

fn sort_vaults(arguments: &mut [String]) {
    let is_vault = |argument: &String| argument.starts_with("--vault-id=");
    if let Some(first) = arguments.iter().position(is_vault) {
        let count = arguments[first..].iter().take_while(|argument| is_vault(argument)).count();
        arguments[first..first + count].sort();
    }
}

#[tokio::test]
async fn the_recorded_scenes_are_replayed() {
    let scenes = Scenes::new(HomeDirMode::TemplateDir);
    let vaults = json!([{"name": "one", "kind": {"password": scenes.ids["one"]}}, {"name": "default", "kind": {"password": scenes.ids["two"]}},
        {"name": "scr", "kind": {"script": "vaultpw.sh"}}]);
    let with = |ansible: Value, arguments: Value| json!({"vaults": vaults, "template_arguments": ["--forks", "3"], "task_arguments": arguments, "ansible": ansible});
    let everything =
        json!({"verbosity": 3, "dry_run": true, "diff": true, "limit": ["a", "b"], "tags": ["x"], "skip_tags": ["y"]});
    let of_template =
        |verbosity: Value| json!({"verbosity": verbosity, "limit": ["tl"], "tags": ["tt"], "skip_tags": ["ts"]});
    let play = "play/site.yml";
    scenes.replay("ansible everything", 10, 2, play, with(everything, json!(["--start-at-task", "x"]))).await;
    scenes.replay("ansible second run (galaxy hashes)", 10, 2, play, with(of_template(Value::Null), json!([]))).await;
    let debug = with(of_template(json!(4)), json!([]));
    scenes.replay("ansible override inventory, debug default level", 10, 3, play, debug).await;
    scenes.replay("ansible file inventory", 11, 4, "site.yml", json!({})).await;
    scenes.replay("ansible file inventory own repository", 12, 5, "site.yml", json!({})).await;
    scenes.replay("ansible file inventory local repository", 13, 7, "site.yml", json!({})).await;
    scenes.replay("ansible local repository", 14, 1, "site.yml", json!({})).await;
    scenes.replay("ansible overrides not allowed", 15, 1, "site.yml", json!({})).await;
    let left = scenes.world.left_behind();
    assert!(left.iter().all(|name| name.starts_with("repository_")), "{left:?}");
}

#[tokio::test]
async fn the_recorded_scenes_of_the_other_home_modes_are_replayed() {
    for (mode, name) in
        [(HomeDirMode::ProjectHome, "ansible project_home"), (HomeDirMode::UserHome, "ansible user_home")]
    {
        let mut scenes = Scenes::new(mode);
        scenes.world.config.env.clear();
        scenes.replay(name, 2, 1, "site.yml", json!({})).await;
    }
}
