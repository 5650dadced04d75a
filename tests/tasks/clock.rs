//! The clock of the machine is set back by two hours and then forward by a day while tasks run, wait and are scheduled.
//!
//! The server alone believes the new time; processes of tasks keep the old one, so that both ways of running tasks are tried.

use std::time::{Duration, Instant};

use chrono::DateTime;
use semaphore_tests::{Client, Clock, Options, Server, assert_nothing_left, wait_until};
use serde_json::{Value, json};

use super::host::World;

/// Longest time for something to happen.
const SOON: Duration = Duration::from_mins(1);
const HOUR: i64 = 3600;

/// The clock in the story: from right to two hours back, then a day on, and back to what is right.
const JUMPS: [i64; 3] = [-2 * HOUR, 22 * HOUR, 0];

fn world(config: Value) -> Option<(World, Clock)> {
    let clock = Clock::new()?;
    let server = Server::with(Options { config, environment: clock.environment(), ..Options::default() });
    Some((World::on(server, &[("hello.sh", "echo hello\n")]), clock))
}

/// Tasks that a schedule has started.
fn fired(world: &World, schedule: i64) -> i64 {
    world.server.sql(&format!("select count(*) from task where schedule_id = {schedule}"))[0][0].as_i64().unwrap()
}

/// The task ended well, its lines are in order, and its times are.
fn ended_in_order(world: &World, admin: &Client, task: i64) {
    world.counted(admin, task);
    let row = admin.get(&world.path(task, "")).expect(200).json();
    let time = |name: &str| DateTime::parse_from_rfc3339(row[name].as_str().unwrap()).unwrap();
    assert!(time("created") <= time("start") && time("start") <= time("end"), "{row}");
    let lines = world.server.sql(&format!("select output from task__output where task_id = {task} order by time, id"));
    let lines: Vec<_> = lines.iter().map(|line| line[0].as_str().unwrap()).collect();
    let shown = admin.output(world.project.id, task);
    assert_eq!(lines, shown);
    assert!(lines[0].ends_with("added to queue"), "{:?}", &lines[..3]);
}

fn story(task_host: &str) {
    let config = json!({"process": {"task_host": task_host}, "max_parallel_tasks": 10});
    let Some((world, clock)) = world(config) else { return };
    let admin = world.server.admin();
    let hello = world.template("hello.sh", "");
    let schedule = |cron: &str| {
        let body = json!({"name": cron, "project_id": world.project.id, "template_id": hello, "type": "",
            "cron_format": cron, "active": true});
        admin.post(&format!("/api/project/{}/schedules", world.project.id), &body).expect(201).id()
    };
    // Its tasks wait for each other.
    let mut body = world.project.template_body("bash", "counting.sh");
    (body["arguments"], body["allow_parallel_tasks"]) = (json!([world.gate()]).to_string().into(), false.into());
    let counting = admin.post(&format!("/api/project/{}/templates", world.project.id), &body).expect(201).id();
    let (often, minutely) = (schedule("@every 2s"), schedule("* * * * *"));
    let begin = Instant::now();
    let running = world.start(&admin, counting);
    world.until_stored(running, 20);
    let waiting = [(); 2].map(|()| world.start(&admin, counting));
    wait_until("the schedule has fired", SOON, || (fired(&world, often) > 0).then_some(()));
    for jump in JUMPS {
        let (lines, tasks) = (world.stored(running), fired(&world, often));
        clock.set(jump);
        world.until_stored(running, lines + 30);
        // A look at the schedules comes once a minute at the latest.
        wait_until("the schedule goes on", Duration::from_secs(75), || {
            (fired(&world, often) >= tasks + 2).then_some(())
        });
        assert_eq!(admin.get(&world.path(running, "")).expect(200).json()["status"], "running");
        for task in waiting {
            assert_eq!(admin.get(&world.path(task, "")).expect(200).json()["status"], "waiting");
        }
        world.server.admin().get("/api/user").expect(200);
    }
    world.open_gate();
    for task in [running].into_iter().chain(waiting) {
        ended_in_order(&world, &admin, task);
    }
    let minutes = begin.elapsed().as_secs() as i64 / 60;
    let (of_seconds, of_minutes) = (fired(&world, often), fired(&world, minutely));
    assert!(of_minutes <= minutes + 1 + JUMPS.len() as i64, "{of_minutes} times in {minutes} minutes");
    assert!(of_seconds <= begin.elapsed().as_secs() as i64 / 2 + 1 + JUMPS.len() as i64, "{of_seconds} times");
    for schedule in [often, minutely] {
        admin.delete(&format!("/api/project/{}/schedules/{schedule}", world.project.id)).expect(204);
    }
    wait_until("all tasks have ended", SOON, || {
        let open = "select count(*) from task where status not in ('success', 'error', 'stopped')";
        (world.server.sql(open)[0][0] == 0).then_some(())
    });
    assert_eq!(world.server.sql("select count(*) from task where status <> 'success'")[0][0], 0);
    assert_nothing_left(&world.server);
}

