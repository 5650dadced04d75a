//! What a task leaves for the git of the next one: that git may no more than a task.

use std::{fs, path::PathBuf};

use semaphore_test_machine::{
    git::Repository,
    git_http::{Access, Server as GitServer},
    ssh,
};
use semaphore_tests::{Client, Project, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{server, server_with};

const MODES: [&str; 2] = ["default", "strict"];

struct World {
    server: Server,
    admin: Client,
    work: Repository,
    project: Project,
    _outside: TempDir,
}

impl World {
    /// Two commits, so that a script can go back to the first; in it `$STEAL` is a command that copies what is hidden.
    fn new(mode: &str, script: &str) -> Self {
        let (server, outside) = server(mode);
        let work = Repository::create(server.directory().join("work"));
        let directory = server.directory().display();
        let steal = format!("STEAL=\"cp {directory}/config.json {directory}/tmp/project_1/stolen\"\n");
        work.commit("first commit", &[("task.sh", &format!("{steal}{script}")), ("version", "one\n")]);
        work.commit("second commit", &[("version", "two\n")]);
        let admin = server.admin();
        let project = Project::create(&admin, &format!("file://{}", work.path().display()));
        Self { server, admin, work, project, _outside: outside }
    }

    /// Runs the script twice; the log of the second time.
    fn twice(&self) -> String {
        let (template, row, log) = self.project.run_with(&self.admin, "bash", "task.sh", &json!({}));
        assert_eq!(row["status"], "success", "{log}");
        let (row, log) = self.project.run_again(&self.admin, template, &json!({}));
        assert_eq!(row["status"], "success", "{log}");
        assert_eq!(row["commit_hash"], self.work.head().as_str(), "{log}");
        log
    }

    fn project_dir(&self) -> PathBuf {
        self.server.directory().join("tmp/project_1")
    }

    #[track_caller]
    fn assert_nothing_stolen(&self, log: &str) {
        assert!(!self.project_dir().join("stolen").exists(), "{log}");
    }
}

#[test]
fn a_hook_that_a_task_leaves_is_not_run() {
    let script = "printf '#!/bin/sh\\n%s\\necho hooked\\n' \"$STEAL\" > .git/hooks/post-merge\nchmod +x .git/hooks/post-merge\n\
        git reset --quiet --hard HEAD~1\n";
    for mode in MODES {
        let world = World::new(mode, script);
        let log = world.twice();
        assert!(!log.contains("hooked") && log.contains("Fast-forward"), "{mode}: {log}");
        world.assert_nothing_stolen(&log);
    }
}

#[test]
fn a_clone_whose_configuration_names_a_program_is_made_anew() {
    let script = "git config filter.steal.smudge \"$STEAL 2> /dev/null; cat\"\nmkdir -p .git/info\n\
        echo '* filter=steal' > .git/info/attributes\ngit reset --quiet --hard HEAD~1\ntouch left\n";
    for mode in MODES {
        let world = World::new(mode, script);
        let log = world.twice();
        assert!(log.contains("the repository is cloned again"), "{mode}: {log}");
        world.assert_nothing_stolen(&log);
    }
}

/// What git itself and a task in order write into a configuration does not cost the clone.
#[test]
fn a_clone_that_was_only_worked_with_is_kept() {
    let script = "git config user.name CI\n[ -e kept ] && echo it is kept\ntouch kept\n";
    for mode in MODES {
        let world = World::new(mode, script);
        let log = world.twice();
        assert!(log.contains("it is kept") && !log.contains("cloned again"), "{mode}: {log}");
    }
}

/// A submodule's repository that is not where git makes it is not found beforehand: what it runs, runs within the limits.
#[test]
fn what_git_runs_for_a_task_may_no_more_than_the_task() {
    let script = "git -C inner reset --quiet --hard HEAD~1\nmv .git/modules/inner inner/own\necho 'gitdir: ./own' > inner/.git\n\
        git config --file inner/own/config core.worktree ..\ngit config --file inner/own/config filter.steal.smudge \"touch ../../smudged; $STEAL 2> /dev/null; cat\"\n\
        mkdir -p inner/own/info\necho '* filter=steal' > inner/own/info/attributes\n";
    for mode in MODES {
        let world = World::new(mode, script);
        let inner = Repository::create(world.server.directory().join("inner"));
        inner.commit("one", &[("inner.txt", "one")]);
        inner.commit("two", &[("inner.txt", "two")]);
        let url = format!("file://{}", inner.path().display());
        world.work.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "inner"]);
        world.work.commit("with a submodule", &[]);
        let log = world.twice();
        assert!(world.project_dir().join("smudged").exists(), "the test does nothing: {mode}: {log}");
        world.assert_nothing_stolen(&log);
    }
}

/// No limit is in the way of passwords, keys and new hosts.
#[test]
fn repositories_of_every_kind_are_cloned_and_pulled_in_a_sandbox() {
    for mode in MODES {
        let (server, _outside) = server_with(&json!({"sandbox": mode}));
        let work = Repository::create(server.directory().join("work"));
        work.commit("first commit", &[("task.sh", "echo this is $(cat version)\n"), ("version", "one\n")]);
        let bare = work.publish(server.directory().join("bare.git"));
        let git = GitServer::start();
        let admin = server.admin();
        let mut project = Project::create(&admin, "/");
        let policy = format!("/api/project/{}/host_keys", project.id);
        admin.put(&policy, &json!({"mode": "accept-new", "known_hosts": ""})).expect(204);
        let mut all: Vec<(String, &str, Value)> = vec![(
            git.serve("project", bare.path(), Access::user("deployer", "a password")),
            "login_password",
            json!({"login": "deployer", "password": "a password"}),
        )];
        let ssh = ssh::Server::start();
        if let Some(ssh) = &ssh {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("key");
            let mut making = std::process::Command::new("ssh-keygen");
            assert!(making.args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(&path).status().unwrap().success());
            ssh.authorize(&fs::read_to_string(directory.path().join("key.pub")).unwrap());
            let key = json!({"login": "deploy", "passphrase": "", "private_key": fs::read_to_string(path).unwrap()});
            all.push((ssh.serve_repository(bare.path()), "ssh", key));
        }
        for (number, (url, kind, content)) in all.into_iter().enumerate() {
            let key = project.key(&admin, kind, &content);
            project.repository = project.add_repository(&admin, &url, "main", key);
            let (template, row, log) = project.run_with(&admin, "bash", "task.sh", &json!({}));
            assert_eq!(row["status"], "success", "{mode}, {kind}: {log}");
            work.commit("next", &[("version", &format!("after {number}\n"))]);
            work.push_to(&bare);
            let (row, log) = project.run_again(&admin, template, &json!({}));
            let pulled = log.contains(&format!("this is after {number}")) && log.contains("Fast-forward");
            assert!(row["status"] == "success" && pulled, "{mode}, {kind}: {log}");
            let branches = format!("/api/project/{}/repositories/{}/branches", project.id, project.repository);
            assert_eq!(admin.get(&branches).expect(200).json(), json!(["main"]), "{mode}, {kind}");
        }
    }
}
