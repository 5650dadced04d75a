//! A task whose process has gone ends, soon and with the reason; one whose process may live is not ended by a stranger.

use std::time::{Duration, Instant};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use semaphore_tests::{Client, Server, processes_with, task_hosts, wait_until, zombies_below};
use serde_json::json;

use super::host::{World, kill_now};

/// The task ended as `error` with one line that says why, and a reason in the API.
fn assert_interrupted(world: &World, admin: &Client, task: i64, reason: &str) {
    let row = admin.wait_for_end(world.project.id, task);
    assert_eq!(row["status"], "error", "{row}");
    let lines = admin.output(world.project.id, task);
    let told: Vec<_> = lines.iter().filter(|line| line.starts_with("Failed to run task: ")).collect();
    assert!(told.len() == 1 && told[0].contains(reason) && lines.last() == Some(told[0]), "{lines:#?}");
    let path = format!("/api/project/{}/tasks/{task}/status", world.project.id);
    let problems = admin.get(&path).expect(200).json()["problems"].clone();
    assert_eq!(
        (problems.as_array().map(Vec::len), &problems[0]["code"]),
        (Some(1), &json!("interrupted")),
        "{problems}"
    );
}

/// Ends what a killed process has left.
fn end_scripts(world: &World) {
    for pid in processes_with(world.server.directory().to_str().unwrap()) {
        if pid != world.server.process_id() {
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        }
    }
}

#[test]
fn a_task_whose_process_is_killed_ends_with_the_reason() {
    let world = World::new(json!({}), &[]);
    let admin = world.server.admin();
    let task = world.start(&admin, world.counting);
    world.until_stored(task, 10);
    let [host] = task_hosts(world.server.directory())[..] else { panic!("one process for one task") };
    kill_now(host);
    assert_interrupted(&world, &admin, task, "its task host) was killed");
    assert_eq!(zombies_below(world.server.process_id()), Vec::<u32>::new());
    end_scripts(&world);
    // It goes on with others.
    let next = world.start(&admin, world.counting);
    world.until_stored(next, 10);
    world.open_gate();
    world.counted(&admin, next);
}

/// As a stop of the service does that ends all its processes.
#[test]
fn a_task_whose_process_is_killed_with_the_server_ends_at_the_next_start() {
    let mut world = World::new(json!({}), &[]);
    let admin = world.server.admin();
    let tasks = [(); 3].map(|()| world.start(&admin, world.counting));
    for task in tasks {
        world.until_stored(task, 10);
    }
    world.server.crash();
    for pid in processes_with(world.server.directory().to_str().unwrap()) {
        let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
    }
    world.server.start_again();
    let begin = Instant::now();
    let admin = world.server.admin();
    for task in tasks {
        assert_interrupted(
            &world,
            &admin,
            task,
            "the server was restarted while the task ran, and the process that ran it",
        );
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    let hosts = world.server.directory().join("tmp/.semaphore/hosts");
    assert_eq!(std::fs::read_dir(hosts).unwrap().count(), 0, "directories are left");
}

#[test]
fn a_stranger_leaves_a_process_alone_that_it_cannot_reach() {
    let lease = json!({"task_lease_sec": 1});
    let mut world = World::new(lease.clone(), &[]);
    let admin = world.server.admin();
    let task = world.start(&admin, world.counting);
    world.until_stored(task, 10);
    world.server.crash();
    let mut config = lease;
    config["sqlite"] = json!({"host": world.server.database()});
    let stranger = Server::with_config(config);
    let gone = "select count(*) from rs_server";
    wait_until("the stranger sees that the server is dead", Duration::from_secs(20), || {
        (stranger.admin().get("/api/ping").status == 200 && world.server.sql(gone) == [[json!(1)]]).then_some(())
    });
    let row = stranger.admin().get(&format!("/api/project/{}/tasks/{task}", world.project.id)).expect(200).json();
    assert_eq!(row["status"], "running");
    world.server.start_again();
    world.open_gate();
    world.counted(&world.server.admin(), task);
}
