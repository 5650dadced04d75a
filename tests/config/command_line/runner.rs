//! `runner`: the recorded dialogues, registration and leaving.

use std::{fs, io::Write as _, process::Stdio};

use semaphore_tests::{RUNNER_TOKEN, RunnerDesk, RunnerProcess};
use serde_json::{Value, json};

use super::{Place, fixture, mode};

#[test]
fn recorded_dialogues_make_the_recorded_configurations() {
    let recorded: Value = serde_json::from_slice(&fs::read(fixture("cli.json")).unwrap()).unwrap();
    let dialogues = recorded["setup_wizard"].as_array().unwrap().iter();
    let dialogues: Vec<_> = dialogues.filter(|one| one["args"] == json!(["runner", "setup"])).collect();
    assert_eq!(dialogues.len(), 2);
    for dialogue in dialogues {
        let place = Place::new();
        let directory = place.0.path().to_str().unwrap();
        let here = |value: &Value| value.as_str().unwrap().replace("<DIR>", directory);
        let run = place.run_with(&["runner", "setup"], &here(&dialogue["stdin"]), &[]).expect(0);
        assert_eq!(run.stdout, here(&dialogue["stdout"]), "{run:#?}");
        assert_eq!(place.json("config.runner.json"), dialogue["config_written"]["config.runner.json"]);
        assert_eq!(mode(&place.path("config.runner.json")), 0o600);
    }
}

#[test]
fn setup_registers_and_keeps_a_configuration_that_was_there() {
    let (desk, place) = (RunnerDesk::open(), Place::new());
    fs::write(place.path("config.runner.json"), "{}").unwrap();
    let answers = format!("{}\nyes\ntoken.txt\nno\nyes\nlet me in\nkey.pem\n\n", desk.address());
    let run = place.run_with(&["runner", "setup"], &answers, &[]).expect(0);
    assert!(run.stdout.contains("./semaphore runner start --config"), "{run:#?}");
    assert_eq!(place.text("token.txt"), RUNNER_TOKEN);
    assert_eq!((mode(&place.path("token.txt")), mode(&place.path("key.pem"))), (0o600, 0o600));
    assert_eq!(place.text("config.runner.json.old"), "{}");
    let config = place.json("config.runner.json");
    assert_eq!(config["runner"], json!({"token_file": "token.txt", "private_key_file": "key.pem"}));
    let body = &desk.heard("POST")[0].body;
    assert_eq!(body["registration_token"], "let me in");
    assert!(body["public_key"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----\n"), "{body}");
}

#[test]
fn a_check_says_why_a_runner_would_not_start() {
    let place = Place::new();
    let check = |config: &Value| {
        fs::write(place.path("config.json"), config.to_string()).unwrap();
        place.run(&["config", "check", "--runner"])
    };
    let mut config =
        json!({"web_host": "http://127.0.0.1:3000", "runner": {"token_file": "token", "private_key_file": "key"}});
    let lost = check(&config).expect(1);
    assert_eq!(
        lost.stdout.trim(),
        "error: runner.token: the runner is not registered: run `semaphore runner register` or `setup`"
    );
    fs::write(place.path("token"), "t").unwrap();
    let good = check(&config).expect(0);
    assert!(good.stdout.contains("nothing wrong was found"), "{good:#?}");
    assert!(place.run(&["config", "check"]).expect(1).stdout.contains("no database is named"));

    fs::write(place.path("key"), "no key").unwrap();
    config["web_host"] = "".into();
    let bad = check(&config).expect(1).stdout;
    let keys: Vec<_> = bad.lines().map(|line| line.split(": ").nth(1).unwrap()).collect();
    assert_eq!(keys, ["web_host", "runner.private_key_file"], "{bad}");
}

/// A runner's command with a text on its standard input.
fn run(runner: &RunnerProcess, words: &[&str], input: &str) -> (Option<i32>, String) {
    let mut command = runner.command(words);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_runner_registers_and_leaves() {
    let desk = RunnerDesk::open();
    let runner = RunnerProcess::prepared(&desk.address(), &json!({}));
    let (code, said) = run(&runner, &["start"], "");
    assert_eq!(code, Some(1));
    assert!(said.contains("can not retrieve runner token"), "{said}");
    let (code, said) = run(&runner, &["unregister"], "");
    assert_eq!(code, Some(1));
    assert!(said.contains("runner is not registered"), "{said}");
    for (words, error) in [
        (&["register"][..], "registration token cannot be empty"),
        (&["register", "--stdin-registration-token"][..], "Empty token"),
    ] {
        let (code, said) = run(&runner, words, "");
        assert_eq!(code, Some(1));
        assert!(said.contains(error), "{said}");
    }
    assert_eq!(desk.heard("POST").len(), 0);
    let (code, said) = run(&runner, &["register", "--stdin-registration-token"], " let me in\n");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Registering a new runner") && !said.contains("let me in"), "{said}");
    assert_eq!(desk.heard("POST")[0].body["registration_token"], "let me in");

    // Reference: sends no token, so that nothing is removed.
    desk.answer(200, 500);
    let (code, said) = run(&runner, &["unregister"], "");
    assert_eq!(code, Some(1));
    assert!(said.contains("the server returned error 500"), "{said}");
    assert!(runner.path("token").exists());
    desk.answer(200, 204);
    let (code, said) = run(&runner, &["unregister"], "");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(desk.heard("DELETE")[1].token, RUNNER_TOKEN);
    assert!(!runner.path("token").exists());
}

#[test]
fn a_runner_registers_at_its_start_as_soon_as_the_server_lets_it() {
    let desk = RunnerDesk::open();
    desk.answer(400, 204);
    let mut runner = RunnerProcess::prepared(&desk.address(), &json!({"runner_registration_token": "let me in"}));
    let mut command = runner.command(&["start", "--register"]);
    let log = fs::File::create(runner.path("log")).unwrap();
    let mut process = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    runner.wait_for_log("Invalid registration token");
    desk.answer(200, 204);
    runner.wait_for_log("Runner connected");
    process.kill().unwrap();
    process.wait().unwrap();
    // It is registered now.
    runner.start();
    desk.wait_for_polls(1);
    assert_eq!(desk.heard("POST").iter().filter(|heard| heard.body["registration_token"] == "let me in").count(), 2);
}
