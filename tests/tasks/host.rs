//! Tasks outlive their server: killed, replaced or stopped, the next one goes on with them, and every line is there once.

use std::{fs, path::Path, time::Duration};

use nix::{
    sys::{
        signal::{Signal, kill},
        stat::Mode,
    },
    unistd::{Pid, mkfifo},
};
use semaphore_tests::{
    Client, Project, SecretWatch, Server, assert_nothing_left, git_repository, processes_with, program, task_hosts,
    wait_until,
};
use serde_json::{Value, json};

/// Longest time for something to happen.
const SOON: Duration = Duration::from_mins(1);

/// Prints numbers until its file is there.
pub(super) const COUNTING: &str =
    "n=0\nuntil [ -e \"$1\" ]; do n=$((n + 1)); echo line $n; sleep 0.02; done\necho last $n\n";

pub(super) struct World {
    pub(super) server: Server,
    pub(super) project: Project,
    /// Counts until `go` is there.
    pub(super) counting: i64,
}

impl World {
    pub(super) fn new(config: Value, scripts: &[(&str, &str)]) -> Self {
        Self::on(Server::with_config(config), scripts)
    }

    pub(super) fn on(server: Server, scripts: &[(&str, &str)]) -> Self {
        let repository = server.directory().join("repository");
        git_repository(&repository, &[&[("counting.sh", COUNTING)], scripts].concat());
        let admin = server.admin();
        let project = Project::create(&admin, repository.to_str().unwrap());
        let mut world = Self { server, project, counting: 0 };
        world.counting = world.template("counting.sh", &world.gate());
        world
    }

    pub(super) fn gate(&self) -> String {
        self.server.directory().join("go").display().to_string()
    }

    pub(super) fn open_gate(&self) {
        fs::write(self.gate(), "").unwrap();
    }

    pub(super) fn template(&self, script: &str, argument: &str) -> i64 {
        let mut body = self.project.template_body("bash", script);
        body["arguments"] = json!([argument]).to_string().into();
        self.server.admin().post(&format!("/api/project/{}/templates", self.project.id), &body).expect(201).id()
    }

    pub(super) fn start(&self, admin: &Client, template: i64) -> i64 {
        self.project.start(admin, template)
    }

    /// How many lines of a task are stored.
    pub(super) fn stored(&self, task: i64) -> i64 {
        self.server.sql(&format!("select count(*) from task__output where task_id = {task}"))[0][0].as_i64().unwrap()
    }

    pub(super) fn until_stored(&self, task: i64, lines: i64) {
        wait_until(&format!("task {task} has {lines} lines"), SOON, || (self.stored(task) >= lines).then_some(()));
    }

    /// The task succeeded, and its lines are there once and in order, in the table as the Go server reads it and in the API.
    pub(super) fn counted(&self, admin: &Client, task: i64) -> i64 {
        let row = admin.wait_for_end(self.project.id, task);
        assert_eq!(row["status"], "success", "{:#?}\n{}", admin.output(self.project.id, task), self.server.log());
        let query = format!(
            "select output from task__output where task_id = {task} and (output like 'line %' or output like 'last %') order by time, id"
        );
        let rows: Vec<_> = self.server.sql(&query).into_iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
        let (last, lines) = rows.split_last().unwrap();
        assert!(lines.iter().enumerate().all(|(n, line)| *line == format!("line {}", n + 1)), "{rows:?}");
        assert_eq!(*last, format!("last {}", lines.len()));
        let shown = admin.output(self.project.id, task);
        let shown = shown.iter().filter(|line| line.starts_with("line ") || line.starts_with("last "));
        assert!(shown.eq(&rows));
        lines.len() as i64
    }

    pub(super) fn path(&self, task: i64, rest: &str) -> String {
        format!("/api/project/{}/tasks/{task}{rest}", self.project.id)
    }
}

