//! Objects of one project by way of another one: for its owner they are as if they were not there, whatever the method.

use semaphore_tests::PASSWORD;
use serde_json::json;

use crate::world::World;

#[test]
fn objects_of_another_project_are_not_found_and_stay_as_they_are() {
    let world = World::new();
    let (first, inventory) = (world.project().id, world.project().inventory);
    let owner = world.user("owner");
    let second = world.admin.post("/api/projects", &json!({"name": "second"})).expect(201).id();
    let path = |rest: &str| format!("/api/project/{second}{rest}");
    world.admin.post(&path("/users"), &json!({"user_id": owner, "role": "owner"})).expect(204);
    let invited = world.user("invited");
    let login = json!({"login": "robot", "password": "a password"});
    let key = world.project().key(&world.admin, "login_password", &login);
    let template = world.template("hello.sh");

    let make = |rest: &str, body: serde_json::Value| world.admin.post(&world.path(rest), &body).expect(201).json();
    let runner = make("/runners", json!({"name": "runner"}))["id"].clone();
    let storage =
        make("/secret_storages", json!({"name": "storage", "project_id": first, "type": "vault", "secret": "s"}));
    let invite = make("/invites", json!({"user_id": invited, "role": "guest"}))["id"].clone();
    make("/roles", json!({"slug": "theirs", "name": "theirs", "permissions": 1}));
    let perm = make(&format!("/templates/{template}/perms"), json!({"role_slug": "theirs", "permissions": 1}));
    let address = make(&format!("/inventory/{inventory}/terraform/aliases"), json!({"auth_key_id": key}));
    world.server.change_database(&format!(
        "insert into project__terraform_inventory_state (project_id, inventory_id, state, created) \
         values ({first}, {inventory}, '{{}}', '2026-01-01 00:00:00')"
    ));
    let aliases = format!("/inventory/{inventory}/terraform/aliases/{}", address["id"].as_str().unwrap());
    let body = json!({"id": storage["id"], "project_id": second, "name": "stolen", "type": "vault", "active": true,
        "permissions": 0, "status": "declined", "auth_key_id": key})
    .to_string();

    let stranger = world.server.client("owner", PASSWORD);
    let tables = [
        "runner",
        "project__secret_storage",
        "project__invite",
        "role",
        "project__template_role",
        "project__terraform_inventory_alias",
        "project__terraform_inventory_state",
    ];
    let stored = || tables.map(|table| world.server.sql(&format!("select * from {table}")));
    let before = stored();
    for (methods, object) in [
        (&["GET", "PUT", "POST", "DELETE"][..], format!("/runners/{runner}")),
        (&["POST"], format!("/runners/{runner}/active")),
        (&["DELETE"], format!("/runners/{runner}/cache")),
        (&["GET", "PUT", "DELETE"], format!("/secret_storages/{}", storage["id"])),
        (&["GET"], format!("/secret_storages/{}/refs", storage["id"])),
        (&["GET", "PUT", "DELETE"], format!("/invites/{invite}")),
        (&["GET", "PUT", "POST", "DELETE"], "/roles/theirs".to_owned()),
        (&["GET", "PUT", "DELETE"], format!("/templates/{template}/perms/{}", perm["id"])),
        (&["GET", "POST"], format!("/templates/{template}/perms")),
        (&["GET", "PUT", "DELETE"], aliases),
        (&["GET", "POST"], format!("/inventory/{inventory}/terraform/aliases")),
        (&["GET"], format!("/inventory/{inventory}/terraform/states")),
        (&["GET"], format!("/inventory/{inventory}/terraform/states/latest")),
        (&["GET", "DELETE"], format!("/inventory/{inventory}/terraform/states/1")),
    ] {
        for method in methods {
            let sent = (!matches!(*method, "GET" | "DELETE")).then_some(body.as_str());
            stranger.send(method, &path(&object), sent).expect(404);
        }
    }
    // By way of an inventory of their own the state and the address of another one are not reached either.
    let own =
        json!({"name": "own", "project_id": second, "type": "static", "inventory": "localhost", "ssh_key_id": null});
    let own = stranger.post(&path("/inventory"), &own).expect(201).id();
    stranger.get(&path(&format!("/inventory/{own}/terraform/states/1"))).expect(404);
    let alias = format!("/inventory/{own}/terraform/aliases/{}", address["id"].as_str().unwrap());
    stranger.get(&path(&alias)).expect(404);
    stranger.delete(&path(&alias)).expect(404);
    // Nor is a key of another project taken for an address of one's own.
    stranger.post(&path(&format!("/inventory/{own}/terraform/aliases")), &json!({"auth_key_id": key})).expect(400);
    assert_eq!(stored(), before, "something of the other project has changed");
}
