//! `process.sandbox`: what a task may reach of the machine, seen from inside by real programs.
//!
//! Needs a kernel with Landlock, as every supported one has; without it these tests fail, and say so.

use std::{fs, process::Command};

use semaphore_tests::{Client, Options, Project, Server, ansible, git_repository, tofu};
use serde_json::json;
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
    let mut server = Server::prepared(Options::default());
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("note"), "of somebody else\n").unwrap();
    let other = server.directory().join("tmp/project_77");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("secret"), "of another project\n").unwrap();
    server.change_config(&json!({
        "process": {"sandbox": mode, "sandbox_paths": interpreters()},
        "env_vars": {"DIRECTORY": server.directory(), "OUTSIDE": outside.path()},
    }));
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
