//! The disk of the database is full, or cannot be written to: whoever asks is told what it is, and all goes on when there is room.

use std::{path::Path, process::Command, time::Duration};

use semaphore_test_machine::missing;
use semaphore_tests::{Options, Project, Server, git_repository, wait_until};
use serde_json::json;

/// A small file system of its own; it goes with the value.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// `None` with a note if this user may not mount one.
    fn mount(path: &'a Path) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        if !mount(&["-t", "tmpfs", "-o", "size=8m", "tmpfs"], path) {
            missing("a file system of its own cannot be mounted (root is needed)");
            return None;
        }
        Some(Self(path))
    }

    fn remount(&self, options: &str) {
        assert!(mount(&["-o", &format!("remount,{options}")], self.0), "remount with {options}");
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    Command::new("mount").args(arguments).arg(path).status().is_ok_and(|status| status.success())
}

#[test]
fn a_full_disk_is_told_and_tasks_go_on_when_there_is_room() {
    let mut server = Server::prepared(Options::default());
    let place = server.directory().join("small");
    let Some(disk) = SmallDisk::mount(&place) else { return };
    let database = place.join("database.sqlite");
    std::fs::copy(server.database(), &database).unwrap();
    server.change_config(&json!({"sqlite": {"host": database}}));
    server.start_again();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("lines.sh", "seq -f 'line %.0f' 1 200000\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let task = project.start(&admin, project.template(&admin, "bash", "lines.sh"));

    let name = "x".repeat(200_000);
    let refused = wait_until("the disk is full", Duration::from_mins(1), || {
        let answer =
            admin.post("/api/projects", &json!({"name": "Another", "alert_chat": null, "demo": false, "type": name}));
        (answer.status != 201).then_some(answer)
    });
    let refused = refused.expect(503).json();
    assert!(refused["error"].as_str().unwrap().contains("disk of the database is full"), "{refused}");
    // What is there can be read, and the task is still told as running.
    let path = format!("/api/project/{}/tasks/{task}", project.id);
    assert_eq!(admin.get(&path).expect(200).json()["status"], "running");
    wait_until("the log tells of the task", Duration::from_mins(1), || {
        server.log().contains("a step of a task is not stored yet").then_some(())
    });

    disk.remount("size=200m");
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "success");
    let lines: Vec<String> =
        admin.output(project.id, task).into_iter().filter(|line| line.starts_with("line ")).collect();
    assert!(lines == (1..=200_000).map(|number| format!("line {number}")).collect::<Vec<_>>(), "{} lines", lines.len());
    admin.post("/api/projects", &json!({"name": "Another"})).expect(201);

    // A disk that cannot be written to at all: the server says so and does not start.
    assert!(server.stop().success());
    disk.remount("ro");
    let started = server.command(&["server", "--config"]).arg(server.config_path()).output().unwrap();
    let said = String::from_utf8_lossy(&started.stderr).into_owned();
    assert_eq!(started.status.code(), Some(1), "{said}");
    assert!(said.contains("database.sqlite") && said.contains("may be written to"), "{said}");
    disk.remount("rw");
    server.start_again();
    assert_eq!(server.admin().get(&path).expect(200).json()["status"], "success");
    assert!(server.stop().success());
}
