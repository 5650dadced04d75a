//! Effects of the routes about machines: remote runners, Terraform states, the profile of the server's memory.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::world::{Check, World};

/// A runner of all projects: its id and its token.
fn runner(world: &World) -> (i64, String) {
    added(&world.admin.post("/api/runners", &json!({"name": "Made", "tag": "first"})).expect(201).json())
}

/// A runner of the project.
fn project_runner(world: &World) -> (i64, String) {
    added(&world.admin.post(&world.path("/runners"), &json!({"name": "Made", "tag": "first"})).expect(201).json())
}

fn added(answer: &Value) -> (i64, String) {
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    assert!(text("private_key").starts_with("-----BEGIN RSA PRIVATE KEY-----\n"), "no key of its own");
    (answer["id"].as_i64().unwrap(), text("token"))
}

/// The answer to a runner that asks for work.
fn poll(world: &World, token: &str) -> u16 {
    world.server.anonymous().send_with("GET", "/api/internal/runners", None, &[("X-Runner-Token", token)]).status
}

/// The runner is listed with these fields and stored with them.
fn is(path: String, id: i64, name: &'static str, active: bool, tag: &'static str) -> Check {
    Box::new(move |world| {
        let row = world.listed(&path, id).expect("the runner is listed");
        assert_eq!((&row["name"], &row["active"], &row["tag"]), (&json!(name), &json!(active), &json!(tag)));
        assert!(row.get("token").is_none() && row.get("public_key").is_none(), "{row}");
        assert_eq!(world.value(&format!("select name from runner where id = {id}")), name);
        assert_eq!(world.value(&format!("select active from runner where id = {id}")), i64::from(active));
    })
}

fn is_gone(path: String, id: i64, token: String) -> Check {
    Box::new(move |world| {
        assert!(world.listed(&path, id).is_none(), "it is still listed");
        assert_eq!(poll(world, &token), 404, "its token still counts");
        assert_eq!(world.value(&format!("select count(*) from runner where id = {id}")), 0);
    })
}

pub(crate) fn create_runner(world: &World) -> Check {
    let (id, token) = runner(world);
    let is = is("/api/runners".into(), id, "Made", false, "first");
    Box::new(move |world| {
        is(world);
        assert_eq!(poll(world, &token), 200, "the token that was shown does not count");
        assert_eq!(world.value(&format!("select project_id from runner where id = {id}")), Value::Null);
    })
}

fn update_runner(world: &World, method: &str) -> Check {
    let (id, _) = runner(world);
    let body = json!({"name": "Changed", "active": true, "tag": "second"}).to_string();
    world.admin.send(method, &format!("/api/runners/{id}"), Some(&body)).expect(204);
    is("/api/runners".into(), id, "Changed", true, "second")
}

pub(crate) fn put_runner(world: &World) -> Check {
    update_runner(world, "PUT")
}

pub(crate) fn post_runner(world: &World) -> Check {
    update_runner(world, "POST")
}

pub(crate) fn runner_active(world: &World) -> Check {
    let (id, _) = runner(world);
    world.admin.post(&format!("/api/runners/{id}/active"), &json!({"active": true})).expect(204);
    is("/api/runners".into(), id, "Made", true, "first")
}

/// The runner was asked to empty its cache, and asks for work after that: told once, and never again.
fn cleaning_is_wanted(world: &World, id: i64, path: &str) -> Check {
    assert_eq!(world.value(&format!("select cleaning_requested from runner where id = {id}")), Value::Null);
    world.admin.delete(path).expect(204);
    Box::new(move |world| {
        assert!(world.listed("/api/runners", id).expect("the runner is listed")["cleaning_requested"].is_string());
        assert!(world.value(&format!("select cleaning_requested from runner where id = {id}")).is_string());
    })
}

pub(crate) fn runner_cache(world: &World) -> Check {
    let (id, _) = runner(world);
    cleaning_is_wanted(world, id, &format!("/api/runners/{id}/cache"))
}

pub(crate) fn delete_runner(world: &World) -> Check {
    let (id, token) = runner(world);
    world.admin.delete(&format!("/api/runners/{id}")).expect(204);
    is_gone("/api/runners".into(), id, token)
}

pub(crate) fn create_project_runner(world: &World) -> Check {
    let (id, _) = project_runner(world);
    let (is, project) = (is(world.path("/runners"), id, "Made", false, "first"), world.project().id);
    Box::new(move |world| {
        is(world);
        assert_eq!(
            world.admin.get(&world.path("/runner_tags")).expect(200).json(),
            json!([{"tag": "first", "number_of_runners": 1}])
        );
        assert_eq!(world.value(&format!("select project_id from runner where id = {id}")), project);
    })
}

