//! The database server goes away while tasks run and people work, and comes back: nothing is lost, and who asks meanwhile is told.

use std::{thread, time::Duration};

use semaphore_test_machine::database::{Kind, Server as Database};
use semaphore_tests::{Options, PASSWORD, Project, Server, git_repository, wait_until};
use serde_json::json;

/// Lines that a task prints in four seconds or more.
const LINES: usize = 40_000;
const SCRIPT: &str = "for i in $(seq 1 40); do seq -f 'line %.0f' $((i * 1000 - 999)) $((i * 1000)); sleep 0.1; done\n";

/// An installation on a database server of its own.
fn installation(database: &Database) -> Server {
    let dialect = if database.kind() == Kind::Postgres { "postgres" } else { "mysql" };
    database.add_user("operator", "password");
    let section = json!({"host": database.address(), "user": "operator", "pass": "password", "name": "restarted"});
    let config = json!({"dialect": dialect, dialect: section, "max_parallel_tasks": 2});
    let mut server = Server::prepared(Options { config, ..Options::default() });
    let arguments = ["user", "add", "--admin", "--login", "admin", "--name", "Admin", "--email", "admin@example.test"];
    let added =
        server.command(&arguments).args(["--password", PASSWORD, "--config"]).arg(server.config_path()).output();
    assert!(added.unwrap().status.success());
    server.start_again();
    server
}

fn nothing_is_lost(kind: Kind) {
    let Some(mut database) = Database::start(kind) else { return };
    let server = installation(&database);
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("lines.sh", SCRIPT)]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "lines.sh");
    // Two run, one waits.
    let tasks = [(); 3].map(|()| project.start(&admin, template));
    wait_until("lines are stored", Duration::from_mins(1), || {
        admin.output(project.id, tasks[0]).iter().any(|line| line == "line 2000").then_some(())
    });

    database.stop();
    let paths = [format!("/api/project/{}/tasks", project.id), format!("/api/project/{}", project.id)];
    for path in &paths {
        let refused = admin.get(path).expect(503).json();
        assert!(refused["error"].as_str().unwrap().contains("database is not available"), "{refused}");
    }
    let refused = admin.post(&paths[0], &json!({"template_id": template})).expect(503).json();
    assert!(refused["error"].as_str().unwrap().contains("database is not available"), "{refused}");
    // Long enough that the writers of the running tasks have tried in vain.
    thread::sleep(Duration::from_secs(1));
    database.start_again();

    let last = wait_until("the server works again", Duration::from_mins(1), || {
        let answer = admin.post(&paths[0], &json!({"template_id": template}));
        (answer.status == 201).then(|| answer.id())
    });
    let expected: Vec<String> = (1..=LINES).map(|number| format!("line {number}")).collect();
    for task in tasks.into_iter().chain([last]) {
        assert_eq!(admin.wait_for_end(project.id, task)["status"], "success");
        let lines: Vec<String> =
            admin.output(project.id, task).into_iter().filter(|line| line.starts_with("line ")).collect();
        assert!(lines == expected, "task {task}: {} lines of {LINES}", lines.len());
        // As the Go server reads them.
        let query = format!(
            "select output from task__output where task_id = {task} and output like 'line %' order by time, id"
        );
        assert!(database.execute("restarted", &query) == expected);
    }
    let rows = admin.get(&paths[0]).expect(200).json();
    assert_eq!(rows.as_array().unwrap().len(), 4, "what was refused left no task: {rows}");
}

#[test]
fn postgres_is_restarted_under_load() {
    nothing_is_lost(Kind::Postgres);
}

#[test]
fn mariadb_is_restarted_under_load() {
    nothing_is_lost(Kind::MariaDb);
}
