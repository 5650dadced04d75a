//! The SSH server of the tests, for tests in other languages: one process, one server.
//!
//! The first line on standard output is a JSON object with what a client needs, or `null` if this machine cannot have the server
//! (the reason is on standard error; with CI=true it is a failure). Then each line on standard input is a request that is
//! answered by one line of JSON; the end of the input ends the server. Requests: `repository PATH` (serve a git repository; its
//! address), `logins` (the logins so far).

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a fixture that fails is a failed test")]

use std::{
    fs,
    io::{self, BufRead as _, Write as _},
    path::Path,
    process::Command,
};

use semaphore_test_machine::ssh::Server;
use serde_json::{Value, json};

const PASSPHRASE: &str = "let me in";

fn main() {
    let Some(server) = Server::start() else { return say(&Value::Null) };
    say(&introduction(&server));
    for request in io::stdin().lock().lines() {
        let request = request.expect("a line of text");
        say(&match request.split_once(' ') {
            Some(("repository", path)) => server.serve_repository(Path::new(path)).into(),
            None if request == "logins" => server.logins().into(),
            _ => panic!("{request:?} is not a request"),
        });
    }
}

/// Makes a key that may log in, and tells everything.
fn introduction(server: &Server) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", PASSPHRASE, "-f"]).arg(&key).status().unwrap();
    assert!(made.success(), "ssh-keygen: {made}");
    server.authorize(&fs::read_to_string(key.with_extension("pub")).unwrap());
    json!({
        "host": server.host(),
        "port": server.port(),
        "user": server.user(),
        "other_user": server.other_user(),
        "password": server.password(),
        "sudo_password": server.sudo_password(),
        "known_hosts": server.known_hosts_line(),
        "private_key": fs::read_to_string(key).unwrap(),
        "passphrase": PASSPHRASE,
    })
}

fn say(value: &Value) {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}").and_then(|()| out.flush()).expect("somebody reads what is said");
}
