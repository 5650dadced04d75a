//! Bash, Python and custom apps: arguments, environment, output.

use std::fs;

use semaphore_model::TaskStatus;
use serde_json::json;

use super::support::{World, file_url, git};
use crate::{
    config::HomeDirMode,
    job::{Outcome, SecretSet},
};

const HELLO: &str =
    "echo hello from bash\nprintf 'arg:%s\\n' \"$@\"\nenv | grep -v '^_=\\|^SHLVL=\\|^OLDPWD='\nexit ${EXIT_CODE:-0}\n";

/// Everything that the recorded scene `bash` has, and what the job adds for a build.
#[tokio::test]
async fn arguments_and_environment_of_bash_are_those_of_the_recorded_scene() {
    let world = World::new();
    let repository = world.repository("repo", &[("hello.sh", HELLO)]);
    let hash = git(&repository, &["rev-parse", "HEAD"]);
    let mut secrets = SecretSet::default();
    let var = secrets.insert("vs", b"var secret".to_vec());
    let env = secrets.insert("SEC", b"env secret".to_vec());
    let spec = world.spec_with("bash", "hello.sh", &file_url(&repository), json!({
        "template_arguments": ["--t", "a b"], "task_arguments": ["--task"], "template_kind": "build",
        "environment": {
            "extra_vars": {"z": null, "greeting": "hi", "n": 5, "f": true, "l": [1, 2], "o": {"a": "b"}, "survey": "S"},
            "env": [["FOO", "bar"], ["PATH_X", "$PATH"]],
            "secrets": [{"name": "vs", "kind": "var", "value": var}, {"name": "SEC", "kind": "env", "value": env}],
        },
        "inventory": {"id": 1, "name": "st", "kind": "static", "content": "localhost"},
        "details": {"message": "it's \"x\" $HOME\n", "username": "admin", "url": "http://web/project/1/history?t=1",
                    "target_version": "v1.9"},
        "first_seq": 3,
    }));
    let finished = world.run_with(spec, secrets).await;
    finished.expect(&Outcome::Success);
    assert_eq!(finished.statuses, [TaskStatus::Running]);
    assert_eq!(finished.commit, Some((hash.clone(), "first commit".to_owned())));

    let clone = world.project("repository_1_template_1").display().to_string();
    let from = finished.lines.iter().position(|line| line == "hello from bash").unwrap();
    let before: Vec<&str> = finished.lines[..from].iter().map(String::as_str).collect();
    assert_eq!(
        before,
        [
            "Preparing: 1",
            &format!("Cloning Repository {}", file_url(&repository)),
            "Cloning into 'repository_1_template_1'...",
            "Get current commit hash",
            "Get current commit message",
            "installing static inventory",
        ]
    );
    let (arguments, environment): (Vec<&str>, Vec<&str>) =
        finished.lines[from + 1..].iter().map(String::as_str).partition(|line| line.starts_with("arg:"));
    let expected = [
        "vs=***",
        "--t",
        "a b",
        "f=true",
        "greeting=hi",
        "l=[1,2]",
        "n=5",
        "o={\"a\":\"b\"}",
        "survey=S",
        "z=null",
        "--task",
    ];
    assert_eq!(arguments, expected.map(|argument| format!("arg:{argument}")));
    let mut environment = environment;
    environment.sort_unstable();
    let mut expected = [
        &format!("PATH={}", world.config.path),
        "FWD_A=forwarded",
        "CFG_VAR=from config",
        &format!("HOME={}", world.config.home.display()),
        &format!("PWD={clone}"),
        "FOO=bar",
        "PATH_X=$PATH",
        "SEC=***",
        "SEMAPHORE_TASK_DETAILS_ID=1",
        "SEMAPHORE_TASK_DETAILS_MESSAGE=it's \"x\" $HOME",
        "SEMAPHORE_TASK_DETAILS_USERNAME=admin",
        "SEMAPHORE_TASK_DETAILS_URL=http://web/project/1/history?t=1",
        &format!("SEMAPHORE_TASK_DETAILS_COMMIT_HASH={hash}"),
        "SEMAPHORE_TASK_DETAILS_COMMIT_MESSAGE=first commit",
        "SEMAPHORE_TASK_DETAILS_INVENTORY_NAME=st",
        "SEMAPHORE_TASK_DETAILS_INVENTORY_ID=1",
        "SEMAPHORE_TASK_DETAILS_REPOSITORY_NAME=g",
        "SEMAPHORE_TASK_DETAILS_REPOSITORY_ID=1",
        "SEMAPHORE_TASK_DETAILS_TARGET_VERSION=v1.9",
        "SEMAPHORE_TASK_TYPE=build",
        "SEMAPHORE_TASK_TARGET_VERSION=v1.9",
    ];
    expected.sort_unstable();
    assert_eq!(environment, expected);
    assert_eq!(world.left_behind(), ["repository_1_template_1", "repository_1_template_1_home"]);
}

