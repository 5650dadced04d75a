//! Lines as the Go server's own scripts may have them: cobra and pflag take more than one form of each.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _, process::Command};

use semaphore_tests::program;
use serde_json::json;

use super::{Place, Run, fixture, setup::logs_in};

/// Words of a command line.
type Line<'a> = &'a [&'a str];

/// Adds a user of this login with more flags.
fn add(place: &Place, login: &str, more: Line<'_>) -> Run {
    let mail = format!("{login}@example.test");
    let known = ["user", "add", "--login", login, "--name", login, "--email", &mail, "--password", "pw"];
    place.run(&[&known[..], more].concat())
}

fn is_admin(place: &Place, login: &str) -> bool {
    place.run(&["user", "get", "--login", login, "--json"]).expect(0).json()["admin"] == json!(true)
}

/// Lines that are refused with a message, without a word on stdout.
fn refuse(place: &Place, lines: &[Line<'_>]) {
    for line in lines {
        let run = place.run(line).expect(1);
        assert!(run.stdout.is_empty() && run.stderr.contains("error:"), "{line:?}: {run:#?}");
    }
}

#[test]
fn truth_has_the_words_of_go() {
    let place = Place::with_config();
    let cases: &[(&str, Line<'_>, bool)] = &[
        ("one", &["--admin=1"], true),
        ("letter", &["--admin=T"], true),
        ("alone", &["--admin"], true),
        ("word", &["--admin", "true"], true),
        ("no", &["--admin=f"], false),
        ("none", &[], false),
        ("last", &["--admin", "--admin=False"], false),
    ];
    for (login, more, wanted) in cases {
        add(&place, login, more).expect(0);
        assert_eq!(is_admin(&place, login), *wanted, "{login}");
    }
}

#[test]
fn what_looks_like_no_administrator_makes_none() {
    let place = Place::with_config();
    let cases: &[(Line<'_>, &str)] = &[
        (&["--admin", "false"], "--admin=false"),
        (&["--admin", "0"], "--admin=false"),
        (&["--stdin-password=0", "--admin", "F", "--no-config=f"], "--admin=false"),
        (&["--admin=maybe"], "neither true nor false"),
        (&["--admin="], "neither true nor false"),
        (&["--admin=no", "--admin"], "neither true nor false"),
    ];
    for (more, reason) in cases {
        let run = add(&place, "ann", more).expect(1);
        assert!(run.stderr.contains(reason), "{more:?}: {run:#?}");
    }
    assert_eq!(place.names(), ["config.json"], "nothing was done");
}

#[test]
fn a_password_may_begin_with_a_dash_and_the_last_one_counts() {
    let place = Place::with_config();
    add(&place, "ann", &["--password", "--first", "--password", "-secret", "--login", "eve", "--admin"]).expect(0);
    assert_eq!(place.done(&["user", "list"]).lines().last(), Some("eve"));
    assert_eq!(logs_in(&place, "eve", "-secret")["username"], "eve");
}

#[test]
fn flags_stand_before_the_command_and_words_may_be_too_many() {
    let place = Place::with_config();
    place.add_admin();
    let wanted = place.done(&["user", "get", "--login", "adm"]);
    let lines: &[Line<'_>] = &[
        &["--login", "adm", "user", "get"],
        &["user", "--login", "adm", "get"],
        &["user", "--login=adm", "get", "now", "please"],
        &["user", "get", "--login", "nobody", "--login", "adm", "--", "--bad-flag"],
        &["--config", "", "user", "get", "--login", "adm", "--email", ""],
        &["--config=", "--no-config=false", "users", "get", "--login=adm"],
        &["--config", "/nonexistent.json", "user", "get", "--config", "config.json", "--login", "adm"],
    ];
    for line in lines {
        assert_eq!(place.done(line), wanted, "{line:?}");
    }
    assert_eq!(place.done(&["version", "of", "this"]), place.done(&["version"]));
    place.run(&["migrate", "--skip-task-output", "--apply-to", "", "--err-log-size=0x10"]).expect(0);
    // Ours are strict.
    refuse(&place, &[&["doctor", "all"], &["completion", "bash", "zsh"], &["token", "list", "--login", "adm", "x"]]);
}

#[test]
fn numbers_have_the_bases_of_go() {
    let place = Place::with_config();
    fs::copy(fixture("db/sqlite/database.sqlite"), place.path("database.sqlite")).unwrap();
    let export = |project: &str, task: &str| place.run(&["task", "export", "--project-id", project, "--id", task]);
    let wanted = export("1", "23").expect(0).json();
    for (project, task) in [("0x1", "027"), ("0b1", "0x17"), ("+1", "0o2_7")] {
        assert_eq!(export(project, task).expect(0).json(), wanted, "{project} {task}");
    }
    let project = |id: &str| place.run(&["project", "export", "--file", "-", "--project-id", id]);
    // Names that are there twice get a random end in each export.
    let meta = |id: &str| project(id).expect(0).json()["meta"].clone();
    assert_eq!(meta("0x1"), meta("1"));
    for (number, shown) in [("0x63", "99"), ("-1", "-1")] {
        let run = project(number).expect(1);
        assert!(format!("{}{}", run.stdout, run.stderr).contains(shown), "{run:#?}");
    }
    for wrong in ["08", "1__0", "one", ""] {
        let run = project(wrong).expect(1);
        assert!(run.stderr.contains("no whole number"), "{run:#?}");
    }
}

#[test]
fn an_unknown_word_below_a_group_shows_the_help_of_the_group() {
    let place = Place::new();
    let cases: &[(Line<'_>, Line<'_>)] = &[
        (&["user", "nonsense"], &["user"]),
        (&["user", "LIST"], &["user"]),
        (&["user", "--", "list"], &["user"]),
        (&["user", "help"], &["user"]),
        (&["user", "totp", "nonsense"], &["user", "totp"]),
        (&["vault", "list"], &["vault"]),
        (&["runner", "nonsense", "more"], &["runner"]),
        (&["--", "user", "list"], &[]),
        (&["help", "nonsense"], &["help"]),
        (&["help", "user", "nonsense"], &["help", "user"]),
        (&["user", "list", "--help=true"], &["user", "list", "--help"]),
        (&["user", "get", "-h", "--login", "a", "extra"], &["user", "get", "-h"]),
        (&["version", "-h=false"], &["version"]),
    ];
    for (line, same) in cases {
        let (run, wanted) = (place.run(line).expect(0), place.done(same));
        assert!(wanted.contains("Usage:") || *same == ["version"], "{wanted}");
        assert_eq!((run.stdout, run.stderr), (wanted, String::new()), "{line:?}");
    }
}

#[test]
fn what_the_reference_refuses_is_refused_even_if_it_asks_for_help() {
    let place = Place::new();
    refuse(
        &place,
        &[
            &["nonsense"],
            &["nonsense", "--help"],
            &["user", "nonsense", "--bad-flag"],
            &["user", "list", "--help", "--bad-flag"],
            &["--admin", "user", "add"],
            &["user", "add", "--login"],
            &["user", "list", "--help=perhaps"],
            // Groups of ours.
            &["config", "nonsense"],
            &["token", "nonsense"],
        ],
    );
    let typo = place.run(&["user", "add", "--passwort=hunter2"]).expect(1);
    assert!(typo.stderr.contains("--passwort") && !typo.stderr.contains("hunter2"), "{typo:#?}");
}

#[test]
fn the_name_of_a_file_may_be_no_text() {
    let place = Place::with_config();
    let name = OsStr::from_bytes(b"conf\xff.json");
    fs::rename(place.path("config.json"), place.0.path().join(name)).unwrap();
    let mut command = Command::new(program());
    command.current_dir(place.0.path()).env_clear().env("HOME", place.0.path());
    let output = command.args(["user", "--config"]).arg(name).arg("list").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
