//! One server with somebody and something in it, as the cases of this test program need it.

use std::cell::OnceCell;

use semaphore_tests::{Client, PASSWORD, Project, Server, git_repository};
use serde_json::{Value, json};

/// A server, its administrator and, once it is asked for, a project.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) admin: Client,
    project: OnceCell<Project>,
}

/// What must be true after a route was called: now, and after a restart.
pub(crate) type Check = Box<dyn Fn(&World)>;

impl World {
    pub(crate) fn new() -> Self {
        Self::with(json!({"auth": {"totp": {"enabled": true, "allow_recovery": true}}}))
    }

    /// The same with keys laid over the configuration.
    pub(crate) fn with(config: Value) -> Self {
        let server = Server::with_config(config);
        let admin = server.admin();
        Self { server, admin, project: OnceCell::new() }
    }

    /// The project; its repository holds hello.sh and sleep.sh.
    pub(crate) fn project(&self) -> Project {
        *self.project.get_or_init(|| {
            let repository = self.server.directory().join("repository");
            git_repository(&repository, &[("hello.sh", "echo hello\n"), ("sleep.sh", "echo ready\nexec sleep 300\n")]);
            Project::create(&self.admin, repository.to_str().unwrap())
        })
    }

    /// A path below the project.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/project/{}{rest}", self.project().id)
    }

    /// A user who is in no project; returns the id.
    pub(crate) fn user(&self, login: &str) -> i64 {
        let body = json!({"name": login, "username": login, "email": format!("{login}@example.com"), "password": PASSWORD, "admin": false});
        self.admin.post("/api/users", &body).expect(201).id()
    }

    /// The only column of the only row of a query.
    #[track_caller]
    pub(crate) fn value(&self, query: &str) -> Value {
        let rows = self.server.sql(query);
        assert_eq!(rows.len(), 1, "{query}: {rows:?}");
        rows[0][0].clone()
    }

    /// The row with this id in a list that the API gives; `None` if it is not there.
    #[track_caller]
    pub(crate) fn listed(&self, path: &str, id: i64) -> Option<Value> {
        let rows = self.admin.get(path).expect(200).json();
        rows.as_array().unwrap_or_else(|| panic!("{path}: no list: {rows}")).iter().find(|r| r["id"] == id).cloned()
    }

    /// A template of the script; returns its id.
    pub(crate) fn template(&self, script: &str) -> i64 {
        self.project().template(&self.admin, "bash", script)
    }

    /// A task that has ended; returns its id.
    pub(crate) fn ended_task(&self) -> i64 {
        let (row, _) = self.project().run(&self.admin, "bash", "hello.sh");
        row["id"].as_i64().unwrap()
    }
}
