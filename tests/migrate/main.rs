//! `semaphore migrate` as a process: what it says, what it leaves when it is killed or the disk is full or cannot be
//! written, and the check before the way back to the Go server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod killed_on_servers;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use semaphore_tests::{Options, Server, program, project_root};
use serde_json::Value;

/// An installation whose database is a recorded one; nothing runs.
fn with_database(fixture: &str) -> Server {
    let server = Server::prepared(Options::default());
    let recorded = project_root().join("tests/conformance/fixtures").join(fixture);
    fs::copy(recorded, server.database()).unwrap();
    fs::set_permissions(server.database(), fs::Permissions::from_mode(0o600)).unwrap();
    server
}

fn migrate(server: &Server, arguments: &[&str]) -> Output {
    server.command(&["migrate"]).args(arguments).arg("--config").arg(server.config_path()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}\n{}{}", output.status, stdout(output), stderr(output));
}

/// Another program writes to the database.
fn write(server: &Server, statement: &str) {
    const WRITE: &str = "import sqlite3, sys\n\
        database = sqlite3.connect(sys.argv[1], timeout=10)\n\
        database.executescript(sys.argv[2])\n\
        database.commit()";
    let done = Command::new("python3").args(["-c", WRITE]).arg(server.database()).arg(statement).output().unwrap();
    succeeds(&done);
}

fn versions(server: &Server) -> Vec<String> {
    let rows = server.sql("select version from migrations order by rowid");
    rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
}

/// Tables and columns of the reference's part of the schema.
fn shape(server: &Server) -> Vec<Vec<Value>> {
    server.sql(
        "select m.name, c.name, c.type, c.\"notnull\" from sqlite_master m join pragma_table_info(m.name) c \
         where m.type = 'table' and m.name not like 'rs!_%' escape '!' order by 1, 2",
    )
}

