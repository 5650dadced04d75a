//! What tasks may leave behind: whole clones, homes and mirrors, and nothing else.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{Server, processes_with, zombies_below};

/// No process, zombie, socket, inventory, file with a secret or half-made clone is there, and no task is open.
#[track_caller]
pub fn assert_nothing_left(server: &Server) {
    let directory = server.directory().to_str().expect("a path of text");
    let processes: Vec<_> = processes_with(directory).into_iter().filter(|&pid| pid != server.process_id()).collect();
    assert_eq!(processes, Vec::<u32>::new(), "processes were left behind");
    assert_eq!(zombies_below(server.process_id()), Vec::<u32>::new());
    let mut left = Vec::new();
    collect(&server.directory().join("tmp"), 0, &mut left);
    assert_eq!(left, Vec::<String>::new(), "files were left behind");
    let open = server.sql("select id, status from task where status not in ('success', 'error', 'stopped')");
    assert_eq!(open, Vec::<Vec<Value>>::new(), "tasks were left open");
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
