//! Every route that writes: it is called, its effect is seen through another route and in the database file, the server is
//! restarted, and the effect is seen again.
//!
//! The routing table of the server says which routes write; [`CASES`] must name exactly those.

use std::{collections::BTreeSet, time::Duration};

use semaphore_tests::{Client, PASSWORD, wait_until};
use serde_json::{Value, json};

use crate::{
    effects_automation::{
        create_integration, create_integration_alias, create_matcher, create_project_alias, create_schedule,
        create_value, delete_aliases, delete_integration, delete_integration_alias, delete_matcher,
        delete_project_alias, delete_schedule, delete_validate, delete_value, put_aliases, put_validate, receive_get,
        receive_options, receive_post, replay_delivery, restore_backup, set_schedule_active, set_schedule_policy,
        update_integration, update_matcher, update_schedule, update_value,
    },
    effects_email::{login_by_email, resend_email_code},
    effects_machines::{
        create_project_runner, create_runner, create_state_address, delete_project_runner, delete_runner, delete_state,
        delete_state_address, lock_state, post_project_runner, post_runner, project_runner_active,
        project_runner_cache, put_project_runner, put_runner, register_runner, runner_active, runner_cache,
        take_runner_progress, unlock_state, unregister_runner, update_state_address, write_profile, write_state,
    },
    effects_people::{
        accept_invite, create_global_role, create_invite, create_project_role, create_storage, create_template_role,
        delete_global_role, delete_invite, delete_project_role, delete_storage, delete_template_role, post_global_role,
        post_project_role, put_global_role, put_project_role, update_invite, update_storage, update_template_role,
    },
    sign_in::one_time_code,
    world::{Check, World},
};

/// One line per route: method, path as in the routing table, the function below that calls it.
macro_rules! effects {
    ($($method:ident $path:literal => $case:ident;)*) => {
        const CASES: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        mod case {
            $(#[test]
            fn $case() {
                super::run(super::$case);
            })*
        }
    };
}

