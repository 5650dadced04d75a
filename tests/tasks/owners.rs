//! Two servers on one database: each task has one owner, whoever is asked for it, and whatever becomes of one of the servers.

use std::{fs, path::Path, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use semaphore_test_machine::database::{Kind, Server as Database};
use semaphore_tests::{Client, Options, PASSWORD, Project, Server, git_repository, processes_with, wait_until};
use serde_json::{Value, json};

/// Longest time for something to happen.
const SOON: Duration = Duration::from_secs(40);

/// Says something again and again until its file is there.
const SCRIPT: &str = "echo ready\nuntil [ -e \"$1\" ]; do echo tick; sleep 0.05; done\necho went\n";

struct Pair {
    first: Server,
    second: Server,
    project: Project,
    /// Runs until `go` is there; not beside others of the template.
    long: i64,
    /// The same for those that run on the second server; as many as wanted.
    other: i64,
    /// Prints a hundred lines.
    short: i64,
}

impl Pair {
    fn start(database: &Database) -> Self {
        database.add_user("operator", "password");
        let section = json!({"host": database.address(), "user": "operator", "pass": "password", "name": "owners"});
        let config = |limit: u32| {
            let config = json!({"dialect": "postgres", "postgres": section, "max_parallel_tasks": limit, "task_lease_sec": 2,
                    "process": {"task_host": "off"}});
            Options { config, ..Options::default() }
        };
        let mut first = Server::prepared(config(1));
        let user = ["user", "add", "--admin", "--login", "admin", "--name", "Admin", "--email", "admin@example.test"];
        let added = first.command(&user).args(["--password", PASSWORD, "--config"]).arg(first.config_path()).output();
        assert!(added.unwrap().status.success());
        first.start_again();
        let mut second = Server::prepared(config(5));
        second.start_again();
        let repository = first.directory().join("repository");
        let lines = "for i in $(seq 100); do echo line $i; done\n";
        git_repository(&repository, &[("long.sh", SCRIPT), ("short.sh", lines)]);
        let admin = first.admin();
        let project = Project::create(&admin, repository.to_str().unwrap());
        let template = |script: &str, file: &Path, parallel: bool| {
            let mut body = project.template_body("bash", script);
            body["arguments"] = json!([file]).to_string().into();
            body["allow_parallel_tasks"] = parallel.into();
            admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id()
        };
        let long = template("long.sh", &first.directory().join("go"), false);
        let other = template("long.sh", &second.directory().join("go"), true);
        let short = template("short.sh", Path::new("/"), false);
        Self { first, second, project, long, other, short }
    }

    fn path(&self, task: i64, rest: &str) -> String {
        format!("/api/project/{}/tasks/{task}{rest}", self.project.id)
    }

    fn row(&self, admin: &Client, task: i64) -> Value {
        admin.get(&self.path(task, "")).expect(200).json()
    }

    fn until_ready(&self, admin: &Client, task: i64) {
        wait_until("the script is ready", SOON, || self.lines(admin, task).contains(&"ready".to_owned()).then_some(()));
    }

    fn waits_for(&self, admin: &Client, task: i64, code: &str) -> Value {
        wait_until(&format!("task {task} waits for {code}"), SOON, || {
            let waiting = admin.get(&self.path(task, "/status")).expect(200).json()["waiting"].clone();
            (waiting["code"] == code).then_some(waiting)
        })
    }

    fn lines(&self, admin: &Client, task: i64) -> Vec<String> {
        admin.output(self.project.id, task)
    }

    /// The task ended because of its server, once, and says so.
    fn is_lost(&self, admin: &Client, task: i64) {
        let row = admin.wait_for_end(self.project.id, task);
        assert_eq!(row["status"], "error", "{row}");
        let lines = self.lines(admin, task);
        let last: Vec<_> = lines.iter().filter(|line| line.starts_with("Failed to run task")).collect();
        assert!(last.len() == 1 && last[0].contains("does not answer any more"), "{lines:?}");
        assert_eq!(lines.last(), Some(last[0]), "nothing comes after the end");
        let problems = admin.get(&self.path(task, "/status")).expect(200).json()["problems"].clone();
        assert_eq!(problems.as_array().map(Vec::len), Some(1), "{problems}");
        assert_eq!(problems[0]["code"], "interrupted");
    }
}

#[test]
fn the_tasks_of_a_dead_server_go_to_the_other_and_nobody_touches_those_of_a_living_one() {
    let Some(database) = Database::start(Kind::Postgres) else { return };
    let mut pair = Pair::start(&database);
    let (first, second) = (pair.first.admin(), pair.second.admin());
    let runs = pair.project.start(&first, pair.long);
    pair.until_ready(&second, runs);
    let queued = pair.project.start(&first, pair.short);
    let tasks = |admin: &Client| -> Vec<_> {
        let rows = admin.get("/api/tasks").expect(200).json();
        let mut rows = rows.as_array().unwrap().clone();
        rows.sort_by_key(|row| row["task_id"].as_i64());
        rows.iter().map(|row| ["task_id", "username", "status", "location"].map(|name| row[name].clone())).collect()
    };
    let both = [
        [json!(runs), json!("admin"), json!("running"), json!("running")],
        [json!(queued), json!("admin"), json!("waiting"), json!("queue")],
    ];
    assert_eq!((tasks(&first), tasks(&second)), (both.to_vec(), both.to_vec()));
    // The limits of the other server, of the template, and of the project.
    let waiting = pair.waits_for(&second, queued, "server_limit");
    assert!(waiting["message"].as_str().unwrap().contains("1 running task"), "{waiting}");
    let same = pair.project.start(&second, pair.long);
    let waiting = pair.waits_for(&first, same, "template");
    assert_eq!(waiting["task_id"], runs);
    pair.second.restart();
    let second = pair.second.admin();
    assert_eq!(pair.row(&second, runs)["status"], "running", "its server lives");
    assert_eq!(pair.row(&second, queued)["status"], "waiting");
    assert_eq!(pair.waits_for(&second, same, "template")["task_id"], runs);
    let there = pair.project.start(&second, pair.other);
    let stopped = pair.project.start(&second, pair.other);
    for task in [there, stopped] {
        pair.until_ready(&first, task);
    }
    first.post(&pair.path(stopped, "/stop"), &json!({})).expect(204);
    assert_eq!(first.wait_for_end(pair.project.id, stopped)["status"], "stopped");

    pair.first.crash();
    pair.is_lost(&second, runs);
    assert_eq!(second.wait_for_end(pair.project.id, queued)["status"], "success", "the other one runs it");
    let numbers: Vec<_> = pair
        .lines(&second, queued)
        .into_iter()
        .filter_map(|line| line.strip_prefix("line ")?.parse::<i32>().ok())
        .collect();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
    pair.until_ready(&second, same);
    let directory = pair.first.directory().to_str().unwrap().to_owned();
    for pid in processes_with(&directory) {
        let script_of_second = processes_with(pair.second.directory().to_str().unwrap()).contains(&pid);
        if !script_of_second {
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        }
    }
    pair.first.start_again();
    let first = pair.first.admin();
    for task in [same, there] {
        assert_eq!(pair.row(&first, task)["status"], "running", "a server that starts takes nothing from the others");
    }
    for server in [&pair.first, &pair.second] {
        fs::write(server.directory().join("go"), "").unwrap();
    }
    for task in [same, there] {
        assert_eq!(first.wait_for_end(pair.project.id, task)["status"], "success");
        assert_eq!(pair.lines(&first, task).iter().filter(|line| *line == "went").count(), 1);
    }
    let left = "select 'row' from rs_task_lease union all select 'row' from rs_task_command";
    assert_eq!(database.execute("owners", left).len(), 0);
}

#[test]
fn one_task_at_a_time_uses_an_inventory_that_is_so_marked() {
    let Some(database) = Database::start(Kind::Postgres) else { return };
    let pair = Pair::start(&database);
    let (first, second) = (pair.first.admin(), pair.second.admin());
    let policy = format!("/api/project/{}/inventory/{}/policy", pair.project.id, pair.project.inventory);
    assert_eq!(first.get(&policy).expect(200).json(), json!({"exclusive": false}));
    first.put(&policy, &json!({"exclusive": true})).expect(204);
    let holder = pair.project.start(&first, pair.long);
    pair.until_ready(&second, holder);
    // Of another template, of the same and of another server.
    let waiting = [&second, &second].map(|client| pair.project.start(client, pair.other));
    for task in waiting {
        let reason = pair.waits_for(&first, task, "inventory");
        assert_eq!(reason["task_id"], holder, "{reason}");
    }
    let body = json!({"name": "elsewhere", "project_id": pair.project.id, "type": "static", "ssh_key_id": pair.project.key, "inventory": "localhost\n"});
    let inventory = first.post(&format!("/api/project/{}/inventory", pair.project.id), &body).expect(201).id();
    let mut free = pair.project.template_body("bash", "short.sh");
    free["inventory_id"] = inventory.into();
    let free = first.post(&format!("/api/project/{}/templates", pair.project.id), &free).expect(201).id();
    let free = pair.project.start(&second, free);
    assert_eq!(second.wait_for_end(pair.project.id, free)["status"], "success", "another inventory is free");

    // The end of the one lets one go on, and not both.
    fs::write(pair.first.directory().join("go"), "").unwrap();
    assert_eq!(first.wait_for_end(pair.project.id, holder)["status"], "success");
    pair.until_ready(&first, waiting[0]);
    assert_eq!(pair.waits_for(&first, waiting[1], "inventory")["task_id"], waiting[0]);
    // Nobody holds the second one back any more.
    first.put(&policy, &json!({"exclusive": false})).expect(204);
    pair.until_ready(&first, waiting[1]);
    assert_eq!(pair.row(&first, waiting[0])["status"], "running", "both run");
    fs::write(pair.second.directory().join("go"), "").unwrap();
    for task in waiting {
        assert_eq!(first.wait_for_end(pair.project.id, task)["status"], "success");
    }
}

#[test]
fn a_server_that_stood_still_writes_nothing_more_of_the_tasks_it_lost() {
    let Some(database) = Database::start(Kind::Postgres) else { return };
    let pair = Pair::start(&database);
    let (first, second) = (pair.first.admin(), pair.second.admin());
    let runs = pair.project.start(&first, pair.long);
    pair.until_ready(&second, runs);
    let queued = [pair.project.start(&first, pair.short), pair.project.start(&first, pair.short)];
    let process = Pid::from_raw(pair.first.process_id() as i32);
    kill(process, Signal::SIGSTOP).unwrap();
    pair.is_lost(&second, runs);
    for task in queued {
        assert_eq!(second.wait_for_end(pair.project.id, task)["status"], "success");
    }
    let before = pair.lines(&second, runs);
    kill(process, Signal::SIGCONT).unwrap();
    wait_until("the server has ended the job that is not its own any more", SOON, || {
        let directory = pair.first.directory().to_str().unwrap();
        processes_with(directory).iter().all(|pid| *pid == pair.first.process_id()).then_some(())
    });
    // It works on, with the queue that is left to it.
    let last = pair.project.start(&first, pair.short);
    assert_eq!(first.wait_for_end(pair.project.id, last)["status"], "success");
    pair.is_lost(&second, runs);
    assert_eq!(pair.lines(&second, runs), before);
    for task in queued {
        let count = pair.lines(&second, task).iter().filter(|line| *line == "line 100").count();
        assert_eq!(count, 1, "a waiting task ran once");
    }
}
