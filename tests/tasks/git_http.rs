//! Repositories behind a password: a real git server over HTTP, the git program, and who may see the password.

use std::path::Path;

use semaphore_test_machine::{
    git::{Published, Repository},
    git_http::{Access, Server as GitServer, Transfer},
};
use semaphore_tests::{Client, Project, SecretWatch, Server, assert_nothing_left, wait_until};
use serde_json::json;

/// With characters that have a meaning in URLs, in shells and in git's configuration.
const PASSWORD: &str = "p@ss:w/ord %41 $HOME \"quoted\" 'x' #1";

struct World {
    server: Server,
    admin: Client,
    git: GitServer,
    work: Repository,
    bare: Published,
    url: String,
}

impl World {
    fn start() -> Self {
        Self::with_config(json!({}))
    }

    fn with_config(config: serde_json::Value) -> Self {
        let server = Server::with_config(config);
        let work = Repository::create(server.directory().join("work"));
        work.commit("first commit", &[("hello.sh", "echo this is $(cat version)\n"), ("version", "one\n")]);
        let bare = work.publish(server.directory().join("bare.git"));
        let git = GitServer::start();
        let url = git.serve("project", bare.path(), Access::user("deployer", PASSWORD));
        let admin = server.admin();
        Self { server, admin, git, work, bare, url }
    }

    /// A project whose repository has a key of this password.
    fn project(&self, password: &str) -> Project {
        let mut project = Project::create(&self.admin, "/");
        let content = json!({"login": "deployer", "password": password});
        let key = project.key(&self.admin, "login_password", &content);
        project.repository = project.add_repository(&self.admin, &self.url, "main", key);
        project
    }

    fn push(&self, text: &str) -> String {
        let hash = self.work.commit(text, &[("version", text)]);
        self.work.push_to(&self.bare);
        hash
    }

    fn clone_of(&self, project: &Project, template: i64) -> std::path::PathBuf {
        let name = format!("repository_{}_template_{template}", project.repository);
        self.server.directory().join(format!("tmp/project_{}/{name}", project.id))
    }
}

fn packs(git: &GitServer) -> usize {
    git.requests().iter().filter(|r| r.method == "POST" && r.status == 200).count()
}

#[test]
fn the_right_password_and_nobody_sees_it() {
    let world = World::start();
    let project = world.project(PASSWORD);
    let encoded: String = PASSWORD
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect();
    let watch = SecretWatch::start(&[PASSWORD, &encoded]);
    let (template, row, log) = project.run_with(&world.admin, "bash", "hello.sh", &json!({}));
    assert_eq!(row["status"], "success", "{log}");
    assert!(log.contains("this is one"), "{log}");
    assert_eq!(row["commit_message"], "first commit");
    let hash = world.push("two");
    let (row, log) = project.run_again(&world.admin, template, &json!({}));
    assert!(log.contains("this is two") && row["commit_hash"] == hash.as_str(), "{row} {log}");
    let config = std::fs::read_to_string(world.clone_of(&project, template).join(".git/config")).unwrap();
    assert!(config.contains(&format!("url = {}\n", world.url)) && !config.contains("deployer"), "{config}");
    watch.assert_unseen(world.server.directory(), &[&log, &world.server.log()]);
    let requests = world.git.requests();
    assert!(requests.iter().any(|r| r.user.as_deref() == Some("deployer") && r.status == 200), "{requests:?}");
    assert_nothing_left(&world.server);
}

/// What an administrator tells git beside it: here where the hooks are. Both count.
#[test]
fn an_own_git_config_count_is_continued() {
    use std::os::unix::fs::PermissionsExt as _;
    let hooks = tempfile::tempdir().unwrap();
    let hook = hooks.path().join("post-checkout");
    std::fs::write(&hook, format!("#!/bin/sh\necho ran >> {}/seen\n", hooks.path().display())).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let world = World::with_config(json!({"env_vars": {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Somebody",
        "GIT_CONFIG_KEY_1": "core.hooksPath", "GIT_CONFIG_VALUE_1": hooks.path(),
    }}));
    let project = world.project(PASSWORD);
    let (_, row, log) = project.run_with(&world.admin, "bash", "hello.sh", &json!({}));
    // The password is told to git in the same way.
    assert!(row["status"] == "success" && log.contains("this is one"), "{row} {log}");
    assert_eq!(std::fs::read_to_string(hooks.path().join("seen")).unwrap(), "ran\n");
    assert_nothing_left(&world.server);
}

