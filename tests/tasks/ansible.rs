//! A real playbook from a real git repository, from the click to the last line.

use semaphore_tests::{Project, Server, ansible, git_repository};
use serde_json::json;

const PLAYBOOK: &str = "- name: a play\n  hosts: all\n  gather_facts: false\n  tasks:\n    - name: greet\n      ansible.builtin.debug:\n        msg: \"hello {{ who }}\"\n    - name: run something\n      ansible.builtin.command: echo from the command\n      register: result\n    - name: fail if asked to\n      ansible.builtin.fail:\n        msg: asked to fail\n      when: who == 'failure'\n";

/// Runs the playbook with the variable `who` and returns the task's row and log.
fn run(server: &Server, scheme: &str, who: &str) -> (serde_json::Value, String) {
    let repository = server.directory().join("repository");
    if !repository.exists() {
        git_repository(&repository, &[("site.yml", PLAYBOOK)]);
    }
    let admin = server.admin();
    let project = Project::create(&admin, &format!("{scheme}{}", repository.display()));
    let variables =
        json!({"name": "variables", "project_id": project.id, "json": json!({"who": who}).to_string(), "env": "{}"});
    let environment = admin.post(&format!("/api/project/{}/environment", project.id), &variables).expect(201).id();
    let mut body = project.template_body("ansible", "site.yml");
    body["environment_id"] = environment.into();
    let template = admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id();
    let task = project.start(&admin, template);
    let row = admin.wait_for_end(project.id, task);
    (row, admin.output(project.id, task).join("\n"))
}

#[test]
fn a_playbook_runs_from_a_git_repository() {
    if ansible().is_none() {
        return;
    }
    let server = Server::start();
    let (row, log) = run(&server, "file://", "world");
    assert_eq!(row["status"], "success", "{log}");
    assert_eq!(row["commit_message"], "first commit");
    assert_eq!(row["commit_hash"].as_str().map(str::len), Some(40));
    assert!(row["start"].is_string() && row["end"].is_string());
    assert!(log.contains("hello world") && log.contains("TASK [greet]"), "{log}");
    assert!(log.contains("failed=0"), "{log}");
    assert!(log.contains("\u{1b}["), "Ansible's colours are missing: {log}");
}

#[test]
fn a_playbook_runs_from_a_directory() {
    if ansible().is_none() {
        return;
    }
    let server = Server::start();
    let (row, log) = run(&server, "", "world");
    assert_eq!(row["status"], "success", "{log}");
    assert!(log.contains("hello world"), "{log}");
}

#[test]
fn a_failing_playbook_is_an_error_with_its_reason() {
    if ansible().is_none() {
        return;
    }
    let server = Server::start();
    let (row, log) = run(&server, "file://", "failure");
    assert_eq!(row["status"], "error", "{log}");
    assert!(log.contains("asked to fail") && log.contains("exit status 2"), "{log}");
    let report = |what: &str| {
        let path = format!("/api/project/{}/tasks/{}/ansible/{what}", row["project_id"], row["id"]);
        server.admin().get(&path).expect(200).json()
    };
    let hosts = report("hosts");
    assert_eq!((&hosts[0]["host"], &hosts[0]["ok"], &hosts[0]["failed"]), (&json!("localhost"), &json!(2), &json!(1)));
    let errors = report("errors");
    assert_eq!(errors.as_array().map(Vec::len), Some(1), "{errors}");
    assert_eq!((&errors[0]["task"], &errors[0]["error"]), (&json!("fail if asked to"), &json!("asked to fail")));
}