effects! {
    POST   "/api/options" => set_option;
    PUT    "/api/apps/{app_id}" => put_app;
    POST   "/api/apps/{app_id}" => post_app;
    DELETE "/api/apps/{app_id}" => delete_app;
    POST   "/api/apps/{app_id}/active" => set_app_active;
    POST   "/api/auth/login" => login;
    POST   "/api/auth/login/email" => login_by_email;
    POST   "/api/auth/login/email/resend" => resend_email_code;
    POST   "/api/auth/logout" => logout;
    POST   "/api/auth/verify" => verify_session;
    POST   "/api/auth/recovery" => recover_session;
    POST   "/api/users/{user_id}/2fas/totp" => enable_totp;
    DELETE "/api/users/{user_id}/2fas/totp/{totp_id}" => disable_totp;
    POST   "/api/auth/token" => create_jwt;
    POST   "/api/user/tokens" => create_token;
    DELETE "/api/user/tokens/{token_id}" => delete_token;
    POST   "/api/users" => create_user;
    PUT    "/api/users/{user_id}" => update_user;
    DELETE "/api/users/{user_id}" => delete_user;
    POST   "/api/users/{user_id}/password" => set_password;
    DELETE "/api/cache" => clear_cache;
    DELETE "/api/tasks/{task_id}" => stop_any_task;
    POST   "/api/projects" => create_project;
    PUT    "/api/project/{project_id}" => update_project;
    DELETE "/api/project/{project_id}" => delete_project;
    DELETE "/api/project/{project_id}/cache" => clear_project_cache;
    PUT    "/api/project/{project_id}/host_keys" => set_host_keys;
    PUT    "/api/project/{project_id}/retention" => set_retention;
    PUT    "/api/project/{project_id}/templates/{template_id}/retention" => set_template_retention;
    PUT    "/api/project/{project_id}/templates/{template_id}/alerts" => set_template_alerts;
    DELETE "/api/project/{project_id}/me" => leave_project;
    POST   "/api/project/{project_id}/users" => add_member;
    PUT    "/api/project/{project_id}/users/{user_id}" => update_member;
    DELETE "/api/project/{project_id}/users/{user_id}" => remove_member;
    POST   "/api/project/{project_id}/keys" => create_key;
    PUT    "/api/project/{project_id}/keys/{key_id}" => update_key;
    DELETE "/api/project/{project_id}/keys/{key_id}" => delete_key;
    POST   "/api/project/{project_id}/repositories" => create_repository;
    PUT    "/api/project/{project_id}/repositories/{repository_id}" => update_repository;
    DELETE "/api/project/{project_id}/repositories/{repository_id}" => delete_repository;
    POST   "/api/project/{project_id}/inventory" => create_inventory;
    PUT    "/api/project/{project_id}/inventory/{inventory_id}" => update_inventory;
    DELETE "/api/project/{project_id}/inventory/{inventory_id}" => delete_inventory;
    POST   "/api/project/{project_id}/environment" => create_environment;
    PUT    "/api/project/{project_id}/environment/{environment_id}" => update_environment;
    DELETE "/api/project/{project_id}/environment/{environment_id}" => delete_environment;
    POST   "/api/project/{project_id}/templates" => create_template;
    PUT    "/api/project/{project_id}/templates/{template_id}" => update_template;
    DELETE "/api/project/{project_id}/templates/{template_id}" => delete_template;
    PUT    "/api/project/{project_id}/templates/{template_id}/description" => set_template_description;
    POST   "/api/project/{project_id}/templates/{template_id}/stop_all_tasks" => stop_all_tasks;
    POST   "/api/project/{project_id}/templates/{template_id}/inventory/{inventory_id}/set_default" => set_default_inventory;
    POST   "/api/project/{project_id}/templates/{template_id}/inventory/{inventory_id}/attach" => attach_inventory;
    POST   "/api/project/{project_id}/templates/{template_id}/inventory/{inventory_id}/detach" => detach_inventory;
    POST   "/api/project/{project_id}/views" => create_view;
    PUT    "/api/project/{project_id}/views/{view_id}" => update_view;
    DELETE "/api/project/{project_id}/views/{view_id}" => delete_view;
    POST   "/api/project/{project_id}/views/positions" => set_view_positions;
    PUT    "/api/project/{project_id}/views/positions" => put_view_positions;
    DELETE "/api/project/{project_id}/views/positions" => delete_view_positions;
    POST   "/api/project/{project_id}/tasks" => create_task;
    DELETE "/api/project/{project_id}/tasks/{task_id}" => delete_task;
    POST   "/api/project/{project_id}/tasks/{task_id}/stop" => stop_task;
    POST   "/api/project/{project_id}/tasks/{task_id}/confirm" => confirm_task;
    POST   "/api/project/{project_id}/tasks/{task_id}/reject" => reject_task;
    // Automation
    POST   "/api/project/{project_id}/schedules" => create_schedule;
    PUT    "/api/project/{project_id}/schedules/{schedule_id}" => update_schedule;
    PUT    "/api/project/{project_id}/schedules/{schedule_id}/policy" => set_schedule_policy;
    DELETE "/api/project/{project_id}/schedules/{schedule_id}" => delete_schedule;
    PUT    "/api/project/{project_id}/schedules/{schedule_id}/active" => set_schedule_active;
    PUT    "/api/project/{project_id}/schedules/validate" => put_validate;
    DELETE "/api/project/{project_id}/schedules/validate" => delete_validate;
    POST   "/api/project/{project_id}/integrations" => create_integration;
    PUT    "/api/project/{project_id}/integrations/{integration_id}" => update_integration;
    DELETE "/api/project/{project_id}/integrations/{integration_id}" => delete_integration;
    POST   "/api/project/{project_id}/integrations/aliases" => create_project_alias;
    DELETE "/api/project/{project_id}/integrations/aliases/{alias_id}" => delete_project_alias;
    PUT    "/api/project/{project_id}/integrations/aliases" => put_aliases;
    DELETE "/api/project/{project_id}/integrations/aliases" => delete_aliases;
    POST   "/api/project/{project_id}/integrations/{integration_id}/aliases" => create_integration_alias;
    DELETE "/api/project/{project_id}/integrations/{integration_id}/aliases/{alias_id}" => delete_integration_alias;
    POST   "/api/project/{project_id}/integrations/{integration_id}/matchers" => create_matcher;
    PUT    "/api/project/{project_id}/integrations/{integration_id}/matchers/{matcher_id}" => update_matcher;
    DELETE "/api/project/{project_id}/integrations/{integration_id}/matchers/{matcher_id}" => delete_matcher;
    POST   "/api/project/{project_id}/integrations/{integration_id}/values" => create_value;
    PUT    "/api/project/{project_id}/integrations/{integration_id}/values/{value_id}" => update_value;
    DELETE "/api/project/{project_id}/integrations/{integration_id}/values/{value_id}" => delete_value;
    POST   "/api/project/{project_id}/integrations/{integration_id}/deliveries/{delivery_id}/replay" => replay_delivery;
    GET    "/api/integrations/{integration_alias}" => receive_get;
    POST   "/api/integrations/{integration_alias}" => receive_post;
    OPTIONS "/api/integrations/{integration_alias}" => receive_options;
    POST   "/api/projects/restore" => restore_backup;
    // effects_machines.rs
    POST   "/api/debug/pprof/dump" => write_profile;
    POST   "/api/internal/runners" => register_runner;
    PUT    "/api/internal/runners" => take_runner_progress;
    DELETE "/api/internal/runners" => unregister_runner;
    POST   "/api/runners" => create_runner;
    PUT    "/api/runners/{runner_id}" => put_runner;
    POST   "/api/runners/{runner_id}" => post_runner;
    DELETE "/api/runners/{runner_id}" => delete_runner;
    POST   "/api/runners/{runner_id}/active" => runner_active;
    DELETE "/api/runners/{runner_id}/cache" => runner_cache;
    POST   "/api/project/{project_id}/runners" => create_project_runner;
    PUT    "/api/project/{project_id}/runners/{runner_id}" => put_project_runner;
    POST   "/api/project/{project_id}/runners/{runner_id}" => post_project_runner;
    DELETE "/api/project/{project_id}/runners/{runner_id}" => delete_project_runner;
    POST   "/api/project/{project_id}/runners/{runner_id}/active" => project_runner_active;
    DELETE "/api/project/{project_id}/runners/{runner_id}/cache" => project_runner_cache;
    POST   "/api/terraform/{alias}" => write_state;
    LOCK   "/api/terraform/{alias}" => lock_state;
    UNLOCK "/api/terraform/{alias}" => unlock_state;
    POST   "/api/project/{project_id}/inventory/{inventory_id}/terraform/aliases" => create_state_address;
    PUT    "/api/project/{project_id}/inventory/{inventory_id}/terraform/aliases/{alias_id}" => update_state_address;
    DELETE "/api/project/{project_id}/inventory/{inventory_id}/terraform/aliases/{alias_id}" => delete_state_address;
    DELETE "/api/project/{project_id}/inventory/{inventory_id}/terraform/states/{state_id}" => delete_state;
    // effects_people.rs
    POST   "/api/roles" => create_global_role;
    PUT    "/api/roles/{role_slug}" => put_global_role;
    POST   "/api/roles/{role_slug}" => post_global_role;
    DELETE "/api/roles/{role_slug}" => delete_global_role;
    POST   "/api/project/{project_id}/roles" => create_project_role;
    PUT    "/api/project/{project_id}/roles/{role_slug}" => put_project_role;
    POST   "/api/project/{project_id}/roles/{role_slug}" => post_project_role;
    DELETE "/api/project/{project_id}/roles/{role_slug}" => delete_project_role;
    POST   "/api/project/{project_id}/templates/{template_id}/perms" => create_template_role;
    PUT    "/api/project/{project_id}/templates/{template_id}/perms/{perm_id}" => update_template_role;
    DELETE "/api/project/{project_id}/templates/{template_id}/perms/{perm_id}" => delete_template_role;
    POST   "/api/invites/accept" => accept_invite;
    POST   "/api/project/{project_id}/invites" => create_invite;
    PUT    "/api/project/{project_id}/invites/{invite_id}" => update_invite;
    DELETE "/api/project/{project_id}/invites/{invite_id}" => delete_invite;
    POST   "/api/project/{project_id}/secret_storages" => create_storage;
    PUT    "/api/project/{project_id}/secret_storages/{storage_id}" => update_storage;
    DELETE "/api/project/{project_id}/secret_storages/{storage_id}" => delete_storage;
}

