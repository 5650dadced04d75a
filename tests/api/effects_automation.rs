//! The cases of [`crate::effects`] for what runs by itself: schedules, integrations, what roles add on templates, backups.

use serde_json::{Value, json};

use crate::{
    automation::{address, send},
    world::{Check, World},
};

/// Objects under a path of the project that are made, changed and removed with one body.
struct Collection {
    path: String,
    table: &'static str,
    /// The column that tells whether a change had its effect.
    column: &'static str,
}

impl Collection {
    /// The object is listed and stored with this value.
    fn is(self, id: i64, value: &'static str) -> Check {
        Box::new(move |world| {
            let row = world.listed(&world.path(&self.path), id).expect("the object is listed");
            assert_eq!(row[self.column], value);
            assert_eq!(world.value(&format!("select {} from {} where id = {id}", self.column, self.table)), value);
        })
    }

    /// The object is neither listed nor stored.
    fn gone(self, id: i64) -> Check {
        Box::new(move |world| {
            assert!(world.listed(&world.path(&self.path), id).is_none());
            assert_eq!(world.value(&format!("select count(*) from {} where id = {id}", self.table)), 0);
        })
    }
}

// ---------------------------------------------------------------- schedules

fn schedules() -> Collection {
    Collection { path: "/schedules".to_owned(), table: "project__schedule", column: "name" }
}

fn schedule(world: &World, name: &str) -> (i64, Value) {
    let body = json!({"name": name, "template_id": world.template("hello.sh"), "cron_format": "0 0 1 1 *", "active": true,
        "task_params": {"message": "by schedule"}});
    let made = world.admin.post(&world.path("/schedules"), &body).expect(201).json();
    (made["id"].as_i64().unwrap(), made)
}

pub(crate) fn create_schedule(world: &World) -> Check {
    let (id, _) = schedule(world, "First");
    let listed = schedules().is(id, "First");
    Box::new(move |world| {
        listed(world);
        assert_eq!(world.value("select message from project__task_params"), "by schedule");
    })
}

pub(crate) fn update_schedule(world: &World) -> Check {
    let (id, mut body) = schedule(world, "First");
    body["name"] = "Second".into();
    world.admin.put(&world.path(&format!("/schedules/{id}")), &body).expect(204);
    schedules().is(id, "Second")
}

pub(crate) fn delete_schedule(world: &World) -> Check {
    let (id, _) = schedule(world, "First");
    world.admin.delete(&world.path(&format!("/schedules/{id}"))).expect(204);
    let gone = schedules().gone(id);
    Box::new(move |world| {
        gone(world);
        assert_eq!(world.value("select count(*) from project__task_params"), 0);
    })
}

pub(crate) fn set_schedule_active(world: &World) -> Check {
    let (id, _) = schedule(world, "First");
    world.admin.put(&world.path(&format!("/schedules/{id}/active")), &json!({"active": false})).expect(204);
    Box::new(move |world| {
        assert_eq!(world.listed(&world.path("/schedules"), id).expect("it is listed")["active"], false);
        assert_eq!(world.value(&format!("select active from project__schedule where id = {id}")), 0);
    })
}

pub(crate) fn set_schedule_policy(world: &World) -> Check {
    let (id, _) = schedule(world, "First");
    let path = world.path(&format!("/schedules/{id}/policy"));
    assert_eq!(world.admin.get(&path).expect(200).json(), json!({"misfire": "skip", "overlap": "queue"}));
    for bad in [json!({"misfire": "run_once"}), json!({"misfire": "often", "overlap": "skip"}), json!({})] {
        world.admin.put(&path, &bad).expect(400);
    }
    world.admin.put(&path, &json!({"misfire": "run_once", "overlap": "skip"})).expect(204);
    Box::new(move |world| {
        let path = world.path(&format!("/schedules/{id}/policy"));
        assert_eq!(world.admin.get(&path).expect(200).json(), json!({"misfire": "run_once", "overlap": "skip"}));
        let stored = format!("select misfire || ',' || overlap from rs_schedule_policy where schedule_id = {id}");
        assert_eq!(world.value(&stored), "run_once,skip");
    })
}

/// Reference: for these methods a word of the path is taken for an id, which it is not: refused, nothing changes.
fn is_no_id(world: &World, method: &str, path: &str, body: &Value) {
    world.admin.send(method, &world.path(path), Some(&body.to_string())).expect(400);
}

