//! The server is killed in the middle of each step of git: the task has an end after the restart, the next one of the template
//! works with a whole clone, and no lock and nothing half made stays. Once with its git killed as well, as when a machine goes
//! down, and once with a git that lives on and finishes beside the next task.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use semaphore_test_machine::{
    git::{Published, Repository},
    git_http::{Access, Server as GitServer, Transfer},
};
use semaphore_tests::{Client, Project, Server, assert_nothing_left, processes_in, wait_until};
use serde_json::{Value, json};

/// More than is sent before a transfer stalls, less than the small repositories have.
const STALLED_BYTES: usize = 1_000_000;
const BIG_BYTES: usize = 8_000_000;

/// A filter of the work tree that waits as long as a file is there: git has its locks then and half of its files.
const GATE: &str = "#!/bin/sh\nif [ -e HERE/armed ]; then touch HERE/reached; fi\n\
                    while [ -e HERE/armed ]; do sleep 0.02; done\ncat\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Orphans {
    Killed,
    LiveOn,
}

struct World {
    server: Server,
    admin: Client,
    git: GitServer,
    work: Repository,
    bare: Published,
    inner: Repository,
    inner_bare: Published,
    project: Project,
    template: i64,
}

impl World {
    fn new() -> Self {
        // A git that lost its server: with a process of its own the task would go on.
        let server = Server::with_config(json!({"process": {"task_host": "off"}}));
        let (work, inner) = (server.directory().join("work"), server.directory().join("inner"));
        let (work, inner) = (Repository::create(work), Repository::create(inner));
        let git = GitServer::start();
        inner.commit("inner", &[("inner.txt", "deep\n")]);
        let inner_bare = inner.publish(server.directory().join("inner.git"));
        let inner_url = git.serve("inner", inner_bare.path(), Access::Anyone);
        let files = [
            ("hello.sh", "echo this is $(cat version) with $(cat nested/inner.txt) and $(wc -c < slow.dat)\n"),
            ("version", "one\n"),
            ("slow.dat", "1\n"),
            (".gitattributes", "*.dat filter=gate\n"),
        ];
        work.commit("first", &files);
        work.submodule(&inner_url, "nested");
        let bare = work.publish(server.directory().join("bare.git"));
        let url = git.serve("project", bare.path(), Access::Anyone);
        let admin = server.admin();
        let mut project = Project::create(&admin, "/");
        project.repository = project.add_repository(&admin, &url, "main", project.key);
        let template = project.template(&admin, "bash", "hello.sh");
        Self { server, admin, git, work, bare, inner, inner_bare, project, template }
    }

    fn push(&self, text: &str) {
        // The more versions, the longer the file of the filter.
        let slow = "x".repeat(text.len());
        self.work.commit(text, &[("version", &format!("{text}\n")), ("slow.dat", &slow)]);
        self.work.push_to(&self.bare);
    }

    fn push_big(&self) {
        self.work.write_incompressible("big", BIG_BYTES);
        self.push("big");
    }

    /// The submodule gets something big, and the repository wants it.
    fn push_big_submodule(&self) {
        self.inner.write_incompressible("big", BIG_BYTES);
        self.inner.commit("deeper", &[("inner.txt", "deeper\n")]);
        self.inner.push_to(&self.inner_bare);
        self.work.git(&["submodule", "--quiet", "update", "--remote", "nested"]);
        self.push("moved");
    }

    fn clone_path(&self) -> PathBuf {
        let name = format!("repository_{}_template_{}", self.project.repository, self.template);
        self.server.directory().join(format!("tmp/project_{}/{name}", self.project.id))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.server.directory().join(name)
    }

    fn run(&self, fields: &Value) -> (Value, String) {
        self.project.run_again(&self.admin, self.template, fields)
    }

    #[track_caller]
    fn expect(&self, text: &str) {
        let (row, log) = self.run(&json!({}));
        assert!(row["status"] == "success" && log.contains(text), "expected {text:?}: {row}\n{log}");
    }

    fn start(&self, fields: &Value) -> i64 {
        let mut body = json!({"template_id": self.template});
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.admin.post(&format!("/api/project/{}/tasks", self.project.id), &body).expect(201).id()
    }

    /// From now on a transfer of something big stalls.
    fn stall(&self) {
        self.git.transfer(Transfer::StallAfter(STALLED_BYTES));
    }

    fn wait_until_stalled(&self) {
        self.git.wait_until_stalled(1);
    }

    /// From now on git stops at the file with the filter, in this template's clone.
    fn arm(&self) {
        let gate = self.file("gate");
        let here = self.server.directory().display().to_string();
        fs::write(&gate, GATE.replace("HERE", &here)).unwrap();
        fs::set_permissions(&gate, fs::Permissions::from_mode(0o755)).unwrap();
        let clone = self.clone_path();
        let arguments = ["config", "filter.gate.smudge", gate.to_str().unwrap()];
        assert!(semaphore_test_machine::git::command(&clone, arguments).status().unwrap().success());
        fs::write(self.file("armed"), "").unwrap();
    }

    fn wait_until_reached(&self) {
        let reached = self.file("reached");
        wait_until("git is at the gate", Duration::from_mins(1), || reached.exists().then_some(()));
        assert!(self.clone_path().join(".git/index.lock").exists(), "git is not in the middle of its work tree");
    }

