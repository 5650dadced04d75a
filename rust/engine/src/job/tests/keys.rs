//! SSH keys of a job: git logs in with them, apps see the inventory's, and a key that cannot be used ends the job with a reason.

use std::{fs, path::Path, process::Command};

use semaphore_test_machine::{git::Repository, ssh};
use serde_json::{Value, json};

use super::support::{World, wait_for_line};
use crate::job::{JobSpec, Outcome, SecretSet, StopReason};

/// A key of ssh-keygen; gives its private text and public line.
fn key(world: &World, name: &str, arguments: &[&str], passphrase: &str) -> (String, String) {
    let path = world.path(name);
    let made = Command::new("ssh-keygen").args(["-q", "-N", passphrase, "-f"]).arg(&path).args(arguments).status();
    assert!(made.expect("ssh-keygen").success());
    (fs::read_to_string(&path).unwrap(), fs::read_to_string(path.with_extension("pub")).unwrap())
}

fn ssh_key(secrets: &mut SecretSet, id: i32, text: &str, passphrase: &str) -> Value {
    let private_key = secrets.insert(format!("key {id}"), text.as_bytes().to_vec());
    let passphrase = secrets.insert(format!("passphrase {id}"), passphrase.as_bytes().to_vec());
    json!({"id": id, "kind": {"type": "ssh", "login": "", "private_key": private_key, "passphrase": passphrase}})
}

fn with_repository_key(mut spec: JobSpec, key: Value) -> JobSpec {
    spec.repository.key = serde_json::from_value(key).unwrap();
    spec
}

/// Every kind of key logs into a real sshd, for the clone of the repository and of the inventory.
#[tokio::test]
async fn git_logs_in_with_every_kind_of_key() {
    let Some(server) = ssh::Server::start() else { return };
    let world = World::new();
    let repository = Repository::create(world.path("work"));
    repository.commit("first commit", &[("a.sh", "echo it runs\n"), ("hosts", "localhost\n")]);
    let kinds: [&[&str]; 5] = [
        &["-t", "ed25519"],
        &["-t", "rsa"],
        &["-t", "ecdsa"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "ecdsa", "-b", "521"],
    ];
    let keys: Vec<_> =
        kinds.iter().enumerate().map(|(number, kind)| key(&world, &format!("key{number}"), kind, "")).collect();
    for (_, public) in &keys {
        server.authorize(public);
    }
    let url = server.serve_repository(repository.publish(world.path("repo.git")).path());
    for (number, (private, _)) in (0..).zip(&keys) {
        let mut secrets = SecretSet::default();
        let repository_key = ssh_key(&mut secrets, number, private, "");
        let spec = world.spec_with(
            "bash",
            "a.sh",
            &url,
            json!({
                "template_id": number,
                "inventory": {"id": 1, "name": "i", "kind": "file", "content": "hosts", "repository": {
                    "id": 2, "name": "r", "url": url, "branch": "main", "key": repository_key,
                }},
            }),
        );
        let finished = world.run_with(with_repository_key(spec, repository_key), secrets).await;
        finished.expect(&Outcome::Success);
        assert!(finished.lines.iter().any(|line| line == "it runs"), "{}", finished.text());
    }
    // A key that the host does not know.
    let mut secrets = SecretSet::default();
    let (stranger, _) = key(&world, "stranger", &["-t", "ed25519"], "");
    let spec = world.spec_with("bash", "a.sh", &url, json!({"template_id": 99}));
    let spec = with_repository_key(spec, ssh_key(&mut secrets, 99, &stranger, ""));
    let finished = world.run_with(spec, secrets).await;
    finished.broken("checkout", &format!("git clone of {url}"));
    assert!(finished.text().contains("Permission denied (publickey"), "{}", finished.text());
    assert!(world.left_behind().iter().all(|name| !name.starts_with("ssh_task")), "{:?}", world.left_behind());
}