#[test]
fn a_wrong_or_missing_password_is_an_error_with_its_reason() {
    let world = World::start();
    let wrong = world.project("another password");
    let (_, row, log) = wrong.run_with(&world.admin, "bash", "hello.sh", &json!({}));
    assert_eq!(row["status"], "error", "{log}");
    assert!(log.contains("Authentication failed") && !log.contains("another password"), "{log}");

    let mut missing = Project::create(&world.admin, "/");
    missing.repository = missing.add_repository(&world.admin, &world.url, "main", missing.key);
    let (_, row, log) = missing.run_with(&world.admin, "bash", "hello.sh", &json!({}));
    assert_eq!(row["status"], "error", "{log}");
    assert!(log.to_lowercase().contains("username") || log.contains("Authentication failed"), "{log}");
    assert!(!log.contains("this is one"), "{log}");
    assert_eq!(packs(&world.git), 0);
    assert_nothing_left(&world.server);
}

#[test]
fn a_password_is_sent_to_no_other_host() {
    let world = World::start();
    let other = GitServer::start();
    let inner = Repository::create(world.server.directory().join("inner"));
    inner.commit("inner", &[("inner.txt", "deep")]);
    let bare = inner.publish(world.server.directory().join("inner.git"));
    // A submodule of a stranger who asks for a password, and would like to have this one.
    let stranger = other.serve("inner", bare.path(), Access::Anyone);
    world.work.submodule(&stranger, "nested");
    world.work.push_to(&world.bare);
    other.change_access("inner", Access::user("deployer", "something else"));
    let project = world.project(PASSWORD);
    let (_, row, log) = project.run_with(&world.admin, "bash", "hello.sh", &json!({}));
    assert_eq!(row["status"], "error", "{log}");
    let told: Vec<_> = other.requests().into_iter().filter(|r| r.user.is_some()).collect();
    assert!(told.is_empty(), "the stranger was told: {told:?}");
}

#[test]
fn a_branch_a_tag_and_a_commit() {
    let world = World::start();
    let first = world.work.head();
    world.work.tag("v1");
    world.push("two");
    world.work.new_branch("feature/side");
    let side = world.push("side");
    let project = world.project(PASSWORD);
    let run = |fields: serde_json::Value| project.run_with(&world.admin, "bash", "hello.sh", &fields);
    let (template, row, log) = run(json!({}));
    assert!(log.contains("this is two"), "{log}");
    assert_eq!(row["commit_message"], "two");
    let (_, row, log) = run(json!({"git_branch": "feature/side"}));
    assert!(log.contains("this is side") && row["commit_hash"] == side.as_str(), "{row} {log}");
    let (_, row, log) = run(json!({"git_branch": "v1"}));
    assert!(log.contains("this is one") && row["commit_hash"] == first.as_str(), "{row} {log}");
    let (row, log) = project.run_again(&world.admin, template, &json!({"commit_hash": first}));
    assert!(row["status"] == "success" && log.contains("this is one"), "{row} {log}");
    let (row, log) =
        project.run_again(&world.admin, template, &json!({"commit_hash": "0123456789abcdef0123456789abcdef01234567"}));
    assert_eq!(row["status"], "error", "{log}");
    // The next task without a commit has the branch again.
    let (_, log) = project.run_again(&world.admin, template, &json!({}));
    assert!(log.contains("this is two"), "{log}");
    assert_nothing_left(&world.server);
}

#[test]
fn a_rewritten_branch_is_followed() {
    let world = World::start();
    world.push("two");
    let project = world.project(PASSWORD);
    let (template, _, log) = project.run_with(&world.admin, "bash", "hello.sh", &json!({}));
    assert!(log.contains("this is two"), "{log}");
    let new = world.work.rewrite("instead of two", &[("version", "instead")]);
    world.work.push_to(&world.bare);
    let (row, log) = project.run_again(&world.admin, template, &json!({}));
    assert!(log.contains("this is instead") && row["commit_hash"] == new.as_str(), "{row} {log}");
    assert_nothing_left(&world.server);
}