#[test]
fn every_writing_route_has_a_case() {
    let routes = semaphore_server::http::routes::routes();
    let writing: BTreeSet<_> = routes.iter().filter(|r| r.writes).map(|r| (r.method, r.path)).collect();
    let cases: BTreeSet<_> = CASES.iter().copied().collect();
    assert_eq!(cases.len(), CASES.len(), "a case stands twice");
    let missing: Vec<_> = writing.difference(&cases).collect();
    let surplus: Vec<_> = cases.difference(&writing).collect();
    assert!(missing.is_empty(), "writing routes without a case in this file: {missing:#?}");
    assert!(surplus.is_empty(), "cases whose route is not in the table or does not write: {surplus:#?}");
}

fn run(case: fn(&World) -> Check) {
    let mut world = World::new();
    let check = case(&world);
    check(&world);
    world.server.restart();
    check(&world);
}

// ---------------------------------------------------------------- system

fn set_option(world: &World) -> Check {
    world.admin.post("/api/options", &json!({"key": "test.key", "value": "kept"})).expect(200);
    Box::new(|world| {
        assert_eq!(world.admin.get("/api/options").expect(200).json()["test.key"], "kept");
        assert_eq!(world.value("select value from option where key = 'test.key'"), "kept");
    })
}

fn app_is(title: &'static str) -> Check {
    Box::new(move |world| {
        let apps = world.admin.get("/api/apps").expect(200).json();
        let app = apps.as_array().unwrap().iter().find(|a| a["id"] == "custom").expect("the app is listed").clone();
        assert_eq!(app["title"], title);
        assert_eq!(world.value("select value from option where key = 'apps.custom.title'"), title);
    })
}

fn put_app(world: &World) -> Check {
    world.admin.put("/api/apps/custom", &json!({"active": true, "title": "Custom", "path": "/bin/echo"})).expect(204);
    app_is("Custom")
}

fn post_app(world: &World) -> Check {
    world.admin.put("/api/apps/custom", &json!({"active": true, "title": "Custom"})).expect(204);
    world.admin.post("/api/apps/custom", &json!({"active": true, "title": "Changed"})).expect(204);
    app_is("Changed")
}

fn delete_app(world: &World) -> Check {
    world.admin.put("/api/apps/custom", &json!({"active": true, "title": "Custom"})).expect(204);
    world.admin.delete("/api/apps/custom").expect(204);
    Box::new(|world| {
        let apps = world.admin.get("/api/apps").expect(200).json();
        assert!(apps.as_array().unwrap().iter().all(|a| a["id"] != "custom"), "{apps}");
        assert_eq!(world.value("select count(*) from option where key like 'apps.custom.%'"), 0);
    })
}

fn set_app_active(world: &World) -> Check {
    world.admin.post("/api/apps/bash/active", &json!({"active": false})).expect(204);
    Box::new(|world| {
        let app = world.admin.get("/api/apps/bash").expect(200).json();
        assert_ne!(app["active"], true, "{app}");
        assert_eq!(world.value("select value from option where key = 'apps.bash.active'"), "false");
    })
}

// ---------------------------------------------------------------- sessions, tokens, users

fn login(world: &World) -> Check {
    let before = world.value("select count(*) from session").as_i64().unwrap();
    let second = world.server.client("admin", PASSWORD);
    Box::new(move |world| {
        assert_eq!(second.get("/api/user").expect(200).json()["username"], "admin");
        assert_eq!(world.value("select count(*) from session"), before + 1);
    })
}

fn logout(world: &World) -> Check {
    let second = world.server.client("admin", PASSWORD);
    let cookie = second.cookie().expect("a session");
    second.post("/api/auth/logout", &json!({})).expect(204);
    Box::new(move |world| {
        // The cookie itself is worth nothing any more, not only forgotten by the client.
        let thief = world.server.anonymous();
        assert_eq!(thief.send_with("GET", "/api/user", None, &[("Cookie", &cookie)]).status, 401);
        assert_eq!(world.value("select count(*) from session where expired = 1"), 1);
    })
}

/// A user with a second factor: id, the answer that set it up, a client that is logged in without a code.
fn with_second_factor(world: &World) -> (i64, Value, Client) {
    let id = world.user("careful");
    let made = world.admin.post(&format!("/api/users/{id}/2fas/totp"), &json!({})).expect(200).json();
    let client = world.server.client("careful", PASSWORD);
    assert_eq!(client.get("/api/user").expect(401).json()["error"], "TOTP_REQUIRED");
    (id, made, client)
}

fn verify_session(world: &World) -> Check {
    let (id, made, client) = with_second_factor(world);
    let code = one_time_code(made["url"].as_str().unwrap());
    client.post("/api/auth/verify", &json!({"passcode": code})).expect(200);
    Box::new(move |world| {
        assert_eq!(client.get("/api/user").expect(200).json()["username"], "careful");
        assert_eq!(world.value(&format!("select verified from session where user_id = {id}")), 1);
    })
}

