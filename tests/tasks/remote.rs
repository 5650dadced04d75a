//! Tasks on remote runners: who gets them, what is told and taken, and what becomes of them when somebody dies.
//!
//! The runner of these tests is a client that speaks the recorded words of the reference's; ours is in `runner_face*.rs`.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::mpsc,
    time::Duration,
};

use semaphore_tests::{Answer, Client, Project, REGISTRATION_TOKEN, Server, git_repository, wait_until};
use serde_json::{Value, json};

/// Longest time for something to happen.
pub(crate) const SOON: Duration = Duration::from_secs(40);

const PATH: &str = "/api/internal/runners";

/// A runner that does nothing by itself.
pub(crate) struct Runner {
    pub(crate) client: Client,
    pub(crate) token: String,
    pub(crate) id: i64,
}

impl Runner {
    /// Registers one and lets it have tasks; it was not heard of yet.
    pub(crate) fn register(server: &Server, limit: i64, webhook: &str) -> Self {
        let client = server.anonymous();
        let body = json!({"registration_token": REGISTRATION_TOKEN, "max_parallel_tasks": limit, "webhook": webhook});
        let token = client.post(PATH, &body).expect(200).json()["token"].as_str().unwrap().to_owned();
        let admin = server.admin();
        let id = admin.get("/api/runners").expect(200).json()[0]["id"].as_i64().unwrap();
        admin.post(&format!("/api/runners/{id}/active"), &json!({"active": true})).expect(204);
        Self { client, token, id }
    }

    pub(crate) fn poll(&self) -> Value {
        self.client.send_with("GET", PATH, None, &[("X-Runner-Token", &self.token)]).expect(200).json()
    }

    /// Polls until the task is among the new ones; the answer.
    pub(crate) fn gets(&self, task: i64) -> Value {
        wait_until(&format!("the runner gets task {task}"), SOON, || {
            let state = self.poll();
            state["new_jobs"]
                .as_array()
                .is_some_and(|jobs| jobs.iter().any(|job| job["task"]["id"] == task))
                .then_some(state)
        })
    }

    pub(crate) fn put(&self, jobs: &Value) -> Answer {
        let body = json!({"Jobs": jobs}).to_string();
        self.client.send_with("PUT", PATH, Some(&body), &[("X-Runner-Token", &self.token)])
    }

    /// Reports as the reference's runner does.
    pub(crate) fn says(&self, task: i64, status: &str, lines: &[&str]) {
        self.put(&json!([{"ID": task, "Status": status, "LogRecords": records(lines), "Commit": null}])).expect(204);
    }

    /// Reports as ours does: with the number of the first line.
    pub(crate) fn says_from(&self, task: i64, status: &str, first: usize, lines: &[&str]) {
        let extras = json!({"first_record": first});
        self.put(&json!([{"ID": task, "Status": status, "LogRecords": records(lines), "Commit": null, "rs": extras}]))
            .expect(204);
    }

    /// The status of a task among those that have begun.
    pub(crate) fn current(&self, task: i64) -> Option<String> {
        let state = self.poll();
        let job = state["CurrentJobs"].as_array()?.iter().find(|job| job["id"] == task)?.clone();
        Some(job["status"].as_str().unwrap().to_owned())
    }
}

pub(crate) fn records(lines: &[&str]) -> Value {
    let time = "2026-11-22T00:36:57.5Z";
    lines.iter().map(|line| json!({"time": time, "message": line})).collect()
}

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) admin: Client,
    pub(crate) project: Project,
    pub(crate) template: i64,
}

impl World {
    pub(crate) fn with(mut config: Value) -> Self {
        if config.get("use_remote_runner").is_none() {
            config["use_remote_runner"] = true.into();
        }
        Self::on(Server::with_config(config))
    }

    pub(crate) fn on(server: Server) -> Self {
        let admin = server.admin();
        let repository = server.directory().join("repository");
        git_repository(&repository, &[("run.sh", "echo here\n")]);
        let project = Project::create(&admin, repository.to_str().unwrap());
        let template = project.template(&admin, "bash", "run.sh");
        Self { server, admin, project, template }
    }

