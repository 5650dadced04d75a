//! What a stop or a crash of the server means for its tasks and for the people who are logged in.

use std::time::Duration;

use semaphore_tests::{Project, Server, git_repository, processes_with, wait_until};

/// A server with one task that prints "ready" and would run for five minutes.
fn with_running_task(config: serde_json::Value) -> (Server, Project, i64) {
    let server = Server::with_config(config);
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("long.sh", "echo ready\nsleep 300\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let task = project.start(&admin, project.template(&admin, "bash", "long.sh"));
    wait_until("the script is ready", Duration::from_secs(30), || {
        admin.output(project.id, task).iter().any(|l| l == "ready").then_some(())
    });
    (server, project, task)
}

#[test]
fn a_stopped_server_leaves_no_process_and_no_running_task() {
    let (mut server, project, task) = with_running_task(serde_json::json!({}));
    assert!(server.stop().success(), "{}", server.log());
    let directory = server.directory().to_str().unwrap().to_owned();
    wait_until("no process is left", Duration::from_secs(2), || processes_with(&directory).is_empty().then_some(()));
    server.start_again();
    let row = server.admin().wait_for_end(project.id, task);
    assert!(["stopped", "error"].contains(&row["status"].as_str().unwrap()), "{row}");
}

#[test]
fn a_crash_leaves_no_task_running_for_ever() {
    // The reference leaves such tasks "running" for ever. With processes of their own they go on: see `host.rs`.
    let (mut server, project, task) = with_running_task(serde_json::json!({"process": {"task_host": "off"}}));
    server.crash();
    // What a job of Ansible would have had at that moment.
    let secrets = server.directory().join(format!("tmp/project_{}/secret_vars_{task}.json", project.id));
    std::fs::create_dir_all(secrets.parent().unwrap()).unwrap();
    std::fs::write(&secrets, "{}").unwrap();
    server.start_again();
    let row = server.admin().wait_for_end(project.id, task);
    assert!(!secrets.exists(), "a file with secrets outlives its task");
    assert!(["stopped", "error"].contains(&row["status"].as_str().unwrap()), "{row}");
    assert!(
        server.admin().output(project.id, task).iter().any(|l| l == "ready"),
        "lines from before the crash are lost"
    );
    // The crashed server could not end its children; the fixture does it here.
    let directory = server.directory().to_str().unwrap().to_owned();
    for pid in processes_with(&directory).into_iter().filter(|&pid| pid != server.process_id()) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL);
    }
}

#[test]
fn a_task_that_cannot_be_taken_up_does_not_keep_the_server_from_starting() {
    let mut server = Server::with_config(serde_json::json!({"max_parallel_tasks": 1}));
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n"), ("wait.sh", "echo ready\nsleep 300\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let (_, hello, other) = (
        project.start(&admin, project.template(&admin, "bash", "wait.sh")),
        project.template(&admin, "bash", "hello.sh"),
        project.template(&admin, "bash", "hello.sh"),
    );
    let (unknown, orphan, waiting) =
        (project.start(&admin, hello), project.start(&admin, other), project.start(&admin, hello));
    assert_eq!(admin.get(&format!("/api/project/{}/tasks/{waiting}", project.id)).json()["status"], "waiting");
    let directory = server.directory().to_str().unwrap().to_owned();
    server.crash();
    for pid in processes_with(&directory) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL);
    }
    let damage = format!(
        "import sqlite3, sys\ndatabase = sqlite3.connect(sys.argv[1])\n\
         database.execute(\"update task set status = 'nonsense' where id = {unknown}\")\n\
         database.execute(\"update project__template set task_params = '{{' where id = {other}\")\ndatabase.commit()"
    );
    let done = std::process::Command::new("python3").args(["-c", &damage]).arg(server.database()).status().unwrap();
    assert!(done.success());
    server.start_again();
    let admin = server.admin();
    assert_eq!(admin.wait_for_end(project.id, orphan)["status"], "error");
    assert_eq!(admin.wait_for_end(project.id, waiting)["status"], "success", "those behind it run");
}

#[test]
fn sessions_live_on_after_a_restart() {
    let mut server = Server::start();
    let admin = server.admin();
    server.restart();
    assert_eq!(admin.get("/api/user").expect(200).json()["username"], "admin");
    server.anonymous().get("/api/user").expect(401);
}