fn recover_session(world: &World) -> Check {
    let (id, made, client) = with_second_factor(world);
    let code = made["recovery_code"].as_str().unwrap();
    client.post("/api/auth/recovery", &json!({"recovery_code": code.to_lowercase()})).expect(401);
    client.post("/api/auth/recovery", &json!({"recovery_code": code})).expect(204);
    Box::new(move |world| {
        assert_eq!(client.get("/api/user").expect(200).json().get("totp"), None);
        assert_eq!(world.value(&format!("select count(*) from user__totp where user_id = {id}")), 0);
    })
}

fn enable_totp(world: &World) -> Check {
    let (id, made, _) = with_second_factor(world);
    let secret = made["url"].as_str().unwrap().rsplit('=').next().unwrap().to_owned();
    Box::new(move |world| {
        let client = world.server.client("careful", PASSWORD);
        assert_eq!(client.get("/api/user").expect(401).json()["error"], "TOTP_REQUIRED");
        let stored = world.value(&format!("select url from user__totp where user_id = {id}"));
        assert!(stored.as_str().unwrap().ends_with(&secret), "{stored}");
        // The secret is shown once; a picture of it only to whom it belongs, and to administrators.
        let shown = world.admin.get(&format!("/api/users/{id}")).expect(200);
        assert!(shown.body.contains("\"totp\"") && !shown.body.contains(&secret), "{}", shown.body);
        let picture = world.admin.get(&format!("/api/users/{id}/2fas/totp/1/qr")).expect(200);
        assert!(picture.body.contains("PNG") && !picture.body.contains(&secret));
    })
}

fn disable_totp(world: &World) -> Check {
    let (id, made, _) = with_second_factor(world);
    world.admin.delete(&format!("/api/users/{id}/2fas/totp/{}", made["id"])).expect(204);
    Box::new(move |world| {
        world.server.client("careful", PASSWORD).get("/api/user").expect(200);
        assert_eq!(world.value(&format!("select count(*) from user__totp where user_id = {id}")), 0);
    })
}

fn bearer(world: &World, token: &str) -> u16 {
    world
        .server
        .anonymous()
        .send_with("GET", "/api/user", None, &[("Authorization", &format!("Bearer {token}"))])
        .status
}

fn create_token(world: &World) -> Check {
    let token = world.admin.post("/api/user/tokens", &json!({})).expect(201).json()["id"].as_str().unwrap().to_owned();
    Box::new(move |world| {
        assert_eq!(bearer(world, &token), 200);
        assert_eq!(world.admin.get("/api/user/tokens").expect(200).json().as_array().unwrap().len(), 1);
        assert_eq!(world.value("select expired from user__token"), 0);
    })
}

fn create_jwt(world: &World) -> Check {
    let token =
        world.admin.post("/api/auth/token", &json!({})).expect(201).json()["token"].as_str().unwrap().to_owned();
    Box::new(move |world| {
        assert_eq!(bearer(world, &token), 200);
        assert_eq!(world.value("select count(*) from rs_jwt_key"), 1);
    })
}

fn delete_token(world: &World) -> Check {
    let token = world.admin.post("/api/user/tokens", &json!({})).expect(201).json()["id"].as_str().unwrap().to_owned();
    world.admin.delete(&format!("/api/user/tokens/{token}")).expect(204);
    Box::new(move |world| {
        assert_eq!(bearer(world, &token), 401);
        assert_eq!(world.value("select count(*) from user__token where expired = 0"), 0);
    })
}

fn create_user(world: &World) -> Check {
    let id = world.user("newcomer");
    Box::new(move |world| {
        assert_eq!(world.listed("/api/users", id).expect("the user is listed")["username"], "newcomer");
        assert_eq!(world.value(&format!("select username from user where id = {id}")), "newcomer");
        world.server.client("newcomer", PASSWORD);
    })
}

fn update_user(world: &World) -> Check {
    let id = world.user("newcomer");
    let body = json!({"id": id, "name": "Renamed", "username": "newcomer", "email": "renamed@example.com", "alert": true, "admin": true});
    world.admin.put(&format!("/api/users/{id}"), &body).expect(204);
    Box::new(move |world| {
        let user = world.listed("/api/users", id).expect("the user is listed");
        assert_eq!(
            (&user["name"], &user["email"], &user["admin"]),
            (&json!("Renamed"), &json!("renamed@example.com"), &json!(true))
        );
        assert_eq!(world.value(&format!("select email from user where id = {id}")), "renamed@example.com");
    })
}

fn delete_user(world: &World) -> Check {
    let id = world.user("newcomer");
    // With a session: the reference cannot delete somebody who has ever logged in.
    let client = world.server.client("newcomer", PASSWORD);
    world.admin.delete(&format!("/api/users/{id}")).expect(204);
    Box::new(move |world| {
        assert!(world.listed("/api/users", id).is_none());
        assert_eq!(world.value(&format!("select count(*) from user where id = {id}")), 0);
        client.get("/api/user").expect(401);
    })
}

fn set_password(world: &World) -> Check {
    let id = world.user("newcomer");
    world.admin.post(&format!("/api/users/{id}/password"), &json!({"password": "another password"})).expect(204);
    Box::new(move |world| {
        world.server.client("newcomer", "another password");
        let old = world.server.anonymous().post("/api/auth/login", &json!({"auth": "newcomer", "password": PASSWORD}));
        assert_eq!(old.status, 401);
        let hash = world.value(&format!("select password from user where id = {id}"));
        assert!(hash.as_str().unwrap().starts_with("$2"), "not a bcrypt hash");
    })
}

// ---------------------------------------------------------------- projects and members