/// Nineteen tasks that count, and one that prints as fast as it can.
#[test]
fn twenty_tasks_outlive_a_kill_of_the_server() {
    // The second part is printed while nobody listens.
    let many =
        "seq -f 'line %.0f' 1 400000\nuntil [ -e \"$1\" ]; do sleep 0.01; done\nseq -f 'line %.0f' 400001 1000000\n";
    let many = [("many.sh", many)];
    let mut world = World::new(json!({"max_parallel_tasks": 20}), &many);
    let admin = world.server.admin();
    let tasks: Vec<_> = (0..19).map(|_| world.start(&admin, world.counting)).collect();
    let more = world.server.directory().join("more");
    let million = world.start(&admin, world.template("many.sh", more.to_str().unwrap()));
    for task in &tasks {
        world.until_stored(*task, 10);
    }
    world.until_stored(million, 20_000);
    world.server.crash();
    fs::write(more, "").unwrap();
    assert_eq!(task_hosts(world.server.directory()).len(), 20);
    // What is said meanwhile is kept.
    let seen: Vec<_> = tasks.iter().map(|task| world.stored(*task)).collect();
    std::thread::sleep(Duration::from_secs(1));
    world.server.start_again();
    let admin = world.server.admin();
    for (task, seen) in tasks.iter().zip(seen) {
        assert_eq!(admin.get(&world.path(*task, "")).expect(200).json()["status"], "running");
        world.until_stored(*task, seen + 10);
    }
    world.open_gate();
    for task in tasks {
        assert!(world.counted(&admin, task) > 20);
    }
    assert_eq!(admin.wait_for_end(world.project.id, million)["status"], "success");
    let query = format!(
        "select count(*), sum(output = 'line ' || number) from (select output, row_number() over (order by time, id) as number \
         from task__output where task_id = {million} and output like 'line %')"
    );
    assert_eq!(world.server.sql(&query), [[1_000_000, 1_000_000]]);
    assert_nothing_left(&world.server);
}

#[test]
fn a_task_goes_on_whoever_is_killed_how_often_and_its_end_is_kept() {
    let mut world = World::new(json!({}), &[]);
    let admin = world.server.admin();
    let task = world.start(&admin, world.counting);
    world.until_stored(task, 10);
    for _ in 0..4 {
        world.server.crash();
        let seen = world.stored(task);
        world.server.start_again();
        world.until_stored(task, seen + 5);
    }
    let path = world.path(task, "/stages?extended=true");
    let stages = |admin: &Client| {
        let stages = admin.get(&path).expect(200).json();
        stages.to_string().matches("checkout").count()
    };
    assert_eq!(stages(&world.server.admin()), 1, "what was told before is known");
    world.server.crash();
    world.open_gate();
    wait_until("the script has ended", SOON, || {
        let directory = world.server.directory().to_str().unwrap();
        (processes_with(directory).len() == task_hosts(world.server.directory()).len()).then_some(())
    });
    world.server.start_again();
    let admin = world.server.admin();
    assert!(world.counted(&admin, task) > 25);
    assert_eq!(stages(&admin), 1);
    let events = format!("select count(*) from event where object_id = {task} and description like '%finished%'");
    assert_eq!(world.server.sql(&events), [[1]]);
    assert_nothing_left(&world.server);
}

#[test]
fn a_task_goes_on_when_the_program_is_replaced() {
    let mut server = Server::prepared(semaphore_tests::Options::default());
    let [old, new] = ["old", "new"].map(|name| server.directory().join(name).join("semaphore"));
    for copy in [&old, &new] {
        fs::create_dir(copy.parent().unwrap()).unwrap();
        fs::copy(program(), copy).unwrap();
    }
    server.use_program(&old);
    server.start_again();
    let mut world = World::on(server, &[]);
    let admin = world.server.admin();
    let first = world.start(&admin, world.counting);
    world.until_stored(first, 10);
    fs::remove_file(&old).unwrap();
    // The file is gone and the server works on.
    let second = world.start(&admin, world.counting);
    world.until_stored(second, 10);
    world.server.crash();
    world.server.use_program(&new);
    world.server.start_again();
    let admin = world.server.admin();
    let third = world.start(&admin, world.counting);
    world.until_stored(third, 10);
    world.open_gate();
    for task in [first, second, third] {
        world.counted(&admin, task);
    }
    assert_nothing_left(&world.server);
}

#[test]
fn a_server_that_is_asked_to_hands_its_tasks_over() {
    let mut world = World::new(json!({"process": {"hand_over": "on"}}), &[]);
    let admin = world.server.admin();
    let task = world.start(&admin, world.counting);
    world.until_stored(task, 10);
    world.server.restart();
    let admin = world.server.admin();
    assert_eq!(admin.get(&world.path(task, "")).expect(200).json()["status"], "running");
    world.open_gate();
    world.counted(&admin, task);
    assert!(!admin.output(world.project.id, task).iter().any(|line| line.contains("shutting down")));
    assert_nothing_left(&world.server);
}

#[test]
fn a_task_that_was_found_again_can_be_stopped() {
    let deaf = [("deaf.sh", "trap '' TERM INT HUP\necho ready\nwhile true; do sleep 0.2; done\n")];
    let mut world = World::new(json!({}), &deaf);
    let admin = world.server.admin();
    let tasks = [(world.counting, false), (world.template("deaf.sh", ""), true)];
    let tasks = tasks.map(|(template, forced)| (world.start(&admin, template), forced));
    for (task, _) in tasks {
        world.until_stored(task, 4);
    }
    world.server.crash();
    world.server.start_again();
    let admin = world.server.admin();
    for (task, forced) in tasks {
        admin.post(&world.path(task, "/stop"), &json!({"force": forced})).expect(204);
        assert_eq!(admin.wait_for_end(world.project.id, task)["status"], "stopped");
    }
    assert_nothing_left(&world.server);
}

