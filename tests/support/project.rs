//! A project with everything that a template needs, and git repositories to run from.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::Client;

/// A project made through the API.
#[derive(Clone, Copy, Debug)]
pub struct Project {
    /// Its id.
    pub id: i64,
    /// A key of type none.
    pub key: i64,
    /// The repository that was given.
    pub repository: i64,
    /// A static inventory with localhost.
    pub inventory: i64,
    /// An empty variable group.
    pub environment: i64,
}

impl Project {
    /// Makes a project around a repository address.
    #[track_caller]
    pub fn create(client: &Client, git_url: &str) -> Self {
        let id = client.post("/api/projects", &json!({"name": "Test project"})).expect(201).id();
        let make = |collection: &str, body: Value| {
            client.post(&format!("/api/project/{id}/{collection}"), &body).expect(201).id()
        };
        let key = make("keys", json!({"name": "none", "type": "none", "project_id": id}));
        let repository = make(
            "repositories",
            json!({"name": "repository", "project_id": id, "git_url": git_url, "git_branch": branch_of(git_url), "ssh_key_id": key}),
        );
        let inventory = make(
            "inventory",
            json!({"name": "localhost", "project_id": id, "type": "static", "ssh_key_id": key,
                "inventory": "localhost ansible_connection=local ansible_python_interpreter=\"{{ ansible_playbook_python }}\"\n"}),
        );
        let environment = make("environment", json!({"name": "empty", "project_id": id, "json": "{}", "env": "{}"}));
        Self { id, key, repository, inventory, environment }
    }

    /// Makes an access key of a type; `content` is its `ssh` or `login_password` object.
    #[track_caller]
    pub fn key(&self, client: &Client, kind: &str, content: &Value) -> i64 {
        let body = json!({"name": format!("{kind} key"), "project_id": self.id, "type": kind, kind: content});
        client.post(&format!("/api/project/{}/keys", self.id), &body).expect(201).id()
    }

    /// Makes another repository and returns its id.
    #[track_caller]
    pub fn add_repository(&self, client: &Client, git_url: &str, branch: &str, key: i64) -> i64 {
        let body = json!({"name": git_url, "project_id": self.id, "git_url": git_url, "git_branch": branch, "ssh_key_id": key});
        client.post(&format!("/api/project/{}/repositories", self.id), &body).expect(201).id()
    }

    /// Makes a template with these fields changed, starts a task of it and waits for its end; returns template, row and log.
    #[track_caller]
    pub fn run_with(&self, client: &Client, app: &str, playbook: &str, fields: &Value) -> (i64, Value, String) {
        let mut body = self.template_body(app, playbook);
        for (name, value) in fields.as_object().expect("an object of fields") {
            body[name] = value.clone();
        }
        let template = client.post(&format!("/api/project/{}/templates", self.id), &body).expect(201).id();
        let (row, log) = self.run_again(client, template, &json!({}));
        (template, row, log)
    }

    /// Starts a task of the template with these fields more, waits for its end; returns its row and log.
    #[track_caller]
    pub fn run_again(&self, client: &Client, template: i64, fields: &Value) -> (Value, String) {
        let mut body = json!({"template_id": template});
        for (name, value) in fields.as_object().expect("an object of fields") {
            body[name] = value.clone();
        }
        let task = client.post(&format!("/api/project/{}/tasks", self.id), &body).expect(201).id();
        let row = client.wait_for_end(self.id, task);
        (row, client.output(self.id, task).join("\n"))
    }

    /// The body of a template; the caller may change it before it is sent.
    pub fn template_body(&self, app: &str, playbook: &str) -> Value {
        json!({"name": format!("{app} {playbook}"), "project_id": self.id, "app": app, "playbook": playbook, "type": "",
            "repository_id": self.repository, "inventory_id": self.inventory, "environment_id": self.environment,
            "arguments": "[]", "allow_parallel_tasks": true})
    }

    /// Makes a template and returns its id.
    #[track_caller]
    pub fn template(&self, client: &Client, app: &str, playbook: &str) -> i64 {
        client.post(&format!("/api/project/{}/templates", self.id), &self.template_body(app, playbook)).expect(201).id()
    }

    /// Starts a task of the template and returns its id.
    #[track_caller]
    pub fn start(&self, client: &Client, template: i64) -> i64 {
        client.post(&format!("/api/project/{}/tasks", self.id), &json!({"template_id": template})).expect(201).id()
    }

    /// Runs a script of the repository to its end; returns the task and its output lines.
    #[track_caller]
    pub fn run(&self, client: &Client, app: &str, playbook: &str) -> (Value, Vec<String>) {
        let template = self.template(client, app, playbook);
        let task = self.start(client, template);
        let row = client.wait_for_end(self.id, task);
        (row, client.output(self.id, task))
    }
}

/// A path is used as it is, without a branch; everything else has the branch that [`git_repository`] makes.
fn branch_of(git_url: &str) -> &'static str {
    if git_url.starts_with('/') { "" } else { "main" }
}

/// Makes a git repository with one commit of the files (name, text) on the branch `main`.
pub fn git_repository(directory: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().expect("a file in the repository")).unwrap();
        fs::write(path, text).unwrap();
    }
    let git = |arguments: &[&str]| {
        let status = Command::new("git")
            .args(["-c", "user.name=Fixture", "-c", "user.email=fixture@example.com"])
            .args(arguments)
            .current_dir(directory)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status()
            .expect("git is needed for the tests");
        assert!(status.success(), "git {arguments:?} failed");
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message=first commit"]);
}
