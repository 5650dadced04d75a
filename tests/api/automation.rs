//! What starts tasks by itself: schedules that fire, requests from outside, and projects that come out of a document.

use std::{fs, process::Command, time::Duration};

use semaphore_tests::{Answer, Client, PASSWORD, Project, git_repository, project_root, wait_until};
use serde_json::{Value, json};

use crate::world::World;

/// Tasks that the schedule started so far.
fn tasks_of(world: &World, schedule: i64) -> i64 {
    world.value(&format!("select count(*) from task where schedule_id = {schedule}")).as_i64().unwrap()
}

/// A moment from now as the API takes it, with another offset than the server's.
fn in_seconds(seconds: u64) -> String {
    let mut command = Command::new("date");
    command.args(["-d", &format!("{seconds} seconds"), "+%Y-%m-%dT%H:%M:%S%:z"]).env("TZ", "Asia/Kolkata");
    let shown = command.output().expect("date").stdout;
    String::from_utf8(shown).unwrap().trim().to_owned()
}

#[test]
fn a_schedule_with_a_time_fires_once_and_is_gone() {
    let mut world = World::new();
    let template = world.template("hello.sh");
    let body = json!({"name": "Once", "template_id": template, "type": "run_at", "run_at": in_seconds(2), "active": true,
        "delete_after_run": true, "task_params": {"message": "by schedule"}});
    let schedule = world.admin.post(&world.path("/schedules"), &body).expect(201).id();
    let task = wait_until("the schedule fires", Duration::from_secs(30), || {
        let rows = world.admin.get(&world.path("/tasks")).expect(200).json();
        rows.as_array().unwrap().first().cloned()
    });
    assert_eq!((&task["message"], &task["user_id"]), (&json!("by schedule"), &Value::Null));
    wait_until("the schedule is gone", Duration::from_secs(10), || {
        world.listed(&world.path("/schedules"), schedule).is_none().then_some(())
    });
    world.admin.wait_for_end(world.project().id, task["id"].as_i64().unwrap());
    world.server.crash();
    world.server.start_again();
    assert_eq!(world.value("select count(*) from task"), 1);
}

#[test]
fn a_schedule_fires_while_it_is_active_only() {
    let world = World::new();
    let body = json!({"name": "Often", "template_id": world.template("hello.sh"), "cron_format": "@every 1s", "active": false});
    let schedule = world.admin.post(&world.path("/schedules"), &body).expect(201).id();
    let switch = |active: bool| {
        let path = world.path(&format!("/schedules/{schedule}/active"));
        world.admin.put(&path, &json!({"active": active})).expect(204);
    };
    switch(true);
    // Changes of others do not put it off.
    wait_until("it fires twice", Duration::from_secs(30), || {
        let other = json!({"name": "Other", "template_id": world.template("hello.sh"), "cron_format": "0 0 1 1 *"});
        world.admin.post(&world.path("/schedules"), &other).expect(201);
        (tasks_of(&world, schedule) >= 2).then_some(())
    });
    switch(false);
    // One that was due at the moment of the change may still be on its way; after that none.
    std::thread::sleep(Duration::from_millis(1200));
    let before = tasks_of(&world, schedule);
    std::thread::sleep(Duration::from_millis(2200));
    assert_eq!(tasks_of(&world, schedule), before);
}

#[test]
fn a_schedule_of_a_repository_fires_once_for_each_commit() {
    let world = World::new();
    let directory = world.server.directory().join("watched");
    git_repository(&directory, &[("hello.sh", "echo hello\n")]);
    let url = format!("file://{}", directory.display());
    let watched = world.project().add_repository(&world.admin, &url, "main", world.project().key);
    // Reference: whether it is active does not count.
    let body = json!({"name": "On commit", "template_id": world.template("hello.sh"), "cron_format": "@every 1s",
        "repository_id": watched, "active": false});
    let schedule = world.admin.post(&world.path("/schedules"), &body).expect(201).id();
    wait_until("the first commit is seen", Duration::from_secs(30), || (tasks_of(&world, schedule) == 1).then_some(()));
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(tasks_of(&world, schedule), 1, "the same commit fired again");
    let commit =
        ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "second"];
    assert!(Command::new("git").args(commit).current_dir(&directory).status().unwrap().success());
    wait_until("the second commit is seen", Duration::from_secs(30), || {
        (tasks_of(&world, schedule) == 2).then_some(())
    });
}