    fn release(&self) {
        self.git.transfer(Transfer::Normal);
        let _ = fs::remove_file(self.file("armed"));
    }

    /// What is left of the tasks' git.
    fn orphans(&self) -> Vec<u32> {
        processes_in(&self.server.directory().join("tmp"))
    }

    fn kill_orphans(&self) {
        for pid in self.orphans() {
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        }
    }

    #[track_caller]
    fn assert_whole(&self) {
        let clone = self.clone_path();
        let git = |arguments: &[&str]| {
            let output = semaphore_test_machine::git::command(&clone, arguments).output().unwrap();
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        assert_eq!(git(&["status", "--porcelain"]), "");
        assert_eq!(git(&["rev-parse", "HEAD"]), self.work.head());
        git(&["fsck", "--connectivity-only"]);
        git(&["-C", "nested", "fsck", "--connectivity-only"]);
    }
}

/// Kills the server when `reached` returns, starts it again and looks at what follows. `fields` are those of the task.
fn check(mut world: World, orphans: Orphans, fields: &Value, reached: impl FnOnce(&World), expected: &str) {
    let task = world.start(fields);
    reached(&world);
    world.server.crash();
    assert!(!world.orphans().is_empty(), "git was not at work");
    if orphans == Orphans::Killed {
        world.kill_orphans();
        world.release();
    }
    world.server.start_again();
    let row = world.admin.wait_for_end(world.project.id, task);
    assert!(["stopped", "error"].contains(&row["status"].as_str().unwrap()), "{row}");
    // Those that live on go on now, beside the next task.
    world.release();
    world.expect(expected);
    wait_until("the old git has ended", Duration::from_mins(1), || world.orphans().is_empty().then_some(()));
    world.expect(expected);
    world.assert_whole();
    assert_nothing_left(&world.server);
    // A second template uses the mirror: it must be whole, too.
    world.template = world.project.template(&world.admin, "bash", "hello.sh");
    world.expect(expected);
    world.assert_whole();
    assert_nothing_left(&world.server);
}

const BOTH: [Orphans; 2] = [Orphans::Killed, Orphans::LiveOn];

#[test]
fn in_a_clone() {
    for orphans in BOTH {
        let world = World::new();
        world.push_big();
        world.stall();
        check(world, orphans, &json!({}), World::wait_until_stalled, "this is big");
    }
}

#[test]
fn in_the_clone_of_a_submodule() {
    for orphans in BOTH {
        let world = World::new();
        world.push_big_submodule();
        world.stall();
        check(world, orphans, &json!({}), World::wait_until_stalled, "with deeper");
    }
}

#[test]
fn in_a_fetch() {
    for orphans in BOTH {
        let world = World::new();
        world.expect("this is one");
        world.push_big();
        world.stall();
        check(world, orphans, &json!({}), World::wait_until_stalled, "this is big");
    }
}

#[test]
fn in_the_update_of_a_submodule() {
    for orphans in BOTH {
        let world = World::new();
        world.expect("with deep");
        world.push_big_submodule();
        world.stall();
        check(world, orphans, &json!({}), World::wait_until_stalled, "with deeper");
    }
}

#[test]
fn in_a_pull_that_writes_the_work_tree() {
    for orphans in BOTH {
        let world = World::new();
        world.expect("this is one");
        world.push("second");
        world.arm();
        check(world, orphans, &json!({}), World::wait_until_reached, "this is second with deep and 6");
    }
}

#[test]
fn in_a_checkout() {
    for orphans in BOTH {
        let world = World::new();
        let first = world.work.head();
        world.push("second");
        world.expect("this is second");
        world.arm();
        let fields = json!({"commit_hash": first});
        check(world, orphans, &fields, World::wait_until_reached, "this is second with deep and 6");
    }
}

#[test]
fn while_the_mirror_is_filled() {
    let mut world = World::new();
    world.expect("this is one");
    // So many objects that filling takes a while; they lie where git does not count them to tidy up.
    let objects = world.clone_path().join(".git/objects/ab");
    fs::create_dir_all(&objects).unwrap();
    for number in 0..30_000 {
        fs::write(objects.join(format!("{number:038x}")), "").unwrap();
    }
    let own = world.server.directory().join(format!("tmp/.semaphore/project_{}", world.project.id));
    let half_made = || {
        let names =
            fs::read_dir(&own).into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| name.contains(".new_")).count()
    };
    world.push("second");
    let task = world.start(&json!({}));
    wait_until("the mirror is being filled", Duration::from_mins(1), || (half_made() > 0).then_some(()));
    world.server.crash();
    assert_eq!(half_made(), 1, "the mirror was filled too fast");
    world.server.start_again();
    let row = world.admin.wait_for_end(world.project.id, task);
    assert!(["stopped", "error"].contains(&row["status"].as_str().unwrap()), "{row}");
    // Another template makes the mirror first; what the first one left there goes nevertheless.
    let first = world.template;
    world.template = world.project.template(&world.admin, "bash", "hello.sh");
    world.expect("this is second");
    world.assert_whole();
    world.template = first;
    world.expect("this is second");
    assert_nothing_left(&world.server);
}