pub(crate) fn put_validate(world: &World) -> Check {
    let (id, body) = schedule(world, "Kept");
    is_no_id(world, "PUT", "/schedules/validate", &body);
    schedules().is(id, "Kept")
}

pub(crate) fn delete_validate(world: &World) -> Check {
    let (id, body) = schedule(world, "Kept");
    is_no_id(world, "DELETE", "/schedules/validate", &body);
    schedules().is(id, "Kept")
}

// ---------------------------------------------------------------- integrations

fn integrations() -> Collection {
    Collection { path: "/integrations".to_owned(), table: "project__integration", column: "name" }
}

fn integration(world: &World, name: &str) -> (i64, Value) {
    let body = json!({"name": name, "project_id": world.project().id, "template_id": world.template("hello.sh")});
    let made = world.admin.post(&world.path("/integrations"), &body).expect(201).json();
    (made["id"].as_i64().unwrap(), made)
}

pub(crate) fn create_integration(world: &World) -> Check {
    let (id, _) = integration(world, "First");
    integrations().is(id, "First")
}

pub(crate) fn update_integration(world: &World) -> Check {
    let (id, mut body) = integration(world, "First");
    body["name"] = "Second".into();
    world.admin.put(&world.path(&format!("/integrations/{id}")), &body).expect(204);
    integrations().is(id, "Second")
}

pub(crate) fn delete_integration(world: &World) -> Check {
    let (id, _) = integration(world, "First");
    world.admin.delete(&world.path(&format!("/integrations/{id}"))).expect(204);
    integrations().gone(id)
}

pub(crate) fn put_aliases(world: &World) -> Check {
    let (id, body) = integration(world, "Kept");
    is_no_id(world, "PUT", "/integrations/aliases", &body);
    integrations().is(id, "Kept")
}

pub(crate) fn delete_aliases(world: &World) -> Check {
    let (id, body) = integration(world, "Kept");
    is_no_id(world, "DELETE", "/integrations/aliases", &body);
    integrations().is(id, "Kept")
}

/// A rule of an integration: `kind` is `matchers` or `values`; `status` is that of its making.
fn rule(world: &World, kind: &'static str, status: u16) -> (Collection, i64, Value) {
    let (integration, _) = integration(world, "Rules");
    let path = format!("/integrations/{integration}/{kind}");
    let body = json!({"integration_id": integration, "name": "First", "match_type": "header", "method": "equals",
        "value_source": "header", "key": "X-Event", "value": "push", "variable": "event"});
    let made = world.admin.post(&world.path(&path), &body).expect(status).json();
    let table = if kind == "matchers" { "project__integration_matcher" } else { "project__integration_extract_value" };
    (Collection { path, table, column: "name" }, made["id"].as_i64().unwrap(), made)
}

fn updated(world: &World, kind: &'static str, status: u16) -> Check {
    let (rules, id, mut body) = rule(world, kind, status);
    body["name"] = "Second".into();
    world.admin.put(&world.path(&format!("{}/{id}", rules.path)), &body).expect(204);
    rules.is(id, "Second")
}

fn deleted(world: &World, kind: &'static str, status: u16) -> Check {
    let (rules, id, _) = rule(world, kind, status);
    world.admin.delete(&world.path(&format!("{}/{id}", rules.path))).expect(204);
    rules.gone(id)
}

pub(crate) fn create_matcher(world: &World) -> Check {
    let (rules, id, _) = rule(world, "matchers", 200);
    rules.is(id, "First")
}

pub(crate) fn update_matcher(world: &World) -> Check {
    updated(world, "matchers", 200)
}

pub(crate) fn delete_matcher(world: &World) -> Check {
    deleted(world, "matchers", 200)
}

pub(crate) fn create_value(world: &World) -> Check {
    let (rules, id, _) = rule(world, "values", 201);
    rules.is(id, "First")
}

pub(crate) fn update_value(world: &World) -> Check {
    updated(world, "values", 201)
}

pub(crate) fn delete_value(world: &World) -> Check {
    deleted(world, "values", 201)
}

/// An address below a path; returns its id.
fn alias(world: &World, path: &str) -> i64 {
    let made = world.admin.post(&world.path(path), &json!({})).expect(200).json();
    assert!(made["url"].as_str().unwrap().contains("/api/integrations/"), "{made}");
    made["id"].as_i64().unwrap()
}

fn has_alias(path: String, id: i64, present: bool) -> Check {
    Box::new(move |world| {
        assert_eq!(world.listed(&world.path(&path), id).is_some(), present);
        let stored = world.value(&format!("select count(*) from project__integration_alias where id = {id}"));
        assert_eq!(stored, i64::from(present));
    })
}