    pub(crate) fn start(&self) -> i64 {
        self.project.start(&self.admin, self.template)
    }

    pub(crate) fn path(&self, task: i64, rest: &str) -> String {
        format!("/api/project/{}/tasks/{task}{rest}", self.project.id)
    }

    pub(crate) fn stop(&self, task: i64, force: bool) {
        self.admin.post(&self.path(task, "/stop"), &json!({"force": force})).expect(204);
    }

    pub(crate) fn lines(&self, task: i64) -> Vec<String> {
        self.admin.output(self.project.id, task)
    }

    pub(crate) fn status(&self, task: i64) -> Value {
        self.admin.get(&self.path(task, "/status")).expect(200).json()
    }

    /// Waits until the task waits for this; the sentence.
    pub(crate) fn waits_for(&self, task: i64, code: &str) -> String {
        wait_until(&format!("task {task} waits for {code}"), SOON, || {
            let waiting = self.status(task)["waiting"].clone();
            (waiting["code"] == code).then(|| waiting["message"].as_str().unwrap().to_owned())
        })
    }

    pub(crate) fn ends(&self, task: i64, status: &str) -> Value {
        let row = self.admin.wait_for_end(self.project.id, task);
        assert_eq!(row["status"], status, "{:#?}\n{}", self.lines(task), self.server.log());
        row
    }

    /// The task failed with this reason, which is its last line and its problem.
    pub(crate) fn fails_with(&self, task: i64, reason: &str) {
        self.ends(task, "error");
        let last = self.lines(task).pop().unwrap();
        assert!(last.starts_with("Failed to run task: ") && last.contains(reason), "{last}");
        let problems = self.status(task)["problems"].clone();
        assert!(problems[0]["message"].as_str().unwrap().contains(reason), "{problems}");
    }