#[tokio::test]
async fn the_app_sees_the_inventorys_key_in_an_agent_that_ends_with_the_job() {
    let world = World::new();
    let script = "ssh-add -l\necho \"socket $SSH_AUTH_SOCK\"\nenv | grep BEGIN\nsleep ${WAIT:-0}";
    let directory = world.files("local", &[("a.sh", script)]);
    let (private, public) = key(&world, "key", &["-t", "ed25519", "-a", "4"], "the pass phrase");
    let mut secrets = SecretSet::default();
    let inventory_key = ssh_key(&mut secrets, 5, &private, "the pass phrase");
    let inventory =
        |content: &str| json!({"id": 1, "name": "i", "kind": "static", "content": content, "key": inventory_key});
    let url = directory.to_str().unwrap();
    let spec = world.spec_with("bash", "a.sh", url, json!({"inventory": inventory("localhost")}));
    let finished = world.run_with(spec, secrets.clone()).await;
    finished.expect(&Outcome::Success);
    let text = finished.text();
    assert!(text.contains("(ED25519)") && !text.contains(public.split(' ').nth(1).unwrap()), "{text}");
    let socket = text.lines().find_map(|line| line.strip_prefix("socket ")).unwrap();
    let expected = world.project("ssh_task_1_");
    assert!(socket.starts_with(expected.to_str().unwrap()) && socket.contains("/ssh-agent-5-"), "{socket}");
    assert!(!Path::new(socket).exists());

    // Also when it is stopped at any moment.
    let environment = json!({"env": [["WAIT", "1000"]]});
    let spec = world.spec_with("bash", "a.sh", url, json!({"inventory": inventory("x"), "environment": environment}));
    let mut job = world.start(spec, secrets);
    let line = wait_for_line(&mut job, "socket ").await;
    let socket = Path::new(line.strip_prefix("socket ").unwrap());
    assert!(socket.exists());
    job.control.stop(true);
    super::support::finish_any(job).await;
    assert!(!socket.exists() && !socket.parent().unwrap().exists());
}

#[tokio::test]
async fn a_key_that_cannot_be_used_ends_the_job_with_a_reason() {
    let world = World::new();
    let (private, public) = key(&world, "key", &["-t", "ed25519", "-a", "4"], "right");
    for (text, passphrase, reason) in [
        (private.as_str(), "", "is protected by a passphrase, and the access key has none"),
        (private.as_str(), "another one", "the passphrase of the private key is wrong"),
        (public.as_str(), "", "this is a public key, which cannot be used: paste the private key"),
        ("", "", "the text is not a private key"),
    ] {
        let mut secrets = SecretSet::default();
        let spec = world.spec("bash", "a.sh", "git@host.example:a.git");
        let spec = with_repository_key(spec, ssh_key(&mut secrets, 3, text, passphrase));
        let finished = world.run_with(spec, secrets).await;
        finished.broken("keys", "cannot use the SSH key of the repository: ");
        finished.broken("keys", reason);
        assert!(finished.text().contains("Failed updating repository: "), "{}", finished.text());
        assert!(world.left_behind().iter().all(|name| !name.starts_with("ssh_task")));
    }
    // The inventory's, for every app.
    let mut secrets = SecretSet::default();
    let inventory_key = ssh_key(&mut secrets, 3, &private, "wrong");
    let directory = world.files("local", &[("a.sh", "")]);
    let inventory = json!({"id": 1, "name": "i", "kind": "static", "content": "", "key": inventory_key});
    let spec = world.spec_with("bash", "a.sh", directory.to_str().unwrap(), json!({"inventory": inventory}));
    let finished = world.run_with(spec, secrets).await;
    finished.broken("keys", "cannot use the SSH key of the inventory");
    assert!(finished.text().contains("Failed to install inventory: "), "{}", finished.text());
}

#[tokio::test]
async fn the_login_of_an_ssh_key_is_no_option() {
    let world = World::new();
    world.record(&["ansible-playbook"]);
    let directory = world.files("local", &[("a.yml", "")]);
    let (private, _) = key(&world, "key", &["-t", "ed25519"], "");
    let mut secrets = SecretSet::default();
    let mut inventory_key = ssh_key(&mut secrets, 3, &private, "");
    inventory_key["kind"]["login"] = json!("-x");
    let inventory = json!({"id": 1, "name": "i", "kind": "static", "content": "", "key": inventory_key});
    let spec = world.spec_with("ansible", "a.yml", directory.to_str().unwrap(), json!({"inventory": inventory}));
    world.run_with(spec, secrets).await.broken("run", "begins with `-`");
}

/// Reading this key takes seconds; a stop does not wait for it.
#[tokio::test]
async fn a_stop_while_a_key_is_read_leaves_nothing() {
    let world = World::new();
    let (private, _) = key(&world, "key", &["-t", "ed25519", "-a", "300"], "the pass phrase");
    let mut secrets = SecretSet::default();
    let spec = world.spec("bash", "a.sh", "git@host.example:a.git");
    let spec = with_repository_key(spec, ssh_key(&mut secrets, 3, &private, "the pass phrase"));
    let mut job = world.start(spec, secrets);
    wait_for_line(&mut job, "Preparing: 1").await;
    job.control.stop(false);
    let finished = super::support::finish(job, 1).await;
    finished.expect(&Outcome::Stopped(StopReason::Requested));
    assert!(world.left_behind().iter().all(|name| !name.starts_with("ssh_task")), "{:?}", world.left_behind());
}
