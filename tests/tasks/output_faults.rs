//! What a crash in a burst of lines leaves, what reaches the disk when, and whether others wait while a task prints.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use semaphore_tests::{Options, Project, Server, git_repository, processes_with, wait_until};
use serde_json::{Value, json};

#[test]
fn a_crash_in_a_burst_of_lines_leaves_all_lines_up_to_one() {
    let mut server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("burst.sh", "seq -f 'line %.0f' 1 2000000\n")]);
    let project = Project::create(&server.admin(), repository.to_str().unwrap());
    let template = project.template(&server.admin(), "bash", "burst.sh");
    for least in [1, 3_000, 20_000] {
        let admin = server.admin();
        let task = project.start(&admin, template);
        let count = format!("select count(*) from task__output where task_id = {task}");
        wait_until("lines are stored", Duration::from_mins(1), || {
            (server.sql(&count)[0][0].as_i64().unwrap() >= least).then_some(())
        });
        let directory = server.directory().to_str().unwrap().to_owned();
        server.crash();
        for pid in processes_with(&directory) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL);
        }
        assert_eq!(server.sql("pragma integrity_check"), [[json!("ok")]]);
        // The lines and how many they are were one transaction.
        let lines = format!("select output from task__output where task_id = {task} order by time, id");
        let lines: Vec<Value> = server.sql(&lines).into_iter().flatten().collect();
        let mark = server.sql(&format!("select number from rs_task_output_mark where task_id = {task}"));
        // The line about the queue comes from somebody who does not number.
        let numbered = lines.iter().filter(|line| !line.as_str().is_some_and(|line| line.contains("added to queue")));
        assert_eq!(mark[0][0], numbered.count());
        server.start_again();
        let admin = server.admin();
        assert_eq!(admin.wait_for_end(project.id, task)["status"], "error");
        let output = admin.output(project.id, task);
        let (last, before) = output.split_last().unwrap();
        assert!(last.contains("the server was restarted while the task ran"), "{last}");
        // Its process may have kept more than the server had stored.
        assert!(before.len() >= lines.len(), "{} of {} lines", before.len(), lines.len());
        assert!(before.iter().zip(&lines).all(|(one, other)| one == other));
        let printed: Vec<&String> = before.iter().skip_while(|line| *line != "line 1").collect();
        assert!(printed.iter().enumerate().all(|(number, line)| **line == format!("line {}", number + 1)));
        assert!(printed.len() as i64 + 100 > least);
    }
}

/// A library that writes down which files are brought to the disk.
fn sync_watch(directory: &Path) -> Option<PathBuf> {
    const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void note(int fd) {
    char name[64], path[4096], *log = getenv("SYNC_LOG");
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (!log || length < 0) return;
    path[length++] = '\n';
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (out >= 0) { if (write(out, path, length)) {} close(out); }
}
int fsync(int fd) { note(fd); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { note(fd); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
"#;
    let (source, library) = (directory.join("sync.c"), directory.join("sync.so"));
    fs::write(&source, SOURCE).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").status();
    built.is_ok_and(|status| status.success()).then_some(library)
}

/// State is on disk when it is told, lines with the next state: a sync per batch would make tasks slow, none before the final
/// status would lose lines that a finished task had.
#[test]
fn state_reaches_the_disk_at_once_and_lines_with_the_state_after_them() {
    let tools = tempfile::tempdir().unwrap();
    let library = sync_watch(tools.path()).expect("a C compiler, which building needs too");
    let log = tools.path().join("log");
    let environment = [("LD_PRELOAD", &library), ("SYNC_LOG", &log)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_str().unwrap().to_owned())).to_vec();
    let server = Server::with(Options { environment, ..Options::default() });
    let repository = server.directory().join("repository");
    let gate = server.directory().join("gate");
    let script = format!("cat {0}\nseq -f 'line %.0f' 1 20000\ncat {0}\n", gate.display());
    git_repository(&repository, &[("gate.sh", &script)]);
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let syncs = || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        text.lines().filter(|line| line.ends_with("database.sqlite-wal")).count()
    };
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "gate.sh");
    let before = syncs();
    let task = project.start(&admin, template);
    assert!(syncs() > before, "a task that was accepted is not on disk");
    admin.wait_for_status(project.id, task, &["running"]);
    let running = syncs();
    fs::write(&gate, "").unwrap();
    let count = format!("select count(*) from task__output where task_id = {task} and output like 'line %'");
    wait_until("all lines are stored", Duration::from_mins(1), || (server.sql(&count) == [[20_000]]).then_some(()));
    // At least 20 transactions; a checkpoint now and then syncs as well.
    let stored = syncs();
    assert!(stored - running < 10, "{} syncs while 20 000 lines were stored", stored - running);
    fs::write(&gate, "").unwrap();
    admin.wait_for_end(project.id, task);
    assert!(syncs() > stored, "the final status is not on disk, nor are the lines before it");
}

/// Nobody waits for a task that prints without pause. The figures of a release build are in the benchmark; this is a debug build
/// among other tests, and what it must notice is somebody who waits for the whole output.
#[test]
fn requests_are_answered_while_a_task_prints_without_pause() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("burst.sh", "seq -f 'line %.0f' 1 400000\n"), ("hello.sh", "echo hello\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let hello = project.template(&admin, "bash", "hello.sh");
    let burst = project.start(&admin, project.template(&admin, "bash", "burst.sh"));
    let path = format!("/api/project/{}/tasks", project.id);
    let mut waits: Vec<Duration> = Vec::new();
    while admin.get(&format!("{path}/{burst}")).expect(200).json()["end"].is_null() {
        let begin = Instant::now();
        let task = admin.post(&path, &json!({"template_id": hello})).expect(201).id();
        waits.push(begin.elapsed());
        let begin = Instant::now();
        admin.post(&format!("{path}/{task}/stop"), &json!({"force": true})).expect(204);
        waits.push(begin.elapsed());
    }
    waits.sort_unstable();
    assert!(waits.len() > 10, "the task printed for no time: {waits:?}");
    let (middle, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    assert!(middle < Duration::from_millis(250) && longest < Duration::from_secs(3), "{middle:?}, {longest:?}");
}
