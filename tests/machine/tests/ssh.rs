//! The SSH server of the tests, seen by the real clients.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use semaphore_test_machine::{git, ssh::Server, tool, wait_until};

struct World {
    server: Server,
    directory: tempfile::TempDir,
}

impl World {
    fn start() -> Option<Self> {
        let server = Server::start()?;
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap();
        assert!(made.success());
        fs::write(directory.path().join("known_hosts"), server.known_hosts_line() + "\n").unwrap();
        Some(Self { server, directory })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn options(&self, method: &str) -> Vec<String> {
        let known = format!("UserKnownHostsFile={}", self.path("known_hosts").display());
        let key = format!("IdentityFile={}", self.path("key").display());
        let method = format!("PreferredAuthentications={method}");
        let options = [
            known,
            key,
            method,
            "StrictHostKeyChecking=yes".into(),
            "IdentitiesOnly=yes".into(),
            "IdentityAgent=none".into(),
        ];
        options.into_iter().flat_map(|o| ["-o".to_owned(), o]).collect()
    }

    fn by_key(&self, command: &str, input: &str) -> Output {
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none"]).args(self.options("publickey"));
        self.finish(ssh, command, input)
    }

    fn by_password(&self, password: &str, command: &str) -> Output {
        let mut ssh = Command::new("sshpass");
        fs::write(self.path("password"), password).unwrap();
        ssh.arg("-f").arg(self.path("password")).args(["ssh", "-F", "none"]).args(self.options("password"));
        self.finish(ssh, command, "")
    }

    fn finish(&self, mut ssh: Command, command: &str, input: &str) -> Output {
        let port = self.server.port().to_string();
        let host = format!("{}@{}", self.server.user(), self.server.host());
        ssh.args(["-p", &port, &host, command]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = ssh.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn authorize(&self) {
        self.server.authorize(&fs::read_to_string(self.path("key.pub")).unwrap());
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_key_opens_it_after_it_was_authorized() {
    let Some(world) = World::start() else { return };
    let refused = world.by_key("id -un", "");
    assert!(!refused.status.success() && said(&refused).contains("Permission denied"), "{}", said(&refused));
    world.authorize();
    let welcome = world.by_key("id -un; echo $HOME; python3 -c 'print(6 * 7)'", "");
    assert_eq!(out(&welcome), "deploy\n/home/deploy\n42\n", "{}", said(&welcome));
    assert_eq!(world.server.logins(), ["publickey for deploy"]);
    world.server.authorize_nobody();
    assert!(!world.by_key("true", "").status.success());
}

#[test]
fn a_password_opens_it_and_sudo_asks_for_another_one() {
    let Some(world) = World::start() else { return };
    if tool("sshpass").is_none() {
        return;
    }
    let wrong = world.by_password("wrong", "true");
    assert!(!wrong.status.success() && said(&wrong).contains("Permission denied"), "{}", said(&wrong));
    let welcome = world.by_password(world.server.password(), "id -un");
    assert_eq!(out(&welcome), "deploy\n", "{}", said(&welcome));
    assert_eq!(world.server.logins(), ["password for deploy"]);

    world.authorize();
    assert_ne!(world.server.password(), world.server.sudo_password());
    let sudo = |password: &str, user: &str| {
        world.by_key(&format!("sudo -k -S -p asked: -u {user} id -un"), &format!("{password}\n"))
    };
    assert_eq!(out(&sudo(world.server.sudo_password(), "root")), "root\n");
    assert_eq!(out(&sudo(world.server.sudo_password(), world.server.other_user())), "operator\n");
    let refused = sudo(world.server.password(), "root");
    assert!(!refused.status.success() && said(&refused).contains("asked:"), "{}", said(&refused));
}

#[test]
fn git_clones_from_it_and_sees_what_is_pushed_later() {
    let Some(world) = World::start() else { return };
    world.authorize();
    let work = git::Repository::create(world.path("work"));
    let first = work.commit("first", &[("file", "one")]);
    let published = work.publish(world.path("project.git"));
    let url = world.server.serve_repository(published.path());
    let ssh = format!("ssh -F none {}", world.options("publickey").join(" "));
    let run = |arguments: &[&str]| {
        let output = git::command(world.directory.path(), arguments).env("GIT_SSH_COMMAND", &ssh).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        out(&output)
    };
    run(&["clone", "--quiet", &url, "clone"]);
    assert_eq!(fs::read_to_string(world.path("clone/file")).unwrap(), "one");
    let second = work.commit("second", &[("file", "two")]);
    work.push_to(&published);
    assert_ne!(first, second);
    assert!(run(&["ls-remote", &url, "main"]).starts_with(&second));
}

#[test]
fn its_host_key_can_be_another_one() {
    let Some(mut world) = World::start() else { return };
    world.authorize();
    assert!(world.by_key("true", "").status.success());
    world.server.rotate_host_key();
    let stranger = world.by_key("true", "");
    assert!(said(&stranger).contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{}", said(&stranger));
    fs::write(world.path("known_hosts"), world.server.known_hosts_line() + "\n").unwrap();
    let again = world.by_key("true", "");
    assert!(again.status.success(), "{}", said(&again));
}

#[test]
fn nothing_of_it_stays_and_nothing_of_the_machine_changes() {
    let state = || {
        let read = |name: &str| fs::read(Path::new("/etc").join(name)).unwrap_or_default();
        let names = |path: &str| {
            let mut names: Vec<_> = fs::read_dir(path).into_iter().flatten().map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        (
            ["passwd", "shadow", "group", "sudoers"].map(read),
            ["/home", "/srv", "/etc/pam.d", "/etc/ssh", "/run/sudo"].map(names),
            mounts,
        )
    };
    let before = state();
    let Some(world) = World::start() else { return };
    world.authorize();
    // A session that would go on for long, and a process that left its session.
    let background = world.by_key("nohup setsid sleep 4711 >/dev/null 2>&1 & sleep 0.1", "");
    assert!(background.status.success(), "{}", said(&background));
    let inside = world.server.processes();
    assert!(inside.iter().any(|p| p == "sleep 4711"), "{inside:?}");
    let sudo = world.by_key("sudo -S -p '' id -un", &format!("{}\n", world.server.sudo_password()));
    assert_eq!(out(&sudo), "root\n", "{}", said(&sudo));
    let directory = world.server.home().ancestors().nth(2).unwrap().to_owned();
    drop(world);
    assert!(!directory.exists());
    wait_until("the processes are gone", Duration::from_secs(5), || {
        let numbers = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let lines = numbers.filter_map(|e| fs::read(e.path().join("cmdline")).ok());
        (!lines.into_iter().any(|l| l == b"sleep\x004711\0")).then_some(())
    });
    assert_eq!(before, state());
}
