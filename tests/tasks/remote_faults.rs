//! Remote runners that do not keep to what is expected of them, and what that must not do to others.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use semaphore_test_machine::database::{Kind, Server as Database};
use semaphore_tests::{Options, PASSWORD, Server, wait_until};
use serde_json::{Value, json};

use crate::remote::{Runner, SOON, World, hook, records};

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

#[test]
fn a_runner_that_only_mentioned_its_task_is_told_of_it() {
    let world = World::with(json!({}));
    let runner = Runner::register(&world.server, 0, "");
    runner.poll();
    let task = world.start();
    runner.gets(task);
    // As the reference's runner for a moment, and ours until it has begun: the server has not seen it running.
    runner.says(task, "", &[]);
    assert_eq!(runner.current(task).as_deref(), Some("starting"));
    assert_eq!(runner.poll()["new_jobs"], Value::Null, "it has begun");
    runner.says(task, "success", &[]);
    world.ends(task, "success");
}

#[test]
fn what_a_task_has_done_is_known_after_a_restart() {
    let mut world = World::with(json!({}));
    let runner = Runner::register(&world.server, 0, "");
    runner.poll();
    let task = world.start();
    runner.gets(task);
    let stage = |name: &str, time: &str| json!({"stage": {"stage": name, "time": format!("2026-11-22T00:36:{time}Z")}});
    let plan = json!({"plan": {"add": 1, "change": 2, "destroy": 3, "import": 0}});
    let says = |runner: &Runner, status: &str, events: &[&Value]| {
        let extras = json!({"first_record": 2, "events": events});
        let job = json!([{"ID": task, "Status": status, "LogRecords": null, "Commit": null, "rs": extras}]);
        runner.put(&job).expect(204);
    };
    let begun = [&stage("checkout", "57.25"), &stage("plan", "58.5"), &plan];
    says(&runner, "running", &begun);
    world.server.crash();
    world.server.start_again();
    world.admin = world.server.admin();
    let runner = Runner { client: world.server.anonymous(), ..runner };
    assert_eq!(world.status(task)["stage"], "plan");
    // Nobody knows whether the answer got lost.
    says(&runner, "running", &begun);
    says(&runner, "success", &[&stage("apply", "59")]);
    world.ends(task, "success");
    let rows = world.server.sql(
        "select s.stage, p.to_destroy from rs_task_stage s left join rs_task_plan p on p.task_id = s.task_id \
         and p.number = s.number order by s.number",
    );
    assert_eq!(rows, [[json!("checkout"), Value::Null], [json!("plan"), json!(3)], [json!("apply"), Value::Null]]);
}

#[test]
fn what_a_runner_told_one_server_is_what_the_other_one_tells_it() {
    let world = World::with(json!({}));
    let other = Server::with_config(json!({"use_remote_runner": true, "sqlite": {"host": world.server.database()}}));
    let here = Runner::register(&world.server, 0, "");
    let there = Runner { client: other.anonymous(), token: here.token.clone(), id: here.id };
    here.poll();
    for answer in ["confirm", "reject"] {
        let task = world.start();
        there.gets(task);
        there.says(task, "running", &[]);
        assert_eq!(there.current(task).as_deref(), Some("running"));
        there.says(task, "waiting_confirmation", &["plan"]);
        // The task's owner may not have heard of it; the reference's runner believes what it is told.
        assert_eq!(there.current(task).as_deref(), Some("waiting_confirmation"));
        wait_until("the question is known", SOON, || {
            (world.status(task)["status"] == "waiting_confirmation").then_some(())
        });
        world.admin.post(&world.path(task, &format!("/{answer}")), &json!({})).expect(204);
        assert_eq!(there.current(task).as_deref(), Some(if answer == "confirm" { "confirmed" } else { "rejected" }));
        there.says(task, "success", &[]);
        world.ends(task, "success");
    }
}

#[test]
fn a_report_that_does_not_fit_ends_nobodys_work() {
    let Some(database) = Database::start(Kind::Postgres) else { return };
    database.add_user("operator", "password");
    let section = json!({"host": database.address(), "user": "operator", "pass": "password", "name": "reports"});
    let config = json!({"dialect": "postgres", "postgres": section, "use_remote_runner": true});
    let mut server = Server::prepared(Options { config, ..Options::default() });
    let user = ["user", "add", "--admin", "--login", "admin", "--name", "Admin", "--email", "admin@example.test"];
    let added = server.command(&user).args(["--password", PASSWORD, "--config"]).arg(server.config_path()).output();
    assert!(added.unwrap().status.success());
    server.start_again();
    let world = World::on(server);
    let runner = Runner::register(&world.server, 0, "");
    runner.poll();
    let task = world.start();
    runner.gets(task);
    let commit = json!({"hash": "a".repeat(80), "message": "\u{e4}".repeat(120)});
    let stage = json!({"stage": {"stage": "s".repeat(80), "time": "2026-11-22T00:36:57Z"}});
    let extras = json!({"first_record": 2, "events": [stage]});
    let lines = records(&["one\u{0}two"]);
    let report = json!([{"ID": task, "Status": "running", "LogRecords": lines, "Commit": commit, "rs": extras}]);
    runner.put(&report).expect(204);
    let row = world.admin.get(&world.path(task, "")).expect(200).json();
    assert_eq!(row["commit_hash"], "a".repeat(64));
    assert_eq!(row["commit_message"], "\u{e4}".repeat(100));
    assert_eq!(world.lines(task)[3..], ["one\u{fffd}two"]);
    world.stop(task, true);
    world.ends(task, "stopped");
    assert_eq!(database.execute("reports", "select stage from rs_task_stage"), ["s".repeat(64)]);
}

#[test]
fn a_task_that_cannot_be_stored_holds_up_no_other_one_and_no_server() {
    let world = World::with(json!({"task_lease_sec": 2}));
    let config = json!({"use_remote_runner": true, "task_lease_sec": 2, "sqlite": {"host": world.server.database()}});
    let other = Server::with_config(config);
    let [second, first] = [(); 2].map(|()| Runner::register(&world.server, 1, ""));
    first.poll();
    second.poll();
    // The newest runner comes first, and may have one.
    let stuck = world.start();
    first.gets(stuck);
    let fine = world.start();
    second.gets(fine);
    let owners = || world.server.sql("select task_id, owner from rs_task_lease order by task_id");
    let before = owners();
    world.server.change_database(&format!(
        "create trigger full before insert on task__output when new.task_id = {stuck} begin select raise(abort, 'no'); end"
    ));
    let there = Runner { client: other.anonymous(), token: first.token.clone(), id: first.id };
    there.says(stuck, "running", &["kept"]);
    for _ in 0..6 {
        let begin = Instant::now();
        second.says(fine, "running", &["line"]);
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
        // Several times as long as a server may be silent.
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(owners(), before, "{}", world.server.log());
    world.server.change_database("drop trigger full");
    wait_until("the report is stored", SOON, || world.lines(stuck).contains(&"kept".to_owned()).then_some(()));
    there.says(stuck, "success", &[]);
    second.says(fine, "success", &[]);
    world.ends(stuck, "success");
    world.ends(fine, "success");
}
