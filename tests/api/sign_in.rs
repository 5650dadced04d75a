//! Sign-in: who guesses is slowed down, and a foreign page cannot use a session.

use std::process::Command;

use semaphore_tests::PASSWORD;
use serde_json::json;

use crate::world::World;

/// The code of this moment for the secret in an address, made by another program.
pub(crate) fn one_time_code(address: &str) -> String {
    const CODE: &str = "import base64, hashlib, hmac, struct, sys, time\n\
        secret = sys.argv[1].rsplit('secret=', 1)[1]\n\
        key = base64.b32decode(secret + '=' * (-len(secret) % 8))\n\
        mac = hmac.new(key, struct.pack('>Q', int(time.time()) // 30), hashlib.sha1).digest()\n\
        at = mac[-1] & 15\n\
        print('%06d' % ((struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000))";
    let done = Command::new("python3").args(["-c", CODE, address]).output().expect("python3");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[test]
fn who_guesses_passwords_waits_and_nobody_else_does() {
    let world = World::new();
    world.user("carol");
    let client = world.server.anonymous();
    let login = |name: &str, password: &str, address: &str| {
        let body = json!({"auth": name, "password": password}).to_string();
        client.send_with("POST", "/api/auth/login", Some(&body), &[("X-Forwarded-For", address)]).status
    };
    for _ in 0..10 {
        assert_eq!(login("carol", "wrong", "198.51.100.7"), 401);
    }
    assert_eq!(login("carol", "wrong", "198.51.100.7"), 429);
    assert_eq!(login("CAROL", PASSWORD, "198.51.100.7"), 429, "the right one is not looked at either");
    assert_eq!(login("admin", PASSWORD, "198.51.100.7"), 204, "another account");
    assert_eq!(login("carol", PASSWORD, "198.51.100.8"), 204, "another address");
}

#[test]
fn who_guesses_codes_waits() {
    let world = World::new();
    let id = world.user("carol");
    let made = world.admin.post(&format!("/api/users/{id}/2fas/totp"), &json!({})).expect(200).json();
    let client = world.server.client("carol", PASSWORD);
    let code = one_time_code(made["url"].as_str().unwrap());
    for _ in 0..10 {
        client.post("/api/auth/verify", &json!({"passcode": "000000x"})).expect(401);
    }
    client.post("/api/auth/verify", &json!({"passcode": code})).expect(429);
}

#[test]
fn a_foreign_page_changes_nothing_with_a_session() {
    let world = World::new();
    let host = format!("http://127.0.0.1:{}", world.server.port());
    let create = |headers: &[(&str, &str)]| {
        world.admin.send_with("POST", "/api/projects", Some("{\"name\": \"Made\"}"), headers).status
    };
    for foreign in [("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")] {
        assert_eq!(create(&[foreign]), 403, "{foreign:?}");
    }
    assert_eq!(world.value("select count(*) from project"), 0);
    assert_eq!(create(&[("Origin", &host), ("Sec-Fetch-Site", "same-origin")]), 201);
    assert_eq!(create(&[]), 201);
    world.admin.send_with("GET", "/api/projects", None, &[("Origin", "https://evil.example")]).expect(200);
}
