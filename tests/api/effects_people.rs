//! Effects of the routes about people and what they may: roles, what roles add on templates, invitations, and the secret
//! storages that are in the hands of whoever manages a project.

use semaphore_tests::PASSWORD;
use serde_json::{Value, json};

use crate::world::{Check, World};

// ---------------------------------------------------------------- roles

/// The role is given by the route and stored.
fn role_is(path: String, name: &'static str, permissions: i64) -> Check {
    Box::new(move |world| {
        let role = world.admin.get(&path).expect(200).json();
        assert_eq!((&role["name"], &role["permissions"]), (&json!(name), &json!(permissions)));
        assert_eq!(world.value("select name from role"), name);
        assert_eq!(world.value("select permissions from role"), permissions);
    })
}

fn role_is_gone(path: String) -> Check {
    Box::new(move |world| {
        world.admin.get(&path).expect(404);
        assert_eq!(world.value("select count(*) from role"), 0);
    })
}

fn add_role(world: &World, collection: &str) -> String {
    let body = json!({"slug": "operators", "name": "Operators", "permissions": 1});
    world.admin.post(collection, &body).expect(201);
    for bad in [
        body,
        json!({"slug": "owner", "name": "x"}),
        json!({"slug": "Big", "name": "x"}),
        json!({"slug": "", "name": "x"}),
        json!({"slug": "fine", "name": ""}),
        json!({"slug": "fine", "name": "x", "permissions": 16}),
    ] {
        world.admin.post(collection, &bad).expect(400);
    }
    format!("{collection}/operators")
}

fn update_role(world: &World, collection: &str, method: &str) -> Check {
    let path = add_role(world, collection);
    let body = json!({"slug": "operators", "name": "Changed", "permissions": 5});
    world.admin.send(method, &path, Some(&body.to_string())).expect(204);
    let other_slug = json!({"slug": "others", "name": "Changed", "permissions": 5});
    world.admin.send(method, &path, Some(&other_slug.to_string())).expect(400);
    role_is(path, "Changed", 5)
}

fn delete_role(world: &World, collection: &str) -> Check {
    let path = add_role(world, collection);
    // Somebody has it: it stays.
    let user = world.user("member");
    world.admin.post(&world.path("/users"), &json!({"user_id": user, "role": "operators"})).expect(204);
    world.admin.delete(&path).expect(400);
    world.admin.delete(&world.path(&format!("/users/{user}"))).expect(204);
    world.admin.delete(&path).expect(204);
    role_is_gone(path)
}

const GLOBAL: &str = "/api/roles";

fn of_project(world: &World) -> String {
    world.path("/roles")
}

pub(crate) fn create_global_role(world: &World) -> Check {
    let path = add_role(world, GLOBAL);
    let is = role_is(path, "Operators", 1);
    Box::new(move |world| {
        is(world);
        // Members can have it in every project, but it is not the project's.
        let slugs = |path: &str| world.admin.get(&world.path(path)).expect(200).json()[0]["slug"].clone();
        assert_eq!(slugs("/roles/all"), "operators");
        assert_eq!(slugs("/roles?mode=merge"), "operators");
        assert_eq!(world.admin.get(&of_project(world)).expect(200).json(), json!([]));
        world.admin.get(&world.path("/roles/operators")).expect(404);
        world.admin.delete(&world.path("/roles/operators")).expect(404);
    })
}

pub(crate) fn put_global_role(world: &World) -> Check {
    update_role(world, GLOBAL, "PUT")
}

pub(crate) fn post_global_role(world: &World) -> Check {
    update_role(world, GLOBAL, "POST")
}

pub(crate) fn delete_global_role(world: &World) -> Check {
    delete_role(world, GLOBAL)
}

pub(crate) fn create_project_role(world: &World) -> Check {
    let is = role_is(add_role(world, &of_project(world)), "Operators", 1);
    Box::new(move |world| {
        is(world);
        world.admin.get("/api/roles/operators").expect(404);
        assert_eq!(world.admin.get(GLOBAL).expect(200).json(), json!([]));
        assert_eq!(world.value("select project_id from role"), world.project().id);
    })
}

pub(crate) fn put_project_role(world: &World) -> Check {
    update_role(world, &of_project(world), "PUT")
}

pub(crate) fn post_project_role(world: &World) -> Check {
    update_role(world, &of_project(world), "POST")
}

