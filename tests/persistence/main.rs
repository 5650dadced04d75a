//! Installations that move: a Bolt file of the Go server becomes a SQL database, and SQL databases become each other, through
//! the program's own commands and with a kill in the middle.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod archive_kill;
mod bolt_doors;
mod bolt_secrets;
mod copy_fits;
mod displaced;
mod installation;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use semaphore_test_machine::{
    bolt::{Bucket, write},
    database::{Kind, Server as Database},
};
use semaphore_tests::{Options, Server, project_root, wait_until};
use serde_json::{Value, json};

fn recorded(name: &str) -> PathBuf {
    project_root().join("tests/conformance/fixtures/db/bolt").join(name)
}

fn recorded_json(name: &str) -> Value {
    serde_json::from_slice(&fs::read(recorded(name)).unwrap()).unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A server that is not running, on a configuration like that of the recorded file, without a database.
fn prepared(database: &Value) -> Server {
    let mut config = recorded_json("config.json");
    for key in ["bolt", "port", "interface", "tmp_path", "dialect", "dirs", "web_host"] {
        config.as_object_mut().unwrap().remove(key);
    }
    config.as_object_mut().unwrap().extend(database.as_object().unwrap().clone());
    let server = Server::prepared(Options { config, ..Options::default() });
    fs::remove_file(server.database()).unwrap();
    server
}

fn migrate(server: &Server, file: &Path, more: &[&str]) -> Output {
    let mut command = server.command(&["migrate", "--from-boltdb"]);
    command.arg(file).args(more).arg("--config").arg(server.config_path()).output().unwrap()
}

/// The ids that an import changed.
fn changed_ids(rows: impl IntoIterator<Item = String>) -> Value {
    let row = |row: String| {
        let words: Vec<&str> = row.split_whitespace().collect();
        let numbers: Vec<i64> = words[1..].iter().map(|word| word.parse().unwrap()).collect();
        json!([words[0], numbers[0], numbers[1], numbers[2]])
    };
    rows.into_iter().map(row).collect()
}

/// Compares the answers of a running server with the recorded ones, times to so many digits of a second.
fn answers_as_recorded(server: &Server, changed: &Value, digits: u32) {
    let token = recorded_json("secrets.json")["admin_token"].as_str().unwrap().to_owned();
    let result = Command::new("python3")
        .arg(project_root().join("tests/persistence/replay.py"))
        .arg(format!("http://127.0.0.1:{}", server.port()))
        .arg(recorded("expected.json"))
        .args([&token, &changed.to_string(), &digits.to_string()])
        .output()
        .expect("python3 is needed for the tests of persistence");
    let said = text(&result);
    assert!(result.status.success(), "{said}");
    let compared: u32 = said.lines().last().unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(compared > 200, "{said}");
}

const CHANGED: &str = "select concat(kind, ' ', scope, ' ', old_id, ' ', new_id) from rs_import_map";

#[test]
fn a_server_on_a_bolt_file_asks_then_imports_then_stays_on_it() {
    let mut server = prepared(&json!({"dialect": "bolt"}));
    let file = server.directory().join("database.boltdb");
    fs::copy(recorded("database.boltdb"), &file).unwrap();
    server.change_config(&json!({"bolt": {"host": &file}, "sqlite": null}));
    let before = fs::read(&file).unwrap();

    let refused = server.command(&["server", "--config"]).arg(server.config_path()).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    for told in ["BoltDB file", "--accept-bolt-import", "database.sqlite"] {
        assert!(text(&refused).contains(told), "{}", text(&refused));
    }
    assert!(!server.database().exists(), "nothing is made without being asked");

    server.change_config(&json!({"bolt": {"accept_import": true}}));
    server.start_again();
    assert!(server.log().contains("Import finished"), "{}", server.log());
    let rows = server.sql("select kind, scope, old_id, new_id from rs_import_map");
    answers_as_recorded(&server, &json!(rows), 9);
    server.stop();
    assert!(fs::read(&file).unwrap() == before, "the Bolt file is only read");

    // From now on nobody has to agree, and nothing is imported twice.
    server.change_config(&json!({"bolt": {"accept_import": null}}));
    server.start_again();
    assert_eq!(server.sql("select count(*) from task"), [[json!(23)]]);
    assert_eq!(server.log().matches("Import finished").count(), 1);
    server.stop();

    // Somebody went back to the Go server for a while.
    write(&file, &BTreeMap::from([("project".to_owned(), Bucket::default())]));
    let refused = server.command(&["server", "--config"]).arg(server.config_path()).output().unwrap();
    assert!(!refused.status.success() && text(&refused).contains("was changed after"), "{}", text(&refused));
    // The file may be put away.
    fs::remove_file(&file).unwrap();
    server.start_again();
    assert_eq!(server.sql("select count(*) from task__output"), [[json!(759)]]);
}

fn imported_into(kind: Kind) {
    let Some(database) = Database::start(kind) else { return };
    let dialect = if kind == Kind::Postgres { "postgres" } else { "mysql" };
    let section = json!({"host": database.address(), "user": database.user(), "name": "imported"});
    let mut server = prepared(&json!({"dialect": dialect, dialect: section}));
    let done = migrate(&server, &recorded("database.boltdb"), &[]);
    assert!(done.status.success(), "{}", text(&done));
    assert!(text(&done).contains("Migration finished successfully."), "{}", text(&done));
    let again = migrate(&server, &recorded("database.boltdb"), &[]);
    assert!(again.status.success() && text(&again).contains("imported before"), "{}", text(&again));
    server.start_again();
    let digits = if kind == Kind::Postgres { 6 } else { 0 };
    answers_as_recorded(&server, &changed_ids(database.execute("imported", CHANGED)), digits);

    // And on into SQLite, with everything of ours.
    server.stop();
    let mut copy = prepared(&json!({}));
    let target = copy.config_path();
    let copied = |more: &[&str]| {
        let mut command = server.command(&["database", "copy", "--to-config"]);
        let command = command.arg(&target).args(more).arg("--config").arg(server.config_path());
        command.output().unwrap()
    };
    let dry = copied(&["--dry-run"]);
    assert!(dry.status.success() && text(&dry).contains("Dry run"), "{}", text(&dry));
    let done = copied(&[]);
    assert!(done.status.success() && text(&done).contains("Copy finished successfully."), "{}", text(&done));
    copy.start_again();
    let rows = copy.sql("select kind, scope, old_id, new_id from rs_import_map");
    answers_as_recorded(&copy, &json!(rows), digits);
    let counts = |sql: &str| copy.sql(sql)[0][0].clone();
    assert_eq!(counts("select seq from sqlite_sequence where name = 'task'"), 23);
    let refused = copied(&[]);
    assert!(refused.status.success() && text(&refused).contains("copied before"), "{}", text(&refused));
}

#[test]
fn the_recorded_file_answers_as_before_on_postgres_and_as_its_copy() {
    imported_into(Kind::Postgres);
}

#[test]
fn the_recorded_file_answers_as_before_on_mariadb_and_as_its_copy() {
    imported_into(Kind::MariaDb);
}

#[test]
fn a_dry_run_and_a_refusal_change_nothing() {
    let server = prepared(&json!({}));
    let dry = migrate(&server, &recorded("database.boltdb"), &["--dry-run"]);
    assert!(dry.status.success() && text(&dry).contains("Dry run: nothing was written."), "{}", text(&dry));
    let line = text(&dry).lines().find(|line| line.starts_with("task__output ")).unwrap_or_default().to_owned();
    assert!(line.contains(" 759 rows"), "{}", text(&dry));
    assert!(!server.database().exists());

    let missing = migrate(&server, Path::new("/nonexistent"), &[]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stdout).ends_with("File does not exist\n"), "{}", text(&missing));

    let damaged = server.directory().join("damaged.boltdb");
    let mut bytes = fs::read(recorded("database.boltdb")).unwrap();
    bytes.truncate(300_000);
    fs::write(&damaged, bytes).unwrap();
    let refused = migrate(&server, &damaged, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("damaged"), "{}", text(&refused));

    let used = Server::prepared(Options::default());
    let refused = migrate(&used, &recorded("database.boltdb"), &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused).contains("the target is not empty") && text(&refused).contains("hint:"),
        "{}",
        text(&refused)
    );
    assert_eq!(used.sql("select count(*) from project"), [[json!(0)]]);
}