#[tokio::test]
async fn deploys_know_the_incoming_version_and_homes_follow_the_mode() {
    let mut world = World::new();
    let directory = world.files("local", &[("hello.sh", HELLO)]);
    let url = directory.display().to_string();
    let deploy = json!({"template_kind": "deploy", "details": {"incoming_version": "v1.10"}});
    world.config.home_dir_mode = HomeDirMode::ProjectHome;
    let finished = world.run(world.spec_with("bash", "hello.sh", &url, deploy)).await;
    finished.expect(&Outcome::Success);
    for line in [
        "SEMAPHORE_TASK_DETAILS_INCOMING_VERSION=v1.10",
        "SEMAPHORE_TASK_TYPE=deploy",
        "SEMAPHORE_TASK_INCOMING_VERSION=v1.10",
        "SEMAPHORE_TASK_DETAILS_INVENTORY_ID=0",
        &format!("HOME={}", world.config.project_dir(1).display()),
        &format!("PWD={url}"),
    ] {
        assert!(finished.lines.iter().any(|found| found == line), "{line} is missing in\n{}", finished.text());
    }
    assert!(!finished.text().contains("COMMIT_HASH"));
    // A local directory is used in place: no git, no clone.
    assert_eq!(finished.lines[..2], ["Preparing: 1", "hello from bash"]);
    assert!(world.left_behind().is_empty());
}

#[tokio::test]
async fn python_and_custom_apps_are_started_with_their_own_arguments() {
    let world = World::new();
    world.record(&["powershell", "pwsh", "tool"]);
    let files = [("hello.py", "import sys\nprint('py', sys.argv[1:], flush=True)\nprint('err', file=sys.stderr)\n")];
    let directory = world.files("local", &files);
    let url = directory.display().to_string();
    let fields = json!({"environment": {"extra_vars": {"n": 5}}});
    let finished = world.run(world.spec_with("python", "hello.py", &url, fields.clone())).await;
    finished.expect(&Outcome::Success);
    assert!(finished.lines.contains(&"py ['n=5']".to_owned()) && finished.lines.contains(&"err".to_owned()));

    for (app, playbook) in [("powershell", "hello.ps1"), ("myapp", "thing.x"), ("tool", "apply")] {
        world.run(world.spec_with(app, playbook, &url, fields.clone())).await.expect(&Outcome::Success);
    }
    let started: Vec<_> =
        world.records().iter().map(|record| (record["program"].clone(), record["argv"].clone())).collect();
    assert_eq!(
        started,
        [
            (json!("powershell"), json!(["-File", "hello.ps1", "n=5"])),
            (json!("pwsh"), json!(["-x", "-y", "thing.x", "n=5"])),
            (json!("tool"), json!(["apply", "n=5"])),
        ]
    );
    let record = &world.records()[0];
    assert_eq!((record["stdin_is_tty"].clone(), record["stdout_is_tty"].clone()), (json!(false), json!(false)));
}