#[test]
fn tasks_with_a_process_of_their_own_outlive_a_jump_of_the_clock() {
    story("on");
}

#[test]
fn tasks_in_the_server_outlive_a_jump_of_the_clock() {
    story("off");
}

/// What is said before and after a restart is in order, and so is the reason of a task that does not outlive it.
#[test]
fn a_clock_that_is_set_back_before_a_restart_puts_no_line_before_another() {
    let Some((mut world, clock)) = world(json!({})) else { return };
    clock.set(2 * HOUR);
    let admin = world.server.admin();
    let tasks = [(); 2].map(|()| world.start(&admin, world.counting));
    // The lines of its process have the right time, the server's own are two hours ahead.
    for task in tasks {
        world.until_stored(task, 10);
    }
    world.server.crash();
    clock.set(0);
    let hosts = semaphore_tests::task_hosts(world.server.directory());
    super::host::kill_now(hosts[0]);
    world.server.start_again();
    world.open_gate();
    let admin = world.server.admin();
    for task in tasks {
        let row = admin.wait_for_end(world.project.id, task);
        let lines = world.server.sql(&format!("select output from task__output where task_id = {task} order by id"));
        let read = format!("select output from task__output where task_id = {task} order by time, id");
        assert_eq!(world.server.sql(&read), lines);
        let last = lines.last().unwrap()[0].as_str().unwrap();
        match row["status"].as_str().unwrap() {
            "success" => assert!(last.starts_with("last "), "{last}"),
            _ => assert!(last.starts_with("Failed to run task: "), "{last}"),
        }
        let time = |name: &str| DateTime::parse_from_rfc3339(row[name].as_str().unwrap()).unwrap();
        assert!(time("start") <= time("end"), "{row}");
    }
    let ends = world.server.sql("select count(*) from task where status = 'error'");
    assert_eq!(ends[0][0], 1);
}

/// Leases are measured, not compared: a server whose clock jumps keeps its task, and so does one whose neighbour's does.
#[test]
fn no_server_takes_a_living_task_because_a_clock_jumps() {
    let lease = json!({"task_lease_sec": 2});
    let Some((world, clock)) = world(lease.clone()) else { return };
    let mut config = lease;
    config["sqlite"] = json!({"host": world.server.database()});
    let neighbour = Server::with_config(config);
    let admin = world.server.admin();
    let of_neighbour = neighbour.admin();
    let tasks = [world.start(&admin, world.counting)];
    world.until_stored(tasks[0], 10);
    let owner = || world.server.sql("select task_id, owner from rs_task_lease order by task_id");
    let before = owner();
    for jump in JUMPS {
        clock.set(jump);
        let lines = world.stored(tasks[0]);
        // Three leases.
        world.until_stored(tasks[0], lines + 250);
        assert_eq!(owner(), before);
        of_neighbour.get(&world.path(tasks[0], "")).expect(200);
    }
    world.open_gate();
    ended_in_order(&world, &admin, tasks[0]);
    for log in [world.server.log(), neighbour.log()] {
        assert!(!log.contains("belongs to another server") && !log.contains("are this one's now"), "{log}");
    }
}
