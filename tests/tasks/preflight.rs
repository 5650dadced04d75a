//! What people are told when a task cannot do well: a code and a sentence, in the log and under `/status`.

use semaphore_tests::{Client, Project, Server, ansible, git_repository};
use serde_json::{Value, json};

/// The problems of a task, as code and sentence; each sentence must be a line of its log as well.
fn problems(admin: &Client, project: i64, task: i64) -> Vec<(String, String)> {
    let status = admin.get(&format!("/api/project/{project}/tasks/{task}/status")).expect(200).json();
    let log = admin.output(project, task).join("\n");
    let problems = status["problems"].as_array().unwrap().iter().map(|problem| {
        assert!(problem["time"].is_string(), "{problem}");
        let (code, message) = (problem["code"].as_str().unwrap(), problem["message"].as_str().unwrap());
        assert!(log.contains(message), "{message:?} is not in the log:\n{log}");
        (code.to_owned(), message.to_owned())
    });
    problems.collect()
}

fn codes(problems: &[(String, String)]) -> Vec<&str> {
    problems.iter().map(|(code, _)| code.as_str()).collect()
}

#[test]
fn a_missing_tool_and_a_missing_script_are_named_and_the_recorded_end_is_kept() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.display()));

    let missing = project.template(&admin, "bash", "absent.sh");
    let task = project.start(&admin, missing);
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "error");
    let found = problems(&admin, project.id, task);
    assert_eq!(codes(&found), ["playbook_missing"]);
    assert!(found[0].1.contains("absent.sh does not exist"), "{found:?}");
    assert!(admin.output(project.id, task).iter().any(|line| line == "Failed to run task: exit status 127"));

    let body = json!({"title": "Absent", "active": true, "path": "a-program-that-is-not-there"});
    admin.put("/api/apps/absent", &body).expect(204);
    let tool = project.template(&admin, "absent", "hello.sh");
    let task = project.start(&admin, tool);
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "error");
    let found = problems(&admin, project.id, task);
    assert_eq!(codes(&found), ["tool_missing"], "{found:?}");
    assert!(found[0].1.contains("`a-program-that-is-not-there` not found in PATH"), "{found:?}");

    // A task that does well has nothing to tell but its stages.
    let good = project.template(&admin, "bash", "hello.sh");
    let task = project.start(&admin, good);
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "success");
    let status = admin.get(&format!("/api/project/{}/tasks/{task}/status", project.id)).expect(200).json();
    assert_eq!((&status["status"], &status["problems"]), (&json!("success"), &json!([])));
    assert!(status["start"].is_string() && status["end"].is_string() && status.get("stage").is_none(), "{status}");
    let stages = format!("/api/project/{}/tasks/{task}/stages", project.id);
    assert_eq!(admin.get(&stages).expect(200).json(), json!([]));
    let extended = admin.get(&format!("{stages}?extended=true")).expect(200).json();
    let names: Vec<_> = extended.as_array().unwrap().iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(names, ["workspace", "keys", "checkout", "inventory", "requirements", "run"]);
    assert!(extended.as_array().unwrap().iter().all(|stage| stage["end"].is_string()), "{extended}");
    assert!(extended.as_array().unwrap().iter().all(|stage| stage.get("plan").is_none()), "{extended}");
    admin.get(&format!("/api/project/{}/tasks/987654/status", project.id)).expect(400);
}

#[test]
fn a_branch_that_is_not_there_is_told_once() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let admin = server.admin();
    let mut project = Project::create(&admin, "/");
    let url = format!("file://{}", repository.display());
    project.repository = project.add_repository(&admin, &url, "no-such-branch", project.key);
    let template = project.template(&admin, "bash", "hello.sh");
    let task = project.start(&admin, template);
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "error");
    let found = problems(&admin, project.id, task);
    assert_eq!(codes(&found), ["repository"], "{found:?}");
    assert!(found[0].1.contains("branch"), "{found:?}");
    let log = admin.output(project.id, task);
    assert!(log.iter().any(|line| line == "Failed to run task: exit status 128"), "{log:?}");
}

