//! People who are in a project to look only: they keep the lists that the page needs, and get no more.

use semaphore_tests::{Client, PASSWORD};
use serde_json::{Value, json};

use crate::world::World;

const LISTS: [&str; 11] = [
    "/users",
    "/keys",
    "/repositories",
    "/inventory",
    "/environment",
    "/views",
    "/templates",
    "/tasks",
    "/events",
    "/schedules",
    "/integrations",
];

fn member(world: &World, name: &str, role: &str) -> (i64, Client) {
    let id = world.user(name);
    world.admin.post(&world.path("/users"), &json!({"user_id": id, "role": role})).expect(204);
    (id, world.server.client(name, PASSWORD))
}

#[test]
fn they_see_lists_and_no_copies_addresses_or_passwords() {
    let world = World::new();
    let project = world.project();
    let group = json!({"name": "old", "project_id": project.id, "json": "{\"a\": 1}", "env": "{}", "password": "vault-password"});
    let group = world.admin.post(&world.path("/environment"), &group).expect(201).id();
    world.admin.post(&world.path("/roles"), &json!({"slug": "looker", "name": "Looker", "permissions": 0})).expect(201);
    let (worker_id, worker) = member(&world, "worker", "task_runner");
    let lookers = [member(&world, "guest", "guest"), member(&world, "looker", "looker")];

    let one = world.path(&format!("/environment/{group}"));
    let seen_by = |client: &Client, path: &str| client.get(path).expect(200).json();
    let in_list = |client: &Client| {
        let list = seen_by(client, &world.path("/environment"));
        list.as_array().unwrap().iter().find(|row| row["id"] == group).unwrap().clone()
    };
    let worker_path = world.path(&format!("/users/{worker_id}"));
    for (id, client) in &lookers {
        for list in LISTS {
            assert!(seen_by(client, &world.path(list)).is_array(), "{list}");
        }
        for backup in ["/backup", "/backup?extended=true"] {
            client.get(&world.path(backup)).expect(403);
        }
        // The same keys as for others, without the value.
        let (mut single, mut row) = (seen_by(client, &one), in_list(client));
        assert_eq!(
            (&single["password"], &row["password"], &single["json"]),
            (&Value::Null, &Value::Null, &json!("{\"a\": 1}"))
        );
        (single["password"], row["password"]) = (json!("vault-password"), json!("vault-password"));
        assert_eq!((single, row), (seen_by(&worker, &one), in_list(&worker)));

        let mut other = seen_by(client, &worker_path);
        assert_eq!((&other["email"], &other["name"]), (&json!(""), &json!("worker")));
        other["email"] = json!("worker@example.com");
        assert_eq!(other, seen_by(&worker, &worker_path));
        let own = seen_by(client, &world.path(&format!("/users/{id}")));
        assert!(own["email"].as_str().unwrap().ends_with("@example.com"), "{own}");
        // Nor where no project is asked.
        for path in
            ["/api/users".to_owned(), format!("/api/users/{worker_id}"), world.path("/users"), world.path("/events")]
        {
            let answer = client.get(&path).expect(200);
            assert!(!answer.body.contains("worker@example.com"), "{path}: {}", answer.body);
        }
    }
    // Who takes part goes on seeing both, and a guest who becomes one does at once.
    let role = world.path(&format!("/users/{}", lookers[0].0));
    world.admin.put(&role, &json!({"role": "task_runner"})).expect(204);
    assert_eq!(seen_by(&lookers[0].1, &one)["password"], "vault-password");
    assert_eq!(seen_by(&lookers[0].1, &worker_path)["email"], "worker@example.com");
}
