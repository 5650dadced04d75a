//! Custom roles at work: what they allow, what they add on single templates, and that nobody makes themselves mightier.

use semaphore_tests::PASSWORD;
use serde_json::json;

use crate::world::World;

#[test]
fn a_custom_role_allows_what_it_says_and_more_on_its_template() {
    let world = World::new();
    let (mine, other) = (world.template("hello.sh"), world.template("hello.sh"));
    world
        .admin
        .post(&world.path("/roles"), &json!({"slug": "readers", "name": "Readers", "permissions": 0}))
        .expect(201);
    let user = world.user("reader");
    world.admin.post(&world.path("/users"), &json!({"user_id": user, "role": "readers"})).expect(204);
    let reader = world.server.client("reader", PASSWORD);
    let describe = |template: i64| {
        let path = world.path(&format!("/templates/{template}/description"));
        reader.put(&path, &json!({"description": "new"})).status
    };
    assert_eq!((describe(mine), describe(other)), (403, 403));

    let perms = world.path(&format!("/templates/{mine}/perms"));
    let row = world.admin.post(&perms, &json!({"role_slug": "readers", "permissions": 4})).expect(201).id();
    assert_eq!((describe(mine), describe(other)), (204, 403), "the role's right on one template");
    assert_eq!(reader.get(&world.path(&format!("/templates/{mine}"))).expect(200).json()["permissions"], 4);

    // What is taken away counts with the next request.
    world.admin.delete(&format!("{perms}/{row}")).expect(204);
    assert_eq!(describe(mine), 403);
    let role = json!({"name": "Readers", "permissions": 4});
    world.admin.put(&world.path("/roles/readers"), &role).expect(204);
    assert_eq!((describe(mine), describe(other)), (204, 204));
}

#[test]
fn a_role_runs_the_tasks_of_its_templates_only() {
    let world = World::new();
    let (mine, other) = (world.template("sleep.sh"), world.template("sleep.sh"));
    let role = json!({"slug": "operators", "name": "Operators", "permissions": 0});
    world.admin.post(&world.path("/roles"), &role).expect(201);
    let user = world.user("operator");
    world.admin.post(&world.path("/users"), &json!({"user_id": user, "role": "operators"})).expect(204);
    let operator = world.server.client("operator", PASSWORD);
    let tasks = world.path("/tasks");
    let start = |template: i64| operator.post(&tasks, &json!({"template_id": template}));
    assert_eq!((start(mine).status, start(other).status), (403, 403));

    let perms = world.path(&format!("/templates/{mine}/perms"));
    let row = world.admin.post(&perms, &json!({"role_slug": "operators", "permissions": 1})).expect(201).id();
    let task = start(mine).expect(201).id();
    start(other).expect(403);
    let foreign = world.project().start(&world.admin, other);
    for task in [task, foreign] {
        world.admin.wait_for_status(world.project().id, task, &["running"]);
    }
    for (action, body) in [("stop", json!({"force": true})), ("confirm", json!({})), ("reject", json!({}))] {
        operator.post(&format!("{tasks}/{foreign}/{action}"), &body).expect(403);
    }
    // Nothing waits for a confirmation: the refusal is the use case's.
    operator.post(&format!("{tasks}/{task}/confirm"), &json!({})).expect(400);
    // What else a role may with tasks is not what runs them.
    operator.delete(&format!("{tasks}/{task}")).expect(403);
    operator.post(&world.path(&format!("/templates/{mine}/stop_all_tasks")), &json!({})).expect(403);
    operator.post(&format!("{tasks}/{task}/stop"), &json!({"force": true})).expect(204);
    assert_eq!(world.admin.wait_for_end(world.project().id, task)["status"], "stopped");
    assert_eq!(world.admin.get(&format!("{tasks}/{foreign}")).expect(200).json()["status"], "running");

    // The template of another project in the body, and what is taken away.
    let second = world.admin.post("/api/projects", &json!({"name": "second"})).expect(201).id();
    operator.post(&format!("/api/project/{second}/tasks"), &json!({"template_id": mine})).expect(404);
    world.admin.delete(&format!("{perms}/{row}")).expect(204);
    start(mine).expect(403);
    world.admin.post(&format!("{tasks}/{foreign}/stop"), &json!({"force": true})).expect(204);
    world.admin.wait_for_end(world.project().id, foreign);
}

#[test]
fn nobody_gives_rights_that_they_do_not_have() {
    let world = World::new();
    let template = world.template("hello.sh");
    let role = |slug: &str, permissions: i64| json!({"slug": slug, "name": slug, "permissions": permissions});
    world.admin.post(&world.path("/roles"), &role("editors", 4)).expect(201);
    world.admin.post(&world.path("/roles"), &role("chiefs", 15)).expect(201);
    let user = world.user("editor");
    world.admin.post(&world.path("/users"), &json!({"user_id": user, "role": "editors"})).expect(204);
    let editor = world.server.client("editor", PASSWORD);

    editor.post(&world.path("/roles"), &role("mighty", 8)).expect(403);
    editor.put(&world.path("/roles/editors"), &role("editors", 15)).expect(403);
    editor.put(&world.path("/roles/chiefs"), &role("chiefs", 0)).expect(403);
    editor.delete(&world.path("/roles/chiefs")).expect(403);
    let perms = world.path(&format!("/templates/{template}/perms"));
    editor.post(&perms, &json!({"role_slug": "editors", "permissions": 1})).expect(403);
    // What they do have they may give.
    editor.post(&world.path("/roles"), &role("helpers", 4)).expect(201);
    let row = editor.post(&perms, &json!({"role_slug": "helpers", "permissions": 4})).expect(201).id();
    editor.put(&format!("{perms}/{row}"), &json!({"permissions": 5})).expect(403);
    editor.delete(&format!("{perms}/{row}")).expect(204);
    assert_eq!(editor.get(&world.path("/role")).expect(200).json()["permissions"], 4);

    // A role of another project is no role here.
    let second = world.admin.post("/api/projects", &json!({"name": "second"})).expect(201).id();
    world.admin.get(&format!("/api/project/{second}/roles/editors")).expect(404);
    world.admin.put(&format!("/api/project/{second}/roles/editors"), &role("editors", 15)).expect(404);
    world.admin.delete(&format!("/api/project/{second}/roles/editors")).expect(404);
}

#[test]
fn a_guest_does_not_read_the_text_of_a_state() {
    let world = World::new();
    let inventory = world.project().inventory;
    let user = world.user("guest");
    world.admin.post(&world.path("/users"), &json!({"user_id": user, "role": "guest"})).expect(204);
    let guest = world.server.client("guest", PASSWORD);
    let states = world.path(&format!("/inventory/{inventory}/terraform/states"));
    assert_eq!(guest.get(&format!("{states}/latest")).expect(404).json()["error"], "No state found");
    world.server.change_database(&format!(
        "insert into project__terraform_inventory_state (project_id, inventory_id, state, created) \
         values ({}, {inventory}, '{{\"password\": 1}}', '2026-01-01 00:00:00')",
        world.project().id
    ));
    let id = guest.get(&states).expect(200).json()[0]["id"].clone();
    guest.get(&format!("{states}/latest")).expect(403);
    guest.get(&format!("{states}/{id}")).expect(403);
    world.admin.put(&world.path(&format!("/users/{user}")), &json!({"role": "task_runner"})).expect(204);
    assert_eq!(guest.get(&format!("{states}/{id}")).expect(200).json()["state"], "{\"password\": 1}");
}