    pub(crate) fn rows(&self) -> usize {
        self.server.sql("select task_id from rs_task_runner").len()
    }
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn a_task_goes_to_a_runner_and_back() {
    let world = World::with(json!({}));
    // Reference: the words.
    let nobody = world.start();
    world.fails_with(nobody, "no runners available");
    let lines = world.lines(nobody);
    assert_eq!(lines[1..3], [format!("Started: {nobody}"), "Run TaskRunner with template: bash run.sh\n".to_owned()]);

    let runner = Runner::register(&world.server, 2, "");
    let task = world.start();
    assert!(world.waits_for(task, "runner_silent").contains("has not been heard of lately"));
    assert_eq!(world.lines(task).len(), 1, "no line is said again while a task waits");
    let state = runner.gets(task);
    assert_eq!(world.lines(task).len(), 3);
    // The members of the reference's answer, as they were recorded, are there; ours is one more.
    let recorded = [
        "Username",
        "IncomingVersion",
        "Alias",
        "task",
        "template",
        "inventory",
        "inventory_repository",
        "repository",
        "environment",
    ];
    let job = &state["new_jobs"][0];
    let mut expected: BTreeSet<String> = recorded.map(str::to_owned).into();
    expected.insert("rs".to_owned());
    assert_eq!(keys(job), expected);
    assert_eq!(keys(&state), ["CurrentJobs", "access_keys", "new_jobs"].map(str::to_owned).into());
    assert_eq!(state["CurrentJobs"], Value::Null);
    let told = ["status", "secret"].map(|name| job["task"][name].clone());
    assert_eq!(told, [json!("starting"), json!("{}")]);
    assert_eq!((&job["Username"], &job["template"]["playbook"]), (&json!("admin"), &json!("run.sh")));
    assert_eq!(state["access_keys"][world.project.key.to_string()]["type"], "none");
    assert_eq!(world.status(task)["status"], "starting");
    let listed = world.admin.get("/api/tasks").expect(200).json();
    assert_eq!((&listed[0]["location"], &listed[0]["runner_id"]), (&json!("running"), &json!(runner.id)));

    // Told again until the runner says something; an empty status for a moment is no reason to refuse its lines.
    assert_eq!(runner.poll()["new_jobs"][0]["task"]["id"], task);
    runner.says(task, "", &["Preparing"]);
    assert_eq!(world.lines(task)[3..], ["Preparing"], "what was answered is stored");
    assert_eq!(world.status(task)["status"], "starting");
    runner.says(task, "running", &["one", "two\twords"]);
    assert_eq!(world.status(task)["status"], "running");
    let state = runner.poll();
    assert_eq!(state["CurrentJobs"], json!([{"id": task, "status": "running"}]));
    assert_eq!(state["new_jobs"], Value::Null);
    runner.says(task, "frozen", &["three"]);
    let commit = json!({"hash": "4ce7f4c280e9139883863655eb754bd79277a43f", "message": "first"});
    let last = json!([{"ID": task, "Status": "success", "LogRecords": records(&["four"]), "Commit": commit}]);
    runner.put(&last).expect(204);
    // Answered means stored, the end as well.
    let row = world.admin.get(&world.path(task, "")).expect(200).json();
    assert_eq!(
        (&row["status"], &row["commit_hash"], &row["commit_message"]),
        (&json!("success"), &commit["hash"], &commit["message"])
    );
    assert!(row["start"].is_string() && row["end"].is_string(), "{row}");
    assert_eq!(world.lines(task)[3..], ["Preparing", "one", "two\twords", "three", "four"]);
    assert_eq!((runner.poll()["CurrentJobs"].clone(), world.rows()), (Value::Null, 0));
    // A report about what has ended is passed over.
    runner.says(task, "success", &["late"]);
    assert_eq!(world.lines(task).len(), 8);

    // A task that was too quick to be seen running, and one that fails.
    let quick = world.start();
    runner.gets(quick);
    runner.says(quick, "error", &["no"]);
    let row = world.ends(quick, "error");
    assert!(row["start"].is_string());
    assert_eq!(world.lines(quick)[3..], ["no", "Failed to run task: task failed"]);
    // Somebody else's.
    let other = Runner::register(&world.server, 0, "");
    let third = world.start();
    let (owner, stranger) = wait_until("one of them gets it", SOON, || {
        for (one, two) in [(&runner, &other), (&other, &runner)] {
            if one.poll()["new_jobs"] != Value::Null {
                return Some((one, two));
            }
        }
        None
    });
    let refused = stranger.put(&json!([{"ID": third, "Status": "running", "LogRecords": null}])).expect(400);
    assert_eq!(refused.json()["error"], "Task not assigned to this runner");
    owner.says(third, "success", &[]);
    world.ends(third, "success");
}

#[test]
fn a_runner_has_no_more_tasks_than_it_may() {
    let world = World::with(json!({}));
    let runner = Runner::register(&world.server, 1, "");
    runner.poll();
    let tasks = [world.start(), world.start()];
    runner.gets(tasks[0]);
    runner.says(tasks[0], "running", &[]);
    assert!(world.waits_for(tasks[1], "runner_limit").contains("as many tasks as it may have"));
    let events = |task: i64| {
        let rows = world
            .server
            .sql(&format!("select description from event where object_type = 'task' and object_id = {task}"));
        rows.len()
    };
    // It is looked at again and again meanwhile.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((world.lines(tasks[1]).len(), events(tasks[1])), (1, 1), "a task that waits says nothing again");
    assert_eq!(runner.poll()["new_jobs"], Value::Null);
    runner.says(tasks[0], "success", &[]);
    runner.gets(tasks[1]);
    runner.says(tasks[1], "success", &["x"]);
    world.ends(tasks[1], "success");
    let lines = world.lines(tasks[1]);
    assert_eq!(lines.iter().filter(|line| line.starts_with("Started")).count(), 1, "{lines:?}");
    assert_eq!(lines.last().unwrap(), "x");
}

#[test]
fn a_stop_reaches_the_runner_and_a_forced_one_does_not_wait_for_it() {
    let world = World::with(json!({}));
    let runner = Runner::register(&world.server, 0, "");
    runner.poll();
    let task = world.start();
    runner.gets(task);
    runner.says(task, "running", &["tick"]);
    world.stop(task, false);
    assert_eq!(world.status(task)["status"], "stopping");
    assert_eq!(runner.current(task).as_deref(), Some("stopping"));
    // What it still says of itself does not bring the task back.
    runner.says(task, "running", &["tock"]);
    assert_eq!(world.status(task)["status"], "stopping");
    runner.says(task, "stopped", &["end"]);
    world.ends(task, "stopped");
    assert_eq!(world.lines(task)[3..], ["tick", "tock", "end"]);

    let forced = world.start();
    runner.gets(forced);
    runner.says(forced, "running", &[]);
    world.stop(forced, true);
    world.ends(forced, "stopped");
    // Reference: the runner is never told. Here it is until it has ended it.
    assert_eq!(runner.current(forced).as_deref(), Some("stopping"));
    runner.says(forced, "running", &["still here"]);
    assert_eq!(runner.current(forced).as_deref(), Some("stopping"));
    assert_eq!(world.lines(forced).len(), 3, "a task that has ended has no more lines");
    runner.says(forced, "stopped", &[]);
    assert_eq!((runner.current(forced), world.rows()), (None, 0));

    // One that no runner was told of ends at once.
    let early = world.start();
    wait_until("the task is given", SOON, || (world.rows() == 1).then_some(()));
    world.stop(early, false);
    world.ends(early, "stopped");
    assert_eq!((runner.poll()["new_jobs"].clone(), world.rows()), (Value::Null, 0));
}

#[test]
fn a_question_is_answered_through_the_status() {
    let world = World::with(json!({}));
    let runner = Runner::register(&world.server, 0, "");
    runner.poll();
    for (answer, status) in [("confirm", "confirmed"), ("reject", "rejected")] {
        let task = world.start();
        runner.gets(task);
        runner.says(task, "running", &[]);
        runner.says(task, "waiting_confirmation", &["plan"]);
        assert_eq!(runner.current(task).as_deref(), Some("waiting_confirmation"));
        world.admin.post(&world.path(task, &format!("/{answer}")), &json!({})).expect(204);
        // The runner does not know it yet.
        runner.says(task, "waiting_confirmation", &[]);
        assert_eq!(runner.current(task).as_deref(), Some(status));
        runner.says(task, status, &[]);
        runner.says(task, "success", &[]);
        world.ends(task, "success");
    }
}

#[test]
fn a_task_that_waits_for_an_answer_is_stopped() {
    let world = World::with(json!({}));
    let runner = Runner::register(&world.server, 0, "");
    runner.poll();
    let task = world.start();
    runner.gets(task);
    runner.says(task, "waiting_confirmation", &["plan"]);
    world.stop(task, false);
    // It has not been told yet.
    runner.says(task, "waiting_confirmation", &[]);
    assert_eq!(runner.current(task).as_deref(), Some("stopping"));
    runner.says(task, "stopped", &[]);
    world.ends(task, "stopped");
}

#[test]
fn what_was_heard_of_in_the_future_is_heard_of_now() {
    let world = World::with(json!({}));
    let runner = Runner::register(&world.server, 0, "");
    runner.poll();
    let task = world.start();
    runner.gets(task);
    runner.says(task, "running", &[]);
    // As after a clock that was set back, or from a server whose clock is ahead.
    world.server.change_database("update rs_task_runner set heard = '2098-01-01 00:00:00'");
    runner.says(task, "running", &[]);
    let heard = world.server.sql("select count(*) from rs_task_runner where heard > '2097-01-01 00:00:00'");
    assert_eq!(heard[0][0], 0, "for the server it would be forgotten by its runner in a minute");
    runner.says(task, "success", &[]);
    world.ends(task, "success");
}

#[test]
fn a_server_that_was_killed_goes_on_with_the_tasks_of_its_runners() {
    let mut world = World::with(json!({}));
    let runner = Runner::register(&world.server, 0, "");
    runner.poll();
    let tasks = [world.start(), world.start(), world.start()];
    for task in &tasks[..2] {
        let state = runner.gets(*task);
        let job = state["new_jobs"].as_array().unwrap().iter().find(|job| job["task"]["id"] == *task).unwrap().clone();
        assert_eq!(job["rs"]["first_record"], 2, "its lines follow those with which every task begins");
    }
    runner.says_from(tasks[0], "running", 2, &["a", "b"]);
    wait_until("the third is given", SOON, || (world.rows() == 3).then_some(()));
    world.server.crash();
    world.server.start_again();
    world.admin = world.server.admin();
    let runner = Runner { client: world.server.anonymous(), ..runner };
    let statuses = tasks.map(|task| world.status(task)["status"].clone());
    assert_eq!(statuses, ["running", "starting", "starting"]);
    // Nobody knows whether the answer to the last report got lost: it is sent again, with more.
    runner.says_from(tasks[0], "running", 2, &["a", "b", "c"]);
    runner.says_from(tasks[0], "running", 4, &["c", "d"]);
    assert_eq!(world.lines(tasks[0])[3..], ["a", "b", "c", "d"]);
    runner.says_from(tasks[0], "success", 6, &[]);
    world.ends(tasks[0], "success");
    for task in &tasks[1..] {
        runner.gets(*task);
        // As the reference's runner: without a number, every line is new.
        runner.says(*task, "running", &["x"]);
        runner.says(*task, "success", &["x"]);
        world.ends(*task, "success");
        assert_eq!(world.lines(*task)[3..], ["x", "x"]);
    }
    assert_eq!(world.rows(), 0);
}

#[test]
fn what_a_runner_of_ours_tells_beside_its_lines_is_kept() {
    let world = World::with(json!({}));
    let runner = Runner::register(&world.server, 0, "");
    runner.poll();
    let task = world.start();
    runner.gets(task);
    let time = "2026-11-22T00:36:57Z";
    let stage = json!({"stage": {"stage": "checkout", "time": time}});
    let problem = json!({"problem": {"code": "repository", "message": "there is no such branch"}});
    let events = json!([stage, problem, {"unheard_of": 1}]);
    for _ in 0..2 {
        let extras = json!({"first_record": 2, "events": events});
        let body =
            json!([{"ID": task, "Status": "running", "LogRecords": records(&["x"]), "Commit": null, "rs": extras}]);
        runner.put(&body).expect(204);
    }
    let state = world.status(task);
    assert_eq!((&state["stage"], state["problems"].as_array().unwrap().len()), (&json!("checkout"), 1), "{state}");
    let extras = json!({"first_record": 3, "events": [{"done": {"failed": "exit status 128"}}]});
    runner.put(&json!([{"ID": task, "Status": "error", "LogRecords": null, "Commit": null, "rs": extras}])).expect(204);
    world.ends(task, "error");
    assert_eq!(world.lines(task)[3..], ["x", "Failed to run task: exit status 128"]);
}

#[test]
fn a_task_of_a_runner_that_is_gone_fails_with_the_reason() {
    let world = World::with(json!({"runner_lost_after_sec": 2}));
    let runner = Runner::register(&world.server, 0, "");
    runner.poll();
    let silent = world.start();
    runner.gets(silent);
    runner.says(silent, "running", &["x"]);
    world.fails_with(silent, "has not been heard of for 2 s");
    // If it comes back it is told to end what it may still do.
    assert_eq!(runner.current(silent).as_deref(), Some("stopping"));
    runner.says(silent, "stopped", &[]);

    let removed = world.start();
    runner.gets(removed);
    world.admin.delete(&format!("/api/runners/{}", runner.id)).expect(204);
    world.fails_with(removed, "was removed");
    assert_eq!(world.rows(), 0);
}

#[test]
fn a_task_that_its_runner_does_not_come_for_goes_to_another_one() {
    let world = World::with(json!({}));
    let first = Runner::register(&world.server, 0, "");
    first.poll();
    let task = world.start();
    wait_until("the task is given", SOON, || (world.rows() == 1).then_some(()));
    let second = Runner::register(&world.server, 0, "");
    world.admin.post(&format!("/api/runners/{}/active", first.id), &json!({"active": false})).expect(204);
    let job = second.gets(task)["new_jobs"][0].clone();
    let lines = world.lines(task);
    assert!(lines[3].contains("waits for another runner") && lines[3].contains("switched off"), "{lines:?}");
    let first_record = usize::try_from(job["rs"]["first_record"].as_u64().unwrap()).unwrap();
    assert_eq!(first.poll()["new_jobs"], Value::Null, "only one of them has it");
    second.says_from(task, "running", first_record, &["x", "y"]);
    second.says_from(task, "success", first_record, &["x", "y", "z"]);
    world.ends(task, "success");
    assert_eq!(world.lines(task)[6..], ["x", "y", "z"], "{:?}", world.lines(task));
}

#[test]
fn a_task_may_not_take_longer_there_either() {
    let world = World::with(json!({"max_task_duration_sec": 2}));
    let runner = Runner::register(&world.server, 0, "");
    runner.poll();
    let task = world.start();
    runner.gets(task);
    runner.says(task, "running", &[]);
    world.fails_with(task, "max_task_duration_sec");
    assert_eq!(runner.current(task).as_deref(), Some("stopping"));
}

/// Answers requests with the statuses that it gets, and tells their bodies.
pub(crate) fn hook(statuses: mpsc::Receiver<u16>) -> (String, mpsc::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let (told, bodies) = mpsc::channel();
    std::thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = Vec::new();
            let body = loop {
                let mut piece = [0; 4096];
                let count = stream.read(&mut piece).unwrap();
                text.extend_from_slice(&piece[..count]);
                let all = String::from_utf8_lossy(&text).into_owned();
                if let Some((_, body)) = all.split_once("\r\n\r\n")
                    && let Ok(body) = serde_json::from_str(body)
                {
                    break body;
                }
            };
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            told.send(body).unwrap();
        }
    });
    (address, bodies)
}

