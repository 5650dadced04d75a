//! Remote runners that do not keep to what is expected of them, and what that must not do to others.

use std::sync::mpsc;

use serde_json::json;

use crate::remote::{Runner, SOON, World, hook};

#[test]
fn a_machine_that_is_gone_is_woken_for_the_next_task() {
    let world = World::with(json!({}));
    let (answer, statuses) = mpsc::channel();
    let (address, bodies) = hook(statuses);
    let runner = Runner::register(&world.server, 1, &address);
    let called = |action: &str, task: i64| {
        let body = bodies.recv_timeout(SOON).unwrap();
        assert_eq!((&body["action"], &body["task_id"]), (&json!(action), &json!(task)));
    };
    answer.send(204).unwrap();
    let first = world.start();
    called("start", first);
    runner.gets(first);
    runner.says(first, "running", &[]);
    answer.send(204).unwrap();
    world.stop(first, true);
    world.ends(first, "stopped");
    called("finish", first);
    // Its machine went with the webhook and will not say that it has ended the task.
    let second = world.start();
    world.waits_for(second, "runner_limit");
    answer.send(204).unwrap();
    world.server.change_database("update runner set touched = '2026-01-01 00:00:00'");
    called("start", second);
    assert_eq!(runner.current(first).as_deref(), Some("stopping"), "if it is there it is told to stop");
    answer.send(204).unwrap();
    runner.gets(second);
    runner.says(second, "success", &[]);
    world.ends(second, "success");
}