fn create_project(world: &World) -> Check {
    let id = world.admin.post("/api/projects", &json!({"name": "Created", "max_parallel_tasks": 3})).expect(201).id();
    Box::new(move |world| {
        assert_eq!(world.listed("/api/projects", id).expect("the project is listed")["name"], "Created");
        assert_eq!(world.value(&format!("select max_parallel_tasks from project where id = {id}")), 3);
        assert_eq!(world.value(&format!("select role from project__user where project_id = {id}")), "owner");
    })
}

fn update_project(world: &World) -> Check {
    let id = world.project().id;
    world
        .admin
        .put(&world.path(""), &json!({"id": id, "name": "Renamed", "alert": true, "max_parallel_tasks": 2}))
        .expect(204);
    Box::new(move |world| {
        let project = world.listed("/api/projects", id).expect("the project is listed");
        assert_eq!((&project["name"], &project["max_parallel_tasks"]), (&json!("Renamed"), &json!(2)));
        assert_eq!(world.value(&format!("select name from project where id = {id}")), "Renamed");
    })
}

fn delete_project(world: &World) -> Check {
    let id = world.project().id;
    world.ended_task();
    world.admin.delete(&world.path("")).expect(204);
    Box::new(move |world| {
        assert!(world.listed("/api/projects", id).is_none());
        for table in [
            "project__repository",
            "project__inventory",
            "project__environment",
            "project__template",
            "task",
            "project__user",
        ] {
            assert_eq!(world.value(&format!("select count(*) from {table} where project_id = {id}")), 0, "{table}");
        }
        assert_eq!(world.value(&format!("select count(*) from project where id = {id}")), 0);
    })
}

/// A task has left a clone behind, and the call takes it away.
fn clears_clones(world: &World, path: &str) -> Check {
    let project = world.project();
    let url = format!("file://{}", world.server.directory().join("repository").display());
    let body = json!({"name": "clone", "project_id": project.id, "git_url": url, "git_branch": "main", "ssh_key_id": project.key});
    let repository = world.admin.post(&world.path("/repositories"), &body).expect(201).id();
    let mut body = project.template_body("bash", "hello.sh");
    body["repository_id"] = repository.into();
    let template = world.admin.post(&world.path("/templates"), &body).expect(201).id();
    let task = project.start(&world.admin, template);
    world.admin.wait_for_end(project.id, task);
    let clones = move |world: &World| {
        let directory = world.server.directory().join(format!("tmp/project_{}", project.id));
        let is_clone = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("repository_");
        directory.read_dir().map_or(0, |entries| entries.filter(|e| is_clone(&e.as_ref().unwrap().file_name())).count())
    };
    assert!(clones(world) > 0, "the task made no clone");
    world.admin.delete(path).expect(204);
    Box::new(move |world| assert_eq!(clones(world), 0))
}

fn clear_project_cache(world: &World) -> Check {
    clears_clones(world, &world.path("/cache"))
}

fn clear_cache(world: &World) -> Check {
    clears_clones(world, "/api/cache")
}

/// This build has no alert channel, so the only effect is the answer: 409 while alerts are off, 204 once they are on.
fn leave_project(world: &World) -> Check {
    let user = world.user("member");
    world.admin.post(&world.path("/users"), &json!({"user_id": user, "role": "manager"})).expect(204);
    let member = world.server.client("member", PASSWORD);
    member.delete(&world.path("/me")).expect(204);
    Box::new(move |world| {
        member.get(&world.path("")).expect(404);
        assert_eq!(world.value(&format!("select count(*) from project__user where user_id = {user}")), 0);
    })
}

fn member_is(user: i64, role: &'static str) -> Check {
    Box::new(move |world| {
        assert_eq!(world.listed(&world.path("/users"), user).expect("the member is listed")["role"], role);
        assert_eq!(world.value(&format!("select role from project__user where user_id = {user}")), role);
        world.server.client("member", PASSWORD).get(&world.path("")).expect(200);
    })
}

fn add_member(world: &World) -> Check {
    let user = world.user("member");
    world.admin.post(&world.path("/users"), &json!({"user_id": user, "role": "guest"})).expect(204);
    member_is(user, "guest")
}

fn update_member(world: &World) -> Check {
    let user = world.user("member");
    world.admin.post(&world.path("/users"), &json!({"user_id": user, "role": "guest"})).expect(204);
    world.admin.put(&world.path(&format!("/users/{user}")), &json!({"role": "manager"})).expect(204);
    member_is(user, "manager")
}

fn remove_member(world: &World) -> Check {
    let user = world.user("member");
    world.admin.post(&world.path("/users"), &json!({"user_id": user, "role": "guest"})).expect(204);
    world.admin.delete(&world.path(&format!("/users/{user}"))).expect(204);
    Box::new(move |world| {
        assert!(world.listed(&world.path("/users"), user).is_none());
        assert_eq!(world.value(&format!("select count(*) from project__user where user_id = {user}")), 0);
        world.server.client("member", PASSWORD).get(&world.path("")).expect(404);
    })
}

// ---------------------------------------------------------------- objects of a project

/// A kind of object: its collection, its table, and a body with everything but the name.
struct Kind {
    collection: &'static str,
    table: &'static str,
    name: &'static str,
    body: fn(&World) -> Value,
}

const KEY: Kind = Kind {
    collection: "/keys",
    table: "access_key",
    name: "name",
    body: |_| json!({"type": "login_password", "login_password": {"login": "bob", "password": "a secret value"}}),
};
const REPOSITORY: Kind = Kind {
    collection: "/repositories",
    table: "project__repository",
    name: "name",
    body: |w| json!({"git_url": "https://example.com/x.git", "git_branch": "main", "ssh_key_id": w.project().key}),
};
const INVENTORY: Kind = Kind {
    collection: "/inventory",
    table: "project__inventory",
    name: "name",
    body: |w| json!({"type": "static", "inventory": "localhost", "ssh_key_id": w.project().key}),
};
const ENVIRONMENT: Kind = Kind {
    collection: "/environment",
    table: "project__environment",
    name: "name",
    body: |_| json!({"json": "{\"a\": 1}", "env": "{\"B\": \"2\"}"}),
};
const TEMPLATE: Kind = Kind {
    collection: "/templates",
    table: "project__template",
    name: "name",
    body: |w| w.project().template_body("bash", "hello.sh"),
};
const VIEW: Kind =
    Kind { collection: "/views", table: "project__view", name: "title", body: |_| json!({"position": 7}) };

