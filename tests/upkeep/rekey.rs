//! The change of `access_key_encryption`: all or nothing, and never garbage.

use std::{
    collections::BTreeMap,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::world::{Place, World, recorded, stories};

stories!(a_key_is_changed_and_every_secret_stays_what_it_is);

fn key(text: &str) -> String {
    STANDARD.encode(text)
}

fn old_key() -> String {
    recorded("config.json")["access_key_encryption"].as_str().unwrap().to_owned()
}

fn new_key() -> String {
    key("new key new key new key new key ")
}

/// The plaintexts of the recorded installation, by id of the key where there is one, else by their own text.
fn plaintexts() -> (BTreeMap<String, Value>, Vec<String>) {
    let secrets = recorded("secrets.json");
    let mut by_id = BTreeMap::new();
    for key in secrets["keys"].as_array().unwrap() {
        by_id.insert(key["id"].to_string(), key["plaintext"].clone());
    }
    let lists = [&secrets["environment_secrets"], &secrets["secret_storages"]];
    let texts = lists.iter().flat_map(|list| list.as_array().unwrap());
    (by_id, texts.map(|secret| secret["secret"].as_str().unwrap().to_owned()).collect())
}

fn a_key_is_changed_and_every_secret_stays_what_it_is(world: &mut World) {
    let before = world.stored();
    let count = before.len();
    assert!(count >= 15, "{count}");
    world.server.change_config(&json!({"access_key_encryption": new_key()}));

    // A wrong old key: named, and nothing is changed. The same for what is no key, and for "there was none".
    for (wrong, expected) in [
        (key("wrong key wrong key wrong key wr"), "key `SSH plain` (id 4, project 1)"),
        ("nonsense".to_owned(), "the old key is not usable"),
        (String::new(), "key `SSH plain` (id 4, project 1)"),
    ] {
        let said = world.run(&["vault", "rekey", &format!("--old-key={wrong}")], "");
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.stderr.contains(expected) && said.stderr.contains("nothing was changed"), "{said:?}");
        assert!(wrong.is_empty() || !said.stderr.contains(&wrong), "{said:?}");
        assert_eq!(world.stored(), before);
    }

    let tried = world.run(&["vaults", "rekey", "--stdin-old-key", "--dry-run"], &format!("{}\n", old_key()));
    assert!(tried.stdout.contains(&format!("{count} secrets would be encrypted")), "{tried:?}");
    assert_eq!(world.stored(), before);

    let said = world.run(&["vaults", "rekey", "--stdin-old-key"], &format!("{}\n", old_key()));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains(&format!("{count} secrets are encrypted with the configured key now; 0 were before")));
    let after = world.stored();
    assert!(after.iter().all(|(id, secret)| secret != &before[id]) && after.len() == count);

    // Once more does no harm.
    let said = world.run(&["vaults", "rekey", "--old-key", &old_key()], "");
    assert!(said.stdout.contains(&format!("0 secrets are encrypted with the configured key now; {count} were before")));
    assert_eq!(world.stored(), after);

    // Without encryption the plaintexts can be read by anybody: they are those that were put in.
    world.server.change_config(&json!({"access_key_encryption": ""}));
    let said = world.run(&["vaults", "rekey", "--old-key", &new_key()], "");
    assert_eq!(said.code, Some(0), "{said:?}");
    let (by_id, mut texts) = plaintexts();
    for (id, stored) in world.stored() {
        let plaintext = String::from_utf8(STANDARD.decode(stored).unwrap()).unwrap();
        if let Some(Value::Object(expected)) = by_id.get(&id) {
            let expected = expected.values().next().unwrap();
            let found = serde_json::from_str(&plaintext).unwrap_or_else(|_| json!(plaintext));
            assert_eq!(&found, expected, "key {id}");
        } else {
            let place = texts.iter().position(|text| *text == plaintext);
            texts.remove(place.unwrap_or_else(|| panic!("key {id} holds what nobody stored")));
        }
    }
    assert!(texts.is_empty(), "lost: {texts:?}");

    // And back to the key of the Go server.
    world.server.change_config(&json!({"access_key_encryption": old_key()}));
    let said = world.run(&["vaults", "rekey"], "");
    assert!(said.stdout.contains(&format!("{count} secrets are encrypted")), "{said:?}");
    let doctor = world.run(&["doctor", "--json"], "");
    assert!(doctor.stdout.contains(&format!("all {count} secrets can be read")), "{}", doctor.stdout);
}

#[test]
fn what_nobody_misses_does_not_stand_in_the_way() {
    let mut world = World::recorded(Place::Sqlite).unwrap();
    world.run(&["migrate"], "");
    world.execute(
        "insert into rs_jwt_key values ('lost', 'ES256', 'c2VhbGVkIHdpdGggYSB0aGlyZCBrZXk=', '{}', '2020-01-01', '2020-01-02', '2020-01-03')",
    );
    let count = world.stored().len();
    world.server.change_config(&json!({"access_key_encryption": new_key()}));
    let said = world.run(&["vaults", "rekey", "--old-key", &old_key()], "");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains(&format!("{count} secrets are encrypted")), "{said:?}");
    assert!(said.stdout.contains("1 old deliveries or keys to sign with are left as they are"), "{said:?}");
    let doctor = world.run(&["doctor", "--json"], "");
    let found: Value = serde_json::from_str(&doctor.stdout).unwrap();
    let is_it = |finding: &&Value| finding["message"].as_str().unwrap().contains("row lost of rs_jwt_key");
    let finding = found["findings"].as_array().unwrap().iter().find(is_it).expect("the doctor says so");
    assert_eq!((&finding["level"], &finding["advice"]), (&json!("warning"), &json!("nothing needs it any more")));
}

#[test]
fn nothing_to_encrypt_is_said_as_the_reference_says_it() {
    let world = World::recorded(Place::Sqlite).unwrap();
    world.execute("update access_key set secret = null");
    let said = world.run(&["vault", "rekey", "--old-key", "x"], "");
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), "Loading config\nValidating config\n"), "{said:?}");
}

#[test]
fn a_change_that_is_killed_has_changed_all_or_nothing() {
    let mut world = World::recorded(Place::Sqlite).unwrap();
    world.execute(
        "with recursive many(number) as (select 1 union all select number + 1 from many where number < 4000) \
         insert into access_key (name, type, project_id, secret, owner) \
         select 'copy ' || number, type, project_id, secret, owner from access_key, many where id = 8",
    );
    let mut keys = [old_key(), new_key()];
    let mut whole = Duration::from_secs(2);
    let mut killed = 0_u32;
    for part in [10, 3, 5, 7, 9, 11] {
        let before = world.stored();
        world.server.change_config(&json!({"access_key_encryption": keys[1]}));
        let started = Instant::now();
        let mut command = world.server.command(&["vaults", "rekey", "--old-key", &keys[0], "--config"]);
        let mut child =
            command.arg(world.server.config_path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if part == 10 {
            assert!(child.wait().unwrap().success());
            whole = started.elapsed();
        } else {
            thread::sleep(whole * part / 10);
            let _ = child.kill();
            if child.wait().unwrap().success() {
                // The first one was slow, because the machine was busy.
                whole /= 2;
            } else {
                killed += 1;
            }
        }
        let changed = world.stored().iter().filter(|(id, secret)| before[*id] != **secret).count();
        assert!(changed == 0 || changed == before.len(), "{changed} of {} secrets were changed", before.len());
        if changed > 0 {
            keys.reverse();
        }
    }
    assert!(killed > 0, "no change was killed before its end");
}
