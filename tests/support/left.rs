//! What tasks may leave behind: whole clones, homes and mirrors, and nothing else.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{Server, processes_with, zombies_below};

/// How long the process of a task may take to go after the task's end is stored.
const GRACE: Duration = Duration::from_secs(5);

/// No process, zombie, socket, inventory, file with a secret or half-made clone is there, or is soon, and no task is open.
#[track_caller]
pub fn assert_nothing_left(server: &Server) {
    let begin = Instant::now();
    while !left(server).is_empty() && begin.elapsed() < GRACE {
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(left(server), Vec::<String>::new(), "left behind");
    let open = server.sql("select id, status from task where status not in ('success', 'error', 'stopped')");
    assert_eq!(open, Vec::<Vec<Value>>::new(), "tasks were left open");
}

fn left(server: &Server) -> Vec<String> {
    let directory = server.directory().to_str().expect("a path of text");
    let processes = processes_with(directory).into_iter().filter(|&pid| pid != server.process_id());
    let mut left: Vec<_> = processes.map(|pid| format!("process {pid}: {}", command_line(pid))).collect();
    left.extend(zombies_below(server.process_id()).into_iter().map(|pid| format!("zombie {pid}")));
    collect(&server.directory().join("tmp"), 0, &mut left);
    left
}

fn command_line(pid: u32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).replace('\0', " ")
}

/// What lies in the project directories besides that which is kept on purpose.
fn collect(directory: &Path, depth: usize, left: &mut Vec<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let is_directory = entry.file_type().unwrap().is_dir();
        let is_clone = name.starts_with("repository_") && (name.ends_with("_home") || path.join(".git/HEAD").is_file());
        if is_directory && depth == 0 && name.starts_with("project_") {
            collect(&path, 1, left);
        } else if is_directory && depth == 0 && name == ".semaphore" {
            for project in fs::read_dir(&path).into_iter().flatten().map(Result::unwrap) {
                collect_own(&project.path(), left);
            }
        } else if !(is_directory && is_clone) {
            left.push(path.to_string_lossy().into_owned());
        }
    }
}

/// Of the server's own: whole mirrors are kept, locks are not.
fn collect_own(directory: &Path, left: &mut Vec<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let number = name.strip_prefix("mirror_").is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
        if name == "locks" {
            left.extend(fs::read_dir(&path).into_iter().flatten().map(|e| e.unwrap().path().display().to_string()));
        } else if !(number && path.join("HEAD").is_file() && !has_half_pack(&path)) {
            left.push(path.to_string_lossy().into_owned());
        }
    }
}

/// Has a git that was ended left a half-received pack?
fn has_half_pack(directory: &Path) -> bool {
    fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok).any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        name.starts_with("tmp_pack_") || (is_directory && has_half_pack(&entry.path()))
    })
}
