//! A remote runner at a desk that speaks as the reference's server was recorded: it gets tasks, runs them, tells how they go.

use std::{fs, time::Duration};

use nix::sys::signal::Signal;
use semaphore_tests::{RUNNER_TOKEN, Reported, RunnerDesk, RunnerProcess, SecretWatch, git_repository, wait_until};
use serde_json::{Value, json};

/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(1);

/// A task as the reference's server gives it: a Bash script of a repository, with variables and secrets.
pub(crate) fn job(id: i64, script: &str, runner: &RunnerProcess) -> Value {
    let repository = runner.path("repository");
    json!({
        "Username": "admin", "IncomingVersion": null, "Alias": "",
        "task": {"id": id, "template_id": 1, "project_id": 1, "status": "starting", "playbook": "", "secret": "{}", "user_id": 1,
            "created": "2026-11-22T00:36:53Z", "message": "remote one", "limit": ""},
        "template": {"id": 1, "project_id": 1, "inventory_id": 1, "repository_id": 1, "environment_id": 2, "name": "bash",
            "playbook": script, "arguments": "[]", "last_task": {"id": id, "tpl_alias": "bash", "tpl_app": "bash"},
            "app": "bash", "tasks": 3},
        "inventory": {"id": 1, "name": "i", "project_id": 1, "inventory": "localhost ansible_connection=local", "ssh_key_id": 3,
            "become_key_id": 4, "type": "static", "template_id": null, "repository_id": null},
        "inventory_repository": null,
        "repository": {"id": 1, "name": "g", "project_id": 1, "git_url": format!("file://{}", repository.display()),
            "git_branch": "main", "ssh_key_id": 2},
        "environment": {"id": 2, "name": "e", "project_id": 1, "password": null, "json": "{\"greeting\":\"hi\"}",
            "env": "{\"FOO\":\"bar\"}", "secrets": [
                {"id": 6, "type": "env", "name": "SEC", "secret": "env-secret-7261", "operation": ""},
                {"id": 7, "type": "var", "name": "vs", "secret": "var-secret-7261", "operation": ""}]},
    })
}

/// The keys that such a task uses.
pub(crate) fn keys() -> Value {
    let key = |id: i64, kind: &str| {
        json!({"id": id, "name": kind, "type": kind, "project_id": 1, "string": "",
            "login_password": {"login": "root", "password": "become-secret-7261"},
            "ssh": {"login": "", "passphrase": "", "private_key": ""}})
    };
    json!({"2": key(2, "none"), "3": key(3, "none"), "4": key(4, "login_password")})
}

/// A runner at work at a new desk, and scripts for it.
pub(crate) fn at_work(scripts: &[(&str, &str)], over: &Value) -> (RunnerDesk, RunnerProcess) {
    let desk = RunnerDesk::open();
    let runner = RunnerProcess::at(&desk, over);
    git_repository(&runner.path("repository"), scripts);
    (desk, runner)
}

