//! Logs beside the database while things go wrong: files that are moved away or cannot be written, a syslog that comes and
//! goes, a receiver of audit records that is down while the server is killed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use semaphore_test_machine::hook::Hooks;
use semaphore_tests::{Client, Options, Project, Server, free_port, wait_until};
use serde_json::{Value, json};

fn records(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn view(admin: &Client, project: i64, title: &str) -> i64 {
    admin
        .post(&format!("/api/project/{project}/views"), &json!({"title": title, "project_id": project}))
        .expect(201)
        .id()
}

/// Log files in JSON below the server's directory.
fn with_files() -> Server {
    let mut server = Server::prepared(Options::default());
    let at = |name: &str| server.directory().join("logs").join(name);
    let logs = json!({
        "events": {"enabled": true, "format": "json", "logger": {"filename": at("events.log")}},
        "tasks": {
            "enabled": true, "format": "json", "logger": {"filename": at("tasks.log")},
            "result_logger": {"filename": at("results.log")},
        },
    });
    server.change_config(&json!({"log": logs}));
    server.start_again();
    server
}

#[test]
fn the_files_tell_who_changed_what_and_what_became_of_tasks() {
    let mut server = with_files();
    let admin = server.admin();
    let project = Project::create(&admin, "/nowhere");
    let title = "two\nlines \"quoted\"";
    let id = view(&admin, project.id, title);
    let path = format!("/api/project/{}/views/{id}", project.id);
    admin.put(&path, &json!({"id": id, "title": "other", "project_id": project.id})).expect(204);
    admin.delete(&path).expect(204);
    let template = project.template(&admin, "bash", "x.sh");
    let task = project.start(&admin, template);
    admin.wait_for_end(project.id, task);
    project.add_repository(&admin, "https://user:secret-of-git@host/x.git", "main", project.key);
    server.stop();

    let logs = server.directory().join("logs");
    let text = fs::read_to_string(logs.join("events.log")).unwrap();
    assert!(text.contains("Repository https://***@host/x.git created") && !text.contains("secret-of-git"), "{text}");
    let events = records(&logs.join("events.log"));
    let views: Vec<_> = events.iter().filter(|event| event["object"] == "view").collect();
    let told: Vec<_> =
        views.iter().map(|event| (event["action"].as_str().unwrap(), event["object_id"].as_i64())).collect();
    assert_eq!(told, [("create", Some(id)), ("update", Some(id)), ("delete", Some(id))]);
    assert_eq!(views[0]["description"], format!("View {title} created"));
    assert!(views.iter().all(|event| event["user"] == 1 && event["project"] == project.id), "{views:?}");
    assert!(events.iter().all(|event| event["object"] != "task"));
    // The database has the same, in the same order.
    let rows = server.sql("select description from event where object_type <> 'task' order by id");
    let shown = |text: &Value| text.as_str().unwrap().replace("user:secret-of-git@", "***@");
    let rows: Vec<_> = rows.iter().map(|row| shown(&row[0])).collect();
    assert_eq!(events.iter().map(|event| event["description"].clone()).collect::<Vec<_>>(), rows);

    let tasks = records(&logs.join("tasks.log"));
    let statuses: Vec<_> = tasks.iter().map(|record| record["status"].as_str().unwrap()).collect();
    let rows = server.sql("select description from event where object_type = 'task' order by id");
    assert_eq!((statuses.len(), statuses[0], *statuses.last().unwrap()), (rows.len(), "waiting", "error"));
    for record in &tasks {
        assert_eq!(
            (&record["task"], &record["template"], &record["username"]),
            (&json!(task), &json!(template), &json!("admin"))
        );
    }
    let results = records(&logs.join("results.log"));
    assert_eq!((results.len(), &results[0]["status"]), (1, &json!("error")), "{results:?}");
    assert!(results[0]["end"].is_string());
    for name in ["events.log", "tasks.log", "results.log"] {
        assert_eq!(fs::metadata(logs.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_file_that_is_moved_away_is_made_anew_on_sighup() {
    let mut server = with_files();
    let admin = server.admin();
    let project = Project::create(&admin, "/nowhere").id;
    let (file, moved) = (server.directory().join("logs/events.log"), server.directory().join("logs/moved"));
    view(&admin, project, "before");
    wait_until("the first view is in the file", Duration::from_secs(10), || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("View before created")).then_some(())
    });
    fs::rename(&file, &moved).unwrap();
    kill(Pid::from_raw(server.process_id() as i32), Signal::SIGHUP).unwrap();
    wait_until("the signal has come", Duration::from_secs(10), || server.log().contains("opened anew").then_some(()));
    view(&admin, project, "after");
    server.stop();
    let [old, new] = [moved, file].map(|path| fs::read_to_string(path).unwrap());
    assert!(old.contains("View before created") && !old.contains("View after created"), "{old}");
    assert!(new.contains("View after created") && !new.contains("View before created"), "{new}");
}

/// `/dev/full` takes nothing, and a path below a file is none: requests and tasks go on, it is said once and counted.
#[test]
fn files_that_cannot_be_written_keep_nobody_from_working() {
    let mut server = Server::prepared(Options::default());
    let below = server.database().join("tasks.log");
    server.change_config(&json!({"log": {
        "events": {"enabled": true, "logger": {"filename": "/dev/full"}},
        "tasks": {"enabled": true, "logger": {"filename": below}},
    }}));
    server.start_again();
    let admin = server.admin();
    let project = Project::create(&admin, "/nowhere");
    for number in 0..5 {
        view(&admin, project.id, &format!("view {number}"));
    }
    let task = project.start(&admin, project.template(&admin, "bash", "x.sh"));
    admin.wait_for_end(project.id, task);
    let lost = |log: &str| {
        let numbers = admin.get("/api/metrics").expect(200).body;
        let start = format!("semaphore_log_records_lost_total{{log=\"{log}\"}} ");
        numbers.lines().find_map(|line| line.strip_prefix(&start)?.parse::<u64>().ok()).unwrap_or_default()
    };
    let events = server.sql("select count(*) from event where object_type <> 'task'")[0][0].as_u64().unwrap();
    wait_until("everything is counted", Duration::from_secs(10), || {
        (lost("events") == events && lost("tasks") >= 2).then_some(())
    });
    for log in ["events", "tasks"] {
        let said = server.log().lines().filter(|line| line.contains("cannot be written") && line.contains(log)).count();
        assert_eq!(said, 1, "{}", server.log());
    }
}

#[test]
fn syslog_is_found_again_and_nobody_waits_for_it() {
    let address = ("127.0.0.1", free_port());
    let syslog = json!({"enabled": true, "network": "tcp", "address": format!("{}:{}", address.0, address.1)});
    let server = Server::with_config(json!({"syslog": syslog, "http": {"log": "all"}}));
    let ask = |id: &str| server.anonymous().send_with("GET", "/api/user", None, &[("X-Request-Id", id)]).expect(401);
    ask("while-nobody-listens");
    let receiver = TcpListener::bind(address).unwrap();
    let (first, _) = receiver.accept().unwrap();
    let mut lines = BufReader::new(first).lines();
    assert!(lines.any(|line| line.unwrap().contains("request_id=while-nobody-listens")));
    ask("while-one-listens");
    assert!(lines.any(|line| line.unwrap().contains("request_id=while-one-listens")));
    drop(lines);
    ask("after-it-hung-up");
    let (second, _) = receiver.accept().unwrap();
    assert!(BufReader::new(second).lines().any(|line| line.unwrap().contains("request_id=after-it-hung-up")));
}

/// A receiver that refuses, then a server that is killed: each event is told, in the order of the database, none is missing, also
/// not those of a project that is gone.
#[test]
fn audit_records_outlive_a_receiver_that_is_down_and_a_killed_server() {
    let hooks = Hooks::start();
    let mut server = Server::with_config(json!({"log": {"audit": {"url": hooks.address()}}, "task_lease_sec": 1}));
    let admin = server.admin();
    let project = Project::create(&admin, "/nowhere").id;
    for number in 0..5 {
        view(&admin, project, &format!("taken {number}"));
    }
    hooks.wait_for("/", 6);
    hooks.answer(503);
    for number in 0..5 {
        view(&admin, project, &format!("refused {number}"));
    }
    wait_until("it is said", Duration::from_secs(10), || server.log().contains("takes no records").then_some(()));
    let gone = admin.post("/api/projects", &json!({"name": "gone"})).expect(201).id();
    view(&admin, gone, "of a project that is gone");
    let all = server.sql("select id, description from event order by id");
    admin.delete(&format!("/api/project/{gone}")).expect(204);
    server.crash();
    hooks.answer(200);
    server.start_again();

    let told = wait_until("everything is told", Duration::from_mins(1), || {
        let mut told: Vec<_> =
            hooks.posted("/").into_iter().filter(|posted| posted.status == 200).map(|p| p.body).collect();
        // What was posted just before the kill may come a second time.
        told.dedup_by_key(|body| body["event_id"].clone());
        (told.len() >= all.len()).then_some(told)
    });
    let told: Vec<_> = told.iter().map(|body| vec![body["event_id"].clone(), body["description"].clone()]).collect();
    assert_eq!(told, all);
    wait_until("nothing is left", Duration::from_secs(10), || {
        (server.sql("select count(*) from rs_audit_outbox") == [[json!(0)]]).then_some(())
    });
}
