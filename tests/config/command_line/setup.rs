//! `setup`: the recorded dialogues, what a person may do wrong, and the same without a dialogue.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use base64::Engine as _;
use nix::{sys::signal, unistd::Pid};
use semaphore_test_machine::database::{Kind, Server as Database};
use semaphore_tests::{Client, free_port, program, wait_until};
use serde_json::{Value, json};

use super::{Place, Run, fixture, mode};

/// Answers for SQLite with everything else as proposed, up to the directory of the configuration.
const PLAIN: &str = "4\n\n\n\n\n\n\n\n\n\n\n";

/// Checks the three keys that are made up, and takes them out.
fn without_keys(mut config: Value) -> Value {
    for key in ["cookie_hash", "cookie_encryption", "access_key_encryption"] {
        let made = config.as_object_mut().unwrap().remove(key).unwrap_or_else(|| panic!("no {key}"));
        let bytes = base64::engine::general_purpose::STANDARD.decode(made.as_str().unwrap()).unwrap_or_default();
        assert!(bytes.len() == 32 || made == "<base64 of 32 random bytes>", "{key}: {made}");
    }
    config
}

/// The questions of a dialogue, in order.
fn questions(said: &str) -> Vec<&str> {
    said.lines().filter(|line| line.ends_with(": ")).collect()
}

#[test]
fn recorded_dialogues_make_the_recorded_configurations() {
    let recorded: Value = serde_json::from_slice(&fs::read(fixture("cli.json")).unwrap()).unwrap();
    let mut first: Option<Place> = None;
    let dialogues = recorded["setup_wizard"].as_array().unwrap().iter().filter(|one| one["args"] == json!(["setup"]));
    for dialogue in dialogues {
        let name = dialogue["name"].as_str().unwrap();
        let place = Place::new();
        let directory = place.0.path().to_str().unwrap();
        let elsewhere = first.as_ref().map(|first| first.path("database.sqlite").to_str().unwrap().to_owned());
        let here = |text: &str| {
            text.replace("<DIR>/wiz_sqlite_defaults/database.sqlite", elsewhere.as_deref().unwrap_or_default())
                .replace("<DIR>", directory)
        };
        // Recorded without a database server: whatever listens on the usual ports here is none of ours.
        let nowhere = [("SEMAPHORE_DB_HOST", "127.0.0.1:1")];
        let environment = if name.ends_with("_no_server") { &nowhere[..] } else { &[] };
        let run = place.run_with(&["setup"], &here(dialogue["stdin"].as_str().unwrap()), environment);
        if name == "bolt" {
            assert_eq!((run.code, place.names().len()), (1, 0), "{run:#?}");
            assert!(run.stderr.contains("choose SQLite instead of BoltDB"), "{run:#?}");
            continue;
        }
        assert_eq!(run.code, i32::from(dialogue["exit_code"] != 0), "{name}: {run:#?}");
        let recorded = here(dialogue["stdout"].as_str().unwrap());
        assert_eq!(questions(&run.stdout), questions(&recorded), "{name}: {run:#?}");
        let expected: Value =
            serde_json::from_str(&here(&dialogue["config_written"]["config.json"].to_string())).unwrap();
        assert_eq!(without_keys(place.json("config.json")), without_keys(expected), "{name}");
        assert_eq!(mode(&place.path("config.json")), 0o600, "{name}");
        if run.code == 0 {
            let last = recorded.trim_end().lines().last().unwrap();
            assert_eq!(run.stdout.trim_end().lines().last(), Some(last), "{name}: {run:#?}");
        } else {
            assert!(run.stderr.contains("semaphore migrate --config"), "{name}: {run:#?}");
        }
        if name == "sqlite_defaults" {
            let user = logs_in(&place, "admin", "secret");
            assert_eq!(
                (&user["name"], &user["email"], &user["admin"]),
                (&json!("The Name"), &json!("admin@example.test"), &json!(true))
            );
            first = Some(place);
        } else if name == "existing_user" {
            assert!(run.stdout.contains("Welcome back, The Name!"), "{run:#?}");
        }
    }
}