impl Kind {
    fn named(&self, world: &World, name: &str) -> Value {
        let mut body = (self.body)(world);
        body[self.name] = name.into();
        body["project_id"] = world.project().id.into();
        body
    }

    fn insert(&self, world: &World, name: &str) -> i64 {
        world.admin.post(&world.path(self.collection), &self.named(world, name)).expect(201).id()
    }

    fn is(&'static self, id: i64, name: &'static str) -> Check {
        Box::new(move |world| {
            let row = world
                .listed(&world.path(self.collection), id)
                .unwrap_or_else(|| panic!("{} {id} is not listed", self.collection));
            assert_eq!(row[self.name], name);
            assert_eq!(world.value(&format!("select {} from {} where id = {id}", self.name, self.table)), name);
        })
    }

    fn create(&'static self, world: &World) -> Check {
        let id = self.insert(world, "Created");
        self.is(id, "Created")
    }

    fn update(&'static self, world: &World) -> Check {
        let id = self.insert(world, "Created");
        let mut body = self.named(world, "Renamed");
        body["id"] = id.into();
        world.admin.put(&world.path(&format!("{}/{id}", self.collection)), &body).expect(204);
        self.is(id, "Renamed")
    }

    fn delete(&'static self, world: &World) -> Check {
        let id = self.insert(world, "Created");
        world.admin.delete(&world.path(&format!("{}/{id}", self.collection))).expect(204);
        Box::new(move |world| {
            assert!(
                world.listed(&world.path(self.collection), id).is_none(),
                "{} {id} is still listed",
                self.collection
            );
            assert_eq!(world.value(&format!("select count(*) from {} where id = {id}", self.table)), 0);
        })
    }
}

fn create_key(world: &World) -> Check {
    let id = KEY.insert(world, "Created");
    let is = KEY.is(id, "Created");
    Box::new(move |world| {
        is(world);
        let secret = world.value(&format!("select secret from access_key where id = {id}"));
        assert!(!secret.as_str().unwrap().contains("a secret value"), "the secret is stored readable");
        assert!(
            !world.admin.get(&world.path("/keys")).expect(200).body.contains("a secret value"),
            "the secret is sent out"
        );
    })
}

fn update_key(world: &World) -> Check {
    KEY.update(world)
}

fn delete_key(world: &World) -> Check {
    KEY.delete(world)
}

fn create_repository(world: &World) -> Check {
    REPOSITORY.create(world)
}

fn update_repository(world: &World) -> Check {
    REPOSITORY.update(world)
}

fn delete_repository(world: &World) -> Check {
    REPOSITORY.delete(world)
}

fn create_inventory(world: &World) -> Check {
    INVENTORY.create(world)
}

fn update_inventory(world: &World) -> Check {
    INVENTORY.update(world)
}

fn delete_inventory(world: &World) -> Check {
    INVENTORY.delete(world)
}

fn create_environment(world: &World) -> Check {
    ENVIRONMENT.create(world)
}

fn update_environment(world: &World) -> Check {
    ENVIRONMENT.update(world)
}

fn delete_environment(world: &World) -> Check {
    ENVIRONMENT.delete(world)
}

fn create_template(world: &World) -> Check {
    TEMPLATE.create(world)
}

fn update_template(world: &World) -> Check {
    TEMPLATE.update(world)
}

fn delete_template(world: &World) -> Check {
    TEMPLATE.delete(world)
}

fn set_template_description(world: &World) -> Check {
    let id = TEMPLATE.insert(world, "Created");
    world
        .admin
        .put(&world.path(&format!("/templates/{id}/description")), &json!({"description": "what it does"}))
        .expect(204);
    Box::new(move |world| {
        assert_eq!(
            world.admin.get(&world.path(&format!("/templates/{id}"))).expect(200).json()["description"],
            "what it does"
        );
        assert_eq!(world.value(&format!("select description from project__template where id = {id}")), "what it does");
    })
}

/// A template of an app that uses inventories.
fn playbook(world: &World) -> i64 {
    world.project().template(&world.admin, "ansible", "site.yml")
}

fn set_default_inventory(world: &World) -> Check {
    let (template, inventory) = (playbook(world), INVENTORY.insert(world, "Second"));
    world
        .admin
        .post(&world.path(&format!("/templates/{template}/inventory/{inventory}/set_default")), &json!({}))
        .expect(204);
    Box::new(move |world| {
        assert_eq!(
            world.admin.get(&world.path(&format!("/templates/{template}"))).expect(200).json()["inventory_id"],
            inventory
        );
        assert_eq!(
            world.value(&format!("select inventory_id from project__template where id = {template}")),
            inventory
        );
    })
}

/// The inventory belongs to this template, or to none.
fn inventory_belongs_to(inventory: i64, template: Option<i64>) -> Check {
    Box::new(move |world| {
        let wanted = json!(template);
        // Not by the list: an inventory that belongs to a template is not in it.
        assert_eq!(
            world.admin.get(&world.path(&format!("/inventory/{inventory}"))).expect(200).json()["template_id"],
            wanted
        );
        assert_eq!(world.value(&format!("select template_id from project__inventory where id = {inventory}")), wanted);
    })
}

