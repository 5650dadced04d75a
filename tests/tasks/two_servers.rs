//! Two servers with one `tmp_path`: their tasks have the same ids and the same names for clones, and run at the same moment.

use std::fs;

use semaphore_test_machine::{
    git::Repository,
    git_http::{Access, Server as GitServer},
};
use semaphore_tests::{Client, Project, Server, assert_nothing_left};
use serde_json::{Value, json};

/// Runs only while the other one runs: `$1` where they meet, `$2` this one, `$3` the other.
const SCRIPT: &str = "cat version > $1/$2\nfor i in $(seq 1500); do test -e $1/$3 && break; sleep 0.02; done\n\
                      test -e $1/$3 || exit 9\necho directory $(pwd)\nfor i in $(seq 20); do cat version; test -f end || exit 8; sleep 0.01; done\n";

struct Side {
    server: Server,
    admin: Client,
    project: Project,
    template: i64,
}

impl Side {
    fn new(server: Server, url: &str, arguments: &Value) -> Self {
        let admin = server.admin();
        let mut project = Project::create(&admin, "/");
        project.repository = project.add_repository(&admin, url, "main", project.key);
        let mut body = project.template_body("bash", "meet.sh");
        body["arguments"] = arguments.to_string().into();
        let template = admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id();
        Self { server, admin, project, template }
    }

    fn names(&self) -> [i64; 3] {
        [self.project.id, self.project.repository, self.template]
    }

    /// Waits for the task; the directory in which it ran.
    fn end(&self, task: i64, version: &str) -> String {
        let row = self.admin.wait_for_end(self.project.id, task);
        let lines = self.admin.output(self.project.id, task);
        assert_eq!(row["status"], "success", "{lines:#?}\n{}", self.server.log());
        assert_eq!(lines.iter().filter(|line| *line == version).count(), 20, "{lines:#?}");
        lines.iter().find_map(|line| line.strip_prefix("directory ")).expect("the directory").to_owned()
    }
}

#[test]
fn they_share_the_mirror_and_no_clone() {
    let git = GitServer::start();
    let first = Server::start();
    let tmp_path = first.directory().join("tmp");
    let meeting = first.directory().join("meeting");
    let work = Repository::create(first.directory().join("work"));
    work.write_incompressible("big", 2_000_000);
    work.commit("first", &[("meet.sh", SCRIPT), ("version", "0\n"), ("end", "")]);
    let bare = work.publish(first.directory().join("bare.git"));
    let url = git.serve("project", bare.path(), Access::Anyone);
    let second = Server::with_config(json!({"tmp_path": tmp_path}));
    let first = Side::new(first, &url, &json!([meeting, "a", "b"]));
    let second = Side::new(second, &url, &json!([meeting, "b", "a"]));
    assert_eq!(first.names(), second.names(), "the servers must give the same names");
    for round in 0..4 {
        let _ = fs::remove_dir_all(&meeting);
        fs::create_dir(&meeting).unwrap();
        let version = round.to_string();
        work.commit(&version, &[("version", &format!("{version}\n"))]);
        work.push_to(&bare);
        let tasks = [&first, &second].map(|side| side.project.start(&side.admin, side.template));
        let directories = [first.end(tasks[0], &version), second.end(tasks[1], &version)];
        assert_ne!(directories[0], directories[1], "both worked in one clone at the same moment");
        assert!(directories.iter().all(|directory| directory.starts_with(tmp_path.to_str().unwrap())));
    }
    // Clones of a server that came second are made with what the mirror has.
    assert!(git.bytes_sent() < 3 * 2_000_000, "{} bytes were sent", git.bytes_sent());
    assert_nothing_left(&first.server);
    assert_nothing_left(&second.server);
}
