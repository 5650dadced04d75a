//! Schedules of two servers on one database, and the secrets of tasks that wait while their server dies.

use std::{path::Path, time::Duration};

use chrono::{NaiveDateTime, TimeDelta, Utc};
use semaphore_tests::{Project, SecretWatch, Server, ansible, git_repository, processes_with, wait_until};
use serde_json::{Value, json};

fn tasks(server: &Server) -> i64 {
    server.sql("select count(*) from task where schedule_id is not null")[0][0].as_i64().unwrap()
}

#[test]
fn two_servers_on_one_database_fire_a_moment_once() {
    let first = Server::start();
    let repository = first.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let admin = first.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "hello.sh");
    let due = Utc::now() + TimeDelta::seconds(15);
    for number in 0..5 {
        let body = json!({"name": format!("once {number}"), "project_id": project.id, "template_id": template,
            "type": "run_at", "run_at": due, "active": true});
        admin.post(&format!("/api/project/{}/schedules", project.id), &body).expect(201);
    }
    // It reads the schedules when it starts.
    let second = Server::with_config(json!({"sqlite": {"host": first.database()}}));
    assert!(Utc::now() < due, "the second server was too late to take part");
    wait_until("every schedule has fired", Duration::from_mins(1), || (tasks(&first) >= 5).then_some(()));
    // Whoever came second found the moment taken; this is its time to do something wrong.
    wait_until("the moment is over on both", Duration::from_secs(30), || {
        (Utc::now() > due + TimeDelta::seconds(3)).then_some(())
    });
    drop(second);
    assert_eq!(tasks(&first), 5);
    assert_eq!(first.sql("select count(distinct schedule_id) from task where schedule_id is not null")[0][0], 5);
}

#[test]
fn a_moment_while_the_database_is_away_is_made_up_for() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "hello.sh");
    let due = Utc::now() + TimeDelta::seconds(4);
    let body = json!({"name": "once", "project_id": project.id, "template_id": template, "type": "run_at", "run_at": due,
        "active": true});
    admin.post(&format!("/api/project/{}/schedules", project.id), &body).expect(201);
    let (here, away) = (server.database(), server.directory().join("away.sqlite"));
    std::fs::rename(&here, &away).unwrap();
    wait_until("the moment is over", Duration::from_secs(30), || {
        (Utc::now() > due + TimeDelta::seconds(4)).then_some(())
    });
    std::fs::rename(&away, &here).unwrap();
    wait_until("it is made up for", Duration::from_secs(30), || (tasks(&server) == 1).then_some(()));
    let active = "select active from project__schedule where type = 'run_at'";
    wait_until("the schedule is switched off", Duration::from_secs(10), || {
        (server.sql(active)[0][0] == 0).then_some(())
    });
    assert_eq!(tasks(&server), 1);
}

/// The moment is over before the schedules are read again, sometimes before the row is stored.
#[test]
fn a_time_that_is_over_at_once_is_run_all_the_same() {
    const SCHEDULES: usize = 10;
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "hello.sh");
    let path = format!("/api/project/{}/schedules", project.id);
    for number in 0..SCHEDULES {
        // One that came too late is refused, and a little more time is asked for.
        let accepted = (1..1_000).find(|ahead| {
            let due = Utc::now() + TimeDelta::milliseconds(*ahead);
            let body = json!({"name": format!("soon {number}"), "project_id": project.id, "template_id": template,
                "type": "run_at", "run_at": due, "active": true, "delete_after_run": number % 2 == 1});
            let answer = admin.post(&path, &body);
            assert!(answer.status == 201 || answer.body.contains("must be in the future"), "{}", answer.body);
            answer.status == 201
        });
        assert!(accepted.is_some(), "no request was quick enough");
    }
    // Those that go with their run take the number out of the rows of their tasks.
    let tasks = || server.sql("select count(*) from task")[0][0].as_u64().unwrap() as usize;
    wait_until("every schedule has run", Duration::from_secs(30), || (tasks() >= SCHEDULES).then_some(()));
    wait_until("every schedule is over", Duration::from_secs(30), || {
        (server.sql("select count(*) from project__schedule where active")[0][0] == 0).then_some(())
    });
    assert_eq!(tasks(), SCHEDULES, "{}", server.log());
    assert_eq!(server.sql("select count(*) from project__schedule")[0][0], SCHEDULES / 2);
}