#[test]
fn a_schedule_takes_nothing_from_another_project() {
    let world = World::new();
    let mine = world.project();
    let other = Project::create(&world.admin, "/srv/nothing");
    let theirs = other.template(&world.admin, "bash", "hello.sh");
    let path = world.path("/schedules");
    let good = json!({"name": "x", "template_id": world.template("hello.sh"), "cron_format": "@daily"});
    for (member, value) in [
        ("template_id", json!(theirs)),
        ("repository_id", json!(other.repository)),
        ("task_params", json!({"inventory_id": other.inventory})),
    ] {
        let mut body = good.clone();
        body[member] = value;
        world.admin.post(&path, &body).expect(400);
    }
    let mut kept = world.admin.post(&path, &good).expect(201).json();
    kept["template_id"] = theirs.into();
    world.admin.put(&format!("{path}/{}", kept["id"]), &kept).expect(400);
    let query = format!("select count(*) from project__schedule where project_id = {}", mine.id);
    assert_eq!(world.value(&query), 1);
}

/// The path of a new address below `path`.
pub(crate) fn address(world: &World, path: &str) -> String {
    let url = world.admin.post(&world.path(path), &json!({})).expect(200).json()["url"].as_str().unwrap().to_owned();
    url[url.find("/api/").unwrap()..].to_owned()
}

pub(crate) fn send(world: &World, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    world.server.anonymous().send_with("POST", path, Some(body), headers)
}

