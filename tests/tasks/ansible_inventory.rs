//! Inventories of each kind with the real Ansible; none may lead out of its clone.

use std::os::unix::fs::symlink;

use semaphore_test_machine::git::Repository;
use semaphore_tests::{Project, Server, ansible, assert_nothing_left};
use serde_json::json;

const PLAYBOOK: &str =
    "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug:\n        msg: \"at {{ place }}\"\n";

#[test]
fn every_kind_is_read_and_links_stay_inside() {
    if ansible().is_none() {
        return;
    }
    let server = Server::start();
    let repository = Repository::create(server.directory().join("repository"));
    let outside = server.directory().join("outside.ini");
    std::fs::write(&outside, "h ansible_connection=local place=outside\n").unwrap();
    symlink(&outside, repository.path().join("link.ini")).unwrap();
    symlink("hosts/all.ini", repository.path().join("inner.ini")).unwrap();
    let in_file = "h ansible_connection=local place=file\n";
    repository.commit("files", &[("site.yml", PLAYBOOK), ("hosts/all.ini", in_file)]);
    let second = Repository::create(server.directory().join("second"));
    symlink(&outside, second.path().join("link.ini")).unwrap();
    second.commit("files", &[("hosts.ini", "h ansible_connection=local place=second\n")]);

    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.path().display()));
    let cloned = project.add_repository(&admin, &format!("file://{}", second.path().display()), "main", project.key);
    let local = project.add_repository(&admin, second.path().to_str().unwrap(), "", project.key);
    let run = |kind: &str, content: &str, repository: Option<i64>| {
        let body = json!({"name": "hosts", "project_id": project.id, "type": kind, "inventory": content,
            "ssh_key_id": project.key, "repository_id": repository});
        let inventory = admin.post(&format!("/api/project/{}/inventory", project.id), &body).expect(201).id();
        let (_, row, log) = project.run_with(&admin, "ansible", "site.yml", &json!({"inventory_id": inventory}));
        (row["status"].clone(), log)
    };
    let reads = |kind: &str, content: &str, repository: Option<i64>, place: &str| {
        let (status, log) = run(kind, content, repository);
        assert!(status == "success" && log.contains(&format!("at {place}")), "{kind} {content}: {log}");
    };
    let yaml = "all:\n  hosts:\n    h: {ansible_connection: local, place: yaml}\n";
    reads("static", "h ansible_connection=local place=text\n", None, "text");
    reads("static-yaml", yaml, None, "yaml");
    reads("file", "hosts/all.ini", None, "file");
    reads("file", "inner.ini", None, "file");
    reads("file", "hosts.ini", Some(cloned), "second");
    reads("file", "hosts.ini", Some(local), "second");
    // Who makes links in a directory of the machine has access to the machine.
    reads("file", "link.ini", Some(local), "outside");
    let refused = "Failed to install inventory: the path \"link.ini\" of the inventory leads out of its repository";
    for repository in [None, Some(cloned)] {
        let (status, log) = run("file", "link.ini", repository);
        assert!(status == "error" && log.contains(refused), "{log}");
        assert!(!log.contains("PLAY ["), "{log}");
    }
    assert_nothing_left(&server);
}
