//! Keys `process.*`: as whom tasks run, what they may reach, and what becomes of them when the server ends.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use semaphore_tests::{Project, Server, git_repository, task_hosts, wait_until};
use serde_json::{Value, json};

use super::refused;

/// A task of five minutes, and whether it has a process of its own.
fn with_long_task(process: &Value) -> (Server, Project, i64, usize) {
    let server = Server::with_config(json!({"process": process}));
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("long.sh", "echo ready\nexec sleep 300\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let task = project.start(&admin, project.template(&admin, "bash", "long.sh"));
    wait_until("the script is ready", Duration::from_secs(30), || {
        admin.output(project.id, task).iter().any(|line| line == "ready").then_some(())
    });
    let hosts = task_hosts(server.directory()).len();
    (server, project, task, hosts)
}

pub(super) fn task_host() {
    assert_eq!(with_long_task(&json!({"task_host": "on"})).3, 1);
    assert_eq!(with_long_task(&json!({"task_host": "off"})).3, 0);
}

pub(super) fn hand_over() {
    for (hand_over, after) in [("on", "running"), ("off", "stopped")] {
        let (mut server, project, task, _) = with_long_task(&json!({"hand_over": hand_over}));
        server.restart();
        let admin = server.admin();
        admin.wait_for_status(project.id, task, &[after]);
        admin.post(&format!("/api/project/{}/tasks/{task}/stop", project.id), &json!({"force": true}));
        assert_eq!(admin.wait_for_end(project.id, task)["status"], "stopped");
    }
}

/// What `id` prints in a task with these keys below `process`; without root the task is refused.
fn identity(process: &Value) -> String {
    let server = Server::with_config(json!({"process": process}));
    fs::set_permissions(server.directory(), fs::Permissions::from_mode(0o755)).unwrap();
    let scripts = server.directory().join("scripts");
    git_repository(&scripts, &[("id.sh", "echo \"is $(id -u):$(id -g)\"\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, scripts.to_str().unwrap());
    let (_, lines) = project.run(&admin, "bash", "id.sh");
    lines.last().cloned().unwrap_or_default()
}

#[track_caller]
fn runs_as(process: &Value, expected: &str) {
    let said = identity(process);
    if nix::unistd::geteuid().is_root() {
        assert_eq!(said, format!("is {expected}"));
    } else {
        assert!(said.contains("`process`") || said.contains("cannot set"), "{said}");
    }
}

pub(super) fn process_user() {
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    runs_as(&json!({"user": "nobody"}), &format!("{}:{}", nobody.uid, nobody.gid));
    let said = identity(&json!({"user": "no-such-user"}));
    assert!(said.contains("user `no-such-user` does not exist"), "{said}");
}

pub(super) fn process_uid() {
    // A user with a name has a group; a number alone has none.
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    runs_as(&json!({"uid": nobody.uid.as_raw()}), &format!("{}:{}", nobody.uid, nobody.gid));
    let said = identity(&json!({"uid": 3_999_999}));
    assert!(said.contains("process.gid"), "{said}");
    for bad in [json!(-1), json!(4_294_967_295_u32), json!("nobody")] {
        let said = refused(json!({"process": {"uid": bad}}));
        assert!(said.contains("process.uid"), "{said}");
    }
}

pub(super) fn process_gid() {
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    runs_as(&json!({"user": "nobody", "gid": 4711}), &format!("{}:4711", nobody.uid));
    assert!(refused(json!({"process": {"gid": -5}})).contains("process.gid"));
}

pub(super) fn process_chroot() {
    // A root without the project's files; what runs below a proper one is seen in the engine's tests.
    let root = tempfile::tempdir().unwrap();
    let said = identity(&json!({"chroot": root.path()}));
    assert!(said.contains("process.chroot") && said.contains(root.path().to_str().unwrap()), "{said}");
    assert!(refused(json!({"process": {"chroot": "relative/path"}})).contains("process.chroot"));
}

/// The last line of a script that reads a file outside of its repository.
fn read_of(process: &Value, file: &Path) -> String {
    let server = Server::with_config(json!({"process": process, "env_vars": {"FILE": file}}));
    let scripts = server.directory().join("scripts");
    let script = "cat \"$FILE\" 2>/dev/null || echo refused\n";
    git_repository(&scripts, &[("read.sh", script)]);
    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", scripts.display()));
    let (_, lines) = project.run(&admin, "bash", "read.sh");
    lines.last().cloned().unwrap_or_default()
}

// What a sandbox refuses is seen in tests/tasks/sandbox.rs.
pub(super) fn process_sandbox() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "seen\n").unwrap();
    assert_eq!(read_of(&json!({"sandbox": "off"}), file.path()), "seen");
    assert_eq!(read_of(&json!({"sandbox": "strict"}), file.path()), "refused");
    assert!(refused(json!({"process": {"sandbox": "on"}})).contains("process.sandbox"));
}

pub(super) fn process_sandbox_paths() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "seen\n").unwrap();
    let process = json!({"sandbox": "strict", "sandbox_paths": [file.path()]});
    assert_eq!(read_of(&process, file.path()), "seen");
}