#[test]
fn a_runner_with_a_webhook_is_woken() {
    let world = World::with(json!({}));
    let (answer, statuses) = mpsc::channel();
    let (address, bodies) = hook(statuses);
    // It sleeps: nobody has heard of it.
    let runner = Runner::register(&world.server, 0, &address);
    answer.send(204).unwrap();
    let task = world.start();
    let call = |action: &str, task: i64| json!({"action": action, "project_id": world.project.id, "task_id": task, "template_id": world.template, "runner_id": runner.id});
    assert_eq!(bodies.recv_timeout(SOON).unwrap(), call("start", task));
    runner.gets(task);
    answer.send(200).unwrap();
    runner.says(task, "success", &[]);
    assert_eq!(bodies.recv_timeout(SOON).unwrap(), call("finish", task));
    world.ends(task, "success");
    // A webhook that does not work is told to the people.
    answer.send(500).unwrap();
    let failing = world.start();
    world.fails_with(failing, "answered 500");
    assert_eq!(bodies.recv_timeout(SOON).unwrap(), call("start", failing));
    answer.send(200).unwrap();
    assert_eq!(bodies.recv_timeout(SOON).unwrap(), call("finish", failing));
    assert_eq!(world.rows(), 0);
}

#[test]
fn tags_say_where_a_task_runs() {
    let world = World::with(json!({"use_remote_runner": false}));
    // Without a tag it runs here.
    let here = world.start();
    world.ends(here, "success");
    assert!(world.lines(here).contains(&"here".to_owned()));
    let [tagged, global] = [(); 2].map(|()| Runner::register(&world.server, 0, ""));
    let of_project = |runner: &Runner, tag: &str| {
        let set =
            format!("update runner set project_id = {}, tag = '{tag}' where id = {}", world.project.id, runner.id);
        world.server.change_database(&set);
    };
    of_project(&tagged, "red");
    tagged.poll();
    global.poll();
    let template = |fields: &Value| {
        let mut body = world.project.template_body("bash", "run.sh");
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        world.admin.post(&format!("/api/project/{}/templates", world.project.id), &body).expect(201).id()
    };
    let goes_to = |template: i64, runner: &Runner| {
        let task = world.project.start(&world.admin, template);
        runner.gets(task);
        runner.says(task, "success", &[]);
        world.ends(task, "success");
    };
    goes_to(template(&json!({"name": "red", "runner_tag": "red"})), &tagged);
    // Reference: runners of all projects have no tags.
    goes_to(template(&json!({"name": "blue", "runner_tag": "blue"})), &global);
    let inventory = json!({"name": "far", "project_id": world.project.id, "type": "static", "inventory": "x",
        "ssh_key_id": world.project.key, "runner_tag": "red"});
    let inventory =
        world.admin.post(&format!("/api/project/{}/inventory", world.project.id), &inventory).expect(201).id();
    goes_to(template(&json!({"name": "by inventory", "inventory_id": inventory})), &tagged);
    // The template's tag comes before the inventory's.
    goes_to(template(&json!({"name": "both", "inventory_id": inventory, "runner_tag": "blue"})), &global);
}