/// Tasks of the file that is killed in the middle, and lines of each.
const TASKS: i64 = 40;
const LINES: i64 = 3000;

/// A file with much output.
fn large(path: &Path) {
    let version = |row: &Value| (row.as_str().unwrap().as_bytes().to_vec(), b"{}".to_vec());
    let versions = fs::read(project_root().join("tests/conformance/fixtures/schema/migrations.json")).unwrap();
    let versions: Value = serde_json::from_slice(&versions).unwrap();
    let versions =
        Bucket { sequence: 0, keys: versions["mysql"]["latest"].as_array().unwrap().iter().map(version).collect() };
    let time = "2024-05-06T07:08:09Z";
    let mut buckets = BTreeMap::from([
        ("migrations".to_owned(), versions),
        ("project".to_owned(), Bucket::numbered([json!({"id": 1, "name": "P", "created": time})])),
        ("access_key_0000000001".to_owned(), Bucket::numbered([json!({"id": 1, "name": "None", "type": "none"})])),
        (
            "project__repository_0000000001".to_owned(),
            Bucket::numbered([json!({"id": 1, "name": "R", "git_url": "/tmp", "git_branch": "", "ssh_key_id": 1})]),
        ),
        (
            "project__template_0000000001".to_owned(),
            Bucket::numbered([json!({"id": 1, "name": "T", "repository_id": 1, "playbook": "a.sh", "app": "bash"})]),
        ),
    ]);
    let mut tasks = Bucket { sequence: TASKS as u64, ..Bucket::default() };
    for task in 1..=TASKS {
        let old = i64::from(i32::MAX) - task;
        let document = json!({"id": old, "template_id": 1, "project_id": 1, "status": "success", "created": time});
        tasks = tasks.with(old, &document);
        let line = |line| json!({"task_id": old, "time": time, "output": format!("task {task} line {line}")});
        buckets.insert(format!("task__output_{old:010}"), Bucket::numbered((1..=LINES).map(line)));
    }
    buckets.insert("task".to_owned(), tasks);
    write(path, &buckets);
}

