//! Repositories over ssh: a real OpenSSH server, private keys with and without a passphrase, and keys that do not fit.

use std::{fs, os::unix::fs::FileTypeExt as _, path::Path, process::Command};

use semaphore_test_machine::{git::Repository, ssh};
use semaphore_tests::{Client, Project, SecretWatch, Server, assert_nothing_left};
use serde_json::{Value, json};

const PASSPHRASE: &str = "a passphrase of 'many' words";

struct World {
    server: Server,
    admin: Client,
    ssh: ssh::Server,
    url: String,
}

impl World {
    fn start(config: Value) -> Option<Self> {
        let ssh = ssh::Server::start()?;
        let server = Server::with_config(config);
        let work = Repository::create(server.directory().join("work"));
        let script = "echo it came over ssh\n[ -z \"$SSH_AUTH_SOCK\" ] && echo no agent for the script\n";
        work.commit("first commit", &[("hello.sh", script)]);
        let url = ssh.serve_repository(work.publish(server.directory().join("project.git")).path());
        let admin = server.admin();
        Some(Self { server, admin, ssh, url })
    }

    /// Makes a key pair with the real ssh-keygen; returns the private part and lets its holder in if asked to.
    fn key_pair(&self, options: &[&str], passphrase: &str, authorized: bool) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let made =
            Command::new("ssh-keygen").args(["-q", "-N", passphrase, "-f"]).arg(&path).args(options).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        if authorized {
            self.ssh.authorize(&fs::read_to_string(directory.path().join("key.pub")).unwrap());
        }
        fs::read_to_string(path).unwrap()
    }

    fn project(&self, kind: &str, content: &Value) -> Project {
        let mut project = Project::create(&self.admin, "/");
        let key = if kind == "none" { project.key } else { project.key(&self.admin, kind, content) };
        project.repository = project.add_repository(&self.admin, &self.url, "main", key);
        project
    }

    /// Runs the script with a repository key; returns status and log.
    fn run(&self, kind: &str, content: &Value) -> (String, String) {
        let (_, row, log) = self.project(kind, content).run_with(&self.admin, "bash", "hello.sh", &json!({}));
        (row["status"].as_str().unwrap_or_default().to_owned(), log)
    }
}

fn assert_no_socket(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok) {
        let kind = entry.file_type().unwrap();
        assert!(!kind.is_socket(), "{} is still there", entry.path().display());
        if kind.is_dir() {
            assert_no_socket(&entry.path());
        }
    }
}

#[test]
fn keys_of_every_kind_open_it_and_nobody_sees_them() {
    let Some(world) = World::start(json!({})) else { return };
    let pairs = [
        (world.key_pair(&["-t", "ed25519"], "", true), ""),
        (world.key_pair(&["-t", "rsa", "-b", "2048", "-m", "PEM"], "", true), ""),
        (world.key_pair(&["-t", "ecdsa", "-b", "384", "-m", "PKCS8"], "", true), ""),
        (world.key_pair(&["-t", "ed25519"], PASSPHRASE, true), PASSPHRASE),
        (world.key_pair(&["-t", "rsa", "-b", "2048", "-m", "PEM"], PASSPHRASE, true), PASSPHRASE),
    ];
    for (private, passphrase) in pairs {
        // A line from the middle of the key is what a leak would show.
        let line = private.lines().nth(private.lines().count() / 2).unwrap().to_owned();
        let watch = SecretWatch::start(&[&line, PASSPHRASE]);
        let before = world.ssh.logins().len();
        let (status, log) =
            world.run("ssh", &json!({"login": "deploy", "passphrase": passphrase, "private_key": private}));
        assert_eq!(status, "success", "{log}\n{}", world.ssh.log());
        assert!(log.contains("it came over ssh") && log.contains("no agent for the script"), "{log}");
        let logins = world.ssh.logins();
        assert!(logins.len() > before && logins.iter().all(|l| l == "publickey for deploy"), "{logins:?}");
        watch.assert_unseen(world.server.directory(), &[&log, &world.server.log()]);
    }
    assert_no_socket(world.server.directory());
    assert_nothing_left(&world.server);
}

#[test]
fn what_does_not_fit_is_an_error_with_its_reason() {
    let Some(world) = World::start(json!({})) else { return };
    let locked = world.key_pair(&["-t", "ed25519"], "another passphrase", true);
    for passphrase in ["a wrong passphrase", ""] {
        let (status, log) = world.run("ssh", &json!({"login": "", "passphrase": passphrase, "private_key": locked}));
        assert_eq!(status, "error", "{log}");
        assert!(log.to_lowercase().contains("passphrase"), "{log}");
        assert!(!log.contains("a wrong passphrase") && !log.contains("it came over ssh"), "{log}");
    }
    let stranger = world.key_pair(&["-t", "ed25519"], "", false);
    let (status, log) = world.run("ssh", &json!({"login": "", "passphrase": "", "private_key": stranger}));
    assert!(status == "error" && log.contains("Permission denied"), "{log}");
    let (status, log) =
        world.run("login_password", &json!({"login": world.ssh.user(), "password": world.ssh.password()}));
    assert!(status == "error" && !log.contains(world.ssh.password()), "{log}");
    // Without an ssh key git is given no options of ssh, as in the reference: the host is unknown to the machine's user.
    let (status, log) = world.run("none", &json!({}));
    let reasons = ["Permission denied", "Host key verification failed"];
    assert!(status == "error" && reasons.iter().any(|reason| log.contains(reason)), "{log}");
    assert_eq!(world.ssh.logins(), Vec::<String>::new());
    assert_no_socket(world.server.directory());
    assert_nothing_left(&world.server);
}

#[test]
fn two_templates_and_a_pull_with_one_key() {
    let Some(world) = World::start(json!({})) else { return };
    let private = world.key_pair(&["-t", "ed25519"], "", true);
    let project = world.project("ssh", &json!({"login": "", "passphrase": "", "private_key": private}));
    let first = project.template(&world.admin, "bash", "hello.sh");
    let second = project.template(&world.admin, "bash", "hello.sh");
    let tasks: Vec<_> = [first, second, first].iter().map(|t| project.start(&world.admin, *t)).collect();
    for task in tasks {
        let row = world.admin.wait_for_end(project.id, task);
        assert_eq!(row["status"], "success", "{:?}", world.admin.output(project.id, task));
    }
    let (row, log) = project.run_again(&world.admin, first, &json!({}));
    assert_eq!(row["status"], "success", "{log}");
    // A key that was taken back opens nothing any more, though the clone is there.
    world.ssh.authorize_nobody();
    let (row, log) = project.run_again(&world.admin, first, &json!({}));
    assert!(row["status"] == "error" && log.contains("Permission denied"), "{log}");
    assert_no_socket(world.server.directory());
    assert_nothing_left(&world.server);
}
