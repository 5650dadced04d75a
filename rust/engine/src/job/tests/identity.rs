//! Jobs of another user and below another root. They need root; without it the refusal is checked.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink},
    path::Path,
    process::Command,
};

use nix::unistd::{User, geteuid};
use serde_json::json;

use super::support::{World, file_url};
use crate::{
    config::ProcessConfig,
    job::{Outcome, SecretSet},
};

fn nobody() -> (u32, u32) {
    let user = User::from_name("nobody").unwrap().expect("a user `nobody`");
    (user.uid.as_raw(), user.gid.as_raw())
}

/// A world that the other user can reach.
fn open_world(process: ProcessConfig) -> World {
    let mut world = World::new();
    world.config.process = process;
    for path in [world.root.path().to_owned(), world.path("tmp"), world.path("home")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(world.path("bin"), fs::Permissions::from_mode(0o777)).unwrap();
    world
}

fn give_all(path: &Path, uid: u32) {
    lchown(path, Some(uid), None).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give_all(&entry.unwrap().path(), uid);
        }
    }
}

#[tokio::test]
async fn git_and_app_run_as_the_configured_user_and_find_what_they_need() {
    let (uid, gid) = nobody();
    let world = open_world(ProcessConfig { user: Some("nobody".to_owned()), ..ProcessConfig::default() });
    let script = "echo as $(id -u) $(id -g)\nssh-add -l\ncat ../inventory_1 && rm -f ../inventory_1\n\
                  stat -c '%u %n' . .. ../*_home ../repo*/a.sh; touch ../*_home/made .made; echo end";
    let repository = world.repository("repo", &[("a.sh", script)]);
    give_all(&repository, uid);
    // What a job of the server's own user has left.
    fs::create_dir_all(world.project("repository_1_template_1_home/.ansible")).unwrap();
    let key = world.path("key");
    Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap();
    let mut secrets = SecretSet::default();
    let private_key = secrets.insert("k", fs::read(&key).unwrap());
    let inventory_key =
        json!({"id": 3, "kind": {"type": "ssh", "login": "", "private_key": private_key, "passphrase": null}});
    let inventory = json!({"id": 1, "name": "i", "kind": "static", "content": "the hosts\n", "key": inventory_key});
    let spec = world.spec_with("bash", "a.sh", &file_url(&repository), json!({"inventory": inventory}));
    let finished = world.run_with(spec.clone(), secrets.clone()).await;
    if !geteuid().is_root() {
        finished.broken("workspace", "does the server run as root?");
        return;
    }
    finished.expect(&Outcome::Success);
    let text = finished.text();
    for part in [&format!("as {uid} {gid}"), "(ED25519)", "the hosts", "end"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("ermission denied"), "{text}");
    let owners: Vec<_> = finished.lines.iter().filter(|line| line.ends_with("a.sh") || line.ends_with(" .")).collect();
    assert!(owners.len() == 2 && owners.iter().all(|line| line.starts_with(&format!("{uid} "))), "{text}");
    let owner = |name: &str| fs::symlink_metadata(world.project(name)).unwrap().uid();
    assert_eq!((owner(""), owner("repository_1_template_1_home/.ansible")), (uid, uid));

    // A clone that belongs to somebody else, from before the configuration was changed, is made anew.
    give_all(&world.project("repository_1_template_1"), 0);
    world.run_with(spec, secrets).await.expect(&Outcome::Success);
    assert_eq!(owner("repository_1_template_1"), uid);
}

#[tokio::test]
async fn the_secret_variables_are_readable_for_the_configured_user() {
    if !geteuid().is_root() {
        return;
    }
    let (uid, _) = nobody();
    let world = open_world(ProcessConfig { uid: Some(uid), ..ProcessConfig::default() });
    world.record(&["ansible-playbook"]);
    let directory = world.files("local", &[("a.yml", "")]);
    let mut secrets = SecretSet::default();
    let value = secrets.insert("v", b"the value".to_vec());
    let spec = world.spec_with(
        "ansible",
        "a.yml",
        directory.to_str().unwrap(),
        json!({
            "inventory": {"id": 1, "name": "i", "kind": "static", "content": "the hosts"},
            "environment": {"secrets": [{"name": "v", "kind": "var", "value": value}]},
        }),
    );
    world.run_with(spec, secrets).await.expect(&Outcome::Success);
    let record = &world.records()[0];
    let files = record["files"].as_object().unwrap();
    let secret = files.iter().find(|(name, _)| name.starts_with('@')).unwrap().1;
    assert_eq!((secret["content"].as_str(), secret["mode"].as_str()), (Some("{\"v\":\"the value\"}"), Some("0o600")));
    assert_eq!(files.len(), 2, "{files:?}");
}

#[tokio::test]
async fn a_user_who_does_not_exist_is_never_replaced() {
    for (process, part) in [
        (
            ProcessConfig { user: Some("no-such-user".into()), ..ProcessConfig::default() },
            "user `no-such-user` does not exist",
        ),
        (ProcessConfig { uid: Some(3_999_999), ..ProcessConfig::default() }, "set `process.gid` too"),
    ] {
        let world = open_world(process);
        let directory = world.files("local", &[("a.sh", "echo it ran")]);
        let finished = world.run(world.spec("bash", "a.sh", directory.to_str().unwrap())).await;
        finished.broken("workspace", part);
        assert!(!finished.text().contains("it ran") && !world.config.project_dir(1).exists());
    }
}

/// Copies a program and the libraries it needs to the same paths below a new root.
fn copy_program(program: &str, root: &Path) {
    let output = Command::new("ldd").arg(program).output().unwrap();
    let libraries = String::from_utf8(output.stdout).unwrap();
    let paths = libraries.split_whitespace().filter(|word| word.starts_with('/'));
    for path in paths.chain([program]) {
        let target = root.join(&path[1..]);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}

#[tokio::test]
async fn apps_run_below_the_configured_root_and_git_outside() {
    if !geteuid().is_root() {
        return;
    }
    let mut world = open_world(ProcessConfig::default());
    let jail = world.path("jail");
    copy_program("/bin/bash", &jail);
    world.config.process.chroot = Some(jail.clone());
    let script = "echo roots: /*; echo \"in $PWD\"; read -r line < a.sh && echo readable\n";
    let repository = world.repository("repo", &[("a.sh", script)]);
    let spec = world.spec("bash", "a.sh", &file_url(&repository));
    // The files of the project are not there inside.
    let finished = world.run(spec.clone()).await;
    finished.broken("workspace", "is not the same directory below `process.chroot`");
    // Now they are, at the same path.
    let outside = world.path("tmp");
    let inside = jail.join(outside.strip_prefix("/").unwrap());
    fs::create_dir_all(&inside).unwrap();
    fs::remove_dir_all(&outside).unwrap();
    symlink(&inside, &outside).unwrap();
    let finished = world.run(spec).await;
    finished.expect(&Outcome::Success);
    let text = finished.text();
    let roots = text.lines().find(|line| line.starts_with("roots:")).unwrap();
    assert!(!roots.contains("/proc") && !roots.contains("/etc") && text.contains("readable"), "{text}");
    assert!(text.contains(&format!("in {}", world.project("repository_1_template_1").display())), "{text}");
}