fn attach_inventory(world: &World) -> Check {
    let (template, inventory) = (playbook(world), INVENTORY.insert(world, "Second"));
    world
        .admin
        .post(&world.path(&format!("/templates/{template}/inventory/{inventory}/attach")), &json!({}))
        .expect(204);
    inventory_belongs_to(inventory, Some(template))
}

fn detach_inventory(world: &World) -> Check {
    let (template, inventory) = (playbook(world), INVENTORY.insert(world, "Second"));
    world
        .admin
        .post(&world.path(&format!("/templates/{template}/inventory/{inventory}/attach")), &json!({}))
        .expect(204);
    world
        .admin
        .post(&world.path(&format!("/templates/{template}/inventory/{inventory}/detach")), &json!({}))
        .expect(204);
    inventory_belongs_to(inventory, None)
}

const HOST_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

fn set_host_keys(world: &World) -> Check {
    let path = world.path("/host_keys");
    assert_eq!(world.admin.get(&path).expect(200).json(), json!({"mode": "off", "known_hosts": ""}));
    let lines = format!("# ours\r\ngit.example.org {HOST_KEY}\r\n");
    world.admin.put(&path, &json!({"mode": "strict", "known_hosts": lines})).expect(204);
    // What is refused changes nothing.
    let bad = json!({"mode": "off", "known_hosts": format!("a {HOST_KEY}\nnonsense\n")});
    let refusal = world.admin.put(&path, &bad).expect(400).json();
    assert!(refusal["error"].as_str().unwrap().contains("line 2 of the known hosts is not valid"), "{refusal}");
    for half in [json!({"known_hosts": ""}), json!({"mode": "off"}), json!({"mode": "none", "known_hosts": ""})] {
        world.admin.put(&path, &half).expect(400);
    }
    let stored = format!("# ours\ngit.example.org {HOST_KEY}\n");
    Box::new(move |world| {
        let answer = world.admin.get(&world.path("/host_keys")).expect(200).json();
        assert_eq!(answer, json!({"mode": "strict", "known_hosts": stored}));
        assert_eq!(world.value("select mode from rs_host_key_policy"), "strict");
        let events = world.admin.get(&world.path("/events")).expect(200).json();
        let told = |event: &Value| event["description"] == "Host keys of the project set to strict";
        assert_eq!(events.as_array().unwrap().iter().filter(|event| told(event)).count(), 1);
    })
}

/// Ids of the tasks of the project, the oldest first.
fn task_ids(world: &World) -> Vec<i64> {
    let tasks = world.admin.get(&world.path("/tasks")).expect(200).json();
    let mut ids: Vec<i64> = tasks.as_array().unwrap().iter().map(|task| task["id"].as_i64().unwrap()).collect();
    ids.reverse();
    ids
}

fn set_retention(world: &World) -> Check {
    let path = world.path("/retention");
    let none = json!({"max_age_days": null, "max_tasks": null, "max_bytes": null});
    assert_eq!(world.admin.get(&path).expect(200).json(), json!({"project": none, "templates": []}));
    let tasks: Vec<i64> = (0..3).map(|_| world.ended_task()).collect();
    // What is refused changes nothing, and neither does somebody who may not.
    for bad in
        [json!({"max_age_days": 0}), json!({"max_tasks": 0}), json!({"max_bytes": 0}), json!({"max_age_days": 36501})]
    {
        let refusal = world.admin.put(&path, &bad).expect(400).json();
        assert!(refusal["error"].as_str().unwrap().contains("null for no limit"), "{refusal}");
    }
    world.admin.put(&path, &json!({"max_tasks": -1})).expect(400);
    assert_eq!(task_ids(world), tasks);
    world.admin.put(&path, &json!({"max_tasks": 2, "max_bytes": 5_000_000_000_u64})).expect(204);
    wait_until("the oldest task is removed", Duration::from_secs(20), || (task_ids(world) == tasks[1..]).then_some(()));
    Box::new(move |world| {
        let rule = json!({"max_age_days": null, "max_tasks": 2, "max_bytes": 5_000_000_000_u64});
        assert_eq!(
            world.admin.get(&world.path("/retention")).expect(200).json(),
            json!({"project": rule, "templates": []})
        );
        assert_eq!(task_ids(world), tasks[1..]);
        assert_eq!(world.value("select max_tasks from rs_retention_rule"), 2);
        let events = world.admin.get(&world.path("/events")).expect(200).json();
        let told =
            |event: &Value| event["description"] == "Retention of the project set to max_tasks 2, max_bytes 5000000000";
        assert_eq!(events.as_array().unwrap().iter().filter(|event| told(event)).count(), 1);
    })
}

fn set_template_retention(world: &World) -> Check {
    let (template, other) = (world.template("hello.sh"), world.template("hello.sh"));
    let run = |template| {
        let task = world.project().start(&world.admin, template);
        world.admin.wait_for_end(world.project().id, task);
        task
    };
    let kept = run(other);
    let tasks = [run(template), run(template)];
    let path = world.path(&format!("/templates/{template}/retention"));
    world.admin.put(&world.path("/templates/9999/retention"), &json!({"max_tasks": 1})).expect(404);
    world.admin.put(&path, &json!({"max_tasks": 1})).expect(204);
    let left = [kept, tasks[1]];
    wait_until("the older task is removed", Duration::from_secs(20), || (task_ids(world) == left).then_some(()));
    world.admin.put(&path, &json!({"max_age_days": 7})).expect(204);
    Box::new(move |world| {
        let found = world.admin.get(&world.path("/retention")).expect(200).json();
        let rule = json!({"template_id": template, "max_age_days": 7, "max_tasks": null, "max_bytes": null});
        assert_eq!(found["templates"], json!([rule]));
        assert_eq!(task_ids(world), left);
        assert_eq!(world.value("select count(*) from rs_retention_rule"), 1);
    })
}

