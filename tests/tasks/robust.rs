//! What programs can do to a server: die, hang, print without end or without sense. The status is right and comes in time.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use semaphore_tests::{Project, Server, git_repository, processes_with, wait_until, zombies_below};
use serde_json::Value;

/// How long a final status may take after the program's own end.
const GRACE: Duration = Duration::from_secs(5);

struct World {
    server: Server,
    project: Project,
}

impl World {
    fn new(script: &str) -> Self {
        let server = Server::start();
        let repository = server.directory().join("repository");
        git_repository(&repository, &[("script.sh", script)]);
        let project = Project::create(&server.admin(), repository.to_str().unwrap());
        Self { server, project }
    }

    /// Runs the script to its end: row, lines from "begin" on, and how long it took.
    fn run(&self) -> (Value, Vec<String>, Duration) {
        let begin = Instant::now();
        let (row, lines) = self.project.run(&self.server.admin(), "bash", "script.sh");
        let took = begin.elapsed();
        assert_eq!(zombies_below(self.server.process_id()), Vec::<u32>::new());
        (row, lines.into_iter().skip_while(|line| line != "begin").skip(1).collect(), took)
    }

    /// Ends what a script has left on purpose.
    fn end(&self, pid: &str) {
        let pid: u32 = pid.parse().expect("a process id");
        let directory = self.server.directory().to_str().unwrap();
        assert!(processes_with(directory).contains(&pid), "{pid} has ended with its task");
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    }
}

#[test]
fn a_child_that_is_killed_is_the_matter_of_its_script() {
    let script = "echo begin\nsleep 300 &\nkill -9 $!\nwait $! 2>/dev/null\necho status $?\nexit 3\n";
    let (row, lines, took) = World::new(script).run();
    assert_eq!(row["status"], "error");
    assert_eq!(lines[0], "status 137");
    assert!(lines.last().unwrap().ends_with("exit status 3"), "{lines:?}");
    assert!(took < GRACE, "{took:?}");
}

#[test]
fn a_script_that_is_killed_fails_although_its_child_holds_the_output() {
    let world = World::new("echo begin\nsleep 300 &\necho $!\nkill -9 $$\n");
    let (row, lines, took) = world.run();
    assert_eq!(row["status"], "error");
    assert!(lines.last().unwrap().ends_with("signal: killed"), "{lines:?}");
    assert!(took < GRACE, "{took:?}");
    world.end(&lines[0]);
}

#[test]
fn a_grandchild_that_holds_the_output_does_not_hold_the_task() {
    let world = World::new("echo begin\n(trap '' TERM HUP; sleep 300 & echo $!)\necho end\n");
    let (row, lines, took) = world.run();
    assert_eq!(row["status"], "success", "{lines:?}");
    assert_eq!(lines[1], "end");
    assert!(lines[2].contains("background process"), "{lines:?}");
    assert!(took < GRACE, "{took:?}");
    world.end(&lines[0]);
}

#[test]
fn a_background_job_survives_success() {
    let world = World::new("echo begin\nnohup sleep 300 > /dev/null 2>&1 &\necho $!\n");
    let (row, lines, took) = world.run();
    assert_eq!((&row["status"], lines.len()), (&Value::from("success"), 1), "{lines:?}");
    assert!(took < GRACE, "{took:?}");
    world.end(&lines[0]);
}

#[test]
fn a_line_of_fifty_megabytes_is_whole_in_the_end_and_small_in_memory() {
    let script = "echo begin\nhead -c 50000000 /dev/zero | tr '\\0' x\nprintf '\\033[0mend\\n'\necho after\n";
    let world = World::new(script);
    // Everything that is loaded once is loaded.
    git_repository(&world.server.directory().join("small"), &[("script.sh", "seq 20000\n")]);
    let small = Project::create(&world.server.admin(), world.server.directory().join("small").to_str().unwrap());
    small.run(&world.server.admin(), "bash", "script.sh");
    let (_, before) = world.server.memory_kib();

    let admin = world.server.admin();
    let task = world.project.start(&admin, world.project.template(&admin, "bash", "script.sh"));
    let row = admin.wait_for_end(world.project.id, task);
    assert_eq!(row["status"], "success");
    let (_, after) = world.server.memory_kib();
    assert!(after - before < 48 * 1024, "the line took {} KiB more memory (from {before} KiB)", after - before);

    let raw = admin.get(&format!("/api/project/{}/tasks/{task}/raw_output", world.project.id)).expect(200);
    let mut lines = raw.body.lines().skip_while(|line| *line != "begin").skip(1);
    let line = lines.next().unwrap();
    assert_eq!(line.len(), 50_000_003);
    assert!(line.ends_with("xend") && line.bytes().take(50_000_000).all(|byte| byte == b'x'));
    assert_eq!(lines.collect::<Vec<_>>(), ["after"]);
    let (_, read) = world.server.memory_kib();
    assert!(read - after < 48 * 1024, "reading it took {} KiB more memory (from {after} KiB)", read - after);
    // The parts are rows of their own for whoever reads the table.
    let rows =
        format!("select count(*), max(length(output)) from task__output where task_id = {task} and output like 'xxx%'");
    assert_eq!(world.server.sql(&rows), [[Value::from(48), Value::from(1024 * 1024)]]);
}

#[test]
fn a_million_lines_are_stored_without_growth_of_memory() {
    let world = World::new("seq -f 'line %.0f' 1 1000000\n");
    git_repository(&world.server.directory().join("small"), &[("script.sh", "seq -f 'line %.0f' 1 50000\n")]);
    let admin = world.server.admin();
    let small = Project::create(&admin, world.server.directory().join("small").to_str().unwrap());
    let first = small.start(&admin, small.template(&admin, "bash", "script.sh"));
    admin.wait_for_end(small.id, first);
    let (_, before) = world.server.memory_kib();
    let task = world.project.start(&admin, world.project.template(&admin, "bash", "script.sh"));
    let row = wait_until("a million lines are stored", Duration::from_mins(5), || {
        let row = admin.get(&format!("/api/project/{}/tasks/{task}", world.project.id)).expect(200).json();
        (!row["end"].is_null()).then_some(row)
    });
    assert_eq!(row["status"], "success");
    let (_, after) = world.server.memory_kib();
    assert!(after - before < 16 * 1024, "twenty times the lines took {} KiB more (from {before} KiB)", after - before);
    let lines = format!(
        "select count(*), sum(output = 'line ' || number) from (select output, row_number() over (order by id) as number \
         from task__output where task_id = {task} and output like 'line %')"
    );
    assert_eq!(world.server.sql(&lines), [[1_000_000, 1_000_000]]);
}

#[test]
fn noise_is_text_in_the_end() {
    let script =
        "echo begin\nhead -c 300000 /dev/urandom\nprintf '\\nend\\n'\nhead -c 300000 /dev/urandom >&2\nexit 0\n";
    let (row, lines, _) = World::new(script).run();
    assert_eq!(row["status"], "success");
    assert!(lines.iter().any(|line| line == "end"));
    assert!(lines.iter().map(String::len).sum::<usize>() > 600_000);
}