/// The recorded scenes `python`, `powershell` and `custom app`: arguments, directory and the whole environment.
#[tokio::test]
async fn arguments_and_environment_of_the_other_shell_apps_are_those_of_the_recorded_scenes() {
    const PROBE: &str = "import json, os, sys\nprint(json.dumps([sys.argv, os.getcwd(), dict(os.environ)]))\n";
    let world = World::new();
    world.record(&["powershell", "pwsh"]);
    let repository = world.repository("repo", &[("hello.py", PROBE), ("hello.ps1", ""), ("thing.x", "")]);
    let hash = git(&repository, &["rev-parse", "HEAD"]);
    let variables = ["vs=var secret", "f=true", "greeting=hi", "l=[1,2]", "n=5", "o={\"a\":\"b\"}", "z=null"];
    for (app, playbook, before) in
        [("python", "hello.py", &[][..]), ("powershell", "hello.ps1", &["-File"]), ("myapp", "thing.x", &["-x", "-y"])]
    {
        let mut secrets = SecretSet::default();
        let var = secrets.insert("vs", b"var secret".to_vec());
        let env = secrets.insert("SEC", b"env secret".to_vec());
        let spec = world.spec_with(app, playbook, &file_url(&repository), json!({
            "environment": {
                "extra_vars": {"z": null, "greeting": "hi", "n": 5, "f": true, "l": [1, 2], "o": {"a": "b"}},
                "env": [["FOO", "bar"], ["PATH_X", "$PATH"]],
                "secrets": [{"name": "vs", "kind": "var", "value": var}, {"name": "SEC", "kind": "env", "value": env}],
            },
            "inventory": {"id": 1, "name": "st", "kind": "static", "content": "localhost"},
        }));
        let _ = fs::remove_file(world.path("bin/records"));
        let finished = world.run_with(spec, secrets).await;
        finished.expect(&Outcome::Success);
        let (argv, cwd, environment) = if let Some(record) = world.records().pop() {
            (record["argv"].clone(), record["cwd"].clone(), record["env"].clone())
        } else {
            {
                let line =
                    finished.lines.last().unwrap().replace("vs=***", "vs=var secret").replace("***", "env secret");
                let [argv, cwd, environment]: [serde_json::Value; 3] = serde_json::from_str(&line).unwrap();
                (argv, cwd, environment)
            }
        };
        let expected: Vec<&str> = before.iter().copied().chain([playbook]).chain(variables).collect();
        assert_eq!(argv, json!(expected), "{app}");
        let clone = world.project("repository_1_template_1").display().to_string();
        assert_eq!(cwd, json!(clone), "{app}");
        let mut environment = environment.as_object().unwrap().clone();
        environment.remove("LC_CTYPE"); // of Python itself
        let expected = json!({
            "PATH": world.config.path, "FWD_A": "forwarded", "CFG_VAR": "from config", "HOME": world.config.home, "PWD": clone,
            "FOO": "bar", "PATH_X": "$PATH", "SEC": "env secret",
            "SEMAPHORE_TASK_DETAILS_ID": "1", "SEMAPHORE_TASK_DETAILS_USERNAME": "admin",
            "SEMAPHORE_TASK_DETAILS_URL": "http://web/project/1/history?t=1",
            "SEMAPHORE_TASK_DETAILS_COMMIT_HASH": hash, "SEMAPHORE_TASK_DETAILS_COMMIT_MESSAGE": "first commit",
            "SEMAPHORE_TASK_DETAILS_INVENTORY_NAME": "st", "SEMAPHORE_TASK_DETAILS_INVENTORY_ID": "1",
            "SEMAPHORE_TASK_DETAILS_REPOSITORY_NAME": "g", "SEMAPHORE_TASK_DETAILS_REPOSITORY_ID": "1",
        });
        assert_eq!(serde_json::Value::Object(environment), expected, "{app}");
    }
}

#[tokio::test]
async fn failures_are_results_with_the_words_of_the_reference() {
    let world = World::new();
    let directory = world.files("local", &[("exit.sh", "exit 3"), ("kill.sh", "kill -9 $$")]);
    let url = directory.display().to_string();
    let run = async |playbook: &str| world.run(world.spec("bash", playbook, &url)).await;
    run("exit.sh").await.expect(&Outcome::Failed("exit status 3".to_owned()));
    run("kill.sh").await.expect(&Outcome::Failed("signal: killed".to_owned()));
    let missing = run("nosuch.sh").await;
    missing.expect(&Outcome::Failed("exit status 127".to_owned()));
    let path = directory.join("nosuch.sh").display().to_string();
    assert!(missing.lines.iter().any(|line| line.starts_with("error: ") && line.contains(&path)), "{}", missing.text());
    assert!(missing.text().contains("bash: nosuch.sh: No such file or directory"));
}

