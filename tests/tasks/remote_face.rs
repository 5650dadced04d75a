//! Tasks of this server on its own remote runner, both as real processes, whatever dies. What runs well is in `runner_face_server.rs`.

use std::time::Duration;

use nix::sys::signal::Signal;
use semaphore_tests::{Client, Project, REGISTRATION_TOKEN, RunnerProcess, Server, git_repository, tofu, wait_until};
use serde_json::json;

use crate::terraform::{World as Terraform, check};

/// Longest time for something to happen.
const SOON: Duration = Duration::from_mins(1);

fn server() -> Server {
    Server::with_config(json!({"use_remote_runner": true}))
}

/// A runner of the server at work.
fn at_work(server: &Server) -> RunnerProcess {
    let settings = json!({"runner": {"max_parallel_tasks": 5}});
    let mut runner = RunnerProcess::prepared(&format!("http://127.0.0.1:{}", server.port()), &settings);
    register(server, &runner);
    runner.start();
    runner
}

fn register(server: &Server, runner: &RunnerProcess) {
    let mut command = runner.command(&["register"]);
    let done = command.env("SEMAPHORE_RUNNER_REGISTRATION_TOKEN", REGISTRATION_TOKEN).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let admin = server.admin();
    let id = admin.get("/api/runners").expect(200).json()[0]["id"].clone();
    admin.post(&format!("/api/runners/{id}/active"), &json!({"active": true})).expect(204);
}

/// A project on a repository with these files.
fn project(server: &Server, files: &[(&str, &str)]) -> (Client, Project) {
    let repository = server.directory().join("repository");
    git_repository(&repository, files);
    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.display()));
    (admin, project)
}

/// Nothing of the runner's tasks is left, and no place is taken.
fn is_let_go(server: &Server, runner: &RunnerProcess) {
    wait_until("the runner has let its tasks go", SOON, || {
        let rows = server.sql("select task_id from rs_task_runner");
        let own = runner.process_id();
        let processes: Vec<_> = runner.processes().into_iter().filter(|process| *process != own).collect();
        (rows.is_empty() && processes.is_empty()).then_some(())
    });
}

#[test]
fn a_runner_that_is_killed_with_its_tasks_ends_them_honestly() {
    let server = Server::with_config(json!({"use_remote_runner": true, "runner_lost_after_sec": 3}));
    let (admin, project) = project(&server, &[("slow.sh", "echo ready\nexec sleep 300\n")]);
    let mut runner = at_work(&server);
    let task = project.start(&admin, project.template(&admin, "bash", "slow.sh"));
    wait_until("the script is ready", SOON, || {
        admin.output(project.id, task).contains(&"ready".to_owned()).then_some(())
    });
    runner.crash();
    for process in runner.processes() {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(process as i32), Signal::SIGKILL);
    }
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "error");
    let last = admin.output(project.id, task).pop().unwrap();
    assert!(last.contains("has not been heard of for 3 s"), "{last}");
    // The machine is back: what it says of the task is of no use, and new tasks run.
    runner.start();
    is_let_go(&server, &runner);
    let (row, lines) = project.run(&admin, "bash", "nothing.sh");
    assert_eq!(row["status"], "error", "{lines:?}");
    assert!(!lines.last().unwrap().contains("heard of"), "{lines:?}");
}

#[test]
fn a_task_that_the_server_cannot_store_keeps_no_other_one_from_its_stop() {
    let server = server();
    let (admin, project) = project(&server, &[("ticks.sh", "while :; do echo tick; sleep 0.2; done\n")]);
    let template = project.template(&admin, "bash", "ticks.sh");
    let runner = at_work(&server);
    let [stuck, other] = [(); 2].map(|()| project.start(&admin, template));
    for task in [stuck, other] {
        wait_until("the script runs", SOON, || {
            admin.output(project.id, task).contains(&"tick".to_owned()).then_some(())
        });
    }
    server.change_database(&format!(
        "create trigger full before insert on task__output when new.task_id = {stuck} begin select raise(abort, 'no'); end"
    ));
    wait_until("the runner knows", SOON, || runner.log().contains("send it again").then_some(()));
    let path = |task: i64| format!("/api/project/{}/tasks/{task}/stop", project.id);
    admin.post(&path(other), &json!({"force": false})).expect(204);
    assert_eq!(admin.wait_for_end(project.id, other)["status"], "stopped", "{}", runner.log());
    server.change_database("drop trigger full");
    admin.post(&path(stuck), &json!({"force": false})).expect(204);
    assert_eq!(admin.wait_for_end(project.id, stuck)["status"], "stopped");
    is_let_go(&server, &runner);
}

#[test]
fn a_plan_is_decided_about_from_here_and_its_state_is_kept_here() {
    if tofu().is_none() {
        return;
    }
    let configuration = "resource \"terraform_data\" \"a\" {\n  input = 1\n}\n";
    let mut server = server();
    // The runner is another machine: it has to find this one.
    let address = format!("http://127.0.0.1:{}", server.port());
    server.change_config(&json!({"web_host": address}));
    server.restart();
    let params = json!({"override_backend": true});
    let mut world = Terraform::on(server, &[("infra/main.tf", configuration)], |_, _, template| {
        template["task_params"] = params;
    });
    let runner = at_work(&world.server);
    let task = world.waiting(&json!({}));
    world.tell(task, "reject");
    check(world.end(task), "error", "the plan was rejected");
    let task = world.waiting(&json!({}));
    world.server.crash();
    world.server.start_again();
    world.admin = world.server.admin();
    world.tell(task, "confirm");
    check(world.end(task), "success", "Apply complete! Resources: 1 added");
    let template = format!("/api/project/{}/templates/{}", world.project.id, world.id);
    let inventory = world.admin.get(&template).expect(200).json()["inventory_id"].clone();
    let path = format!("/api/project/{}/inventory/{inventory}/terraform/states", world.project.id);
    let states = world.admin.get(&path).expect(200).json();
    let states = states.as_array().unwrap();
    assert!(!states.is_empty() && states.iter().all(|state| state["task_id"] == task), "{states:?}");
    is_let_go(&world.server, &runner);
}