/// The moment before one does not keep it from being tried while the database is away.
#[test]
fn each_moment_of_an_outage_has_its_own_time() {
    let server = Server::with_config(json!({"log": {"format": "json"}}));
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "hello.sh");
    // An odd number: the last pause in the time of a moment would end in that of the next one.
    let body = json!({"name": "often", "project_id": project.id, "template_id": template, "type": "",
        "cron_format": "@every 5s", "active": true});
    admin.post(&format!("/api/project/{}/schedules", project.id), &body).expect(201);
    wait_until("it has fired", Duration::from_secs(30), || (tasks(&server) > 0).then_some(()));
    let (here, away) = (server.database(), server.directory().join("away.sqlite"));
    std::fs::rename(&here, &away).unwrap();
    let waiting = || {
        let mut moments: Vec<NaiveDateTime> = server
            .log()
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|record| record.to_string().contains("a task that is due waits for the database"))
            .map(|record| second(record["due"].as_str().unwrap()))
            .collect();
        moments.dedup();
        moments
    };
    let moments = wait_until("two moments wait for the database", Duration::from_mins(1), || {
        let moments = waiting();
        (moments.len() >= 2).then_some(moments)
    });
    std::fs::rename(&away, &here).unwrap();
    assert!(moments[1] - moments[0] < TimeDelta::seconds(8), "one was passed over: {moments:?}");
    wait_until("the second one is made up for", Duration::from_secs(30), || {
        let fired = server.sql("select due from rs_schedule_fire");
        fired.iter().any(|row| second(row[0].as_str().unwrap()) == moments[1]).then_some(())
    });
    let twice = "select due from rs_schedule_fire group by due having count(*) > 1";
    assert!(server.sql(twice).is_empty());
    let ids = server.sql("select task_id from rs_schedule_fire order by due");
    assert!(ids.is_sorted_by_key(|row| row[0].as_i64()), "tasks come in the order of their moments: {ids:?}");
}

/// A time as it is logged or stored, in whole seconds.
fn second(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(&text[..19], "%Y-%m-%d %H:%M:%S").unwrap()
}