#[tokio::test]
async fn what_can_never_run_is_refused_with_a_reason() {
    let world = World::new();
    let directory = world.files("local", &[("hello.sh", HELLO)]);
    let url = directory.display().to_string();
    world.run(world.spec("bash", "../hello.sh", &url)).await.broken("run", "leads out of its repository");
    world.run(world.spec("bash", "-c", &url)).await.broken("run", "begins with `-`");
    world.run(world.spec("bash", "", &url)).await.broken("run", "is empty");
    world.run(world.spec("nosuchtool", "x", &url)).await.broken("run", "program `nosuchtool` not found");
    let nul = json!({"environment": {"env": [["BAD", "a\u{0}b"]]}});
    world.run(world.spec_with("bash", "hello.sh", &url, nul)).await.broken("run", "NUL");
    let missing = json!({"environment": {"secrets": [{"name": "S", "kind": "env", "value": {"secret": "gone"}}]}});
    world.run(world.spec_with("bash", "hello.sh", &url, missing)).await.broken("workspace", "\"gone\"");
    world.run(world.spec("bash", "hello.sh", "/nosuch/dir")).await.broken("checkout", "/nosuch/dir");
    let string_key = json!({"inventory": {"id": 1, "name": "i", "kind": "static", "content": "",
        "key": {"id": 1, "kind": {"type": "string", "value": {"secret": "s"}}}}});
    let mut secrets = SecretSet::default();
    secrets.insert("s", b"text".to_vec());
    let finished = world.run_with(world.spec_with("bash", "hello.sh", &url, string_key), secrets).await;
    finished.broken("inventory", "access key type not supported for ansible user");
    assert!(finished.text().contains("Failed to install inventory: access key type not supported for ansible user"));
    assert_eq!(world.left_behind(), ["repository_1_template_1_home"]);
}

/// The reference lost output or order in 57 of 60.
#[tokio::test]
async fn sixty_parallel_jobs_of_three_lines_lose_nothing() {
    let world = World::new();
    let directory = world.files("local", &[("three.sh", "echo one\necho two\necho three\n")]);
    let url = directory.display().to_string();
    let jobs: Vec<_> = (1..=60)
        .map(|task| {
            let inventory = json!({"id": 1, "name": "i", "kind": "static", "content": "localhost"});
            let spec = world.spec_with("bash", "three.sh", &url, json!({"task_id": task, "inventory": inventory}));
            tokio::spawn(super::support::finish(world.start(spec, SecretSet::default()), 0))
        })
        .collect();
    for (task, job) in (1..=60).zip(jobs) {
        let finished = job.await.unwrap();
        finished.expect(&Outcome::Success);
        assert_eq!(
            finished.lines,
            [&format!("Preparing: {task}"), "installing static inventory", "one", "two", "three"]
        );
    }
    assert_eq!(world.left_behind(), ["repository_1_template_1_home"]);
}

#[tokio::test]
async fn parallel_jobs_of_one_template_work_in_clones_of_their_own() {
    let world = World::new();
    let script = "pwd\necho ready\nwhile [ ! -e \"$GO\" ]; do sleep 0.02; done\ntouch made-by-me\nls\n";
    let repository = world.repository("repo", &[("wait.sh", script)]);
    let go = world.path("go");
    let spec = |task: i32| {
        let fields = json!({"task_id": task, "environment": {"env": [["GO", go.display().to_string()]]}});
        world.spec_with("bash", "wait.sh", &file_url(&repository), fields)
    };
    let mut first = world.start(spec(1), SecretSet::default());
    super::support::wait_for_line(&mut first, "ready").await;
    let mut second = world.start(spec(2), SecretSet::default());
    super::support::wait_for_line(&mut second, "repository_1_template_1_task_2").await;
    fs::write(&go, "").unwrap();
    for mut job in [first, second] {
        while let Some(event) = job.events.next().await {
            if let crate::job::JobEvent::Done(outcome) = event {
                assert_eq!(outcome, Outcome::Success);
            }
        }
    }
    assert_eq!(world.left_behind(), ["repository_1_template_1", "repository_1_template_1_home"]);
}

#[tokio::test]
async fn secrets_are_hidden_in_every_line() {
    let world = World::new();
    let directory = world.files("local", &[("leak.sh", "echo \"$SEC\" >&2\necho \"x${SEC}y $1\"\n")]);
    let mut secrets = SecretSet::default();
    let value = secrets.insert("a", b"open sesame".to_vec());
    let fields = json!({"environment": {"secrets": [{"name": "SEC", "kind": "env", "value": value},
                                                    {"name": "v", "kind": "var", "value": value}]}});
    let spec = world.spec_with("bash", "leak.sh", &directory.display().to_string(), fields);
    let finished = world.run_with(spec, secrets).await;
    finished.expect(&Outcome::Success);
    assert!(!finished.text().contains("sesame"), "{}", finished.text());
    assert!(finished.text().contains("x***y v=***"));
}
