//! Keys `process.*`: as whom tasks run, what they may reach, and what becomes of them when the server ends.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use semaphore_tests::{ControlGroup, Options, Project, Server, git_repository, task_hosts, wait_until};
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

/// What a server in a control group of its own says when it starts with these keys below `process`, and the limit in this file of
/// the group of a task; `None` where there can be no groups.
fn in_group(process: &Value, file: &str) -> Option<(String, Option<String>, ControlGroup)> {
    let group = ControlGroup::new()?;
    let mut server = Server::prepared(Options { config: json!({"process": process}), ..Options::default() });
    server.use_program(&group.program(server.directory()));
    server.start_again();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("long.sh", "echo ready\nexec sleep 300\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let task = project.start(&admin, project.template(&admin, "bash", "long.sh"));
    wait_until("the script is ready", Duration::from_secs(30), || {
        admin.output(project.id, task).iter().any(|line| line == "ready").then_some(())
    });
    let name = group.names().into_iter().find(|name| name.starts_with("semaphore-task-"));
    let found = name.map(|name| fs::read_to_string(group.path().join(name).join(file)).unwrap_or_default());
    let log = server.log();
    drop(server);
    Some((log, found, group))
}

pub(super) fn control_groups() {
    let Some((log, found, _group)) = in_group(&json!({"control_groups": "auto"}), "cgroup.procs") else { return };
    assert!(
        found.is_some_and(|members| members.lines().count() >= 2) && log.contains("a control group of its own"),
        "{log}"
    );
    let Some((log, found, _group)) = in_group(&json!({"control_groups": "off"}), "cgroup.procs") else { return };
    assert!(found.is_none() && log.contains("no control groups of their own: process.control_groups is off"), "{log}");
    assert!(refused(json!({"process": {"control_groups": "on"}})).contains("process.control_groups"));
}

/// The limit stands in the task's group, or the server says why it does not.
fn limit(key: &str, value: u32, controller: &str, expected: &str) {
    let process = json!({"limits": {key: value}});
    let Some((log, found, group)) = in_group(&process, &format!("{controller}.max")) else { return };
    let offered = fs::read_to_string(group.path().join("cgroup.controllers")).unwrap();
    if offered.split_whitespace().any(|one| one == controller) {
        assert_eq!(found.as_deref().map(str::trim), Some(expected), "{log}");
    } else {
        let path = group.path().display();
        let said = format!(
            "process.limits has no effect, or only in part: these controllers are not delegated in {path}: {controller}"
        );
        assert!(log.contains(&said), "{log}");
    }
    assert!(refused(json!({"process": {"limits": {key: -1}}})).contains(&format!("process.limits.{key}")));
}

pub(super) fn limits_cpu_percent() {
    limit("cpu_percent", 150, "cpu", "150000 100000");
}

pub(super) fn limits_memory_mb() {
    limit("memory_mb", 512, "memory", "536870912");
}

pub(super) fn limits_pids() {
    limit("pids", 100, "pids", "100");
    // Without processes of their own tasks cannot be limited, and that is said.
    let server = Server::with_config(json!({"process": {"task_host": "off", "limits": {"pids": 100}}}));
    assert!(server.log().contains("process.limits has no effect"), "{}", server.log());
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
