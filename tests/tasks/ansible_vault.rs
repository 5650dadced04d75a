//! Passwords of vaults, typed at Ansible's prompts, together with those of the host.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use semaphore_test_machine::{git::Repository, ssh, tool};
use semaphore_tests::{Project, SecretWatch, Server, ansible, assert_nothing_left};
use serde_json::json;

const PLAYBOOK: &str = "- hosts: all\n  gather_facts: false\n  vars_files: [default.yml, one.yml, two.yml, scripted.yml]\n  tasks:\n    \
    - ansible.builtin.command: id -un\n      become: true\n      register: other\n    \
    - ansible.builtin.debug:\n        msg: \"{{ other.stdout }} {{ of_default }} {{ of_one }} {{ of_two }} {{ of_scripted }}\"\n";

const VAULTS: [(&str, &str); 4] = [
    ("default", "password of default"),
    ("one", "pass'word: of \"one\""),
    ("two", "password $of two"),
    ("scripted", "password of scripted"),
];

/// Encrypts `of_<name>: opened-<name>` with the real program.
pub(crate) fn encrypt(directory: &Path, name: &str, password: &str) {
    let secret = directory.join(format!("{name}.password"));
    fs::write(&secret, password).unwrap();
    fs::write(directory.join(format!("{name}.yml")), format!("of_{name}: opened-{name}\n")).unwrap();
    let made = Command::new(tool("ansible-vault").unwrap())
        .args(["encrypt", "--encrypt-vault-id", name, "--vault-id"])
        .arg(format!("{name}@{}", secret.display()))
        .arg(format!("{name}.yml"))
        .current_dir(directory)
        .env("ANSIBLE_HOME", directory.join(".git/ansible"))
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::remove_file(secret).unwrap();
}

#[test]
fn three_vaults_and_a_script_with_login_and_become_in_one_run() {
    if ansible().is_none() || tool("sshpass").is_none() {
        return;
    }
    let Some(target) = ssh::Server::start() else { return };
    let server = Server::start();
    let repository = Repository::create(server.directory().join("repository"));
    for (name, password) in VAULTS {
        encrypt(repository.path(), name, password);
    }
    let script = repository.path().join("password.sh");
    fs::write(&script, format!("#!/bin/sh\necho '{}'\n", VAULTS[3].1)).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    repository.commit("vaults", &[("site.yml", PLAYBOOK)]);

    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.path().display()));
    let password = |login: &str, password: &str| {
        project.key(&admin, "login_password", &json!({"login": login, "password": password}))
    };
    let hosts = format!(
        "web1 ansible_host={} ansible_port={} ansible_python_interpreter=/usr/bin/python3 ansible_ssh_args='-o ControlMaster=no'\n",
        target.host(),
        target.port()
    );
    let body = json!({"name": "hosts", "project_id": project.id, "type": "static", "inventory": hosts,
        "ssh_key_id": password(target.user(), target.password()), "become_key_id": password("root", target.sudo_password())});
    let inventory = admin.post(&format!("/api/project/{}/inventory", project.id), &body).expect(201).id();
    let vaults = |second: &str| {
        json!({"inventory_id": inventory, "vaults": [
            {"type": "password", "vault_key_id": password("", VAULTS[0].1)},
            {"name": "one", "type": "password", "vault_key_id": password("", second)},
            {"name": "two", "type": "password", "vault_key_id": password("", VAULTS[2].1)},
            {"name": "scripted", "type": "script", "script": "password.sh"},
        ]})
    };
    let watch = SecretWatch::start(&[VAULTS[0].1, VAULTS[1].1, VAULTS[2].1, target.password(), target.sudo_password()]);
    let (_, row, log) = project.run_with(&admin, "ansible", "site.yml", &vaults(VAULTS[1].1));
    assert_eq!(row["status"], "success", "{log}\n{}", target.log());
    assert!(log.contains("root opened-default opened-one opened-two opened-scripted"), "{log}");
    assert_nothing_left(&server);
    watch.assert_unseen(server.directory(), &[&log, &server.log()]);

    // Ansible does not ask again; it says that it cannot decrypt.
    let (_, row, log) = project.run_with(&admin, "ansible", "site.yml", &vaults("not the password"));
    assert_eq!(row["status"], "error", "{log}");
    assert!(log.contains("no vault secrets were found that could decrypt"), "{log}");
    assert!(!log.contains("opened-"), "{log}");
}