fn update_project_runner(world: &World, method: &str) -> Check {
    let (id, _) = project_runner(world);
    let body = json!({"name": "Changed", "active": true, "tag": "second", "project_id": 987_654}).to_string();
    world.admin.send(method, &world.path(&format!("/runners/{id}")), Some(&body)).expect(204);
    is(world.path("/runners"), id, "Changed", true, "second")
}

pub(crate) fn put_project_runner(world: &World) -> Check {
    update_project_runner(world, "PUT")
}

pub(crate) fn post_project_runner(world: &World) -> Check {
    update_project_runner(world, "POST")
}

pub(crate) fn project_runner_active(world: &World) -> Check {
    let (id, _) = project_runner(world);
    world.admin.post(&world.path(&format!("/runners/{id}/active")), &json!({"active": true})).expect(204);
    is(world.path("/runners"), id, "Made", true, "first")
}

pub(crate) fn project_runner_cache(world: &World) -> Check {
    let (id, _) = project_runner(world);
    cleaning_is_wanted(world, id, &world.path(&format!("/runners/{id}/cache")))
}

pub(crate) fn delete_project_runner(world: &World) -> Check {
    let (id, token) = project_runner(world);
    // A runner of all projects, or of another one, is not found by way of this project.
    let (stranger, _) = runner(world);
    world.admin.delete(&world.path(&format!("/runners/{stranger}"))).expect(404);
    world.admin.delete(&world.path(&format!("/runners/{id}"))).expect(204);
    assert!(world.listed("/api/runners", stranger).is_some());
    is_gone(world.path("/runners"), id, token)
}

// ---------------------------------------------------------------- what runners send

fn registered(world: &World) -> (i64, String) {
    let nobody = world.server.anonymous();
    let wrong = nobody.post("/api/internal/runners", &json!({"registration_token": "guessed"})).expect(400);
    assert_eq!(wrong.json()["error"], "Invalid registration token");
    let body = json!({"registration_token": semaphore_tests::REGISTRATION_TOKEN, "max_parallel_tasks": 3});
    let token = nobody.post("/api/internal/runners", &body).expect(200).json()["token"].as_str().unwrap().to_owned();
    (world.value("select id from runner").as_i64().unwrap(), token)
}

pub(crate) fn register_runner(world: &World) -> Check {
    let (id, token) = registered(world);
    Box::new(move |world| {
        let row = world.listed("/api/runners", id).expect("the runner is listed");
        assert_eq!((&row["active"], &row["max_parallel_tasks"]), (&json!(false), &json!(3)));
        assert_eq!(world.value(&format!("select max_parallel_tasks from runner where id = {id}")), 3);
        let headers = [("X-Runner-Token", token.as_str())];
        let answer = world.server.anonymous().send_with("GET", "/api/internal/runners", None, &headers).expect(200);
        assert_eq!(answer.json(), json!({"CurrentJobs": null, "new_jobs": null, "access_keys": {}}));
        assert!(world.value(&format!("select touched from runner where id = {id}")).is_string());
    })
}

pub(crate) fn take_runner_progress(world: &World) -> Check {
    let (id, token) = registered(world);
    world.admin.post(&format!("/api/runners/{id}/active"), &json!({"active": true})).expect(204);
    let headers = [("X-Runner-Token", token.as_str())];
    let nobody = world.server.anonymous();
    let poll = || nobody.send_with("GET", "/api/internal/runners", None, &headers).expect(200).json();
    poll();
    let mut body = world.project().template_body("bash", "hello.sh");
    body["runner_tag"] = "far".into();
    let template = world.admin.post(&world.path("/templates"), &body).expect(201).id();
    let task = world.project().start(&world.admin, template);
    let soon = std::time::Duration::from_secs(20);
    semaphore_tests::wait_until("the runner gets the task", soon, || {
        (poll()["new_jobs"][0]["task"]["id"] == task).then_some(())
    });
    let lines = json!([{"time": "2026-11-22T00:36:57Z", "message": "said far away"}]);
    let report = json!({"Jobs": [{"ID": task, "Status": "success", "LogRecords": lines, "Commit": null}]}).to_string();
    nobody.send_with("PUT", "/api/internal/runners", Some(&report), &headers).expect(204);
    Box::new(move |world| {
        assert_eq!(world.admin.output(world.project().id, task).last().map(String::as_str), Some("said far away"));
        assert_eq!(world.value(&format!("select status from task where id = {task}")), "success");
        assert_eq!(world.value(&format!("select count(*) from rs_task_runner where task_id = {task}")), 0);
    })
}

