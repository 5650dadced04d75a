//! Sessions of the Go server go on: a browser that is logged in there stays logged in here.

use std::process::Command;

use semaphore_tests::Client;
use serde_json::Value;

use crate::world::{Place, World, recorded};

/// What the Go server put into a cookie for session 1 of user 1 with the keys of the recorded installation: encrypted gob.
const CONTENT: &str = "kns6OxXc-BhgY82v2nKYURH6zTg7SzrslN17WwQUPM2DoOdrT0sKenUJ_oAtb-yMW7fanoMP17OMSCQvj7gn7g==";

/// The cookie around it, made now: a cookie counts for 30 days.
fn cookie(hash_key: &str) -> String {
    const SIGN: &str = "import base64, hashlib, hmac, sys, time\n\
        stamp = str(int(time.time()))\n\
        mac = hmac.new(base64.b64decode(sys.argv[1]), f'semaphore|{stamp}|{sys.argv[2]}'.encode(), hashlib.sha256).digest()\n\
        print(base64.urlsafe_b64encode(f'{stamp}|{sys.argv[2]}|'.encode() + mac).decode())";
    let done = Command::new("python3").args(["-c", SIGN, hash_key, CONTENT]).output().expect("python3");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_session_of_the_go_server_goes_on_here() {
    let mut world = World::recorded(Place::Sqlite).unwrap();
    world.execute("update session set last_active = datetime('now')");
    world.server.start_again();
    let asked = |cookie: &str| {
        let header = format!("semaphore={cookie}");
        Client::new(world.server.port()).send_with("GET", "/api/user", None, &[("Cookie", &header)])
    };
    let hash = recorded("config.json")["cookie_hash"].as_str().unwrap().to_owned();
    let user: Value = asked(&cookie(&hash)).expect(200).json();
    assert_eq!(user["id"], 1, "{user}");
    asked(&cookie("YW5vdGhlciBrZXkgYW5vdGhlciBrZXkgYW5vdGhlciE=")).expect(401);
}
