//! Keys that are kept in a secret storage: read when a task runs, written where that is allowed, and told when they cannot be had.

use semaphore_test_machine::vault::Vault;
use semaphore_tests::PASSWORD;
use serde_json::{Value, json};

use crate::world::World;

const TOKEN: &str = "s.token-of-the-storage";

fn storage(world: &World, more: &Value) -> i64 {
    let mut body = json!({"name": "Vault", "project_id": world.project().id, "type": "vault", "secret": TOKEN});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.admin.post(&world.path("/secret_storages"), &body).expect(201).id()
}

fn key(world: &World, storage: i64, more: &Value) -> Value {
    let mut body = json!({"name": "kept elsewhere", "project_id": world.project().id, "type": "login_password",
        "source_storage_type": "vault", "source_storage_id": storage, "source_storage_key": "apps/deploy"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// A template with the key as the password of its vault; Bash tasks do not use it, but cannot run without it.
fn template(world: &World, key: i64) -> i64 {
    let mut body = world.project().template_body("bash", "hello.sh");
    body["vaults"] = json!([{"type": "password", "name": "default", "vault_key_id": key}]);
    world.admin.post(&world.path("/templates"), &body).expect(201).id()
}

#[test]
fn a_task_reads_its_keys_from_the_storage_each_time() {
    let vault = Vault::start(TOKEN);
    let world = World::new();
    let id = storage(&world, &json!({"params": {"url": vault.url()}, "readonly": true}));
    let made = world.admin.post(&world.path("/keys"), &key(&world, id, &json!({}))).expect(201).id();
    let template = template(&world, made);
    let run = || {
        let (row, log) = world.project().run_again(&world.admin, template, &json!({}));
        (row["status"].as_str().unwrap().to_owned(), log)
    };

    let (status, log) = run();
    assert_eq!(status, "error");
    for part in ["kept elsewhere", "secret storage 'Vault'", "404", "secret/apps/deploy"] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    vault.put("secret/apps/deploy", r#"{"username": "bob", "password": "a-password-from-elsewhere"}"#);
    assert_eq!(run().0, "success");
    vault.put("secret/apps/deploy", r#"{"username": "bob"}"#);
    let (status, log) = run();
    assert!(status == "error" && log.contains("no field password"), "{log}");

    // A storage that takes the token no longer, and one that is gone.
    let body = json!({"id": id, "project_id": world.project().id, "name": "Vault", "type": "vault", "readonly": true,
        "params": {"url": vault.url()}, "secret": "s.another-token"});
    world.admin.put(&world.path(&format!("/secret_storages/{id}")), &body).expect(200);
    let (status, log) = run();
    assert!(status == "error" && log.contains("403"), "{log}");
    drop(vault);
    let (status, log) = run();
    assert!(status == "error" && log.contains("does not answer"), "{log}");
    for secret in [TOKEN, "s.another-token", "a-password-from-elsewhere"] {
        assert!(!world.server.log().contains(secret), "{secret} is in the log");
        assert_eq!(world.value(&format!("select count(*) from task__output where output like '%{secret}%'")), 0);
    }
    world.admin.delete(&world.path(&format!("/secret_storages/{id}"))).expect(400);
}

#[test]
fn a_new_secret_goes_into_the_storage_and_not_into_the_database() {
    let vault = Vault::start(TOKEN);
    let world = World::new();
    let id = storage(&world, &json!({"params": {"url": vault.url(), "mount": "kv"}}));
    let login = json!({"login_password": {"login": "bob", "password": "written there"}});
    let keys = world.path("/keys");
    let made = world.admin.post(&keys, &key(&world, id, &login)).expect(201);
    assert!(!made.body.contains("written there"), "{}", made.body);
    let entry: Value = serde_json::from_str(&vault.entry("kv/apps/deploy").expect("an entry")).unwrap();
    assert_eq!(entry, json!({"login": "bob", "password": "written there"}));
    assert_eq!(world.value("select secret from access_key where name = 'kept elsewhere'"), Value::Null);

    // Another field of the entry stays.
    let text =
        json!({"type": "string", "string": "a token", "source_storage_key": "apps/deploy#token", "name": "field"});
    world.admin.post(&keys, &key(&world, id, &text)).expect(201);
    let entry: Value = serde_json::from_str(&vault.entry("kv/apps/deploy").unwrap()).unwrap();
    assert_eq!((&entry["password"], &entry["token"]), (&json!("written there"), &json!("a token")));

    let count = world.value("select count(*) from access_key");
    let readonly = storage(&world, &json!({"name": "Read", "params": {"url": vault.url()}, "readonly": true}));
    let count = count.as_i64().unwrap() + 1;
    world.admin.post(&keys, &key(&world, readonly, &login)).expect(400);
    world.admin.post(&keys, &key(&world, id, &json!({"source_storage_key": ""}))).expect(400);
    world.admin.post(&keys, &key(&world, 987_654, &json!({}))).expect(400);
    let foreign = world.admin.post("/api/projects", &json!({"name": "second"})).expect(201).id();
    let body = key(&world, id, &json!({"project_id": foreign}));
    world.admin.post(&format!("/api/project/{foreign}/keys"), &body).expect(400);
    assert_eq!(world.value("select count(*) from access_key where project_id = 1"), count, "a refused key was stored");
    assert!(vault.entry("secret/apps/deploy").is_none());
    world.server.client("admin", PASSWORD);
}