/// Files beside the database with this ending.
fn files(server: &Server, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(server.directory()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

#[test]
fn it_says_what_it_will_do_and_does_it_once() {
    let server = with_database("upgrade/sqlite-v2.15.4/database.sqlite");
    let done = migrate(&server, &[]);
    succeeds(&done);
    let (out, err) = (stdout(&done), stderr(&done));
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(&lines[..2], ["Loading config", "Validating config"]);
    assert!(lines[2].starts_with("Executing migration v2.16.0 (at 20"), "{out}");
    assert_eq!(lines[2..].iter().filter(|line| line.starts_with("Executing migration v")).count(), 10, "{out}");
    assert_eq!(lines[12], "Migrations Finished");
    assert!(lines[13].starts_with("SQLite "), "{out}");
    for told in
        ["Schema version: 2.15.4", "up to 2.17.15", "Steps to run (10): 2.16.0, 2.16.1", "free space", "copied to"]
    {
        assert!(err.contains(told), "{told} is missing in {err}");
    }
    assert_eq!(files(&server, "backup").len(), 1);
    assert_eq!(versions(&server).len(), 14);

    let again = migrate(&server, &[]);
    succeeds(&again);
    assert_eq!(stdout(&again).lines().count(), 3, "{}", stdout(&again));
    assert_eq!(files(&server, "backup").len(), 1, "nothing was changed, so nothing was copied");

    let back = migrate(&server, &["--undo-to", "2.16"]);
    succeeds(&back);
    assert!(stdout(&back).contains("Rolling back v2.17.15 (time: "), "{}", stdout(&back));
    assert!(stdout(&back).contains("Rollback Finished"), "{}", stdout(&back));
    assert_eq!(versions(&server).last().map(String::as_str), Some("2.16.50"));
    assert_eq!(files(&server, "backup").len(), 2);
    succeeds(&migrate(&server, &["--apply-to", "2.17.1"]));
    assert_eq!(versions(&server).last().map(String::as_str), Some("2.17.1"));
}

#[test]
fn what_it_refuses_changes_nothing() {
    let server = with_database("upgrade/sqlite-v2.16.8/database.sqlite");
    let refuse = |arguments: &[&str], code: i32, told: &str| {
        let before = fs::read(server.database()).unwrap();
        let refused = migrate(&server, arguments);
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {}", stderr(&refused));
        assert!(stderr(&refused).contains(told), "{arguments:?}: {}", stderr(&refused));
        assert!(fs::read(server.database()).unwrap() == before, "{arguments:?}");
        assert_eq!(files(&server, "backup").len(), 0, "{arguments:?}");
    };
    refuse(&["--undo-to", "2.15.2", "--apply-to", "2.16.0"], 1, "Cannot specify both --undo-to and --apply-to");
    refuse(&["--undo-to", "yesterday"], 1, "\"yesterday\" is not a schema version");
    refuse(&["--undo-to", "2.14.0"], 1, "schema version 2.15.1.sqlite cannot be undone");
    refuse(&["--return-check"], 1, "lacks schema versions 2.16.50, 2.17.0");
    write(&server, "insert into migrations (version) values ('2.18.0'), ('9.9.9')");
    refuse(&[], 3, "2.18.0, 9.9.9");
    refuse(&["--undo-to", "2.15.4"], 3, "2.18.0, 9.9.9");
    refuse(&["--return-check", "--yes"], 3, "2.18.0, 9.9.9");
}

/// Killed at each step in turn: what is there is whole, and the next run goes on.
#[test]
fn a_kill_leaves_nothing_half_done() {
    const FIXTURE: &str = "upgrade/sqlite-hand-v2.15.1/database.sqlite";
    let whole = with_database(FIXTURE);
    let told = stdout(&migrate(&with_database(FIXTURE), &[]));
    let steps = told.lines().filter_map(|line| line.strip_prefix("Executing migration v"));
    let steps: Vec<_> = steps.map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(steps.len(), 13, "{told}");
    // The shape after each step, made without an interruption.
    let mut shapes = vec![shape(&whole)];
    for version in &steps {
        succeeds(&migrate(&whole, &["--apply-to", version]));
        shapes.push(shape(&whole));
    }
    for kill_at in 1..=steps.len() {
        let server = with_database(FIXTURE);
        let mut child = server
            .command(&["migrate", "--config"])
            .arg(server.config_path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let executed = lines.map_while(Result::ok).filter(|line| line.starts_with("Executing migration v"));
        assert_eq!(executed.take(kill_at).count(), kill_at);
        child.kill().unwrap();
        child.wait().unwrap();

        let done = versions(&server);
        assert!(done.len() >= kill_at, "the steps before the one that was told are done: {done:?}");
        assert_eq!(done[1..], steps[..done.len() - 1], "steps are done in their order");
        assert!(shape(&server) == shapes[done.len() - 1], "half a step is visible after {done:?}");
        assert_eq!(server.sql("pragma integrity_check"), [["ok"]]);

        succeeds(&migrate(&server, &[]));
        assert!(shape(&server) == *shapes.last().unwrap(), "killed at {kill_at}");
        assert_eq!(server.sql("select count(*) from task"), whole.sql("select count(*) from task"));
    }
}

/// Runs `migrate` so that no file can become larger than this.
fn migrate_with_limit(server: &Server, kibibytes: u64) -> Output {
    let blocks = kibibytes * 2;
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).arg(program()).args(["migrate", "--config"]).arg(server.config_path());
    command.output().unwrap()
}

#[test]
fn a_full_disk_is_an_error_and_harms_nothing() {
    let server = with_database("upgrade/sqlite-v2.15.4/database.sqlite");
    let before = fs::read(server.database()).unwrap();
    let size = before.len() as u64 / 1024;
    let failed = migrate_with_limit(&server, size / 2);
    assert_eq!(failed.status.code(), Some(1), "{}", stderr(&failed));
    let told = stderr(&failed);
    assert!(told.contains("of the database could not be written, so nothing was changed"), "{told}");
    assert!(told.contains("hint: check that the directory of the database has free space"), "{told}");
    assert!(fs::read(server.database()).unwrap() == before);
    assert_eq!((files(&server, "backup").len(), files(&server, "partial").len()), (0, 0));

    // Enough for the copy, not for the growth.
    let shapes_before = shape(&server);
    let halted = migrate_with_limit(&server, size + 16);
    if !halted.status.success() {
        let told = stderr(&halted);
        assert!(told.contains("caused by"), "{told}");
        let done = versions(&server);
        assert!(done.len() > 4 || shape(&server) == shapes_before, "{told}");
    }
    assert_eq!(server.sql("pragma integrity_check"), [["ok"]]);
    succeeds(&migrate(&server, &[]));
    assert_eq!(versions(&server).len(), 14);
}

#[test]
fn a_file_system_that_cannot_be_written_is_an_error() {
    let server = with_database("upgrade/sqlite-v2.15.4/database.sqlite");
    let before = fs::read(server.database()).unwrap();
    let config = server.config_path();
    let output = if nix::unistd::geteuid().is_root() {
        // Rights do not count for root: the directory is mounted once more, read-only, for this process alone.
        let script = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script]).arg(server.directory()).arg(program());
        command.args(["migrate", "--config"]).arg(&config).output().unwrap()
    } else {
        fs::set_permissions(server.directory(), fs::Permissions::from_mode(0o555)).unwrap();
        fs::set_permissions(server.database(), fs::Permissions::from_mode(0o444)).unwrap();
        let output = migrate(&server, &[]);
        fs::set_permissions(server.directory(), fs::Permissions::from_mode(0o755)).unwrap();
        output
    };
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("nothing was changed") && told.contains("hint: "), "{told}");
    assert!(fs::read(server.database()).unwrap() == before);
}