pub(crate) fn delete_project_role(world: &World) -> Check {
    delete_role(world, &of_project(world))
}

/// A template, and what the role adds on it: path of the template's permissions, id of the row.
fn template_role(world: &World) -> (String, i64) {
    add_role(world, &of_project(world));
    let path = world.path(&format!("/templates/{}/perms", world.template("hello.sh")));
    // Project and template of the body count for nothing.
    let body = json!({"role_slug": "operators", "permissions": 4, "project_id": 987_654, "template_id": 987_654});
    let id = world.admin.post(&path, &body).expect(201).id();
    world.admin.post(&path, &json!({"role_slug": "nobody", "permissions": 4})).expect(400);
    world.admin.post(&path, &json!({"role_slug": "owner", "permissions": 4})).expect(400);
    (path, id)
}

fn template_role_is((path, id): (String, i64), permissions: i64) -> Check {
    Box::new(move |world| {
        let row = world.listed(&path, id).expect("the row is listed");
        assert_eq!((&row["role_slug"], &row["permissions"]), (&json!("operators"), &json!(permissions)));
        assert_eq!(world.admin.get(&format!("{path}/{id}")).expect(200).json(), row);
        assert_eq!(world.value("select permissions from project__template_role"), permissions);
    })
}

pub(crate) fn create_template_role(world: &World) -> Check {
    template_role_is(template_role(world), 4)
}

pub(crate) fn update_template_role(world: &World) -> Check {
    let (path, id) = template_role(world);
    world.admin.put(&format!("{path}/{id}"), &json!({"permissions": 5})).expect(204);
    world.admin.put(&format!("{path}/987654"), &json!({"permissions": 5})).expect(404);
    template_role_is((path, id), 5)
}

pub(crate) fn delete_template_role(world: &World) -> Check {
    let (path, id) = template_role(world);
    world.admin.delete(&format!("{path}/{id}")).expect(204);
    world.admin.delete(&format!("{path}/{id}")).expect(404);
    Box::new(move |world| {
        assert_eq!(world.admin.get(&path).expect(200).json(), json!([]));
        assert_eq!(world.value("select count(*) from project__template_role"), 0);
    })
}

// ---------------------------------------------------------------- invitations

/// An invitation of the user `guest` as a manager: its id and its secret.
fn invite(world: &World) -> (i64, String) {
    world.user("guest");
    let body = json!({"username": "guest", "role": "manager"});
    let sent = world.admin.post(&world.path("/invites"), &body).expect(201).json();
    let token = sent["token"].as_str().unwrap().to_owned();
    assert!(sent["url"].as_str().unwrap().ends_with(&format!("/accept-invite/{token}")), "{sent}");
    (sent["id"].as_i64().unwrap(), token)
}

fn invite_stands(id: i64, status: &'static str, role: &'static str) -> Check {
    Box::new(move |world| {
        let row = world.listed(&world.path("/invites"), id).expect("the invitation is listed");
        assert_eq!((&row["status"], &row["role"]), (&json!(status), &json!(role)));
        assert!(row.get("token").is_none(), "{row}");
        assert_eq!(world.value("select status from project__invite"), status);
    })
}

pub(crate) fn create_invite(world: &World) -> Check {
    let (id, token) = invite(world);
    let is = invite_stands(id, "pending", "manager");
    Box::new(move |world| {
        is(world);
        assert_ne!(world.value("select token from project__invite"), token.as_str(), "the secret is stored readable");
    })
}

pub(crate) fn update_invite(world: &World) -> Check {
    let (id, _) = invite(world);
    let path = world.path(&format!("/invites/{id}"));
    world.admin.put(&path, &json!({"status": "pending", "role": "guest"})).expect(204);
    world.admin.put(&path, &json!({"status": "accepted"})).expect(400);
    world.admin.put(&path, &json!({"status": "declined"})).expect(204);
    // It is over.
    world.admin.put(&path, &json!({"status": "pending"})).expect(400);
    invite_stands(id, "declined", "guest")
}

pub(crate) fn delete_invite(world: &World) -> Check {
    let (id, token) = invite(world);
    world.admin.delete(&world.path(&format!("/invites/{id}"))).expect(204);
    Box::new(move |world| {
        assert!(world.listed(&world.path("/invites"), id).is_none());
        let guest = world.server.client("guest", PASSWORD);
        guest.post("/api/invites/accept", &json!({"token": token})).expect(404);
        assert_eq!(world.value("select count(*) from project__invite"), 0);
    })
}