/// A server on what is in the place lets a user in; what it tells about them.
pub(super) fn logs_in(place: &Place, login: &str, password: &str) -> Value {
    let port = free_port();
    let mut server = Command::new(program())
        .args(["server", "--config"])
        .arg(place.path("config.json"))
        .env_clear()
        .env("SEMAPHORE_PORT", port.to_string())
        .env("SEMAPHORE_INTERFACE", "127.0.0.1")
        .env("SEMAPHORE_TMP_PATH", place.path("tmp"))
        .env("HOME", place.0.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the server listens", Duration::from_secs(30), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    let client = Client::new(port);
    client.login(login, password);
    let user = client.get("/api/user").expect(200).json();
    signal::kill(Pid::from_raw(server.id() as i32), signal::Signal::SIGTERM).unwrap();
    assert!(server.wait().unwrap().success());
    user
}

#[test]
fn a_bad_answer_is_asked_for_again_and_the_end_of_the_input_writes_nothing() {
    let place = Place::new();
    let answers = "7\nSQLite\n4\n\n\nnot a url\nhttps://example.test\nperhaps\ny\nmail\n99999\n587\n\nn\nn\nn\nn\nn\n";
    let run = place.run_with(&["setup"], answers, &[]).expect(1);
    for said in
        ["\"7\" is none of", "\"SQLite\" is none of", "must be a URL", "neither yes nor no", "number of a TCP port"]
    {
        assert!(run.stdout.contains(said), "{said}: {run:#?}");
    }
    assert!(run.stderr.contains("the input ended before the answer to \"Config output directory\""), "{run:#?}");
    assert_eq!(place.names(), [""; 0], "{run:#?}");

    let run =
        place.run_with(&["setup"], &format!("{answers}sub/dir\nadm\nadm@example.test\nName\n\npass\n"), &[]).expect(0);
    let config = place.json("sub/dir/config.json");
    assert_eq!(
        (&config["web_host"], &config["email_host"], &config["email_port"]),
        (&json!("https://example.test"), &json!("mail"), &json!("587"))
    );
    assert!(run.stdout.contains("must not be empty"), "{run:#?}");
}

#[test]
fn an_old_configuration_is_never_lost() {
    let place = Place::new();
    place.run_with(&["setup", "-"], &format!("{PLAIN}adm\nadm@example.test\nName\npass\n"), &[]).expect(0);
    let old = place.text("config.json");
    let refused = place.run_with(&["setup"], &format!("{PLAIN}no\n"), &[]).expect(1);
    assert!(refused.stderr.contains("is there already; nothing was changed"), "{refused:#?}");
    assert_eq!(place.text("config.json"), old);
    let replaced = place.run_with(&["setup"], &format!("{PLAIN}yes\nadm\nadm@example.test\n"), &[]).expect(0);
    assert!(replaced.stdout.contains("Welcome back, Name!"), "{replaced:#?}");
    assert_eq!(place.text("config.json.old"), old);
    assert_ne!(place.text("config.json"), old);
    place.run(&["setup", "--non-interactive", "--set", "dialect=sqlite"]).expect(1);
    place.run(&["setup", "--non-interactive", "--set", "dialect=sqlite", "--replace"]).expect(0);
    assert_eq!(place.text("config.json.old"), old, "the oldest is kept as well");
    assert!(place.path("config.json.old.2").exists());
}

#[test]
fn without_a_dialogue_the_answers_come_from_file_environment_and_flags() {
    let place = Place::new();
    let answers = json!({
        "dialect": "postgres", "port": "4000", "web_host": "https://file.example.test", "max_parallel_tasks": 3,
        "admin": {"login": "Boss", "email": "boss@example.test", "password": "from the file"},
    });
    fs::write(place.path("answers.json"), answers.to_string()).unwrap();
    let arguments = [
        "--config",
        "etc/own.json",
        "setup",
        "--non-interactive",
        "--answers",
        "answers.json",
        "--set",
        "max_parallel_tasks=5",
    ];
    let environment = [
        ("SEMAPHORE_DB_DIALECT", "sqlite"),
        ("SEMAPHORE_DB_HOST", "own.sqlite"),
        ("SEMAPHORE_WEB_ROOT", "https://environment.example.test"),
        ("SEMAPHORE_COOKIE_HASH", super::KEY),
        ("SEMAPHORE_ADMIN_NAME", "The Boss"),
    ];
    let run = place.run_with(&arguments, "", &environment).expect(0);
    assert!(run.stdout.ends_with("You can login with boss@example.test or boss.\n"), "{run:#?}");
    let mut config = place.json("etc/own.json");
    assert_eq!(config["cookie_hash"], super::KEY, "a key that is given is not made up");
    config = without_keys(config);
    assert_eq!(
        config,
        json!({
            "dialect": "sqlite", "sqlite": {"host": "own.sqlite"}, "port": "4000", "max_parallel_tasks": 5,
            "web_host": "https://environment.example.test", "tmp_path": "/tmp/semaphore",
        })
    );
    assert_eq!(mode(&place.path("etc/own.json")), 0o600);
    let shown = place.done(&["user", "get", "--login", "boss", "--config", "etc/own.json"]);
    assert!(shown.contains("Name: The Boss\nEmail: boss@example.test\nAdmin: true"), "{shown}");
}

#[test]
fn without_a_dialogue_what_is_wrong_is_named_and_nothing_is_written() {
    let check = |arguments: &[&str], input: &str, environment: &[(&str, &str)], expected: &str| {
        let place = Place::new();
        let run: Run = place.run_with(&[&["setup", "--non-interactive"], arguments].concat(), input, environment);
        assert_eq!((run.code, place.names().len()), (1, 0), "{arguments:?}: {run:#?}");
        assert!(run.stderr.contains(expected), "{expected}: {run:#?}");
        assert!(!run.stderr.contains("hunter2"), "{run:#?}");
    };
    let sqlite = ["--set", "dialect=sqlite"];
    check(&[], "", &[], "no database was chosen");
    check(&["--set", "dialect=bolt"], "", &[], "choose SQLite instead of BoltDB");
    check(&["--set", "dialcet=sqlite"], "", &[], "did you mean dialect?");
    check(&["--set", "postgres.pass=hunter2"], "", &[], "is a secret");
    check(&["--set", "max_parallel_tasks=many"], "", &[], "must be a whole number");
    check(&sqlite, "", &[("SEMAPHORE_PORT", "70000")], "configuration key port");
    check(&sqlite, "", &[("SEMAPHORE_ADMIN", "adm")], "the administrator has no e-mail address");
    check(&[&sqlite[..], &["--answers", "-"]].concat(), r#"{"tpm_path": "/x"}"#, &[], "did you mean tmp_path?");
    check(&[&sqlite[..], &["--answers", "-"]].concat(), "[]", &[], "must be a JSON object");
    check(&[&sqlite[..], &["--answers", "/nowhere.json"]].concat(), "", &[], "cannot read the answers");
    check(
        &["--set", "dialect=postgres", "--set", "postgres.host=127.0.0.1:1"],
        "",
        &[],
        "no configuration was written",
    );
    let long = format!("{}\n", "hunter2".repeat(11));
    let person = ["--admin-login", "a", "--admin-email", "a@b", "--stdin-password"];
    check(&[&sqlite[..], &person].concat(), &long, &[], "must not be longer than 72 bytes");
}

#[test]
fn secrets_that_the_new_key_does_not_open_are_announced() {
    let place = Place::new();
    fs::copy(fixture("db/sqlite/database.sqlite"), place.path("database.sqlite")).unwrap();
    let run = place.run(&["setup", "--non-interactive", "--set", "dialect=sqlite"]).expect(0);
    assert!(
        run.stderr.contains("the database holds secrets that the new access_key_encryption does not open"),
        "{run:#?}"
    );
}

/// The wizard on a database server, with a password that has a space in it, and a project that goes in and out there.
fn sets_up(kind: Kind, choice: &str) {
    let Some(database) = Database::start(kind) else { return };
    database.add_user("operator", "Pass word-1/@:?");
    let place = Place::new();
    let answers = format!(
        "{choice}\n{}\noperator\nPass word-1/@:?\nset_up\n\n\nno\nno\nno\nno\nno\nno\n\nadm\nadm@example.test\nAdm\npw\n",
        database.address()
    );
    let run = place.run_with(&["setup"], &answers, &[]).expect(0);
    assert!(!run.stdout.contains("Pass word") && !run.stderr.contains("Pass word"), "{run:#?}");
    assert_eq!(place.run(&["user", "list", "--json"]).expect(0).json()[0]["username"], "adm");
    fs::write(place.path("in.json"), r#"{"meta": {"name": "Projekt \u00dcber"}}"#).unwrap();
    place.done(&["project", "import", "--file", "in.json"]);
    let exported = place.run(&["project", "export", "--project-name", "projekt Über", "--file", "-"]).expect(0);
    assert_eq!(exported.json()["meta"]["name"], "Projekt Über");
}

#[test]
fn the_wizard_sets_up_postgresql() {
    sets_up(Kind::Postgres, "3");
}

#[test]
fn the_wizard_sets_up_mariadb() {
    sets_up(Kind::MariaDb, "1");
}

/// Python plays the person at the terminal: each answer is typed when its question is there.
const TYPE: &str = r#"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "setup"])
seen = b""
def read():
    global seen
    try:
        part = os.read(terminal, 4096)
    except OSError:
        part = b""
    seen += part
    return part
dialogue = [("use:", "4"), ("db Hostname", ""), ("Playbook path", ""), ("Public URL", "")]
dialogue += [("(default no): ", "")] * 6 + [("output directory", "")]
dialogue += [("Username: ", "adm"), ("Email: ", "adm@example.test"), ("Your name: ", "Adm"), ("Password: ", "hunter2")]
place = 0
for question, answer in dialogue:
    while True:
        place = max(place, seen.find(question.encode(), place))
        if seen[place:].startswith(question.encode()) and seen.endswith(b": "):
            place += len(question)
            break
        if not read():
            sys.exit("ended too early: " + seen.decode())
    os.write(terminal, answer.encode() + b"\n")
while read():
    pass
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn a_terminal_does_not_show_the_password() {
    let place = Place::new();
    let typed = Command::new("python3").args(["-c", TYPE]).arg(program()).current_dir(place.0.path()).output().unwrap();
    let said = String::from_utf8_lossy(&[typed.stdout, typed.stderr].concat()).into_owned();
    assert!(typed.status.success() && said.contains("You are all setup Adm!"), "{said}");
    assert!(said.contains("adm@example.test") && !said.contains("hunter2"), "{said}");
}
