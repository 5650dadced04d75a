//! An inventory that lies in a second repository with a key of its own, played on a host that Ansible really logs into.

use semaphore_test_machine::{
    git::Repository,
    git_http::{Access, Server as GitServer},
    ssh, tool,
};
use semaphore_tests::{Project, SecretWatch, Server, ansible, git_repository};
use serde_json::json;

const PLAYBOOK: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    \
    - ansible.builtin.command: id -un\n      register: me\n    \
    - ansible.builtin.command: id -un\n      become: true\n      register: root\n    \
    - ansible.builtin.debug:\n        msg: \"{{ me.stdout }} became {{ root.stdout }} in {{ place }}\"\n";

#[test]
fn a_play_on_the_hosts_of_another_repository() {
    if ansible().is_none() || tool("sshpass").is_none() {
        return;
    }
    let Some(target) = ssh::Server::start() else { return };
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("site.yml", PLAYBOOK)]);
    let hosts = Repository::create(server.directory().join("hosts"));
    let line = format!(
        "web1 ansible_host={} ansible_port={} ansible_python_interpreter=/usr/bin/python3 place=berlin\n",
        target.host(),
        target.port()
    );
    hosts.commit("hosts", &[("production/hosts.ini", &line)]);
    let git = GitServer::start();
    let bare = hosts.publish(server.directory().join("hosts.git"));
    let url = git.serve("hosts", bare.path(), Access::user("reader", "password of the inventory"));

    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.display()));
    let reader =
        project.key(&admin, "login_password", &json!({"login": "reader", "password": "password of the inventory"}));
    let login = project.key(&admin, "login_password", &json!({"login": target.user(), "password": target.password()}));
    let root = project.key(&admin, "login_password", &json!({"login": "root", "password": target.sudo_password()}));
    let second = project.add_repository(&admin, &url, "main", reader);
    let body = json!({"name": "hosts", "project_id": project.id, "type": "file", "inventory": "production/hosts.ini",
        "ssh_key_id": login, "become_key_id": root, "repository_id": second});
    let inventory = admin.post(&format!("/api/project/{}/inventory", project.id), &body).expect(201).id();

    let watch = SecretWatch::start(&["password of the inventory", target.password(), target.sudo_password()]);
    let (template, row, log) = project.run_with(&admin, "ansible", "site.yml", &json!({"inventory_id": inventory}));
    assert_eq!(row["status"], "success", "{log}\n{}", target.log());
    assert!(log.contains("deploy became root in berlin"), "{log}");
    assert!(
        target.logins().iter().all(|l| l == "password for deploy") && !target.logins().is_empty(),
        "{:?}",
        target.logins()
    );

    hosts.commit("moved", &[("production/hosts.ini", &line.replace("berlin", "paris"))]);
    hosts.push_to(&bare);
    let (row, log) = project.run_again(&admin, template, &json!({}));
    assert!(row["status"] == "success" && log.contains("in paris"), "{log}");
    watch.assert_unseen(server.directory(), &[&log, &server.log()]);

    // The inventory's repository out of reach: the task says so, and plays on nothing.
    git.change_access("hosts", Access::user("reader", "another password"));
    let (row, log) = project.run_again(&admin, template, &json!({}));
    assert!(row["status"] == "error" && log.contains("Authentication failed"), "{log}");
    assert!(!log.contains("PLAY ["), "{log}");
}
