//! `process.sandbox`: what a task may reach of the machine, seen from inside by real programs.
//!
//! Needs a kernel with Landlock, as every supported one has; without it these tests fail, and say so.

mod git;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use semaphore_test_machine::missing;
use semaphore_tests::{Client, Options, Project, Server, ansible, git_repository, tofu};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::terraform;

/// Tries, each in a shell of its own, what only somebody without limits can do, and says which of it went well.
const TRIES: &str = r#"
try() { if (eval "$2") >/dev/null 2>&1; then echo "can $1"; else echo "cannot $1"; fi; }
try "read the configuration" "cat '$DIRECTORY/config.json'"
try "read the database" "cat '$DIRECTORY/database.sqlite'"
try "read the log of the database" "cat '$DIRECTORY/database.sqlite-wal'"
try "write beside the database" "touch '$DIRECTORY/new'"
try "read another project" "cat '$DIRECTORY/tmp/project_77/secret'"
try "write to the machine's temporary directory" "touch '$OUTSIDE/new'"
try "read what others have there" "cat '$OUTSIDE/note'"
try "read a disk" "ls /dev/mem && head -c 1 /dev/mem"
try "signal what started it" "kill -0 $PPID"
try "read the environment of what started it" "cat /proc/$PPID/environ"
try "make a temporary file" 'mktemp'
try "write in the clone" 'touch ./made'
try "write to HOME" 'touch "$HOME/made"'
try "read the system" 'cat /etc/passwd'
try "throw output away" 'echo gone > /dev/null'
try "open its output by name" 'echo x > /dev/stdout'
try "start programs" 'git --version | grep git'
grep NoNewPrivs /proc/self/status
echo "HOME=$HOME TMPDIR=$TMPDIR"
"#;

struct World {
    server: Server,
    admin: Client,
    project: Project,
    _outside: TempDir,
}

fn world(mode: &str, files: &[(&str, &str)]) -> World {
    let (server, outside) = server(mode);
    let repository = server.directory().join("repository");
    git_repository(&repository, files);
    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.display()));
    World { server, admin, project, _outside: outside }
}

/// With a directory beside the server's, as everything else on a machine is.
fn server(mode: &str) -> (Server, TempDir) {
    server_with(&json!({"sandbox": mode}))
}

/// The same with these keys below `process`.
fn server_with(process: &Value) -> (Server, TempDir) {
    let mut server = Server::prepared(Options::default());
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("note"), "of somebody else\n").unwrap();
    let other = server.directory().join("tmp/project_77");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("secret"), "of another project\n").unwrap();
    server.change_config(&json!({
        "process": {"sandbox_paths": interpreters()},
        "env_vars": {"DIRECTORY": server.directory(), "OUTSIDE": outside.path()},
    }));
    server.change_config(&json!({"process": process}));
    server.start_again();
    (server, outside)
}