#[test]
fn a_request_finds_its_integration_and_fills_its_task() {
    let world = World::new();
    let project = world.project().id;
    let body = json!({"name": "Push", "project_id": project, "template_id": world.template("hello.sh"), "searchable": true,
        "task_params": {"environment": "{\"kept\":\"yes\",\"ref\":\"old\"}", "params": {"x": 1}}});
    let integration = world.admin.post(&world.path("/integrations"), &body).expect(201).id();
    let rules = world.path(&format!("/integrations/{integration}"));
    let rule = |kind: &str, mut body: Value, status: u16| {
        body["integration_id"] = integration.into();
        world.admin.post(&format!("{rules}/{kind}"), &body).expect(status);
    };
    let door = address(&world, "/integrations/aliases");
    // One without matchers is never found, and its own address is none.
    send(&world, &door, "{}", &[]).expect(204);
    let own = address(&world, &format!("/integrations/{integration}/aliases"));
    send(&world, &own, "{}", &[]).expect(404);
    rule(
        "matchers",
        json!({"name": "a", "match_type": "header", "method": "equals", "key": "x-event", "value": "push"}),
        200,
    );
    rule(
        "matchers",
        json!({"name": "b", "match_type": "body", "body_data_type": "json", "method": "contains", "key": "ref", "value": "main"}),
        200,
    );
    for (name, key, variable, kind) in
        [("r", "ref", "ref", "environment"), ("n", "build.[0].id", "build", ""), ("t", "ref", "where", "task")]
    {
        let value = json!({"name": name, "value_source": "body", "body_data_type": "json", "key": key, "variable": variable,
            "variable_type": kind});
        rule("values", value, 201);
    }
    let right = r#"{"ref":"refs/heads/main","build":[{"id":1234567}]}"#;
    send(&world, &door, right, &[]).expect(204);
    send(&world, &door, r#"{"ref":"dev"}"#, &[("X-Event", "push")]).expect(204);
    assert_eq!(world.value("select count(*) from task"), 0);
    send(&world, &door, right, &[("X-Event", "push")]).expect(204);
    let task = world.server.sql("select environment, params from task");
    let text = |column: usize| serde_json::from_str::<Value>(task[0][column].as_str().unwrap()).unwrap();
    assert_eq!(text(0), json!({"build": "1234567", "kept": "yes", "ref": "refs/heads/main"}));
    assert_eq!(text(1), json!({"x": 1, "where": "refs/heads/main"}));
}

#[test]
fn a_door_whose_key_was_deleted_is_shut() {
    let world = World::new();
    let project = world.project();
    let key = project.key(&world.admin, "login_password", &json!({"login": "u", "password": "topsecret"}));
    let body = json!({"name": "Door", "project_id": project.id, "template_id": world.template("hello.sh"),
        "auth_method": "token", "auth_header": "X-Token", "auth_secret_id": key});
    let integration = world.admin.post(&world.path("/integrations"), &body).expect(201).id();
    let door = address(&world, &format!("/integrations/{integration}/aliases"));
    send(&world, &door, "{}", &[("X-Token", "topsecret")]).expect(204);
    assert_eq!(world.value("select count(*) from task"), 1);
    world.admin.delete(&world.path(&format!("/keys/{key}"))).expect(204);
    for headers in [&[][..], &[("X-Token", "")], &[("X-Token", "topsecret")]] {
        send(&world, &door, "{}", headers).expect(204);
    }
    assert_eq!(world.value("select count(*) from task"), 1);
    send(&world, "/api/integrations/nosuchalias", "{}", &[]).expect(404);
    // Reference: the other methods answer 200.
    world.server.anonymous().get("/api/integrations/nosuchalias").expect(200);
}

#[test]
fn rules_of_other_integrations_are_out_of_reach() {
    let world = World::new();
    let other = Project::create(&world.admin, "/srv/nothing");
    let make = |project: i64, template: i64| {
        let body = json!({"name": "I", "project_id": project, "template_id": template});
        world.admin.post(&format!("/api/project/{project}/integrations"), &body).expect(201).id()
    };
    let mine = make(world.project().id, world.template("hello.sh"));
    let theirs = make(other.id, other.template(&world.admin, "bash", "hello.sh"));
    let foreign = format!("/api/project/{}/integrations/{theirs}", other.id);
    let rule = json!({"integration_id": theirs, "name": "Theirs", "match_type": "header", "method": "equals", "key": "k",
        "value": "v", "value_source": "header", "variable": "a"});
    let matcher = world.admin.post(&format!("{foreign}/matchers"), &rule).expect(200).id();
    let value = world.admin.post(&format!("{foreign}/values"), &rule).expect(201).id();
    let own = world.path(&format!("/integrations/{mine}"));
    let mut changed = rule.clone();
    changed["name"] = "Changed".into();
    for id in ["matchers", "values"] {
        changed["id"] = if id == "matchers" { matcher } else { value }.into();
        let path = format!("{own}/{id}/{}", changed["id"]);
        assert!(matches!(world.admin.get(&path).status, 400 | 404), "{path}");
        assert!(matches!(world.admin.put(&path, &changed).status, 400 | 404), "{path}");
        world.admin.delete(&path);
    }
    let names =
        "select name from project__integration_matcher union all select name from project__integration_extract_value";
    assert_eq!(world.server.sql(names), [[json!("Theirs")], [json!("Theirs")]]);
    let body = json!({"name": "I", "project_id": world.project().id, "template_id": world.template("hello.sh"),
        "auth_secret_id": other.key});
    world.admin.post(&world.path("/integrations"), &body).expect(400);
}

fn document(name: &str) -> Value {
    let path = project_root().join(format!("tests/conformance/fixtures/backup/backup.{name}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn restored(client: &Client, document: &Value) -> Answer {
    client.post("/api/projects/restore", document)
}

#[test]
fn documents_of_the_reference_come_back_whole() {
    let world = World::new();
    let beta = document("beta");
    let project = restored(&world.admin, &beta).expect(200).id();
    let again = world.admin.get(&format!("/api/project/{project}/backup")).expect(200).json();
    for list in beta.as_object().unwrap().keys().filter(|list| *list != "roles") {
        assert_eq!(again[list], beta[list], "{list}");
    }
    // Of this one a global role is missing here.
    let alpha = document("alpha");
    restored(&world.admin, &alpha).expect(400);
    assert_eq!(world.value("select count(*) from project"), 1);
    assert_eq!(world.value("select count(*) from access_key where project_id <> 1"), 0);
    let mut without = alpha.clone();
    for template in without["templates"].as_array_mut().unwrap() {
        template["roles"].as_array_mut().unwrap().retain(|role| role["is_global"] == false);
    }
    let project = restored(&world.admin, &without).expect(200).id();
    let again = world.admin.get(&format!("/api/project/{project}/backup")).expect(200).json();
    for list in without.as_object().unwrap().keys().filter(|list| !matches!(list.as_str(), "roles" | "schedules")) {
        assert_eq!(again[list], without[list], "{list}");
    }
    // The time of the one that runs once is not in the document: it is switched off.
    assert_eq!(again["schedules"].as_array().unwrap().len(), without["schedules"].as_array().unwrap().len());
    let once = again["schedules"].as_array().unwrap().iter().find(|schedule| schedule["type"] == "run_at").unwrap();
    assert_eq!(once["active"], false);
}

#[test]
fn what_deploys_the_result_of_another_one_that_deploys_comes_back() {
    let world = World::new();
    let project = world.project();
    let template = |name: &str, build: Option<i64>| {
        let mut body = project.template_body("bash", "hello.sh");
        body["name"] = name.into();
        body["start_version"] = "1".into();
        body["type"] = build.map_or("build", |_| "deploy").into();
        body["build_template_id"] = build.into();
        world.admin.post(&world.path("/templates"), &body).expect(201).id()
    };
    let build = template("Build", None);
    let staging = template("Deploy to staging", Some(build));
    template("Deploy to production", Some(staging));
    let mut document = world.admin.get(&world.path("/backup")).expect(200).json();
    document["meta"]["name"] = "Copy".into();
    let copy = restored(&world.admin, &document).expect(200).id();
    let again = world.admin.get(&format!("/api/project/{copy}/backup")).expect(200).json();
    assert_eq!(again["templates"], document["templates"]);
    let production = again["templates"].as_array().unwrap().iter().find(|part| part["name"] == "Deploy to production");
    assert_eq!(production.unwrap()["build_template"], "Deploy to staging");
}

#[test]
fn a_time_is_answered_as_it_was_written_and_read_in_utc() {
    let world = World::new();
    let template = world.template("hello.sh");
    for (written, answered, stored) in [
        ("2098-01-01T00:00:00+05:30", "2098-01-01T00:00:00+05:30", "2097-12-31T18:30:00Z"),
        ("2098-01-01T00:00:00+00:00", "2098-01-01T00:00:00Z", "2098-01-01T00:00:00Z"),
        ("2098-01-01T00:00:00.500-01:00", "2098-01-01T00:00:00.5-01:00", "2098-01-01T01:00:00.5Z"),
    ] {
        let body =
            json!({"name": "Once", "template_id": template, "type": "run_at", "Run_At": written, "active": true});
        let made = world.admin.post(&world.path("/schedules"), &body).expect(201);
        assert_eq!(made.json()["run_at"], answered);
        let read = world.admin.get(&world.path(&format!("/schedules/{}", made.id()))).expect(200).json();
        assert_eq!(read["run_at"], stored);
    }
    let validate = world.path("/schedules/validate");
    world.admin.post(&validate, &json!({"cron_format": "* * * * *", "run_at": "tomorrow"})).expect(400);
    world.admin.post(&validate, &json!({"cron_format": "* * * * *", "active": "x"})).expect(400);
    world.admin.post(&validate, &json!({"cron_format": "* * * * *"})).expect(200);
}

#[test]
fn a_task_is_shown_under_a_schedule_and_an_integration_of_its_project_only() {
    let world = World::new();
    let template = world.template("hello.sh");
    let schedule = json!({"name": "Yearly", "template_id": template, "cron_format": "0 0 1 1 *", "active": true});
    let schedule = world.admin.post(&world.path("/schedules"), &schedule).expect(201).id();
    let integration = json!({"name": "Hook", "project_id": world.project().id, "template_id": template});
    let integration = world.admin.post(&world.path("/integrations"), &integration).expect(201).id();
    for wrong in [json!({"schedule_id": 99}), json!({"integration_id": 99})] {
        let mut body = json!({"template_id": template});
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        world.admin.post(&world.path("/tasks"), &body).expect(400);
    }
    assert_eq!(world.value("select count(*) from task"), 0);
    let body = json!({"template_id": template, "schedule_id": schedule, "integration_id": integration});
    let task = world.admin.post(&world.path("/tasks"), &body).expect(201).json();
    assert_eq!((&task["schedule_id"], &task["integration_id"]), (&json!(schedule), &json!(integration)));
    assert_eq!(tasks_of(&world, schedule), 1);
    world.admin.wait_for_end(world.project().id, task["id"].as_i64().unwrap());
}

#[test]
fn what_is_not_a_clients_to_say_about_a_task_must_be_of_its_type_all_the_same() {
    let world = World::new();
    let template = world.template("hello.sh");
    for wrong in [
        json!({"id": "x"}),
        json!({"user_id": true}),
        json!({"status": 1}),
        json!({"commit_message": []}),
        json!({"created": "bad"}),
        json!({"start": ""}),
        json!({"end": 1}),
    ] {
        let mut body = json!({"template_id": template});
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        world.admin.post(&world.path("/tasks"), &body).expect(400);
    }
    assert_eq!(world.value("select count(*) from task"), 0);
    let body = json!({"template_id": template, "id": 7, "user_id": null, "status": "success", "created": "2020-01-01T00:00:00Z",
        "start": null});
    let task = world.admin.post(&world.path("/tasks"), &body).expect(201).json();
    assert_eq!((&task["id"], &task["status"]), (&json!(1), &json!("waiting")), "{task}");
    world.admin.wait_for_end(world.project().id, 1);
}

#[test]
fn a_document_that_cannot_be_restored_leaves_nothing() {
    let world = World::new();
    world.template("hello.sh");
    let document = world.admin.get(&world.path("/backup")).expect(200).json();
    let trailing = format!("{} x", document.to_string().replace("\"name\":\"Demo\"", "\"name\":\"Trail\""));
    world.admin.send("POST", "/api/projects/restore", Some(&trailing)).expect(400);
    let state =
        "select count(*), (select count(*) from access_key), (select count(*) from project__template) from project";
    let before = world.server.sql(state);
    restored(&world.admin, &json!({})).expect(400);
    restored(&world.admin, &document).expect(400);
    for (place, value) in [
        ("/templates/0/environment", json!("Nosuch")),
        ("/templates/0/repository", json!("Nosuch")),
        ("/templates/0/name", json!("")),
        ("/repositories/0/git_url", json!("--upload-pack=touch /tmp/x")),
        ("/inventories/0", json!({"name": "x", "type": "file", "inventory": "../../etc/passwd"})),
        ("/schedules", json!([{"name": "x", "template": "Nosuch", "cron_format": "@daily"}])),
        ("/schedules", json!([{"name": "x", "template": document["templates"][0]["name"], "cron_format": "bad"}])),
    ] {
        let mut broken = document.clone();
        broken["meta"]["name"] = "Broken".into();
        *broken.pointer_mut(place).unwrap() = value;
        restored(&world.admin, &broken).expect(400);
    }
    assert_eq!(world.server.sql(state), before);
}

#[test]
fn a_backup_is_not_for_everybody() {
    let world = World::new();
    let guest = world.user("guest");
    let body = json!({"user_id": guest, "role": "guest"});
    world.admin.post(&world.path("/users"), &body).expect(204);
    let guest = world.server.client("guest", PASSWORD);
    guest.get(&world.path("/backup")).expect(403);
    restored(&guest, &json!({"meta": {"name": "By guest"}})).expect(401);
    assert_eq!(world.value("select count(*) from project"), 1);
}

#[test]
fn an_extended_backup_loses_nothing_but_secrets() {
    let world = World::new();
    let project = world.project();
    let mut template = project.template_body("terraform", "infra");
    template["inventory_id"] = Value::Null;
    template["autorun"] = true.into();
    let template = world.admin.post(&world.path("/templates"), &template).expect(201).id();
    let run_at = json!({"name": "Once", "template_id": template, "type": "run_at", "run_at": "2099-01-02T03:04:05Z", "active": true});
    world.admin.post(&world.path("/schedules"), &run_at).expect(201);
    let secret = json!({"name": "Secrets", "project_id": project.id, "json": "{}", "env": "{}",
        "secrets": [{"type": "env", "name": "TOKEN", "secret": "not to be seen", "operation": "create"}]});
    world.admin.post(&world.path("/environment"), &secret).expect(201);
    let mut whole = world.admin.get(&world.path("/backup?extended=true")).expect(200).json();
    assert!(!whole.to_string().contains("not to be seen"));
    whole["meta"]["name"] = "Copy".into();
    let copy = restored(&world.admin, &whole).expect(200).id();
    assert_eq!(world.admin.get(&format!("/api/project/{copy}/backup?extended=true")).expect(200).json(), whole);
    let plain = world.admin.get(&world.path("/backup")).expect(200).json();
    assert_eq!(plain["schedules"][0]["run_at"], json!({}));
    assert!(plain["schedules"][0].get("run_at_time").is_none() && plain["templates"][0]["autorun"] == false, "{plain}");
}

#[test]
fn a_project_has_a_name() {
    let world = World::new();
    let project = world.project().id;
    world.admin.post("/api/projects", &json!({"name": ""})).expect(400);
    world.admin.put(&world.path(""), &json!({"id": project})).expect(400);
    assert_eq!(world.value("select group_concat(name) from project"), "Test project");
}