/// Lines that are there by now; 0 while there is no table.
fn lines(server: &Server) -> i64 {
    let there = "select count(*) from sqlite_master where name = 'task__output'";
    if !server.database().exists() || server.sql(there)[0][0] == 0 {
        return 0;
    }
    server.sql("select count(*) from task__output")[0][0].as_i64().unwrap()
}

#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    let server = prepared(&json!({}));
    let file = server.directory().join("large.boltdb");
    large(&file);
    for part in 1..=2 {
        let mut command = server.command(&["migrate", "--from-boltdb"]);
        command.arg(&file).arg("--config").arg(server.config_path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let wanted = TASKS * LINES * part / 10;
        wait_until("the import is under way", Duration::from_mins(2), || (lines(&server) >= wanted).then_some(()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(lines(&server) < TASKS * LINES, "it was too fast to be killed");
    }
    let started = server.command(&["server", "--config"]).arg(server.config_path()).output().unwrap();
    assert!(!started.status.success() && text(&started).contains("unfinished"), "{}", text(&started));
    let other = migrate(&server, &recorded("database.boltdb"), &[]);
    assert!(!other.status.success() && text(&other).contains("another source"), "{}", text(&other));

    let done = migrate(&server, &file, &[]);
    assert!(done.status.success(), "{}", text(&done));
    let text =
        "select count(*), count(distinct output), sum(output like 'task ' || task_id || ' line %') from task__output";
    let all = json!(TASKS * LINES);
    assert_eq!(server.sql(text), [[all.clone(), all.clone(), all]]);
    // In the order in which they were written.
    let disorder = "select count(*) from task__output o where o.output <> 'task ' || task_id || ' line ' || \
                    (1 + o.id - (select min(i.id) from task__output i where i.task_id = o.task_id)) and o.task_id = 7";
    assert_eq!(server.sql(disorder), [[json!(0)]]);
}
