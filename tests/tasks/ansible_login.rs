//! A host that Ansible really logs into: by key, by password, and as somebody else there.

use std::{fs, process::Command};

use semaphore_test_machine::{ssh, tool};
use semaphore_tests::{Client, Project, SecretWatch, Server, ansible, assert_nothing_left, git_repository};
use serde_json::{Value, json};

const PLAYBOOK: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    \
    - name: who\n      ansible.builtin.command: id -un\n      register: me\n    \
    - name: become\n      ansible.builtin.command: id -un\n      become: true\n      register: other\n    \
    - ansible.builtin.debug:\n        msg: \"{{ me.stdout }} became {{ other.stdout }}\"\n";

struct World {
    server: Server,
    admin: Client,
    target: ssh::Server,
    project: Project,
}

impl World {
    fn start() -> Option<Self> {
        if ansible().is_none() || tool("sshpass").is_none() {
            return None;
        }
        let target = ssh::Server::start()?;
        let server = Server::start();
        let repository = server.directory().join("repository");
        git_repository(&repository, &[("site.yml", PLAYBOOK)]);
        let admin = server.admin();
        let mut project = Project::create(&admin, &format!("file://{}", repository.display()));
        // Without the first ssh keeps a connection open after the task; without the second Ansible needs ACLs on the host to
        // become somebody who is not root.
        let env = json!({"ANSIBLE_SSH_ARGS": "-o ControlMaster=no", "ANSIBLE_PIPELINING": "True"}).to_string();
        let body = json!({"name": "ssh", "project_id": project.id, "json": "{}", "env": env});
        project.environment = admin.post(&format!("/api/project/{}/environment", project.id), &body).expect(201).id();
        Some(Self { server, admin, target, project })
    }

    fn password(&self, login: &str, password: &str) -> i64 {
        self.project.key(&self.admin, "login_password", &json!({"login": login, "password": password}))
    }

    fn play(&self, key: i64, become_key: Option<i64>) -> (Value, String) {
        let hosts = format!(
            "web1 ansible_host={} ansible_port={} ansible_python_interpreter=/usr/bin/python3\n",
            self.target.host(),
            self.target.port()
        );
        let id = self.project.id;
        let body = json!({"name": "hosts", "project_id": id, "type": "static", "inventory": hosts, "ssh_key_id": key,
            "become_key_id": become_key});
        let inventory = self.admin.post(&format!("/api/project/{id}/inventory"), &body).expect(201).id();
        let fields = json!({"inventory_id": inventory});
        let (_, row, log) = self.project.run_with(&self.admin, "ansible", "site.yml", &fields);
        (row, log)
    }

    fn errors(&self, row: &Value) -> Value {
        let path = format!("/api/project/{}/tasks/{}/ansible/errors", row["project_id"], row["id"]);
        self.admin.get(&path).expect(200).json()
    }
}

#[test]
fn by_a_key_with_a_passphrase_and_root_by_password() {
    let Some(world) = World::start() else { return };
    let file = world.server.directory().join("key");
    let passphrase = "open sesame 42";
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", passphrase, "-f"]).arg(&file).status();
    assert!(made.unwrap().success());
    world.target.authorize(&fs::read_to_string(file.with_extension("pub")).unwrap());
    let private_key = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let lines: Vec<&str> = private_key.lines().collect();
    let watch = SecretWatch::start(&[passphrase, lines[2], world.target.sudo_password()]);

    let content = json!({"login": world.target.user(), "private_key": private_key, "passphrase": passphrase});
    let key = world.project.key(&world.admin, "ssh", &content);
    let root = world.password("root", world.target.sudo_password());
    let (row, log) = world.play(key, Some(root));
    assert_eq!(row["status"], "success", "{log}\n{}", world.target.log());
    assert!(log.contains("deploy became root"), "{log}");
    let logins = world.target.logins();
    assert!(!logins.is_empty() && logins.iter().all(|login| login == "publickey for deploy"), "{logins:?}");
    assert_nothing_left(&world.server);
    watch.assert_unseen(world.server.directory(), &[&log, &world.server.log()]);
}

#[test]
fn by_a_password_and_another_user_by_password() {
    let Some(world) = World::start() else { return };
    let key = world.password(world.target.user(), world.target.password());
    let other = world.password(world.target.other_user(), world.target.sudo_password());
    let (row, log) = world.play(key, Some(other));
    assert_eq!(row["status"], "success", "{log}\n{}", world.target.log());
    assert!(log.contains(&format!("deploy became {}", world.target.other_user())), "{log}");
    let logins = world.target.logins();
    assert!(!logins.is_empty() && logins.iter().all(|login| login == "password for deploy"), "{logins:?}");
    assert_nothing_left(&world.server);
}

/// Ansible asks once and then tells it of the host.
#[test]
fn a_wrong_password_is_a_failure_of_the_host() {
    let Some(world) = World::start() else { return };
    let wrong = world.password(world.target.user(), "not the password");
    let (row, log) = world.play(wrong, None);
    assert_eq!(row["status"], "error", "{log}");
    assert!(log.contains("UNREACHABLE!") && log.contains("exit status 4"), "{log}");
    let errors = world.errors(&row);
    assert_eq!((&errors[0]["host"], &errors[0]["task"]), (&json!("web1"), &json!("who")), "{errors}");
    assert!(errors[0]["error"].as_str().unwrap().contains("Permission denied"), "{errors}");

    let key = world.password(world.target.user(), world.target.password());
    let (row, log) = world.play(key, Some(world.password("root", "not that one either")));
    assert_eq!(row["status"], "error", "{log}");
    let errors = world.errors(&row);
    assert_eq!(errors[0]["task"], "become", "{errors}");
    assert!(errors[0]["error"].as_str().unwrap().contains("ncorrect sudo password"), "{errors}");
}