#[test]
fn secrets_reach_the_runner_and_no_other_place() {
    let world = World::with(json!({}));
    let runner = Runner::register(&world.server, 0, "");
    runner.poll();
    let key = world.project.key(&world.admin, "login_password", &json!({"login": "root", "password": "become-secret"}));
    let path = format!("/api/project/{}", world.project.id);
    let inventory = json!({"name": "far", "project_id": world.project.id, "type": "static", "inventory": "x",
        "ssh_key_id": world.project.key, "become_key_id": key});
    let inventory = world.admin.post(&format!("{path}/inventory"), &inventory).expect(201).id();
    let secrets = json!([{"type": "env", "name": "TOKEN", "secret": "environment-secret", "operation": "create"}]);
    let environment =
        json!({"name": "far", "project_id": world.project.id, "json": "{}", "env": "{}", "secrets": secrets});
    let environment = world.admin.post(&format!("{path}/environment"), &environment).expect(201).id();
    let mut body = world.project.template_body("bash", "run.sh");
    body["name"] = "secret".into();
    body["inventory_id"] = inventory.into();
    body["environment_id"] = environment.into();
    body["survey_vars"] = json!([{"name": "pin", "title": "PIN", "type": "secret"}]);
    let template = world.admin.post(&format!("{path}/templates"), &body).expect(201).id();
    let task = json!({"template_id": template, "secret": "{\"pin\":\"survey-secret\"}"});
    let task = world.admin.post(&format!("{path}/tasks"), &task).expect(201).id();
    let state = runner.gets(task);
    let job = &state["new_jobs"][0];
    assert_eq!(
        state["access_keys"][key.to_string()]["login_password"],
        json!({"login": "root", "password": "become-secret"})
    );
    assert_eq!(job["environment"]["secrets"][0]["secret"], "environment-secret");
    assert_eq!(job["rs"]["survey_secrets"], "{\"pin\":\"survey-secret\"}");
    runner.says(task, "success", &[]);
    world.ends(task, "success");
    let log = world.server.log();
    for secret in ["become-secret", "environment-secret", "survey-secret", runner.token.as_str()] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn a_runner_may_talk_to_any_server_of_a_database() {
    let world = World::with(json!({}));
    let other = Server::with_config(json!({"use_remote_runner": true, "sqlite": {"host": world.server.database()}}));
    let here = Runner::register(&world.server, 0, "");
    let there = Runner { client: other.anonymous(), token: here.token.clone(), id: here.id };
    here.poll();
    let task = world.start();
    // The other one tells it of the task that is not its own, and takes what it says.
    there.gets(task);
    let mut expected = Vec::new();
    for round in 0..6 {
        let line = format!("line {round}");
        let runner = if round % 2 == 0 { &there } else { &here };
        runner.says(task, "running", &[&line]);
        expected.push(line);
    }
    world.stop(task, false);
    assert_eq!(there.current(task).as_deref(), Some("stopping"));
    there.says(task, "stopped", &["end"]);
    world.ends(task, "stopped");
    expected.push("end".to_owned());
    assert_eq!(world.lines(task)[3..], expected, "in order, each once");
    assert!(world.server.sql("select id from rs_runner_report").is_empty());
    // The server that has the task dies; the other one goes on with it.
    let task = world.start();
    there.gets(task);
    here.says(task, "running", &["before"]);
    let World { mut server, admin: _, project, .. } = world;
    server.crash();
    there.says(task, "running", &["between"]);
    let admin = other.admin();
    wait_until("the other server has it", SOON, || {
        admin.output(project.id, task).contains(&"between".to_owned()).then_some(())
    });
    there.says(task, "success", &["after"]);
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "success");
    assert_eq!(admin.output(project.id, task)[3..], ["before", "between", "after"]);
}
