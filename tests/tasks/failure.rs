//! Bad input: a clear word to the person who did it, status `error`, and nothing left behind.

use std::path::Path;

use semaphore_tests::{Project, Server, ansible, assert_nothing_left, git_repository};
use serde_json::json;

fn fixture() -> (Server, std::path::PathBuf) {
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(
        &repository,
        &[("hello.sh", "echo hello\n"), ("site.yml", "- hosts: all\n  gather_facts: false\n  tasks: []\n")],
    );
    (server, repository)
}

/// Runs a template that must fail; returns its log as one text.
fn failing(server: &Server, git_url: &str, app: &str, playbook: &str) -> String {
    let admin = server.admin();
    let project = Project::create(&admin, git_url);
    let (row, lines) = project.run(&admin, app, playbook);
    assert_eq!(row["status"], "error", "{lines:?}");
    assert!(!row["end"].is_null());
    assert_nothing_left(server);
    lines.join("\n")
}

#[test]
fn a_script_that_is_not_there() {
    let (server, repository) = fixture();
    for url in [format!("file://{}", repository.display()), repository.display().to_string()] {
        let log = failing(&server, &url, "bash", "nosuch.sh");
        assert!(log.contains("nosuch.sh"), "{log}");
    }
}

#[test]
fn a_playbook_that_is_not_there() {
    let (server, repository) = fixture();
    if ansible().is_some() {
        let log = failing(&server, &format!("file://{}", repository.display()), "ansible", "nosuch.yml");
        assert!(log.contains("nosuch.yml"), "{log}");
    }
}

#[test]
fn a_repository_that_cannot_be_reached() {
    let (server, _) = fixture();
    // Port 1 of this machine: refused at once.
    let log = failing(&server, "https://127.0.0.1:1/nobody/nothing.git", "bash", "hello.sh");
    assert!(log.contains("127.0.0.1"), "{log}");
    let log = failing(&server, &format!("file://{}/nosuch", server.directory().display()), "bash", "hello.sh");
    assert!(log.contains("nosuch"), "{log}");
    let log = failing(&server, &format!("{}/nosuch", server.directory().display()), "bash", "hello.sh");
    assert!(log.contains("nosuch"), "{log}");
}

#[test]
fn a_branch_that_is_not_there() {
    let (server, repository) = fixture();
    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.display()));
    let mut body = project.template_body("bash", "hello.sh");
    body["git_branch"] = "nosuch-branch".into();
    let template = admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id();
    let task = project.start(&admin, template);
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "error");
    let log = admin.output(project.id, task).join("\n");
    assert!(log.contains("nosuch-branch"), "{log}");
    assert_nothing_left(&server);
}

/// An address or branch may be refused when it is stored or when it is used, but it may never become an option of git
/// (CVE-2026-73294): `marker` is what the injected command would make.
fn check_injection(url: &str, branch: &str, marker: &Path) {
    let server = Server::start();
    let admin = server.admin();
    let project = Project::create(&admin, server.directory().to_str().unwrap());
    let url = url.replace("MARKER", marker.to_str().unwrap());
    let branch = branch.replace("MARKER", marker.to_str().unwrap());
    let body = json!({"name": "evil", "project_id": project.id, "git_url": url, "git_branch": branch, "ssh_key_id": project.key});
    let answer = admin.post(&format!("/api/project/{}/repositories", project.id), &body);
    if answer.status == 201 {
        let mut body = project.template_body("bash", "hello.sh");
        body["repository_id"] = answer.id().into();
        let template = admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id();
        let task = project.start(&admin, template);
        assert_eq!(admin.wait_for_end(project.id, task)["status"], "error", "{url} {branch}");
        let log = admin.output(project.id, task).join("\n");
        assert!(log.contains("Failed") || log.contains("error"), "no clear word: {log}");
    } else {
        let said = answer.expect(400).json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(!said.is_empty(), "refused without a reason");
    }
    assert!(!marker.exists(), "the injected command ran: {url} {branch}");
    assert_nothing_left(&server);
}

#[test]
fn an_address_never_becomes_an_option() {
    let place = tempfile::tempdir().unwrap();
    let marker = place.path().join("ran");
    for url in [
        "--upload-pack=touch MARKER",
        "-u touch MARKER",
        "ext::sh -c touch% MARKER",
        "file://x --upload-pack=touch MARKER",
    ] {
        check_injection(url, "main", &marker);
    }
}

#[test]
fn a_branch_never_becomes_an_option() {
    let place = tempfile::tempdir().unwrap();
    let marker = place.path().join("ran");
    let repository = place.path().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    for branch in ["--upload-pack=touch MARKER", "-cmain", "--config=core.fsmonitor=touch MARKER"] {
        check_injection(&format!("file://{}", repository.display()), branch, &marker);
    }
}

#[test]
fn wrong_json_is_refused_and_changes_nothing() {
    let (server, repository) = fixture();
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let tables = [
        "project",
        "access_key",
        "project__repository",
        "project__inventory",
        "project__environment",
        "project__template",
        "task",
    ];
    let counts = || tables.map(|t| server.sql(&format!("select count(*) from {t}"))[0][0].clone());
    let before = counts();
    let collections = ["projects", "keys", "repositories", "inventory", "environment", "templates", "tasks"];
    for collection in collections {
        let path = if collection == "projects" {
            "/api/projects".to_owned()
        } else {
            format!("/api/project/{}/{collection}", project.id)
        };
        for body in ["{", "", "[]", "\"text\"", "{\"name\": 5, \"template_id\": \"x\"}", "\u{0}"] {
            let answer = admin.send("POST", &path, Some(body));
            assert!((400..500).contains(&answer.status), "{path} with {body:?}: {} {}", answer.status, answer.body);
        }
    }
    assert_eq!(counts(), before);
    admin.get("/api/projects").expect(200);
}

#[test]
fn unknown_ids_are_refused_and_change_nothing() {
    let (server, repository) = fixture();
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let base = format!("/api/project/{}", project.id);
    for path in [
        "/api/project/987654".to_owned(),
        format!("{base}/keys/987654"),
        format!("{base}/repositories/987654"),
        format!("{base}/inventory/987654"),
        format!("{base}/environment/987654"),
        format!("{base}/templates/987654"),
    ] {
        admin.get(&path).expect(404);
    }
    // Reference: an unknown task id is answered with 400.
    admin.get(&format!("{base}/tasks/987654")).expect(400);
    for body in [json!({"template_id": 987_654}), json!({}), json!({"template_id": -1})] {
        let answer = admin.post(&format!("{base}/tasks"), &body);
        assert!((400..500).contains(&answer.status), "{body}: {} {}", answer.status, answer.body);
    }
    assert_eq!(server.sql("select count(*) from task")[0][0], 0);
    for key in ["repository_id", "inventory_id", "environment_id"] {
        let mut body = project.template_body("bash", "hello.sh");
        body[key] = 987_654.into();
        let answer = admin.post(&format!("{base}/templates"), &body);
        assert!((400..500).contains(&answer.status), "{key}: {} {}", answer.status, answer.body);
    }
    assert_eq!(server.sql("select count(*) from project__template")[0][0], 0);
    assert_nothing_left(&server);
}
