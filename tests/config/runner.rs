//! The keys of a remote runner, each seen by what its server hears or by what is on its disk.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Output, time::Duration};

use semaphore_tests::{
    REGISTRATION_TOKEN, RUNNER_TOKEN, RunnerDesk, RunnerProcess, Server, git_repository, wait_until,
};
use serde_json::{Value, json};

/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(1);

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Registers a runner; `over` is laid over its configuration.
fn registered(desk: &RunnerDesk, over: &Value) -> (RunnerProcess, Output) {
    let runner = RunnerProcess::prepared(&desk.address(), over);
    let output =
        runner.command(&["register"]).env("SEMAPHORE_RUNNER_REGISTRATION_TOKEN", "let me in").output().unwrap();
    (runner, output)
}

/// A task that waits for a file beside it: the way of a script of a repository.
fn waiting(id: i64, runner: &RunnerProcess) -> Value {
    let repository = runner.path("repository");
    json!({
        "task": {"id": id, "template_id": id, "project_id": 1, "status": "starting"},
        "template": {"id": id, "project_id": 1, "repository_id": 1, "name": "wait", "playbook": "wait.sh", "app": "bash"},
        "repository": {"id": 1, "name": "r", "project_id": 1, "git_url": repository, "git_branch": "", "ssh_key_id": 2},
    })
}

fn give(desk: &RunnerDesk, id: i64, runner: &RunnerProcess) {
    desk.give(waiting(id, runner), &json!({"2": {"id": 2, "name": "none", "type": "none", "project_id": 1}}));
}

const WAIT: &[(&str, &str)] = &[("wait.sh", "echo ready\nwhile [ ! -e go ]; do sleep 0.1; done\n")];

pub(super) fn runner_token() {
    let desk = RunnerDesk::open();
    let (runner, output) = registered(&desk, &json!({"runner": {"token_file": null}}));
    assert!(output.status.success(), "{output:?}");
    let config: Value = serde_json::from_slice(&fs::read(runner.path("config.json")).unwrap()).unwrap();
    assert_eq!(config["runner"]["token"], RUNNER_TOKEN, "without a file for it, it goes into the configuration");
    assert_eq!(config["web_host"], desk.address(), "and nothing else is changed");
    assert_eq!(mode(&runner.path("config.json")), 0o600);
    let mut runner = runner;
    runner.start();
    desk.wait_for_polls(1);
    assert_eq!(desk.heard("GET")[0].token, RUNNER_TOKEN);
}

pub(super) fn runner_token_file() {
    let desk = RunnerDesk::open();
    let (mut runner, output) = registered(&desk, &json!({"runner": {"token": "an old one"}}));
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_to_string(runner.path("token")).unwrap(), RUNNER_TOKEN);
    assert_eq!(mode(&runner.path("token")), 0o600);
    runner.start();
    desk.wait_for_polls(1);
    assert_eq!(desk.heard("GET")[0].token, RUNNER_TOKEN, "the file counts");
}

/// At a real server, which encrypts what it says for the runner's key.
pub(super) fn runner_private_key_file() {
    let desk = RunnerDesk::open();
    desk.answer(400, 204);
    let key = json!({"runner": {"private_key_file": "key.pem"}});
    let (runner, output) = registered(&desk, &key);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("the server returned error 400: Invalid registration token"), "{said}");
    assert!(!runner.path("key.pem").exists() && !runner.path("token").exists(), "nothing is left of a refusal");

    let server = Server::start();
    let mut runner = RunnerProcess::prepared(&format!("http://127.0.0.1:{}", server.port()), &key);
    let register = |runner: &RunnerProcess| {
        let mut command = runner.command(&["register"]);
        let output = command.env("SEMAPHORE_RUNNER_REGISTRATION_TOKEN", REGISTRATION_TOKEN).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    register(&runner);
    let first = fs::read_to_string(runner.path("key.pem")).unwrap();
    assert!(first.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    assert_eq!(mode(&runner.path("key.pem")), 0o600);
    register(&runner);
    assert_eq!(fs::read_to_string(runner.path("key.pem")).unwrap(), first, "a key that is there is used");
    runner.start();
    runner.wait_for_log("Runner connected");
    // Without its key it cannot read what it is told.
    runner.crash();
    let mut config: Value = serde_json::from_slice(&fs::read(runner.path("config.json")).unwrap()).unwrap();
    config["runner"].as_object_mut().unwrap().remove("private_key_file");
    fs::write(runner.path("config.json"), config.to_string()).unwrap();
    runner.start();
    runner.wait_for_log("it is encrypted, and there is no private_key_file");
}

pub(super) fn runner_one_off() {
    let desk = RunnerDesk::open();
    let mut runner = RunnerProcess::at(&desk, &json!({"runner": {"one_off": true}}));
    git_repository(&runner.path("repository"), WAIT);
    desk.wait_for_polls(2);
    give(&desk, 1, &runner);
    desk.wait_for_line(1, "ready");
    give(&desk, 2, &runner);
    desk.wait_for_polls(2);
    fs::write(runner.path("repository/go"), "").unwrap();
    desk.wait_for(1, "success");
    assert!(runner.wait().success());
    assert!(desk.reported(2).lines.is_empty(), "it is left to another runner");
}

pub(super) fn runner_webhook() {
    let desk = RunnerDesk::open();
    let (_, output) = registered(&desk, &json!({"runner": {"webhook": "http://hook.example/x"}}));
    assert!(output.status.success(), "{output:?}");
    let body = &desk.heard("POST")[0].body;
    let expected =
        json!({"registration_token": "let me in", "webhook": "http://hook.example/x", "max_parallel_tasks": 1});
    assert_eq!(*body, expected, "without a key file there is no public key");
}

pub(super) fn runner_max_parallel_tasks() {
    let desk = RunnerDesk::open();
    let (mut runner, output) = registered(&desk, &json!({"runner": {"max_parallel_tasks": 2}}));
    assert!(output.status.success(), "{output:?}");
    assert_eq!(desk.heard("POST")[0].body["max_parallel_tasks"], 2);
    git_repository(&runner.path("repository"), WAIT);
    runner.start();
    for id in 1..=3 {
        give(&desk, id, &runner);
    }
    desk.wait_for_line(1, "ready");
    desk.wait_for_line(2, "ready");
    desk.wait_for_polls(3);
    assert_eq!(desk.reported(3).statuses, [] as [&str; 0], "there is no room for it");
    fs::write(runner.path("repository/go"), "").unwrap();
    desk.wait_for(3, "success");
    wait_until("all have ended", LIMIT, || (runner.processes() == [runner.process_id()]).then_some(()));
}