/// The lines of a task, each once, in order; fails if a number is missing or has two lines.
#[track_caller]
pub(crate) fn whole(reported: &Reported) -> Vec<String> {
    let mut lines: Vec<_> = reported.lines.clone();
    lines.sort();
    lines.dedup();
    for (place, (number, line)) in lines.iter().enumerate() {
        assert_eq!(*number, place as u64, "a line is missing or there twice: {line}");
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

const HELLO: &str = "echo \"hello from bash\"\necho \"args: $@\"\necho to stderr >&2\necho \"$FOO $SEMAPHORE_TASK_DETAILS_URL\"\n\
     echo \"secret: $SEC\"\n";

#[test]
fn a_task_of_the_reference_is_run_and_told_of() {
    let watch = SecretWatch::start(&["env-secret-7261", "become-secret-7261", RUNNER_TOKEN]);
    let (desk, runner) = at_work(&[("hello.sh", HELLO)], &json!({}));
    runner.wait_for_log("Runner connected");
    assert!(runner.log().starts_with("Loading config\nValidating config\n"), "{}", runner.log());
    desk.give(job(3, "hello.sh", &runner), &keys());
    let reported = desk.wait_for(3, "success");
    let lines = whole(&reported);
    let has = |wanted: &str| assert!(lines.iter().any(|line| line == wanted), "{wanted}: {lines:#?}");
    has("Preparing: 3");
    has("hello from bash");
    has("args: vs=*** greeting=hi");
    has("to stderr");
    has(&format!("bar {}/project/1/history?t=3", desk.address()));
    has("secret: ***");
    assert_eq!(reported.statuses.last().unwrap(), "success");
    assert!(reported.statuses.iter().any(|status| status == "running"), "{:?}", reported.statuses);
    assert_eq!(reported.commit["hash"].as_str().unwrap().len(), 40);
    // As the reference's runner: first a report, then the question; all with the token.
    let (reports, polls) = (desk.heard("PUT"), desk.heard("GET"));
    assert_eq!(reports[0].body, json!({"Jobs": null}));
    assert!(reports.iter().chain(&polls).all(|heard| heard.token == RUNNER_TOKEN));
    wait_until("its process is gone", LIMIT, || {
        runner.processes().iter().all(|p| *p == runner.process_id()).then_some(())
    });
    assert!(!runner.log().contains("env-secret-7261") && !runner.log().contains(RUNNER_TOKEN));
    watch.assert_unseen(&runner.path("tmp"), &[&runner.log()]);
}

#[test]
fn a_task_that_cannot_be_run_ends_with_the_reason() {
    let (desk, runner) = at_work(&[("hello.sh", HELLO)], &json!({}));
    let mut without_key = job(3, "hello.sh", &runner);
    without_key["inventory"]["ssh_key_id"] = json!(99);
    desk.give(without_key, &keys());
    desk.give(job(4, "missing.sh", &runner), &keys());
    let lines = whole(&desk.wait_for(3, "error"));
    assert_eq!(lines, ["Failed to run task: key 99, which the task uses, did not come with it"]);
    let reported = desk.wait_for(4, "error");
    let lines = whole(&reported);
    assert!(lines.last().unwrap().starts_with("Failed to run task: exit status "), "{lines:#?}");
    assert!(reported.events.iter().any(|event| !event["done"].is_null()), "{:?}", reported.events);
}

#[test]
fn a_server_of_ours_is_told_more_and_tells_more() {
    let (desk, runner) = at_work(&[("hello.sh", "echo \"$SEMAPHORE_TASK_JWT\"\nexit 3\n")], &json!({}));
    let mut job = job(3, "hello.sh", &runner);
    job["rs"] = json!({"survey_secrets": "{\"word\": \"survey-secret\"}", "host_keys": {"mode": "off", "known_hosts": ""},
        "task_token": "a.b.c", "task_url": "https://public/t", "terraform_address": "", "first_record": 2});
    desk.give(job, &keys());
    let reported = desk.wait_for(3, "error");
    let (number, line) = &reported.lines[0];
    assert_eq!((*number, line.as_str()), (2, "Preparing: 3"), "the server has written two lines itself");
    assert!(reported.lines.iter().any(|(_, line)| line == "***"), "the token of the task is a secret: {reported:#?}");
    assert!(
        !reported.lines.iter().any(|(_, line)| line.contains("Failed to run task")),
        "the server says why: {reported:#?}"
    );
    assert_eq!(reported.events.last().unwrap()["done"]["failed"], "exit status 3");
    assert!(reported.events.iter().any(|event| event["stage"]["stage"] == "checkout"), "{:?}", reported.events);
}

#[test]
fn a_stop_ends_the_task_and_all_its_processes() {
    let (desk, runner) = at_work(&[("wait.sh", "echo ready\nsleep 300 &\nsleep 300\n")], &json!({}));
    desk.give(job(3, "wait.sh", &runner), &keys());
    desk.wait_for_line(3, "ready");
    desk.say(3, "stopping");
    let lines = whole(&desk.wait_for(3, "stopped"));
    assert!(lines.iter().all(|line| !line.contains("Failed to run task")), "{lines:#?}");
    wait_until("its processes are gone", LIMIT, || (runner.processes() == [runner.process_id()]).then_some(()));
}

#[test]
fn a_task_that_the_server_does_not_name_any_more_is_ended() {
    // Reference: a forced stop at the server, and the process runs to its end.
    let (desk, runner) = at_work(&[("wait.sh", "echo ready\nsleep 300\n")], &json!({}));
    desk.give(job(3, "wait.sh", &runner), &keys());
    desk.wait_for_line(3, "ready");
    desk.forget(3);
    desk.wait_for_polls(3);
    assert!(runner.processes().len() > 1, "not at once: a server that was just started may need a moment");
    runner.wait_for_log("the server does not name it any more");
    wait_until("its processes are gone", LIMIT, || (runner.processes() == [runner.process_id()]).then_some(()));
}

#[test]
fn a_task_that_the_server_refuses_holds_back_no_other() {
    let (desk, runner) = at_work(&[("wait.sh", "echo ready\nsleep 300\n"), ("hello.sh", HELLO)], &json!({}));
    desk.give(job(3, "wait.sh", &runner), &keys());
    desk.wait_for_line(3, "ready");
    desk.refuse(3);
    desk.give(job(4, "hello.sh", &runner), &keys());
    let lines = whole(&desk.wait_for(4, "success"));
    assert!(lines.iter().any(|line| line == "hello from bash"), "{lines:#?}");
    wait_until("the other one has ended", LIMIT, || (runner.processes() == [runner.process_id()]).then_some(()));
    assert!(runner.log().contains("Task not assigned to this runner"), "{}", runner.log());
}

#[test]
fn working_copies_are_removed_when_nothing_uses_them() {
    let (desk, runner) = at_work(&[("wait.sh", "echo ready\nsleep 300\n"), ("hello.sh", HELLO)], &json!({}));
    desk.give(job(3, "wait.sh", &runner), &keys());
    desk.wait_for_line(3, "ready");
    let (clone, other) = (runner.path("tmp/project_1/repository_1_template_1"), runner.path("tmp/project_2/x"));
    fs::create_dir_all(&other).unwrap();
    fs::write(runner.path("tmp/notes.txt"), "of somebody else").unwrap();
    desk.tell_once(&json!({"clear_cache": true, "cache_clean_project_id": 2}));
    wait_until("the other project is cleared", LIMIT, || (!other.exists()).then_some(()));
    desk.tell_once(&json!({"clear_cache": true}));
    desk.wait_for_polls(2);
    assert!(clone.exists(), "a task works in it");
    desk.say(3, "stopping");
    desk.wait_for(3, "stopped");
    wait_until("everything is cleared", LIMIT, || (!clone.exists()).then_some(()));
    assert!(runner.path("tmp/notes.txt").exists());
    desk.give(job(4, "hello.sh", &runner), &keys());
    desk.wait_for(4, "success");
}

#[test]
fn the_first_signal_lets_tasks_end_and_the_second_stops_them() {
    let long = "echo ready\nwhile [ ! -e go ]; do sleep 0.1; done\necho gone\n";
    let (desk, mut runner) = at_work(&[("long.sh", long), ("wait.sh", "echo ready\nsleep 300\n")], &json!({}));
    desk.give(job(3, "long.sh", &runner), &keys());
    desk.wait_for_line(3, "ready");
    runner.signal(Signal::SIGTERM);
    runner.wait_for_log("no more tasks are taken");
    desk.give(job(4, "wait.sh", &runner), &keys());
    desk.wait_for_polls(2);
    fs::write(runner.path("tmp/project_1/repository_1_template_1/go"), "").unwrap();
    let lines = whole(&desk.wait_for(3, "success"));
    assert_eq!(lines.last().unwrap(), "gone");
    assert!(runner.wait().success());
    assert!(desk.reported(4).lines.is_empty(), "it is left to another one");

    runner.start();
    desk.wait_for_line(4, "ready");
    runner.signal(Signal::SIGTERM);
    let told = || runner.log().matches("no more tasks are taken").count();
    wait_until("it takes no more tasks", LIMIT, || (told() == 2).then_some(()));
    runner.signal(Signal::SIGTERM);
    desk.wait_for(4, "stopped");
    assert!(runner.wait().success());
    assert_eq!(runner.processes(), [] as [u32; 0]);
}