#[test]
fn the_way_back_is_checked_and_made_free() {
    let server = with_database("db/sqlite/database.sqlite");
    succeeds(&migrate(&server, &[]));
    let shown = migrate(&server, &["--return-check"]);
    succeeds(&shown);
    assert!(stdout(&shown).contains("Nothing has to be done before the Go server starts"), "{}", stdout(&shown));

    write(
        &server,
        "update task set status = 'waiting', end = null where id = (select min(id) from task);\n\
         update task set status = 'running', end = null where id = (select max(id) from task);\n\
         insert into rs_api_token (digest, prefix, user_id, created) \
         select 'digest', 'prefix', min(id), '2026-01-02 03:04:05' from user;",
    );
    let refused = migrate(&server, &["--return-check"]);
    assert_eq!(refused.status.code(), Some(1));
    let told = stdout(&refused);
    assert!(told.contains("is waiting: it would stay so for ever") && told.contains("is running: "), "{told}");
    assert!(told.contains("rs_api_token (1 rows): these hashed API tokens stop working"), "{told}");
    assert!(stderr(&refused).contains("2 tasks are not finished"), "{}", stderr(&refused));
    assert_eq!(server.sql("select count(*) from task where status in ('waiting', 'running')"), [[2]]);

    let done = migrate(&server, &["--return-check", "--yes"]);
    succeeds(&done);
    assert!(stdout(&done).contains("2 tasks were ended"), "{}", stdout(&done));
    let ends = "select t.status, t.end is not null, (select o.output from task__output o where o.task_id = t.id \
                order by o.time desc, o.id desc limit 1) from task t \
                where t.id in ((select min(id) from task), (select max(id) from task)) order by t.id";
    let last = "The task was ended because this installation goes back to another server.";
    let expected = serde_json::json!([["stopped", 1, last], ["error", 1, last]]);
    assert_eq!(serde_json::json!(server.sql(ends)), expected);
    succeeds(&migrate(&server, &["--return-check"]));
}