#[test]
fn ansible_without_hosts_playbook_or_inventory_file() {
    if ansible().is_none() {
        return;
    }
    let server = Server::start();
    let repository = server.directory().join("repository");
    let play = "- hosts: all\n  gather_facts: false\n  tasks: []\n";
    git_repository(&repository, &[("site.yml", play)]);
    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.display()));
    let run = |kind: &str, content: &str, playbook: &str| {
        let body = json!({"name": format!("{kind} {content} {playbook}"), "project_id": project.id, "type": kind,
                          "inventory": content, "ssh_key_id": project.key});
        let path = format!("/api/project/{}/inventory", project.id);
        let inventory = admin.post(&path, &body).expect(201).id();
        let mut body = project.template_body("ansible", playbook);
        body["inventory_id"] = inventory.into();
        let template = admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id();
        let task = project.start(&admin, template);
        let row = admin.wait_for_end(project.id, task);
        (row["status"].clone(), problems(&admin, project.id, task))
    };
    // Ansible itself is content with a play that reaches nobody.
    let (status, found) = run("static", "[web]\n[web:vars]\nx=1\n", "site.yml");
    assert_eq!((status, codes(&found)), (json!("success"), vec!["inventory_empty"]), "{found:?}");
    let (_, found) = run("static-yaml", "all:\n  hosts: {}\n", "site.yml");
    assert_eq!(codes(&found), ["inventory_empty"], "{found:?}");
    let (_, found) = run("file", "no/such/hosts", "site.yml");
    assert_eq!(codes(&found), ["inventory_missing"], "{found:?}");
    let (status, found) = run("static", "localhost ansible_connection=local", "absent.yml");
    assert_eq!((status, codes(&found)), (json!("error"), vec!["playbook_missing"]), "{found:?}");
    let (status, found) = run("static", "localhost ansible_connection=local", "site.yml");
    assert_eq!((status, found), (json!("success"), vec![]));
}

/// Another process drops all that is ours while the server runs: what was there is forgotten, and nothing fails. The next
/// task brings the tables back, for its lease.
#[test]
fn a_server_without_its_own_tables_runs_on() {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.display()));
    let path = |rest: &str| format!("/api/project/{}{rest}", project.id);
    let policy = json!({"mode": "accept-new", "known_hosts": ""});
    admin.put(&path("/host_keys"), &policy).expect(204);
    let database = server.directory().join("database.sqlite");
    let dropped = std::process::Command::new("python3").args(["-c", DROP_OWN_TABLES]).arg(&database).output().unwrap();
    assert!(dropped.status.success(), "{dropped:?}");
    let count: usize = String::from_utf8_lossy(&dropped.stdout).trim().parse().unwrap();
    assert!(count > 20, "{count} tables of ours");

    let run = |script: &str| {
        let template = project.template(&admin, "bash", script);
        let task = project.start(&admin, template);
        (admin.wait_for_end(project.id, task)["status"].clone(), task)
    };
    let (status, task) = run("hello.sh");
    assert_eq!(status, "success");
    let (status, failed) = run("absent.sh");
    assert_eq!(status, "error");
    assert_eq!(codes(&problems(&admin, project.id, failed)), ["playbook_missing"]);
    let stages = admin.get(&path(&format!("/tasks/{task}/stages?extended=true"))).expect(200).json();
    assert!(stages.as_array().unwrap().iter().any(|stage| stage["stage"] == "run"), "{stages}");
    let off: Value = admin.get(&path("/host_keys")).expect(200).json();
    assert_eq!(off["mode"], "off");
    admin.put(&path("/host_keys"), &policy).expect(204);
    assert_eq!(admin.get(&path("/host_keys")).expect(200).json(), policy);
}

const DROP_OWN_TABLES: &str = "import sqlite3, sys\n\
db = sqlite3.connect(sys.argv[1], timeout=10)\n\
names = [row[0] for row in db.execute(\"select name from sqlite_master where type='table' and name like 'rs@_%' escape '@'\")]\n\
for name in names: db.execute('drop table ' + name)\n\
db.commit()\n\
print(len(names))\n";