#[test]
fn rules_of_a_schedule_say_what_becomes_of_missed_and_overlapping_runs() {
    let mut server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("wait.sh", "echo ready\nuntil [ -e $1/go ]; do sleep 0.05; done\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let mut body = project.template_body("bash", "wait.sh");
    body["arguments"] = json!([server.directory()]).to_string().into();
    body["allow_parallel_tasks"] = true.into();
    let path = format!("/api/project/{}", project.id);
    let template = admin.post(&format!("{path}/templates"), &body).expect(201).id();
    let runs =
        admin.post(&format!("{path}/schedules/preview"), &json!({"cron_format": "CRON_TZ=Asia/Tokyo 0 3 1 1 *"}));
    let runs = runs.expect(200).json();
    let runs: Vec<&str> = runs["runs"].as_array().unwrap().iter().map(|run| run.as_str().unwrap()).collect();
    assert!(runs.len() == 5 && runs.iter().all(|run| run.ends_with("-12-31T18:00:00Z")), "{runs:?}");
    admin.post(&format!("{path}/schedules/preview"), &json!({"cron_format": "61 * * * *"})).expect(400);

    let schedule = json!({"name": "often", "project_id": project.id, "template_id": template, "type": "",
        "cron_format": "@every 1s", "active": true});
    let schedule = admin.post(&format!("{path}/schedules"), &schedule).expect(201).id();
    let rules = format!("{path}/schedules/{schedule}/policy");
    admin.put(&rules, &json!({"misfire": "run_once", "overlap": "skip"})).expect(204);
    wait_until("it has fired", Duration::from_secs(30), || (tasks(&server) > 0).then_some(()));
    let fired = || server.sql("select max(due) from rs_schedule_fire")[0][0].clone();
    let before = (tasks(&server), fired());
    wait_until("several moments have passed", Duration::from_secs(30), || {
        admin.get("/api/ping").expect(200);
        (server
            .sql("select strftime('%s', 'now') - strftime('%s', substr(max(due), 1, 19)) >= 4 from rs_schedule_fire")
            [0][0]
            == 1)
            .then_some(())
    });
    assert_eq!((tasks(&server), fired()), before, "a moment came while the task ran, and started another");

    // An hour between moments now: only a missed one can start a task soon.
    std::fs::write(server.directory().join("go"), "").unwrap();
    wait_until("the task has ended", Duration::from_secs(30), || {
        (server.sql("select count(*) from task where status <> 'success'")[0][0] == 0).then_some(())
    });
    let hourly = json!({"id": schedule, "name": "seldom", "project_id": project.id, "template_id": template, "type": "",
        "cron_format": "@every 1h", "active": true});
    admin.put(&format!("{path}/schedules/{schedule}"), &hourly).expect(204);
    assert!(server.stop().success());
    let known = tasks(&server);
    server.start_again();
    server.admin().get(&rules).expect(200);
    assert!(server.stop().success());
    assert_eq!(tasks(&server), known, "with other times nothing was missed");
    server.change_database(&format!(
        "insert into rs_schedule_fire (schedule_id, due, fired, server, outcome) \
         values ({schedule}, '2026-01-01 00:00:00 +0000 UTC', '2026-01-01 00:00:00 +0000 UTC', 'old', 'started')"
    ));
    server.start_again();
    wait_until("the missed run is made up for, once", Duration::from_secs(30), || {
        (tasks(&server) == known + 1).then_some(())
    });
}

/// Ends the server and everything that it had started.
pub(super) fn crash(server: &mut Server) {
    let directory = server.directory().to_str().unwrap().to_owned();
    server.crash();
    for pid in processes_with(&directory) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL);
    }
}

/// The program needs the value, and its length is all that it tells.
const PLAYBOOK: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug:\n        msg: \"length {{ typed | length }}\"\n";

#[test]
fn secret_values_of_a_waiting_task_outlive_a_crash() {
    if ansible().is_none() {
        return;
    }
    let mut server = Server::with_config(json!({"max_parallel_tasks": 1}));
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("site.yml", PLAYBOOK), ("wait.sh", "echo ready\nsleep 300\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    project.start(&admin, project.template(&admin, "bash", "wait.sh"));
    let mut body = project.template_body("ansible", "site.yml");
    body["survey_vars"] = json!([{"name": "typed", "title": "t", "type": "secret"}]);
    let path = format!("/api/project/{}", project.id);
    let template = admin.post(&format!("{path}/templates"), &body).expect(201).id();
    let typed = "typed before the crash";
    let watch = SecretWatch::start(&[typed]);
    let body = json!({"template_id": template, "secret": json!({"typed": typed}).to_string()});
    let task = admin.post(&format!("{path}/tasks"), &body).expect(201).id();
    assert_eq!(admin.get(&format!("{path}/tasks/{task}")).json()["status"], "waiting");
    crash(&mut server);
    assert!(!has_text(server.directory(), typed), "the value lies in a file in clear");
    server.start_again();
    let admin = server.admin();
    let row = admin.wait_for_end(project.id, task);
    let log = admin.output(project.id, task).join("\n");
    assert_eq!(row["status"], "success", "{log}");
    assert!(log.contains(&format!("length {}", typed.len())), "{log}");
    assert_eq!(server.sql("select count(*) from rs_task_secret")[0][0], 0);
    watch.assert_unseen(server.directory(), &[&log, &server.log()]);
}

/// Whether a file of this directory itself holds the text.
fn has_text(directory: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(directory).unwrap().filter_map(Result::ok).filter(|entry| entry.path().is_file());
    let mut contents = files.map(|entry| std::fs::read(entry.path()).unwrap());
    contents.any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}