pub(crate) fn unregister_runner(world: &World) -> Check {
    let (id, token) = registered(world);
    let headers = [("X-Runner-Token", token.as_str())];
    let nobody = world.server.anonymous();
    // Told once that its cache is to be emptied.
    world.admin.delete(&format!("/api/runners/{id}/cache")).expect(204);
    let told = || nobody.send_with("GET", "/api/internal/runners", None, &headers).expect(200).json();
    assert_eq!(told()["clear_cache"], true);
    assert_eq!(told()["clear_cache"], Value::Null);
    // Its reports are taken as the reference takes them; a task that lives here is not of this runner.
    let report = |body: Value| nobody.send_with("PUT", "/api/internal/runners", Some(&body.to_string()), &headers);
    report(json!({"Jobs": null})).expect(204);
    report(json!({"Jobs": [{"ID": 987_654, "Status": "running", "LogRecords": null, "Commit": null}]})).expect(204);
    let template = world.template("sleep.sh");
    let task = world.project().start(&world.admin, template);
    let answer = report(json!({"Jobs": [{"ID": task, "Status": "success", "LogRecords": null}]})).expect(400);
    assert_eq!(answer.json()["error"], "Task not assigned to this runner");
    assert_eq!(report(json!({"Jobs": 5})).expect(400).json()["error"], "Invalid format");
    world.admin.wait_for_status(world.project().id, task, &["running"]);
    world.admin.post(&world.path(&format!("/tasks/{task}/stop")), &json!({"force": true})).expect(204);
    world.admin.wait_for_end(world.project().id, task);

    nobody.send_with("DELETE", "/api/internal/runners", None, &headers).expect(204);
    is_gone("/api/runners".into(), id, token)
}

// ---------------------------------------------------------------- states of Terraform

/// An address of the state of the project's inventory: its alias and the header that it wants.
fn address(world: &World) -> (String, String) {
    let project = world.project();
    let key = project.key(&world.admin, "login_password", &json!({"login": "terraform", "password": "a:password"}));
    let path = world.path(&format!("/inventory/{}/terraform/aliases", project.inventory));
    world.admin.post(&path, &json!({"auth_key_id": project.key})).expect(400);
    let made = world.admin.post(&path, &json!({"auth_key_id": key})).expect(201).json();
    assert!(made["url"].as_str().unwrap().ends_with(made["alias"].as_str().unwrap()), "{made}");
    let alias = made["alias"].as_str().unwrap().to_owned();
    let basic = base64::engine::general_purpose::STANDARD.encode("terraform:a:password");
    (alias, format!("Basic {basic}"))
}

fn aliases(world: &World) -> String {
    world.path(&format!("/inventory/{}/terraform/aliases", world.project().inventory))
}

fn states(world: &World) -> String {
    world.path(&format!("/inventory/{}/terraform/states", world.project().inventory))
}

/// What Terraform would send.
fn terraform(
    world: &World,
    (alias, authorization): &(String, String),
    method: &str,
    query: &str,
    body: Option<&str>,
) -> (u16, String) {
    let headers = [("Authorization", authorization.as_str())];
    let answer = world.server.anonymous().send_with(method, &format!("/api/terraform/{alias}{query}"), body, &headers);
    (answer.status, answer.body)
}

pub(crate) fn create_state_address(world: &World) -> Check {
    let address = address(world);
    Box::new(move |world| {
        let listed = world.admin.get(&aliases(world)).expect(200).json();
        assert_eq!(listed[0]["id"], address.0.as_str());
        assert_eq!(terraform(world, &address, "GET", "", None), (204, String::new()));
        let stranger = (address.0.clone(), "Basic dGVycmFmb3JtOmd1ZXNzZWQ=".to_owned());
        assert_eq!(terraform(world, &stranger, "GET", "", None).0, 401);
        assert_eq!(terraform(world, &("guessed".to_owned(), address.1.clone()), "GET", "", None).0, 404);
        assert_eq!(world.value("select alias from project__terraform_inventory_alias"), address.0.as_str());
    })
}

pub(crate) fn update_state_address(world: &World) -> Check {
    let address = address(world);
    let login = json!({"login": "terraform", "password": "another"});
    let key = world.project().key(&world.admin, "login_password", &login);
    world.admin.put(&format!("{}/{}", aliases(world), address.0), &json!({"auth_key_id": key})).expect(204);
    Box::new(move |world| {
        assert_eq!(terraform(world, &address, "GET", "", None).0, 401, "the old key still opens");
        let basic = base64::engine::general_purpose::STANDARD.encode("terraform:another");
        assert_eq!(terraform(world, &(address.0.clone(), format!("Basic {basic}")), "GET", "", None).0, 204);
        let one = world.admin.get(&format!("{}/{}", aliases(world), address.0)).expect(200).json();
        assert_eq!(one["auth_key_id"], key);
        assert_eq!(world.value("select auth_key_id from project__terraform_inventory_alias"), key);
    })
}

