//! Stop: the whole process group is gone within two seconds, the status says so, and nothing is left to reap.

use std::time::{Duration, Instant};

use semaphore_tests::{Project, Server, git_repository, processes_with, wait_until, zombies_below};
use serde_json::json;

/// How long the processes of a stopped task may live on.
const LIMIT: Duration = Duration::from_secs(2);

/// Processes of the fixture's tasks: everything that has its directory in command line or environment, but the server.
fn of_tasks(server: &Server) -> Vec<u32> {
    let directory = server.directory().to_str().unwrap();
    processes_with(directory).into_iter().filter(|&pid| pid != server.process_id()).collect()
}

/// Starts the script, waits for its line "ready", stops it and checks what is left.
fn check(script: &str, body: &serde_json::Value) {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("long.sh", script)]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let task = project.start(&admin, project.template(&admin, "bash", "long.sh"));
    wait_until("the script is ready", Duration::from_secs(30), || {
        admin.output(project.id, task).iter().any(|l| l == "ready").then_some(())
    });
    assert!(!of_tasks(&server).is_empty(), "the script's processes are not seen: the test would see nothing");

    let asked = Instant::now();
    admin.post(&format!("/api/project/{}/tasks/{task}/stop", project.id), body).expect(204);
    wait_until("all processes of the task are gone", LIMIT, || of_tasks(&server).is_empty().then_some(()));
    let gone = asked.elapsed();
    assert!(gone < LIMIT, "the processes lived on for {gone:?}");

    let row = admin.wait_for_end(project.id, task);
    assert_eq!(row["status"], "stopped");
    assert_eq!(zombies_below(server.process_id()), Vec::<u32>::new());
    assert_eq!(server.sql(&format!("select status from task where id = {task}"))[0][0], "stopped");
    // The server is still there for others.
    let (row, _) = {
        git_repository(&server.directory().join("second"), &[("short.sh", "echo done\n")]);
        let second = Project::create(&admin, server.directory().join("second").to_str().unwrap());
        second.run(&admin, "bash", "short.sh")
    };
    assert_eq!(row["status"], "success");
}

#[test]
fn children_and_grandchildren_end_with_the_task() {
    check(
        "sleep 300 &\n(sleep 300; echo never) &\nbash -c 'sleep 300; true' &\necho ready\nwait\n",
        &json!({"force": false}),
    );
}

#[test]
fn a_script_that_ignores_signals_ends_too() {
    check("trap '' TERM INT HUP\necho ready\nwhile true; do sleep 0.2; done\n", &json!({"force": false}));
}

#[test]
fn background_jobs_with_groups_of_their_own_end_too() {
    check("set -m\nsleep 300 &\nnohup sleep 300 >/dev/null 2>&1 &\necho ready\nwait\n", &json!({"force": false}));
}

#[test]
fn a_forced_stop_ends_everything_at_once() {
    check("trap '' TERM\nsleep 300 &\necho ready\nwait\n", &json!({"force": true}));
}

#[test]
fn a_waiting_task_can_be_stopped() {
    let server = Server::with_config(json!({"max_parallel_tasks": 1}));
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("long.sh", "echo ready\nsleep 300\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "long.sh");
    let first = project.start(&admin, template);
    admin.wait_for_status(project.id, first, &["running"]);
    let second = project.start(&admin, template);
    assert_eq!(
        admin.get(&format!("/api/project/{}/tasks/{second}", project.id)).expect(200).json()["status"],
        "waiting"
    );

    admin.post(&format!("/api/project/{}/tasks/{second}/stop", project.id), &json!({"force": false})).expect(204);
    admin.post(&format!("/api/project/{}/tasks/{first}/stop", project.id), &json!({"force": false})).expect(204);
    for task in [first, second] {
        assert_eq!(admin.wait_for_end(project.id, task)["status"], "stopped", "task {task}");
    }
    assert!(!admin.output(project.id, second).iter().any(|l| l == "ready"), "the stopped task ran");
}

#[test]
fn a_stop_after_the_end_changes_nothing() {
    // The reference rewrites the final status (REFERENCE_DEFECTS: tasks_bash).
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("short.sh", "echo done\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let (row, _) = project.run(&admin, "bash", "short.sh");
    let task = row["id"].as_i64().unwrap();
    admin.post(&format!("/api/project/{}/tasks/{task}/stop", project.id), &json!({"force": false}));
    assert_eq!(admin.get(&format!("/api/project/{}/tasks/{task}", project.id)).expect(200).json(), row);
}

#[test]
fn a_task_whose_user_was_deleted_still_ends() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("long.sh", "echo ready\nexec sleep 300\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "long.sh");
    let user =
        json!({"name": "Ann", "username": "ann", "email": "ann@example.com", "password": semaphore_tests::PASSWORD});
    let user = admin.post("/api/users", &user).expect(201).id();
    let member = json!({"user_id": user, "role": "task_runner"});
    admin.post(&format!("/api/project/{}/users", project.id), &member).expect(204);
    let task = project.start(&server.client("ann", semaphore_tests::PASSWORD), template);
    wait_until("the script is ready", Duration::from_secs(30), || {
        admin.output(project.id, task).iter().any(|l| l == "ready").then_some(())
    });
    admin.delete(&format!("/api/users/{user}")).expect(204);
    admin.post(&format!("/api/project/{}/tasks/{task}/stop", project.id), &json!({})).expect(204);
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "stopped");
}