#[test]
fn a_stop_that_was_under_way_is_carried_out() {
    // It takes a while to end in order, so that the server dies in between.
    let slow =
        [("slow.sh", "trap 'sleep 1; echo cleaned up; exit 3' TERM INT\necho ready\nwhile true; do sleep 0.1; done\n")];
    let mut world = World::new(json!({}), &slow);
    let admin = world.server.admin();
    let task = world.start(&admin, world.template("slow.sh", ""));
    wait_until("the script is ready", SOON, || {
        admin.output(world.project.id, task).contains(&"ready".to_owned()).then_some(())
    });
    admin.post(&world.path(task, "/stop"), &json!({})).expect(204);
    world.server.crash();
    world.server.start_again();
    let row = world.server.admin().wait_for_end(world.project.id, task);
    assert_eq!(row["status"], "stopped");
    assert_nothing_left(&world.server);
}

#[test]
fn a_question_is_answered_to_the_next_server() {
    let Some(mut world) = super::terraform::World::new(super::terraform::CONFIGURATION, super::terraform::as_it_is)
    else {
        return;
    };
    let accepted = world.waiting(&json!({}));
    world.server.crash();
    world.server.start_again();
    assert_eq!(world.status(accepted), "waiting_confirmation");
    world.tell(accepted, "confirm");
    super::terraform::check(world.end(accepted), "success", "Apply complete! Resources: 1 added");
    let refused = world.waiting(&json!({"destroy": true}));
    world.server.crash();
    // The answer was stored and never reached the process.
    world.server.change_database(&format!("update task set status = 'rejected' where id = {refused}"));
    world.server.start_again();
    super::terraform::check(world.end(refused), "error", "Failed to run task: the plan was rejected");
    assert_nothing_left(&world.server);
}

#[test]
fn nothing_secret_lies_around_while_nobody_listens() {
    let secret = "grandmothers-silver-spoon";
    let gate = "said";
    let server = Server::start();
    let said = server.directory().join(gate);
    mkfifo(&said, Mode::S_IRWXU).unwrap();
    // Enough for the file that events are kept in.
    let script = format!(
        "echo ready\ncat {}\nfor i in $(seq 60000); do echo \"$i: $SECRET is what it is\"; done\necho done > {}\n",
        said.display(),
        said.display()
    );
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("tell.sh", &script)]);
    let admin = server.admin();
    let mut project = Project::create(&admin, repository.to_str().unwrap());
    let environment = json!({"name": "with a secret", "project_id": project.id, "json": "{}", "env": "{}",
        "secrets": [{"name": "SECRET", "type": "env", "secret": secret, "operation": "create"}]});
    project.environment =
        admin.post(&format!("/api/project/{}/environment", project.id), &environment).expect(201).id();
    let mut server = server;
    let watch = SecretWatch::start(&[secret]);
    let task = project.start(&admin, project.template(&admin, "bash", "tell.sh"));
    wait_until("the script is ready", SOON, || {
        admin.output(project.id, task).contains(&"ready".to_owned()).then_some(())
    });
    server.crash();
    let hosts = task_hosts(server.directory());
    fs::write(&said, "").unwrap();
    // Somebody has to read what the script writes at its end.
    assert_eq!(fs::read_to_string(&said).unwrap(), "done\n");
    let host = hosts[0];
    for name in ["cmdline", "environ"] {
        let shown = fs::read(format!("/proc/{host}/{name}")).unwrap();
        assert!(!String::from_utf8_lossy(&shown).contains(secret), "{name}");
    }
    let spool = fs::read_dir(server.directory().join("tmp/.semaphore/hosts")).unwrap().next().unwrap().unwrap().path();
    wait_until("what the script has said is kept in a file", SOON, || {
        fs::metadata(spool.join("spool")).is_ok_and(|file| file.len() > 100_000).then_some(())
    });
    watch.assert_unseen(server.directory(), &[]);
    assert_private(&spool);
    server.start_again();
    let admin = server.admin();
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "success");
    let lines = admin.output(project.id, task);
    let told = lines.iter().filter(|line| line.ends_with(": *** is what it is")).count();
    assert_eq!(told, 60_000);
    assert_nothing_left(&server);
}

/// Nobody else may look into it.
fn assert_private(directory: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory), 0o700);
    assert_eq!(mode(&directory.join("spool")), 0o600);
}

/// Ends a process and waits until it has gone.
pub(super) fn kill_now(process: u32) {
    kill(Pid::from_raw(process as i32), Signal::SIGKILL).unwrap();
    wait_until("the process has gone", SOON, || {
        let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        (status.is_empty() || status.contains(") Z ")).then_some(())
    });
}