pub(crate) fn accept_invite(world: &World) -> Check {
    let (id, token) = invite(world);
    let guest = world.server.client("guest", PASSWORD);
    guest.get(&world.path("")).expect(404);
    let accepted = guest.post("/api/invites/accept", &json!({"token": token})).expect(200).json();
    assert_eq!(accepted, json!({"project_id": world.project().id}));
    let stands = invite_stands(id, "accepted", "manager");
    Box::new(move |world| {
        stands(world);
        assert_eq!(guest.get(&world.path("/role")).expect(200).json()["role"], "manager");
        guest.post("/api/invites/accept", &json!({"token": token})).expect(400);
        assert_eq!(world.value("select count(*) from project__user where role = 'manager'"), 1);
    })
}

// ---------------------------------------------------------------- secret storages

fn storage(world: &World) -> i64 {
    let path = world.path("/secret_storages");
    let body = |more: Value| {
        let mut body = json!({"name": "Vault", "project_id": world.project().id, "type": "vault", "secret": "s.credentials",
            "params": {"url": "https://vault.example.com"}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for bad in [
        json!({"secret": ""}),
        json!({"type": "local"}),
        json!({"name": ""}),
        json!({"project_id": 987_654}),
        json!({"source_storage_type": "vault"}),
    ] {
        world.admin.post(&path, &body(bad)).expect(400);
    }
    let answer = world.admin.post(&path, &body(json!({}))).expect(201);
    assert!(!answer.body.contains("s.credentials"), "the credentials are sent back: {}", answer.body);
    answer.id()
}

fn storage_is(id: i64, name: &'static str) -> Check {
    Box::new(move |world| {
        let row = world.listed(&world.path("/secret_storages"), id).expect("the storage is listed");
        assert_eq!((&row["name"], &row["type"]), (&json!(name), &json!("vault")));
        let one = world.admin.get(&world.path(&format!("/secret_storages/{id}"))).expect(200);
        assert!(!one.body.contains("credentials"), "{}", one.body);
        assert_eq!(world.value("select name from project__secret_storage"), name);
        let secret = world.value("select secret from access_key where owner = 'vault'");
        assert!(!secret.as_str().unwrap().contains("credentials"), "the credentials are stored readable");
    })
}

pub(crate) fn create_storage(world: &World) -> Check {
    let is = storage_is(storage(world), "Vault");
    Box::new(move |world| {
        is(world);
        // What this build cannot do it says when it is asked for, not when a task runs.
        let key = json!({"name": "k", "project_id": world.project().id, "type": "string", "source_storage_id": 1, "source_storage_key": "a/b"});
        world.admin.post(&world.path("/keys"), &key).expect(400);
    })
}

pub(crate) fn update_storage(world: &World) -> Check {
    let id = storage(world);
    let path = world.path(&format!("/secret_storages/{id}"));
    let before = world.value("select secret from access_key where owner = 'vault'");
    let mut body = json!({"id": id, "project_id": world.project().id, "name": "Renamed", "type": "vault"});
    assert_eq!(world.admin.put(&path, &body).expect(200).json()["name"], "Renamed");
    assert_eq!(world.value("select secret from access_key where owner = 'vault'"), before, "the credentials are lost");
    body["secret"] = "s.other-credentials".into();
    world.admin.put(&path, &body).expect(200);
    assert_ne!(world.value("select secret from access_key where owner = 'vault'"), before);
    for (field, wrong) in [("id", 987_654), ("project_id", 987_654)] {
        let mut bad = body.clone();
        bad[field] = wrong.into();
        world.admin.put(&path, &bad).expect(400);
    }
    storage_is(id, "Renamed")
}

pub(crate) fn delete_storage(world: &World) -> Check {
    let id = storage(world);
    world.admin.delete(&world.path(&format!("/secret_storages/{id}"))).expect(204);
    Box::new(move |world| {
        assert_eq!(world.admin.get(&world.path("/secret_storages")).expect(200).json(), json!([]));
        world.admin.get(&world.path(&format!("/secret_storages/{id}"))).expect(404);
        assert_eq!(world.value("select count(*) from access_key where owner = 'vault'"), 0);
    })
}
