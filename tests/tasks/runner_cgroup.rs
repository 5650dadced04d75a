//! Control groups of a remote runner's tasks, and their limits.
//!
//! That limits hold is not seen here: they need controllers that not every machine has in version 2.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use semaphore_tests::{ControlGroup, RUNNER_TOKEN, RunnerDesk, RunnerProcess, git_repository, task_hosts, wait_until};
use serde_json::{Value, json};

use crate::runner_face::{at_work, job, keys, whole};

/// Longest time for something to happen.
const SOON: Duration = Duration::from_secs(30);

/// A runner at work in a group, and the group: dropped after the runner.
fn in_group(process: &Value, scripts: &[(&str, &str)]) -> Option<(RunnerDesk, RunnerProcess, ControlGroup)> {
    let group = ControlGroup::new()?;
    let desk = RunnerDesk::open();
    let mut runner = RunnerProcess::prepared(&desk.address(), &json!({"process": process}));
    runner.use_program(&group.program(runner.directory()));
    fs::write(runner.path("token"), RUNNER_TOKEN).unwrap();
    git_repository(&runner.path("repository"), scripts);
    runner.start();
    Some((desk, runner, group))
}

const DAEMON: &str =
    "setsid sh -c 'exec sleep 300' >/dev/null 2>&1 &\necho ready\nuntil [ -e ../go ]; do sleep 0.05; done\necho $!\n";

#[test]
fn each_task_of_a_runner_has_a_group_of_its_own() {
    let Some((desk, mut runner, group)) = in_group(&json!({}), &[("daemon.sh", DAEMON)]) else { return };
    runner.wait_for_log(&format!("each task has a control group of its own in {}", group.path().display()));
    for task in [3, 4, 5] {
        desk.give(job(task, "daemon.sh", &runner), &keys());
        desk.wait_for_line(task, "ready");
    }
    let hosts = task_hosts(runner.directory());
    let is_host = |process: &u32| hosts.contains(process);
    let members: Vec<_> = group.names().iter().map(|name| group.processes(name)).collect();
    let is_one_task = |members: &Vec<u32>| members.len() > 2 && members.iter().copied().filter(is_host).count() == 1;
    assert!(members.len() == 3 && members.iter().all(is_one_task), "{members:?}");
    assert_eq!(group.processes("."), [runner.process_id()]);

    // The next runner goes on with them, in their groups.
    runner.crash();
    runner.start();
    runner.wait_for_log("going on with a task that outlived its runner");
    let [third, fourth, fifth] = [3, 4, 5].map(|task| name_of(&group, task));
    desk.say(3, "stopping");
    desk.wait_for(3, "stopped");
    wait_until("the daemon of a stopped task ends, too", SOON, || (!group.names().contains(&third)).then_some(()));
    let host = group.processes(&fourth).into_iter().find(is_host).unwrap();
    kill(Pid::from_raw(host as i32), Signal::SIGKILL).unwrap();
    desk.wait_for(4, "error");
    wait_until("what the killed one had started ends", SOON, || (group.names() == [&*fifth]).then_some(()));

    // What a task leaves on purpose lives on, and its group goes after it.
    open_gate(&runner, "daemon.sh");
    let lines = whole(&desk.wait_for(5, "success"));
    let daemon: u32 = lines.last().unwrap().parse().unwrap();
    desk.forget(5);
    wait_until("only the daemon is left", SOON, || (group.processes(&fifth) == [daemon]).then_some(()));
    desk.wait_for_polls(desk.heard("GET").len() + 3);
    assert_eq!(group.processes(&fifth), [daemon]);
    kill(Pid::from_raw(daemon as i32), Signal::SIGKILL).unwrap();
    wait_until("its group goes after the daemon", SOON, || group.names().is_empty().then_some(()));
    assert_eq!(runner.processes(), [runner.process_id()]);
}

/// The group of a task.
fn name_of(group: &ControlGroup, task: i64) -> String {
    let begin = format!("semaphore-task-{task}_");
    group.names().into_iter().find(|name| name.starts_with(&begin)).unwrap()
}

/// Lets scripts go on that wait for `../go`; one of them is called so.
fn open_gate(runner: &RunnerProcess, script: &str) {
    let script = find(&runner.path("tmp"), script);
    fs::write(script.parent().unwrap().with_file_name("go"), "").unwrap();
}

/// A file of this name below a directory.
fn find(directory: &Path, name: &str) -> PathBuf {
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                directories.push(path);
            } else if path.ends_with(name) {
                return path;
            }
        }
    }
    panic!("no {name} below {}", directory.display());
}

#[test]
fn limits_of_a_runner_are_set_or_it_says_why_not() {
    let limits = json!({"limits": {"memory_mb": 512, "pids": 100}});
    let Some((desk, runner, group)) = in_group(&limits, &[("daemon.sh", DAEMON)]) else { return };
    let offered = fs::read_to_string(group.path().join("cgroup.controllers")).unwrap();
    let is_missing = |one: &&str| !offered.split_whitespace().any(|offered| offered == *one);
    let missing: Vec<_> = ["memory", "pids"].into_iter().filter(is_missing).collect();
    if !missing.is_empty() {
        let path = group.path().display();
        let why = format!("these controllers are not delegated in {path}: {}", missing.join(", "));
        runner.wait_for_log(&format!("process.limits has no effect, or only in part: {why}"));
    }
    desk.give(job(3, "daemon.sh", &runner), &keys());
    desk.wait_for_line(3, "ready");
    let name = name_of(&group, 3);
    for (controller, value) in [("memory", "536870912"), ("pids", "100")] {
        let found = fs::read_to_string(group.path().join(&name).join(format!("{controller}.max")));
        let expected = (!missing.contains(&controller)).then_some(value);
        assert_eq!(found.ok().as_deref().map(str::trim), expected, "{controller}");
    }
    drop(runner);

    let process = json!({"control_groups": "off", "limits": {"pids": 100}});
    let (_desk, runner) = at_work(&[("daemon.sh", DAEMON)], &json!({"process": process}));
    runner.wait_for_log("process.limits has no effect: process.control_groups is off");
}

/// A directory stands for a group in which the system has ended a process.
#[test]
fn a_runner_tells_of_a_task_that_had_not_enough_memory() {
    let script = "echo ready\nuntil [ -e ../go ]; do sleep 0.05; done\nexit 137\n";
    let (desk, runner) = at_work(&[("big.sh", script)], &json!({}));
    let group = runner.path("semaphore-task-3_0");
    fs::create_dir(&group).unwrap();
    fs::write(group.join("memory.events"), "max 7\noom 1\noom_kill 1\n").unwrap();
    fs::write(group.join("memory.max"), (64 << 20).to_string()).unwrap();
    desk.give(job(3, "big.sh", &runner), &keys());
    desk.wait_for_line(3, "ready");
    let directory = find(&runner.path("tmp/.semaphore"), "owner");
    fs::write(directory.with_file_name("group"), group.to_str().unwrap()).unwrap();
    open_gate(&runner, "big.sh");
    let reported = desk.wait_for(3, "error");
    let lines = whole(&reported);
    let said = "error: the task needs more memory than it may have: the system has ended 1 of its processes; raise \
        process.limits.memory_mb (64 MiB) or let it do less at once";
    let last: Vec<_> = lines.iter().rev().take(2).collect();
    assert_eq!(last, ["Failed to run task: exit status 137", said]);
    let problem = |event: &Value| event.to_string().contains("memory_limit");
    assert!(reported.events.iter().any(problem), "{:?}", reported.events);
}