#[test]
fn submodules_come_along_and_move_on() {
    let world = World::start();
    let inner = Repository::create(world.server.directory().join("inner"));
    inner.commit("inner", &[("inner.txt", "deep")]);
    let inner_bare = inner.publish(world.server.directory().join("inner.git"));
    // The same server and password as the outer one, for which the clone has to authenticate again.
    let inner_url = world.git.serve("inner", inner_bare.path(), Access::Anyone);
    world.work.submodule(&inner_url, "nested");
    world.work.commit("script", &[("nested.sh", "cat nested/inner.txt\n")]);
    world.work.push_to(&world.bare);
    world.git.change_access("inner", Access::user("deployer", PASSWORD));
    let project = world.project(PASSWORD);
    let (template, row, log) = project.run_with(&world.admin, "bash", "nested.sh", &json!({}));
    assert!(row["status"] == "success" && log.contains("deep"), "{log}");

    world.git.change_access("inner", Access::Anyone);
    inner.commit("deeper", &[("inner.txt", "deeper")]);
    inner.push_to(&inner_bare);
    world.work.git(&["submodule", "--quiet", "update", "--remote", "nested"]);
    world.work.commit("the submodule moved on", &[]);
    world.work.push_to(&world.bare);
    world.git.change_access("inner", Access::user("deployer", PASSWORD));
    let (row, log) = project.run_again(&world.admin, template, &json!({}));
    assert!(row["status"] == "success" && log.contains("deeper"), "{log}");
    assert_nothing_left(&world.server);
}

#[test]
fn a_second_template_does_not_fetch_again_what_is_there() {
    let world = World::start();
    world.work.write_incompressible("big", 3_000_000);
    world.push("two");
    let project = world.project(PASSWORD);
    let (_, row, log) = project.run_with(&world.admin, "bash", "hello.sh", &json!({}));
    assert_eq!(row["status"], "success", "{log}");
    let first = world.git.bytes_sent();
    assert!(first > 3_000_000, "{first}");
    world.push("three");
    let (template, row, log) = project.run_with(&world.admin, "bash", "hello.sh", &json!({}));
    assert!(row["status"] == "success" && log.contains("this is three"), "{log}");
    let second = world.git.bytes_sent() - first;
    assert!(second < 300_000, "the second template fetched {second} bytes");
    // The clone stands on its own.
    let alternates = world.clone_of(&project, template).join(".git/objects/info/alternates");
    assert!(!alternates.exists(), "the clone depends on {}", alternates.display());
    assert_nothing_left(&world.server);
}

#[test]
fn parallel_tasks_of_one_repository() {
    let world = World::start();
    world.work.commit(
        "slow",
        &[("slow.sh", "echo begin; cat version; test -f slow.sh && sleep 0.3 && test -f version && echo whole\n")],
    );
    world.work.push_to(&world.bare);
    let project = world.project(PASSWORD);
    let templates: Vec<_> = (0..2).map(|_| project.template(&world.admin, "bash", "slow.sh")).collect();
    // Two of each template at once, on an empty machine.
    let tasks: Vec<_> =
        [&templates[..], &templates[..]].concat().iter().map(|t| project.start(&world.admin, *t)).collect();
    for task in tasks {
        let row = world.admin.wait_for_end(project.id, task);
        let log = world.admin.output(project.id, task).join("\n");
        assert!(row["status"] == "success" && log.contains("whole"), "{row} {log}");
    }
    assert_nothing_left(&world.server);
}

#[test]
fn a_stop_in_the_middle_of_a_transfer() {
    let world = World::start();
    world.work.write_incompressible("big", 20_000_000);
    world.push("big");
    let project = world.project(PASSWORD);
    world.git.transfer(Transfer::StallAfter(1_000_000));
    let template = project.template(&world.admin, "bash", "hello.sh");
    let task = project.start(&world.admin, template);
    world.git.wait_until_stalled(1);
    world.admin.post(&format!("/api/project/{}/tasks/{task}/stop", project.id), &json!({})).expect(204);
    let row = world.admin.wait_for_end(project.id, task);
    assert_eq!(row["status"], "stopped");
    wait_until("the transfer has ended", std::time::Duration::from_secs(10), || {
        (world.git.stalled() == 0).then_some(())
    });
    world.git.transfer(Transfer::Normal);
    assert_nothing_left(&world.server);

    // The next one is not disturbed by what was half there.
    let (row, log) = project.run_again(&world.admin, template, &json!({}));
    assert!(row["status"] == "success" && log.contains("this is big"), "{log}");
    world.git.transfer(Transfer::CutAfter(0));
    std::fs::remove_dir_all(world.server.directory().join(format!("tmp/project_{}", project.id))).unwrap();
    let (row, log) = project.run_again(&world.admin, template, &json!({}));
    assert_eq!(row["status"], "error", "{log}");
    assert!(Path::new(&world.bare.path()).exists());
    assert_nothing_left(&world.server);
}