pub(crate) fn delete_state_address(world: &World) -> Check {
    let address = address(world);
    world.admin.delete(&format!("{}/{}", aliases(world), address.0)).expect(204);
    Box::new(move |world| {
        assert_eq!(terraform(world, &address, "GET", "", None).0, 404);
        assert_eq!(world.admin.get(&aliases(world)).expect(200).json(), json!([]));
        assert_eq!(world.value("select count(*) from project__terraform_inventory_alias"), 0);
    })
}

pub(crate) fn write_state(world: &World) -> Check {
    let address = address(world);
    for bad in ["nonsense", "[1]", ""] {
        assert_eq!(terraform(world, &address, "POST", "", Some(bad)).0, 400, "{bad:?}");
    }
    for state in [r#"{"serial": 1}"#, r#"{"serial": 2}"#] {
        assert_eq!(terraform(world, &address, "POST", "", Some(state)).0, 200);
    }
    Box::new(move |world| {
        assert_eq!(terraform(world, &address, "GET", "", None), (200, r#"{"serial": 2}"#.to_owned()));
        let listed = world.admin.get(&states(world)).expect(200).json();
        assert_eq!(listed.as_array().unwrap().len(), 2);
        assert!(listed[0].get("state").is_none(), "a list tells states: {listed}");
        let latest = world.admin.get(&format!("{}/latest", states(world))).expect(200).json();
        assert_eq!(latest["state"], r#"{"serial": 2}"#);
        let first = world.admin.get(&format!("{}/{}", states(world), listed[1]["id"])).expect(200).json();
        assert_eq!(first["state"], r#"{"serial": 1}"#);
        assert_eq!(world.value("select count(*) from project__terraform_inventory_state"), 2);
    })
}

pub(crate) fn delete_state(world: &World) -> Check {
    let address = address(world);
    for state in [r#"{"serial": 1}"#, r#"{"serial": 2}"#] {
        assert_eq!(terraform(world, &address, "POST", "", Some(state)).0, 200);
    }
    let latest = world.admin.get(&format!("{}/latest", states(world))).expect(200).id();
    world.admin.delete(&format!("{}/{latest}", states(world))).expect(204);
    world.admin.delete(&format!("{}/{latest}", states(world))).expect(404);
    Box::new(move |world| {
        assert_eq!(terraform(world, &address, "GET", "", None), (200, r#"{"serial": 1}"#.to_owned()));
        assert_eq!(world.value("select count(*) from project__terraform_inventory_state"), 1);
    })
}

const OURS: &str = r#"{"ID": "ours", "Who": "us"}"#;
const THEIRS: &str = r#"{"ID": "theirs", "Who": "them"}"#;

pub(crate) fn lock_state(world: &World) -> Check {
    let address = address(world);
    assert_eq!(terraform(world, &address, "LOCK", "", Some("{}")).0, 400);
    assert_eq!(terraform(world, &address, "LOCK", "", Some(OURS)).0, 200);
    Box::new(move |world| {
        assert_eq!(terraform(world, &address, "LOCK", "", Some(THEIRS)), (423, OURS.to_owned()));
        assert_eq!(terraform(world, &address, "POST", "?ID=theirs", Some("{}")).0, 409);
        assert_eq!(terraform(world, &address, "POST", "", Some("{}")).0, 409);
        assert_eq!(terraform(world, &address, "UNLOCK", "", Some(THEIRS)).0, 409);
        assert_eq!(terraform(world, &address, "POST", "?ID=ours", Some("{}")).0, 200);
        // The answer may have been lost: the same lock again is no other one.
        assert_eq!(terraform(world, &address, "LOCK", "", Some(OURS)).0, 200);
        assert_eq!(world.value("select lock_id from rs_terraform_lock"), "ours");
    })
}

pub(crate) fn unlock_state(world: &World) -> Check {
    let address = address(world);
    for release in [Some(OURS), None] {
        assert_eq!(terraform(world, &address, "LOCK", "", Some(OURS)).0, 200);
        assert_eq!(terraform(world, &address, "UNLOCK", "", release).0, 200, "{release:?}");
    }
    Box::new(move |world| {
        assert_eq!(terraform(world, &address, "POST", "", Some("{}")).0, 200);
        assert_eq!(world.value("select count(*) from rs_terraform_lock"), 0);
    })
}

// ---------------------------------------------------------------- the server itself

/// The directory of profiles is not configured here: refused, and nothing is written. With one: the configuration's test.
pub(crate) fn write_profile(world: &World) -> Check {
    world.admin.post("/api/debug/pprof/dump", &json!({})).expect(400);
    Box::new(|world| {
        let profiles = std::fs::read_dir(world.server.directory()).unwrap();
        let is_profile = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with(".prof");
        assert_eq!(profiles.filter(|entry| is_profile(&entry.as_ref().unwrap().file_name())).count(), 0);
    })
}
