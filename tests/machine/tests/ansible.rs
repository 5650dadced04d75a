//! Ansible logs into the SSH server of the tests, by key and by password, and becomes other users there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::Path, process::Command};

use semaphore_test_machine::{ssh::Server, tool};

const PLAYBOOK: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    \
    - ansible.builtin.command: id -un\n      register: me\n    \
    - ansible.builtin.command: id -un\n      become: true\n      register: root\n    \
    - ansible.builtin.debug:\n        msg: \"{{ me.stdout }} became {{ root.stdout }} on {{ inventory_hostname }}\"\n";

fn play(directory: &Path, server: &Server, arguments: &[&str]) -> String {
    fs::write(directory.join("site.yml"), PLAYBOOK).unwrap();
    fs::write(directory.join("known_hosts"), server.known_hosts_line() + "\n").unwrap();
    fs::write(directory.join("login"), server.password()).unwrap();
    fs::write(directory.join("become"), server.sudo_password()).unwrap();
    let host = format!(
        "target ansible_host={} ansible_port={} ansible_user={}\n",
        server.host(),
        server.port(),
        server.user()
    );
    fs::write(directory.join("hosts"), host).unwrap();
    let known = format!("-F none -o UserKnownHostsFile={}", directory.join("known_hosts").display());
    let result = Command::new(tool("ansible-playbook").unwrap())
        .args(["-i", "hosts", "--become-password-file", "become", "--ssh-common-args", &known, "site.yml"])
        .args(arguments)
        .current_dir(directory)
        .env("ANSIBLE_HOME", directory.join("ansible"))
        .env("ANSIBLE_SSH_CONTROL_PATH_DIR", directory.join("control"))
        .env_remove("SSH_AUTH_SOCK")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[result.stdout, result.stderr].concat()).into_owned();
    assert!(result.status.success(), "{said}\n{}", server.log());
    said
}

#[test]
fn a_play_logs_in_and_becomes_root() {
    if tool("ansible-playbook").is_none() || tool("sshpass").is_none() {
        return;
    }
    let Some(server) = Server::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let by_password = play(directory.path(), &server, &["--connection-password-file", "login"]);
    assert!(by_password.contains("deploy became root on target"), "{by_password}");
    assert!(server.logins().iter().all(|l| l == "password for deploy"), "{:?}", server.logins());

    let key = directory.path().join("key");
    assert!(
        Command::new("ssh-keygen")
            .args(["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f"])
            .arg(&key)
            .status()
            .unwrap()
            .success()
    );
    server.authorize(&fs::read_to_string(directory.path().join("key.pub")).unwrap());
    // Ansible keeps a connection open for the next play; this one has to log in again.
    fs::remove_dir_all(directory.path().join("control")).unwrap();
    let by_key = play(directory.path(), &server, &["--private-key", "key"]);
    assert!(by_key.contains("deploy became root on target"), "{by_key}");
    assert!(server.logins().iter().any(|l| l == "publickey for deploy"), "{:?}", server.logins());
}
