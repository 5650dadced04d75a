//! A change of the encryption key while a task waits with a secret value, and requests to an integration are kept.

use std::{io::Write as _, process::Stdio};

use semaphore_tests::{Project, Server, ansible, git_repository};
use serde_json::json;

use super::schedule::crash;

/// 32 bytes in base64.
const NEW_KEY: &str = "bmV3IGtleSBuZXcga2V5IG5ldyBrZXkgbmV3IGtleSE=";

/// Requests that are kept.
const REQUESTS: usize = 40;

/// The program needs the value, and its length is all that it tells.
const PLAYBOOK: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug:\n        msg: \"length {{ typed | length }}\"\n";

#[test]
fn a_waiting_task_and_kept_requests_go_on_with_the_new_key() {
    if ansible().is_none() {
        return;
    }
    let mut server = Server::with_config(json!({"max_parallel_tasks": 1}));
    let repository = server.directory().join("repository");
    let scripts = [("site.yml", PLAYBOOK), ("wait.sh", "echo ready\nsleep 300\n"), ("hello.sh", "echo hello\n")];
    git_repository(&repository, &scripts);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let path = format!("/api/project/{}", project.id);
    // Nothing else runs until the server ends.
    let first = project.start(&admin, project.template(&admin, "bash", "wait.sh"));
    admin.wait_for_status(project.id, first, &["running"]);
    let mut body = project.template_body("ansible", "site.yml");
    body["survey_vars"] = json!([{"name": "typed", "title": "t", "type": "secret"}]);
    let template = admin.post(&format!("{path}/templates"), &body).expect(201).id();
    let typed = "typed before the change";
    let body = json!({"template_id": template, "secret": json!({"typed": typed}).to_string()});
    let task = admin.post(&format!("{path}/tasks"), &body).expect(201).id();
    let hello = project.template(&admin, "bash", "hello.sh");
    let integration = json!({"name": "Door", "project_id": project.id, "template_id": hello});
    let integration = admin.post(&format!("{path}/integrations"), &integration).expect(201).id();
    let doors = format!("{path}/integrations/{integration}");
    let door =
        admin.post(&format!("{doors}/aliases"), &json!({})).expect(200).json()["url"].as_str().unwrap().to_owned();
    let door = &door[door.find("/api/").unwrap()..];
    let sent = r#"{"marker":"words of the sender"}"#;
    // More than are read at a time.
    for _ in 0..REQUESTS {
        server.anonymous().send_with("POST", door, Some(sent), &[("X-Event", "push")]).expect(204);
    }
    let stored = |server: &Server| {
        let mut rows = server.sql("select sealed from rs_task_secret");
        rows.extend(server.sql("select sealed from rs_delivery"));
        rows
    };
    crash(&mut server);
    let before = stored(&server);
    assert_eq!(before.len(), 1 + REQUESTS, "{before:?}");

    let old = serde_json::from_slice::<serde_json::Value>(&std::fs::read(server.config_path()).unwrap()).unwrap();
    server.change_config(&json!({"access_key_encryption": NEW_KEY}));
    let mut rekey = server.command(&["vaults", "rekey", "--stdin-old-key", "--config"]);
    let mut rekey = rekey.arg(server.config_path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(rekey.stdin.take().unwrap(), "{}", old["access_key_encryption"].as_str().unwrap()).unwrap();
    let said = rekey.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    let after = stored(&server);
    let is_changed = before.iter().zip(&after).all(|(before, after)| before != after);
    assert!(after.len() == 1 + REQUESTS && is_changed, "{after:?}");

    server.start_again();
    let admin = server.admin();
    let row = admin.wait_for_end(project.id, task);
    let log = admin.output(project.id, task).join("\n");
    assert_eq!(row["status"], "success", "{log}");
    assert!(log.contains(&format!("length {}", typed.len())), "{log}");
    let kept = admin.get(&format!("{doors}/deliveries")).expect(200).json();
    assert_eq!(kept.as_array().unwrap().len(), REQUESTS);
    for kept in kept.as_array().unwrap() {
        let kept = admin.get(&format!("{doors}/deliveries/{}", kept["id"])).expect(200).json();
        assert_eq!(kept["body"], sent);
        let event = json!({"name": "x-event", "value": "push"});
        assert!(kept["headers"].as_array().unwrap().contains(&event), "{kept}");
    }
}
