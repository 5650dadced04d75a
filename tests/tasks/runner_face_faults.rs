//! A remote runner whose server, connection or process fails: every line arrives, and none counts twice.

use std::time::Duration;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use semaphore_tests::{Fault, processes_with, task_hosts, wait_until};
use serde_json::json;

use crate::runner_face::{at_work, job, keys, whole};

/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(1);

const COUNT: &str = "echo ready\nfor i in $(seq 1 40); do echo \"line $i\"; sleep 0.1; done\necho done\n";

/// Whether all lines of [`COUNT`] are there, once and in order.
#[track_caller]
fn assert_counted(lines: &[String]) {
    let counted: Vec<_> = lines.iter().filter(|line| line.starts_with("line ")).cloned().collect();
    let expected: Vec<_> = (1..=40).map(|number| format!("line {number}")).collect();
    assert_eq!(counted, expected);
    assert_eq!(lines.last().unwrap(), "done");
}

#[test]
fn nothing_is_lost_while_the_server_is_away() {
    let (desk, runner) = at_work(&[("count.sh", COUNT)], &json!({}));
    desk.give(job(3, "count.sh", &runner), &keys());
    desk.wait_for_line(3, "ready");
    desk.break_down(Fault::Broken);
    let before = desk.heard("PUT").len();
    wait_until("the runner tries again and again", LIMIT, || (desk.heard("PUT").len() > before + 4).then_some(()));
    let log = runner.log();
    assert_eq!(log.matches("the server cannot be asked").count(), 1, "told once: {log}");
    // Answers get lost, so that reports come twice.
    desk.break_down(Fault::Mute);
    let before = desk.heard("PUT").len();
    wait_until("reports are sent again", LIMIT, || (desk.heard("PUT").len() > before + 2).then_some(()));
    desk.break_down(Fault::None);
    let reported = desk.wait_for(3, "success");
    let twice = reported.lines.len() > whole(&reported).len();
    assert!(twice, "the test has seen nothing twice: {:?}", reported.lines);
    assert_counted(&whole(&reported));
    assert!(runner.log().contains("the server answers again"), "{}", runner.log());
}

#[test]
fn a_report_that_a_proxy_does_not_take_holds_back_no_other() {
    let (desk, runner) = at_work(&[("count.sh", COUNT)], &json!({}));
    desk.break_down(Fault::Narrow);
    desk.give(job(3, "count.sh", &runner), &keys());
    wait_until("it is said what is to be done", Duration::from_secs(5), || {
        runner.log().contains("client_max_body_size").then_some(())
    });
    desk.give(job(4, "count.sh", &runner), &keys());
    assert_counted(&whole(&desk.wait_for(4, "success")));
    assert!(desk.reported(3).lines.is_empty());
    desk.break_down(Fault::None);
    assert_counted(&whole(&desk.wait_for(3, "success")));
}

#[test]
fn a_killed_runner_goes_on_with_its_tasks() {
    let (desk, mut runner) = at_work(&[("count.sh", COUNT)], &json!({}));
    desk.give(job(3, "count.sh", &runner), &keys());
    desk.wait_for_line(3, "line 5");
    runner.crash();
    let known = desk.reported(3).lines.len();
    // It prints while nobody listens.
    std::thread::sleep(Duration::from_secs(1));
    runner.start();
    runner.wait_for_log("going on with a task that outlived its runner");
    let reported = desk.wait_for(3, "success");
    assert!(reported.lines.len() > known);
    assert_counted(&whole(&reported));
    wait_until("its process is gone", LIMIT, || (runner.processes() == [runner.process_id()]).then_some(()));
}

#[test]
fn a_task_that_ends_while_no_runner_is_there_is_told_of_by_the_next_one() {
    let (desk, mut runner) = at_work(&[("short.sh", "echo ready\nsleep 1\necho done\nexit 4\n")], &json!({}));
    desk.give(job(3, "short.sh", &runner), &keys());
    desk.wait_for_line(3, "ready");
    runner.crash();
    let script = runner.path("tmp").to_str().unwrap().to_owned();
    wait_until("the script has ended", LIMIT, || {
        let hosts = task_hosts(runner.directory());
        processes_with(&script).iter().all(|process| hosts.contains(process)).then_some(())
    });
    runner.start();
    let lines = whole(&desk.wait_for(3, "error"));
    let last: Vec<_> = lines.iter().rev().take(2).collect();
    assert_eq!(last, ["Failed to run task: exit status 4", "done"]);
}

#[test]
fn a_killed_process_of_a_task_ends_it_honestly() {
    let (desk, mut runner) = at_work(&[("wait.sh", "echo ready\nsleep 300\n")], &json!({}));
    for task in [3, 4] {
        desk.give(job(task, "wait.sh", &runner), &keys());
        desk.wait_for_line(task, "ready");
        if task == 4 {
            runner.crash();
        }
        let hosts = task_hosts(runner.directory());
        assert_eq!(hosts.len(), 1, "{hosts:?}");
        kill(Pid::from_raw(hosts[0] as i32), Signal::SIGKILL).unwrap();
        if task == 4 {
            runner.start();
        }
        let reported = desk.wait_for(task, "error");
        let (_, last) = reported.lines.last().unwrap();
        assert!(last.contains("the process that ran it (its task host) was killed"), "{last}");
    }
}

#[test]
fn much_output_is_taken_in_order_and_memory_stays_flat() {
    let script = "for i in $(seq 1 20000); do echo \"line $i of a task that prints a lot of text to see what becomes of it\"; done\n";
    let (desk, runner) = at_work(&[("much.sh", script)], &json!({}));
    desk.give(job(3, "much.sh", &runner), &keys());
    let lines = whole(&desk.wait_for(3, "success"));
    assert_eq!(lines.iter().filter(|line| line.starts_with("line ")).count(), 20_000);
    let reports = desk.heard("PUT").len();
    assert!(reports < 200, "{reports} reports for one task");
}

#[test]
fn a_second_process_of_the_same_runner_is_refused() {
    let (desk, runner) = at_work(&[("wait.sh", "echo ready\nsleep 300\n")], &json!({}));
    desk.wait_for_polls(1);
    let second = runner.command(&["start"]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("this runner is at work already"), "{said}");
}