fn set_template_alerts(world: &World) -> Check {
    let template = world.template("hello.sh");
    let path = world.path(&format!("/templates/{template}/alerts"));
    assert_eq!(world.admin.get(&path).expect(200).json(), json!({"rules": []}));
    let rule = |channel: &str, occasion: &str| json!({"channel": channel, "occasion": occasion});
    let rules = json!({"rules": [rule("email", "always"), rule("microsoft_teams", "recovered")]});
    world.admin.put(&world.path("/templates/9999/alerts"), &rules).expect(404);
    for bad in [
        json!({}),
        json!({"rules": [rule("pigeon", "always")]}),
        json!({"rules": [rule("slack", "sometimes")]}),
        json!({"rules": [rule("slack", "always"), rule("slack", "failure")]}),
    ] {
        world.admin.put(&path, &bad).expect(400);
    }
    assert_eq!(world.value("select count(*) from rs_alert_rule"), 0);
    world.admin.put(&path, &json!({"rules": [rule("slack", "failure")]})).expect(204);
    world.admin.put(&path, &rules).expect(204);
    Box::new(move |world| {
        let path = world.path(&format!("/templates/{template}/alerts"));
        assert_eq!(world.admin.get(&path).expect(200).json(), rules);
        assert_eq!(world.value("select count(*) from rs_alert_rule"), 2);
    })
}

fn create_view(world: &World) -> Check {
    VIEW.create(world)
}

fn update_view(world: &World) -> Check {
    VIEW.update(world)
}

fn delete_view(world: &World) -> Check {
    VIEW.delete(world)
}

fn set_view_positions(world: &World) -> Check {
    let (first, second) = (VIEW.insert(world, "First"), VIEW.insert(world, "Second"));
    let body = json!({first.to_string(): 12, second.to_string(): 11});
    world.admin.post(&world.path("/views/positions"), &body).expect(204);
    Box::new(move |world| {
        for (id, position) in [(first, 12), (second, 11)] {
            assert_eq!(world.listed(&world.path("/views"), id).expect("the view is listed")["position"], position);
            assert_eq!(world.value(&format!("select position from project__view where id = {id}")), position);
        }
    })
}

/// Reference: for these methods `positions` is taken for the id of a view, which it is not: refused, nothing changes.
fn positions_is_no_view(world: &World, method: &'static str) -> Check {
    let view = VIEW.insert(world, "Kept");
    let body = json!({"id": view, "project_id": world.project().id, "title": "Changed", "position": 1});
    world.admin.send(method, &world.path("/views/positions"), Some(&body.to_string())).expect(400);
    VIEW.is(view, "Kept")
}

fn put_view_positions(world: &World) -> Check {
    positions_is_no_view(world, "PUT")
}

fn delete_view_positions(world: &World) -> Check {
    positions_is_no_view(world, "DELETE")
}

// ---------------------------------------------------------------- tasks

fn create_task(world: &World) -> Check {
    let task = world.ended_task();
    Box::new(move |world| {
        assert_eq!(world.listed(&world.path("/tasks"), task).expect("the task is listed")["status"], "success");
        assert!(world.admin.output(world.project().id, task).iter().any(|l| l == "hello"));
        assert_eq!(
            world.value(&format!("select count(*) from task__output where task_id = {task} and output = 'hello'")),
            1
        );
    })
}

fn delete_task(world: &World) -> Check {
    let task = world.ended_task();
    world.admin.delete(&world.path(&format!("/tasks/{task}"))).expect(204);
    Box::new(move |world| {
        assert!(world.listed(&world.path("/tasks"), task).is_none());
        assert_eq!(world.value(&format!("select count(*) from task where id = {task}")), 0);
        assert_eq!(world.value(&format!("select count(*) from task__output where task_id = {task}")), 0);
    })
}

/// A task that has been stopped by the call.
fn stopped(world: &World, stop: impl Fn(&World, i64, i64)) -> Check {
    let project = world.project();
    let template = world.template("sleep.sh");
    let task = project.start(&world.admin, template);
    world.admin.wait_for_status(project.id, task, &["running"]);
    stop(world, template, task);
    world.admin.wait_for_end(project.id, task);
    Box::new(move |world| {
        assert_eq!(world.listed(&world.path("/tasks"), task).expect("the task is listed")["status"], "stopped");
        assert_eq!(world.value(&format!("select status from task where id = {task}")), "stopped");
    })
}

fn stop_task(world: &World) -> Check {
    stopped(world, |world, _, task| {
        world.admin.post(&world.path(&format!("/tasks/{task}/stop")), &json!({"force": false})).expect(204);
    })
}

fn stop_all_tasks(world: &World) -> Check {
    stopped(world, |world, template, _| {
        world
            .admin
            .post(&world.path(&format!("/templates/{template}/stop_all_tasks")), &json!({"force": false}))
            .expect(204);
    })
}

fn stop_any_task(world: &World) -> Check {
    stopped(world, |world, _, task| {
        world.admin.delete(&format!("/api/tasks/{task}")).expect(204);
    })
}

/// No app of this build asks for a confirmation, so there is only the refusal: the reference makes a running task `confirmed`
/// and cannot stop it afterwards. Here nothing changes, and the stop works.
fn refused_on_a_running_task(world: &World, decision: &str) -> Check {
    stopped(world, |world, _, task| {
        world.admin.post(&world.path(&format!("/tasks/{task}/{decision}")), &json!({})).expect(400);
        assert_eq!(world.value(&format!("select status from task where id = {task}")), "running");
        world.admin.post(&world.path(&format!("/tasks/{task}/stop")), &json!({"force": false})).expect(204);
    })
}

fn confirm_task(world: &World) -> Check {
    refused_on_a_running_task(world, "confirm")
}

fn reject_task(world: &World) -> Check {
    refused_on_a_running_task(world, "reject")
}
