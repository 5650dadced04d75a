//! What a Bolt file keeps encrypted or hashed, after its import into each of the three databases: every secret is what was put
//! in, every password, code and token lets the same person in.

use std::{collections::BTreeMap, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use semaphore_test_machine::database::Kind;
use serde_json::{Value, json};

use crate::{installation::Installation, migrate, recorded, recorded_json, text};

/// The recorded file, imported; nothing if the database server is not installed.
fn imported_into(kind: Option<Kind>) -> Option<Installation> {
    let world = Installation::on(kind)?;
    let done = migrate(&world.server, &recorded("database.boltdb"), &[]);
    assert!(done.status.success(), "{}", text(&done));
    Some(world)
}

/// Stored secrets in plain text by id of the key.
fn plain_secrets(world: &mut Installation) -> BTreeMap<i64, String> {
    let key = recorded_json("config.json")["access_key_encryption"].as_str().unwrap().to_owned();
    world.server.change_config(&json!({"access_key_encryption": ""}));
    world.run(&["vaults", "rekey", "--old-key", &key]);
    let column = |name: &str| {
        world.rows(&format!("select {name} from access_key where secret is not null and secret <> '' order by id"))
    };
    let rows: Vec<_> = column("id").into_iter().zip(column("secret")).collect();
    world.server.change_config(&json!({"access_key_encryption": key}));
    world.run(&["vaults", "rekey"]);
    let row = |(id, secret): &(String, String)| {
        (id.trim().parse().unwrap(), String::from_utf8(STANDARD.decode(secret).unwrap()).unwrap())
    };
    rows.iter().map(row).collect()
}

fn every_secret_is_what_was_put_in(world: &mut Installation) {
    let secrets = recorded_json("secrets.json");
    let mut found = plain_secrets(world);
    let mut told = 0;
    for key in secrets["keys"].as_array().unwrap() {
        let id = world.now("access_key", &key["project_id"], &key["id"]);
        let plaintext = key["plaintext"].as_object().unwrap();
        if let Some(place) = plaintext.get("source_storage_type") {
            for (column, expected) in [("type", place), ("key", &plaintext["source_storage_key"])] {
                let stored = format!("select source_storage_{column} from access_key where id = {id}");
                assert_eq!(world.rows(&stored), [expected.as_str().unwrap()], "{key}");
            }
            assert_eq!(found.get(&id), None, "{key}");
            continue;
        }
        let Some(expected) = plaintext.values().next().filter(|value| **value != json!("")) else {
            assert_eq!(found.get(&id), None, "{key}");
            continue;
        };
        let stored = found.remove(&id).unwrap_or_else(|| panic!("the secret of {} is lost", key["name"]));
        assert_eq!(serde_json::from_str(&stored).unwrap_or_else(|_| json!(stored)), *expected, "key {id}");
        told += 1;
    }
    for secret in secrets["environment_secrets"].as_array().unwrap() {
        let environment = world.now("project__environment", &secret["project_id"], &secret["environment_id"]);
        let owner = if secret["type"] == "env" { "environment" } else { "variable" };
        let query = format!(
            "select cast(id as char(20)) from access_key where environment_id = {environment} and owner = '{owner}' \
             and name = '{}' and project_id = {}",
            secret["name"].as_str().unwrap(),
            secret["project_id"]
        );
        let ids = world.rows(&query);
        assert_eq!(ids.len(), 1, "{secret}");
        assert_eq!(found.remove(&ids[0].trim().parse().unwrap()).as_deref(), secret["secret"].as_str(), "{secret}");
        told += 1;
    }
    assert!(found.is_empty(), "secrets that nobody stored: {:?}", found.keys());
    assert!(told >= 18, "{told} secrets were compared");
    // It finds other things besides, such as programs that are not installed.
    let mut doctor = world.server.command(&["doctor", "--json", "--config"]);
    let doctor = text(&doctor.arg(world.server.config_path()).output().unwrap());
    assert!(doctor.contains(&format!("all {told} secrets can be read")), "{doctor}");
    for runner in secrets["runners"].as_array().unwrap() {
        let stored = format!("select token from runner where token = '{}'", runner["token"].as_str().unwrap());
        assert_eq!(world.rows(&stored).len(), 1, "a runner is known by its token");
    }
}

/// The code of this moment, made by another program.
fn one_time_code(address: &str) -> String {
    const CODE: &str = "import base64, hashlib, hmac, struct, sys, time\n\
        secret = sys.argv[1].rsplit('secret=', 1)[1]\n\
        key = base64.b32decode(secret + '=' * (-len(secret) % 8))\n\
        mac = hmac.new(key, struct.pack('>Q', int(time.time()) // 30), hashlib.sha1).digest()\n\
        at = mac[-1] & 15\n\
        print('%06d' % ((struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000))";
    let done = Command::new("python3").args(["-c", CODE, address]).output().expect("python3");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn everybody_gets_in_as_before(world: &mut Installation) {
    let secrets = recorded_json("secrets.json");
    world.server.change_config(&json!({"auth": {"totp": {"enabled": true, "allow_recovery": true}}}));
    world.server.start_again();
    let factor =
        |login: &str| secrets["totp"].as_array().unwrap().iter().find(|factor| factor["login"] == login).cloned();
    for account in secrets["passwords"].as_array().unwrap() {
        let login = account["login"].as_str().unwrap();
        let Some(password) = account["password"].as_str() else { continue };
        let client = world.server.client(login, password);
        if let Some(factor) = factor(login) {
            assert_eq!(client.get("/api/user").status, 401, "the second factor is asked for");
            let code = one_time_code(factor["url"].as_str().unwrap());
            client.post("/api/auth/verify", &json!({"passcode": code})).expect(200);
        }
        assert_eq!(client.get("/api/user").expect(200).json()["username"], login);
    }
    for token in secrets["tokens"].as_array().unwrap() {
        let header = format!("Bearer {}", token["token"].as_str().unwrap());
        let answer = world.server.anonymous().send_with("GET", "/api/user", None, &[("Authorization", &header)]);
        if token["expired"] == true {
            answer.expect(401);
        } else {
            assert_eq!(answer.expect(200).json()["username"], token["user"]);
        }
    }
    for runner in secrets["runners"].as_array().unwrap() {
        let headers = [("X-Runner-Token", runner["token"].as_str().unwrap())];
        world.server.anonymous().send_with("GET", "/api/internal/runners", None, &headers).expect(200);
    }
    // The recovery code comes last: it takes the second factor away.
    for factor in secrets["totp"].as_array().unwrap() {
        let login = factor["login"].as_str().unwrap();
        let of = |account: &&Value| account["login"] == login;
        let account = secrets["passwords"].as_array().unwrap().iter().find(of).unwrap();
        let client = world.server.client(login, account["password"].as_str().unwrap());
        client.post("/api/auth/recovery", &json!({"recovery_code": factor["recovery_code"]})).expect(204);
        assert_eq!(client.get("/api/user").expect(200).json()["username"], login);
    }
}

fn story(kind: Option<Kind>) {
    let Some(mut world) = imported_into(kind) else { return };
    every_secret_is_what_was_put_in(&mut world);
    everybody_gets_in_as_before(&mut world);
    crate::bolt_doors::sessions_and_addresses_go_on(&mut world);
}

#[test]
fn secrets_of_a_bolt_file_in_sqlite() {
    story(None);
}

#[test]
fn secrets_of_a_bolt_file_in_postgres() {
    story(Some(Kind::Postgres));
}

#[test]
fn secrets_of_a_bolt_file_in_mariadb() {
    story(Some(Kind::MariaDb));
}