pub(crate) fn create_project_alias(world: &World) -> Check {
    let path = "/integrations/aliases".to_owned();
    let id = alias(world, &path);
    has_alias(path, id, true)
}

pub(crate) fn delete_project_alias(world: &World) -> Check {
    let path = "/integrations/aliases".to_owned();
    let id = alias(world, &path);
    world.admin.delete(&world.path(&format!("{path}/{id}"))).expect(204);
    has_alias(path, id, false)
}

pub(crate) fn create_integration_alias(world: &World) -> Check {
    let path = format!("/integrations/{}/aliases", integration(world, "Addressed").0);
    let id = alias(world, &path);
    has_alias(path, id, true)
}

pub(crate) fn delete_integration_alias(world: &World) -> Check {
    let path = format!("/integrations/{}/aliases", integration(world, "Addressed").0);
    let id = alias(world, &path);
    // Through another integration, and through the project, it cannot be reached.
    let other = integration(world, "Other").0;
    for wrong in [format!("/integrations/{other}/aliases/{id}"), format!("/integrations/aliases/{id}")] {
        world.admin.delete(&world.path(&wrong)).expect(204);
        has_alias(path.clone(), id, true)(world);
    }
    world.admin.delete(&world.path(&format!("{path}/{id}"))).expect(204);
    has_alias(path, id, false)
}

/// A request of this method to the address of an integration starts a task.
fn received(world: &World, method: &str) -> Check {
    let (integration, _) = integration(world, "Door");
    let path = format!("/integrations/{integration}/aliases");
    let url = world.admin.post(&world.path(&path), &json!({})).expect(200).json()["url"].as_str().unwrap().to_owned();
    let path = url.find("/api/").map(|start| url[start..].to_owned()).unwrap();
    world.server.anonymous().send(method, &path, (method == "POST").then_some("{}")).expect(204);
    let task = world.value(&format!("select id from task where integration_id = {integration}")).as_i64().unwrap();
    world.admin.wait_for_end(world.project().id, task);
    Box::new(move |world| {
        let row = world.listed(&world.path("/tasks"), task).expect("the task is listed");
        assert_eq!((&row["status"], &row["integration_id"]), (&json!("success"), &json!(integration)));
        assert_eq!(world.value(&format!("select environment from task where id = {task}")), "{}");
    })
}

pub(crate) fn receive_get(world: &World) -> Check {
    received(world, "GET")
}

pub(crate) fn receive_post(world: &World) -> Check {
    received(world, "POST")
}

pub(crate) fn receive_options(world: &World) -> Check {
    received(world, "OPTIONS")
}

pub(crate) fn replay_delivery(world: &World) -> Check {
    let (integration, _) = integration(world, "Door");
    let door = address(world, &format!("/integrations/{integration}/aliases"));
    send(world, &door, r#"{"ref":"main"}"#, &[]).expect(204);
    let log = world.path(&format!("/integrations/{integration}/deliveries"));
    let first = world.admin.get(&log).expect(200).json()[0].clone();
    let made = world.admin.post(&format!("{log}/{}/replay", first["id"]), &json!({})).expect(201).json();
    let task = made["task_id"].as_i64().unwrap();
    world.admin.wait_for_end(world.project().id, task);
    Box::new(move |world| {
        assert_eq!(world.listed(&log, made["id"].as_i64().unwrap()), Some(made.clone()));
        assert_eq!((&made["outcome"], &made["replay_of"]), (&json!("started"), &first["id"]));
        let row = world.listed(&world.path("/tasks"), task).expect("the task is listed");
        assert_eq!((&row["status"], &row["integration_id"]), (&json!("success"), &json!(integration)));
        assert_eq!(world.value("select count(*) from rs_delivery"), 2);
    })
}

// ---------------------------------------------------------------- backups

pub(crate) fn restore_backup(world: &World) -> Check {
    schedule(world, "Without parameters too");
    let mut document = world.admin.get(&world.path("/backup")).expect(200).json();
    document["meta"]["name"] = "Copy".into();
    let copy = world.admin.post("/api/projects/restore", &document).expect(200).id();
    Box::new(move |world| {
        let again = world.admin.get(&format!("/api/project/{copy}/backup")).expect(200).json();
        assert_eq!(again, document);
        let query = format!("select count(*) from project__template where project_id = {copy}");
        assert_eq!(world.value(&query), document["templates"].as_array().unwrap().len());
    })
}
