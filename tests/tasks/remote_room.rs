//! Remote runners that take no more tasks now, or as many as they say: those that wait go to another one, or wait for the room.
//!
//! Real runners where it matters what they say of themselves; else a client that says so (`remote.rs`).

use std::{fs, path::PathBuf, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use semaphore_tests::{Client, Project, REGISTRATION_TOKEN, RunnerProcess, Server, git_repository, wait_until};
use serde_json::{Value, json};

use crate::remote::{Runner, SOON, World};

/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(1);

const PATH: &str = "/api/internal/runners";

/// A server that runs nothing itself, with a task that waits for a file and one that is quick.
struct Place {
    server: Server,
    admin: Client,
    project: Project,
    gate: PathBuf,
    slow: i64,
    quick: i64,
}

impl Place {
    fn new() -> Self {
        let server = Server::with_config(json!({"use_remote_runner": true}));
        let repository = server.directory().join("repository");
        let gate = server.directory().join("gate");
        let gate_name = gate.display();
        let slow =
            format!("echo ready\nwhile [ ! -e '{gate_name}' ]; do echo x >> '{gate_name}.beat'; sleep 0.1; done\n");
        git_repository(&repository, &[("slow.sh", &slow), ("quick.sh", "echo \"in $PWD\"\nsleep 0.5\n")]);
        let admin = server.admin();
        let project = Project::create(&admin, &format!("file://{}", repository.display()));
        let [slow, quick] = ["slow.sh", "quick.sh"].map(|script| project.template(&admin, "bash", script));
        Self { server, admin, project, gate, slow, quick }
    }

    /// A runner that may have five tasks at once, as far as the server is concerned; it is not started. Of those that may have a
    /// task the one that was registered last is asked first.
    fn register(&self, over: &Value) -> RunnerProcess {
        let address = format!("http://127.0.0.1:{}", self.server.port());
        let runner = RunnerProcess::prepared(&address, over);
        let mut register = runner.command(&["register"]);
        let output = register.env("SEMAPHORE_RUNNER_REGISTRATION_TOKEN", REGISTRATION_TOKEN).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let mut row = self.admin.get("/api/runners").expect(200).json()[0].clone();
        row["active"] = json!(true);
        row["max_parallel_tasks"] = json!(5);
        self.admin.put(&format!("/api/runners/{}", row["id"]), &row).expect(204);
        runner
    }

    /// Starts the slow task at the only runner that is there.
    fn occupy(&self, runner: &mut RunnerProcess) -> i64 {
        runner.start();
        runner.wait_for_log("Runner connected");
        let task = self.project.start(&self.admin, self.slow);
        wait_until("the slow task runs", LIMIT, || {
            self.admin.output(self.project.id, task).contains(&"ready".to_owned()).then_some(())
        });
        task
    }

    fn status(&self, task: i64) -> String {
        let row = self.admin.get(&format!("/api/project/{}/tasks/{task}", self.project.id)).expect(200).json();
        row["status"].as_str().unwrap().to_owned()
    }

    /// A quick task runs at this runner within seconds, although another one would be asked first.
    fn runs_at(&self, runner: &RunnerProcess) {
        let task = self.project.start(&self.admin, self.quick);
        wait_until(&format!("task {task} runs at the other runner"), Duration::from_secs(25), || {
            (self.status(task) == "success").then_some(())
        });
        let lines = self.admin.output(self.project.id, task);
        let place = format!("in {}", runner.path("tmp").display());
        assert!(lines.iter().any(|line| line.starts_with(&place)), "{lines:#?}\n{}", runner.log());
    }

    /// The file that grows as long as the slow task works.
    fn beat(&self) -> PathBuf {
        self.gate.with_extension("beat")
    }

    /// Lets the slow task end, which succeeds.
    fn open_gate(&self, task: i64) {
        fs::write(&self.gate, "").unwrap();
        assert_eq!(self.admin.wait_for_end(self.project.id, task)["status"], "success");
    }
}

#[test]
fn a_runner_that_is_to_end_leaves_new_tasks_to_another_one() {
    let place = Place::new();
    let mut other = place.register(&json!({}));
    let mut leaving = place.register(&json!({"process": {"hand_over": "off"}}));
    let slow = place.occupy(&mut leaving);
    other.start();
    other.wait_for_log("Runner connected");
    leaving.signal(Signal::SIGTERM);
    leaving.wait_for_log("no more tasks are taken");
    place.runs_at(&other);
    assert_eq!(place.status(slow), "running");
    place.open_gate(slow);
    assert!(leaving.wait().success());
}

#[test]
fn a_second_signal_stops_tasks_although_the_server_hangs() {
    let place = Place::new();
    let mut runner = place.register(&json!({"process": {"hand_over": "off"}}));
    let slow = place.occupy(&mut runner);
    let works = || fs::read_to_string(place.beat()).unwrap_or_default().len();
    let server = Pid::from_raw(place.server.process_id() as i32);
    kill(server, Signal::SIGSTOP).unwrap();
    // By then a request of the runner waits for its answer.
    std::thread::sleep(Duration::from_secs(3));
    runner.signal(Signal::SIGTERM);
    runner.wait_for_log("stopping");
    runner.signal(Signal::SIGTERM);
    wait_until("the task works no more", Duration::from_secs(8), || {
        let before = works();
        std::thread::sleep(Duration::from_secs(1));
        (works() == before).then_some(())
    });
    kill(server, Signal::SIGCONT).unwrap();
    assert_eq!(place.admin.wait_for_end(place.project.id, slow)["status"], "stopped", "{}", runner.log());
    runner.wait();
}

#[test]
fn a_runner_that_takes_work_once_is_given_nothing_more_while_it_works() {
    let place = Place::new();
    let mut other = place.register(&json!({}));
    let mut once = place.register(&json!({"runner": {"one_off": true}}));
    let slow = place.occupy(&mut once);
    other.start();
    other.wait_for_log("Runner connected");
    place.runs_at(&other);
    place.open_gate(slow);
    assert!(once.wait().success());
}

#[test]
fn tasks_wait_for_a_runner_that_takes_one_at_a_time() {
    let place = Place::new();
    let mut runner = place.register(&json!({"runner": {"max_parallel_tasks": 1}}));
    runner.start();
    runner.wait_for_log("Runner connected");
    let tasks = [(); 5].map(|()| place.project.start(&place.admin, place.quick));
    let mut most_starting = 0;
    wait_until("all tasks have run", LIMIT, || {
        let statuses = tasks.map(|task| place.status(task));
        let count = |wanted: &str| statuses.iter().filter(|status| *status == wanted).count();
        most_starting = most_starting.max(count("starting"));
        (count("success") == tasks.len()).then_some(())
    });
    assert!(most_starting <= 1, "{most_starting} tasks were given to a runner that takes one");
}

/// Polls as a runner of ours does, and tells the tasks that it is to begin.
fn poll(runner: &Runner, room: &str) -> Vec<i64> {
    let headers = [("X-Runner-Token", runner.token.as_str()), ("X-Runner-Room", room)];
    let state = runner.client.send_with("GET", PATH, None, &headers).expect(200).json();
    let jobs = state["new_jobs"].as_array().cloned().unwrap_or_default();
    jobs.iter().map(|job| job["task"]["id"].as_i64().unwrap()).collect()
}

#[test]
fn a_runner_is_told_of_as_many_tasks_as_it_has_room_for() {
    let world = World::with(json!({}));
    let runner = Runner::register(&world.server, 0, "");
    assert!(poll(&runner, "0").is_empty());
    let first = world.start();
    assert!(world.waits_for(first, "runner_limit").contains("takes no more tasks now"));
    let given = |room: &str| wait_until("it is given a task", SOON, || poll(&runner, room).first().copied());
    assert_eq!(given("1"), first);
    // It has not begun yet, and is told again.
    let second = world.start();
    world.waits_for(second, "runner_limit");
    assert_eq!(poll(&runner, "1"), [first]);
    runner.says(first, "running", &[]);
    assert!(poll(&runner, "0").is_empty());
    assert_eq!(world.status(second)["status"], "waiting");
    assert_eq!(given("1"), second);
    for task in [first, second] {
        runner.says(task, "success", &[]);
        world.ends(task, "success");
    }
    world.admin.delete(&format!("/api/runners/{}", runner.id)).expect(204);
    assert!(world.server.sql("select room from rs_runner_room").is_empty());
}

#[test]
fn a_task_that_a_runner_has_no_room_for_goes_to_another_one() {
    let world = World::with(json!({}));
    let closing = Runner::register(&world.server, 0, "");
    poll(&closing, "1");
    let task = world.start();
    wait_until("the task is given", SOON, || (world.rows() == 1).then_some(()));
    let other = Runner::register(&world.server, 0, "");
    other.poll();
    assert!(poll(&closing, "0").is_empty());
    other.gets(task);
    other.says(task, "success", &[]);
    world.ends(task, "success");
    let lines = world.lines(task);
    assert!(lines.iter().any(|line| line.contains("takes no more tasks now")), "{lines:#?}");
}

#[test]
fn a_runner_whose_public_key_is_unreadable_keeps_no_task() {
    let world = World::with(json!({}));
    let body = json!({"registration_token": REGISTRATION_TOKEN, "public_key": "no key"});
    let refused = world.server.anonymous().post(PATH, &body).expect(400);
    assert_eq!(refused.json()["error"], "Invalid public key");
    assert!(world.server.sql("select id from runner").is_empty());

    // One of a database that the Go server has written.
    let broken = Runner::register(&world.server, 0, "");
    world.server.change_database(&format!("update runner set public_key = 'no key' where id = {}", broken.id));
    let ask = || broken.client.send_with("GET", PATH, None, &[("X-Runner-Token", &broken.token)]);
    ask().expect(400);
    let task = world.start();
    world.waits_for(task, "runner_silent");
    ask().expect(400);
    assert_eq!(world.server.sql("select touched from runner")[0][0], Value::Null);
    assert_eq!(world.rows(), 0);
    let good = Runner::register(&world.server, 0, "");
    good.gets(task);
    good.says(task, "success", &[]);
    world.ends(task, "success");
}
