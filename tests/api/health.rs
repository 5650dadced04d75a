//! Whether the server is well, and its numbers.

use std::{fmt::Debug, str::FromStr};

use semaphore_test_machine::database::{Kind, Server as Database};
use semaphore_tests::{Options, Server};
use serde_json::json;

use crate::world::World;

/// The value of a series in the text format of Prometheus.
fn value<T: FromStr<Err: Debug>>(text: &str, series: &str) -> T {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
}

fn number(text: &str, series: &str) -> u64 {
    value(text, series)
}

#[test]
fn the_server_says_that_it_is_alive_and_ready() {
    let world = World::new();
    let nobody = world.server.anonymous();
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(nobody.get(probe).expect(200).json(), json!({"status": "ok"}));
        nobody.send("HEAD", probe, None).expect(200);
    }
}

#[test]
fn without_its_database_it_is_alive_but_not_ready() {
    let Some(database) = Database::start(Kind::Postgres) else { return };
    let postgres = json!({"host": database.address(), "user": database.user(), "name": "probed"});
    let config = json!({"dialect": "postgres", "postgres": postgres});
    let mut server = Server::prepared(Options { config, ..Options::default() });
    server.start_again();
    let nobody = server.anonymous();
    nobody.get("/readyz").expect(200);
    drop(database);
    let answer = nobody.get("/readyz").expect(503).json();
    assert_eq!(answer, json!({"status": "unavailable", "reason": "the database does not answer"}));
    nobody.get("/healthz").expect(200);
}

#[test]
fn the_numbers_are_those_of_what_has_happened() {
    let world = World::new();
    let read = || world.admin.get("/api/metrics").expect(200).body;
    let before = read();
    assert_eq!(number(&before, "semaphore_tasks_running"), 0);
    world.ended_task();
    let after = read();
    assert_eq!(number(&after, "semaphore_tasks_finished_total{status=\"success\"}"), 1);
    assert_eq!(number(&after, "semaphore_task_duration_seconds_count"), 1);
    assert!(number(&after, "semaphore_log_lines_total") >= 3, "{after}");
    let ok = "semaphore_http_requests_total{method=\"GET\",status=\"200\"}";
    assert!(number(&after, ok) > number(&before, ok), "{after}");
    assert!(number(&after, "semaphore_db_connections{state=\"idle\"}") >= 1, "{after}");

    // One of two tasks waits for the other, because the project runs one at a time.
    let project = json!({"id": world.project().id, "name": "one at a time", "max_parallel_tasks": 1});
    world.admin.put(&world.path(""), &project).expect(204);
    let template = world.template("sleep.sh");
    let tasks = [(); 2].map(|()| world.project().start(&world.admin, template));
    world.admin.wait_for_status(world.project().id, tasks[0], &["running"]);
    let text = read();
    assert_eq!((number(&text, "semaphore_tasks_running"), number(&text, "semaphore_queue_length")), (1, 1));
    assert!(value::<f64>(&text, "semaphore_queue_age_seconds") > 0.0, "{text}");
    world
        .admin
        .post(&world.path(&format!("/templates/{template}/stop_all_tasks")), &json!({"force": true}))
        .expect(204);
    for task in tasks {
        world.admin.wait_for_end(world.project().id, task);
    }
}

/// By these keys the page of the reference shows its buttons or marks them as part of another edition: each says what is true.
#[test]
fn the_page_is_told_what_works_here() {
    let world = World::new();
    let told = world.admin.get("/api/info").expect(200).json()["premium_features"].take();
    let (role, storage) = (
        json!({"slug": "made", "name": "Made", "permissions": 1}),
        json!({"project_id": world.project().id, "name": "Vault", "type": "vault", "params": {"url": "https://vault.example.com"}, "secret": "token"}),
    );
    let made = |path: &str, body| matches!(world.admin.post(&world.path(path), body).status, 200 | 201);
    let task = world.ended_task();
    let summary = world.admin.get(&world.path(&format!("/tasks/{task}/ansible/hosts"))).expect(200).json().is_array();
    let storages = made("/secret_storages", &storage);
    let expected = json!({
        "custom_roles_management": made("/roles", &role),
        // `tests/tasks/remote.rs` gives them tasks.
        "project_runners": made("/runners", &json!({"name": "far", "tag": "red"})),
        "secret_storage_management": storages,
        "secret_storages": storages,
        "task_summary": summary,
        "terraform_backend": world.admin.get(&world.path("/inventory/1/terraform/aliases")).status == 200,
    });
    assert_eq!(told, expected);
    assert!(expected.as_object().unwrap().values().all(|value| value == true), "{expected}");
}