/// Where Ansible and its Python lie on this machine, which may be in somebody's home.
fn interpreters() -> Vec<String> {
    let Some(directory) = ansible() else { return Vec::new() };
    let prefixes = "import sys; print(sys.prefix); print(sys.base_prefix)";
    let said = Command::new(directory.join("python3")).args(["-c", prefixes]).output().unwrap();
    String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What the tries were refused, and that everything else went well.
#[track_caller]
fn check_tries(mode: &str, refused: &[&str]) {
    let world = world(mode, &[("tries.sh", TRIES)]);
    let (row, lines) = world.project.run(&world.admin, "bash", "tries.sh");
    assert_eq!(row["status"], "success", "{lines:?}");
    let of = |beginning: &str| -> Vec<String> {
        lines.iter().filter_map(|line| line.strip_prefix(beginning)).map(str::to_owned).collect()
    };
    assert_eq!(of("cannot "), refused, "{lines:#?}");
    assert_eq!(of("can ").len() + refused.len(), 17, "{lines:#?}");
    let temporary = of("HOME=").pop().unwrap();
    assert!(lines.iter().any(|line| line == "NoNewPrivs:\t1"), "{lines:#?}");
    let own = world.server.directory().join("tmp/project_1");
    let home = if mode == "strict" { own.clone() } else { world.server.directory().join("home") };
    let task = row["id"].as_i64().unwrap();
    assert_eq!(temporary, format!("{} TMPDIR={}/tmp_task_{task}", home.display(), own.display()));
    assert!(!own.join(format!("tmp_task_{task}")).exists(), "the temporary files are left");
    assert!(home.join("made").exists());
}

#[test]
fn without_a_sandbox_a_task_can_do_what_its_user_can() {
    // Whoever runs the tests may or may not read the memory of the machine: not asked here.
    let world = world("off", &[("tries.sh", TRIES)]);
    let (row, lines) = world.project.run(&world.admin, "bash", "tries.sh");
    assert_eq!(row["status"], "success", "{lines:?}");
    for what in ["read the configuration", "read the database", "write beside the database", "read another project"] {
        assert!(lines.contains(&format!("can {what}")), "{what}: {lines:#?}");
    }
    assert!(lines.iter().any(|line| line == "NoNewPrivs:\t0"), "{lines:#?}");
}

#[test]
fn the_default_sandbox_hides_the_server_and_other_projects() {
    let refused = [
        "read the configuration",
        "read the database",
        "read the log of the database",
        "write beside the database",
        "read another project",
        "write to the machine's temporary directory",
        "read a disk",
        "signal what started it",
        "read the environment of what started it",
    ];
    check_tries("default", &refused);
}

#[test]
fn the_strict_sandbox_shows_the_system_only() {
    let refused = [
        "read the configuration",
        "read the database",
        "read the log of the database",
        "write beside the database",
        "read another project",
        "write to the machine's temporary directory",
        "read what others have there",
        "read a disk",
        "signal what started it",
        "read the environment of what started it",
    ];
    check_tries("strict", &refused);
}

/// A member of a project may name any directory as a repository that is used in place: that opens nothing of the server's.
#[test]
fn a_repository_beside_the_database_does_not_show_it() {
    for mode in ["default", "strict"] {
        let (server, _outside) = server(mode);
        fs::write(server.directory().join("tries.sh"), TRIES).unwrap();
        let admin = server.admin();
        let project = Project::create(&admin, server.directory().to_str().unwrap());
        let (row, lines) = project.run(&admin, "bash", "tries.sh");
        assert_eq!(row["status"], "success", "{mode}: {lines:?}");
        for what in ["read the configuration", "read the database", "read another project", "write beside the database"]
        {
            assert!(lines.contains(&format!("cannot {what}")), "{mode}, {what}: {lines:#?}");
        }
    }
}

/// Modules are copied to HOME and run from there by the interpreter that Ansible finds.
const PLAYBOOK: &str = "- hosts: all\n  gather_facts: true\n  tasks:\n    - ansible.builtin.copy:\n        content: made by ansible\n        dest: \"{{ playbook_dir }}/made\"\n    - ansible.builtin.command: cat made\n      args:\n        chdir: \"{{ playbook_dir }}\"\n      register: result\n    - ansible.builtin.debug:\n        var: result.stdout\n    - ansible.builtin.slurp:\n        src: \"{{ lookup('env', 'DIRECTORY') }}/config.json\"\n      register: stolen\n      ignore_errors: true\n    - ansible.builtin.debug:\n        msg: \"stolen {{ 'content' in stolen }}\"\n";

#[test]
fn ansible_works_in_a_sandbox() {
    if ansible().is_none() {
        return;
    }
    for mode in ["default", "strict"] {
        let world = world(mode, &[("site.yml", PLAYBOOK)]);
        let (row, lines) = world.project.run(&world.admin, "ansible", "site.yml");
        let log = lines.join("\n");
        assert_eq!(row["status"], "success", "{mode}: {log}");
        assert!(log.contains("made by ansible") && log.contains("stolen False"), "{mode}: {log}");
    }
}

const MAIN: &str = "resource \"terraform_data\" \"one\" {\n  input = \"made by tofu\"\n}\noutput \"one\" {\n  value = terraform_data.one.output\n}\n";

#[test]
fn opentofu_works_in_a_sandbox() {
    if tofu().is_none() {
        return;
    }
    for mode in ["default", "strict"] {
        let (server, _outside) = server(mode);
        let world = terraform::World::on(server, &[("infra/main.tf", MAIN)], terraform::as_it_is);
        let task = world.waiting(&json!({}));
        world.tell(task, "confirm");
        terraform::check(world.end(task), "success", "made by tofu");
    }
}

/// A server whose tasks run as a user without rights; its directory is open, so that only the sandbox can refuse.
fn server_of_nobody(mode: &str) -> Option<(Server, TempDir)> {
    if !nix::unistd::geteuid().is_root() {
        missing("only root can run tasks as another user");
        return None;
    }
    let (server, outside) = server_with(&json!({"sandbox": mode, "user": "nobody"}));
    let tmp = server.directory().join("tmp");
    for directory in [server.directory(), tmp.as_path(), outside.path()] {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    }
    // What a user without rights could read.
    for file in ["config.json", "database.sqlite"] {
        fs::set_permissions(server.directory().join(file), fs::Permissions::from_mode(0o644)).unwrap();
    }
    Some((server, outside))
}

/// Git reads repositories of its own user only.
fn give_to_nobody(repository: &Path) {
    let given = Command::new("chown").args(["-R", "nobody"]).arg(repository).status().unwrap();
    assert!(given.success());
}

#[test]
fn a_sandbox_holds_for_another_user_too() {
    for mode in ["default", "strict"] {
        let Some((server, _outside)) = server_of_nobody(mode) else { return };
        let repository = server.directory().join("repository");
        git_repository(&repository, &[("tries.sh", &format!("{TRIES}echo \"is $(id -un)\"\n"))]);
        give_to_nobody(&repository);
        let admin = server.admin();
        let project = Project::create(&admin, &format!("file://{}", repository.display()));
        let (row, lines) = project.run(&admin, "bash", "tries.sh");
        assert_eq!(row["status"], "success", "{mode}: {lines:?}");
        let refused = [
            "read the configuration",
            "read the database",
            "write beside the database",
            "read another project",
            "write to the machine's temporary directory",
            "read a disk",
            "signal what started it",
            "read the environment of what started it",
        ];
        for what in refused {
            assert!(lines.contains(&format!("cannot {what}")), "{mode}, {what}: {lines:#?}");
        }
        let others = if mode == "strict" { "cannot" } else { "can" };
        assert!(lines.contains(&format!("{others} read what others have there")), "{mode}: {lines:#?}");
        let allowed = [
            "make a temporary file",
            "write in the clone",
            "read the system",
            "throw output away",
            "open its output by name",
            "start programs",
        ];
        for what in allowed {
            assert!(lines.contains(&format!("can {what}")), "{mode}, {what}: {lines:#?}");
        }
        assert!(lines.contains(&"is nobody".to_owned()), "{lines:#?}");
    }
}

/// Copies a program and the libraries it needs to the same paths below a new root.
fn copy_program(program: &str, root: &Path) {
    let output = Command::new("ldd").arg(program).output().unwrap();
    let libraries = String::from_utf8(output.stdout).unwrap();
    for path in libraries.split_whitespace().filter(|word| word.starts_with('/')).chain([program]) {
        let target = root.join(&path[1..]);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}

/// Below another root the same things are hidden, and the devices and directories of that root are meant.
#[test]
fn a_sandbox_holds_below_another_root_too() {
    const SCRIPT: &str = "try() { if (eval \"$2\") >/dev/null 2>&1; then echo \"can $1\"; else echo \"cannot $1\"; fi; }\n\
        try 'read the root' 'cat /note'\n\
        try 'read another project' \"cat '$DIRECTORY/tmp/project_77/secret'\"\n\
        try 'write beside the root' 'echo > /new'\n\
        try 'write in the clone' 'echo > ./made'\n\
        try 'write a temporary file' 'echo > $TMPDIR/made'\n\
        try 'throw output away' 'echo gone > /dev/null'\n\
        try 'read a disk' 'head -c 1 /dev/mem'\n\
        [ -e /etc/passwd ] || echo 'it is another root'\n";
    if !nix::unistd::geteuid().is_root() {
        return missing("only root can run tasks below another root");
    }
    for mode in ["default", "strict"] {
        let jail = tempfile::tempdir().unwrap();
        fs::set_permissions(jail.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for program in ["/bin/bash", "/bin/cat", "/usr/bin/head"] {
            copy_program(program, jail.path());
        }
        fs::write(jail.path().join("note"), "of the root\n").unwrap();
        fs::create_dir(jail.path().join("dev")).unwrap();
        for (name, minor) in [("null", "3"), ("mem", "1")] {
            let made = Command::new("mknod").arg(jail.path().join("dev").join(name)).args(["c", "1", minor]).status();
            assert!(made.unwrap().success());
        }
        let (mut server, _outside) = server_with(&json!({"sandbox": mode, "chroot": jail.path()}));
        server.stop();
        // The same directory at the same path inside.
        let outside = server.directory().join("tmp");
        let inside = jail.path().join(outside.strip_prefix("/").unwrap());
        fs::create_dir_all(inside.parent().unwrap()).unwrap();
        let moved = Command::new("mv").args([&outside, &inside]).status().unwrap();
        assert!(moved.success());
        symlink(&inside, &outside).unwrap();
        server.start_again();
        let repository = server.directory().join("repository");
        git_repository(&repository, &[("tries.sh", SCRIPT)]);
        let admin = server.admin();
        let project = Project::create(&admin, &format!("file://{}", repository.display()));
        let (row, lines) = project.run(&admin, "bash", "tries.sh");
        assert_eq!(row["status"], "success", "{mode}: {lines:?}\n{}", server.log());
        let refused: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("cannot ")).collect();
        let mut expected = vec!["read another project", "write beside the root", "read a disk"];
        if mode == "strict" {
            expected.insert(0, "read the root");
        }
        assert_eq!(refused, expected, "{mode}: {lines:#?}");
        assert_eq!(lines.iter().filter(|line| line.starts_with("can ")).count(), 7 - expected.len(), "{lines:#?}");
        assert!(lines.contains(&"it is another root".to_owned()), "{lines:#?}");
    }
}
