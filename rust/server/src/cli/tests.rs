#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use clap::Parser;

use super::arguments::{Arguments, Command, UserCommand, UsersCommand};

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split_whitespace())
}

#[test]
fn the_definition_is_sound() {
    <Arguments as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn commands_of_the_reference_are_understood() {
    for line in [
        "semaphore",
        "semaphore server --config /etc/semaphore/config.json",
        "semaphore --config /etc/semaphore/config.json server",
        "semaphore service --no-config --log-level DEBUG",
        "semaphore user list",
        "semaphore users get --login adm",
        "semaphore user change-by-email --email a@b --password x",
        "semaphore user delete --login adm",
        "semaphore user totp enable --login adm",
        "semaphore vault rekey --old-key x",
        "semaphore vaults",
        "semaphore migrate --apply-to 2.15.2",
        "semaphore migrate --skip-task-output",
        "semaphore version",
    ] {
        assert!(parse(line).is_ok(), "{line}");
    }
    for line in
        ["semaphore nonsense", "semaphore --bad-flag", "semaphore user add --no-such", "semaphore token nonsense"]
    {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn flags_take_values_as_in_the_reference() {
    let add = |flags: &str| match parse(&format!("semaphore user add {flags}")).unwrap().command {
        Some(Command::Users(users)) => match users.command {
            Some(UsersCommand::User(UserCommand::Add(add))) => add,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert!(!add("--login a").admin);
    assert!(add("--login a --admin").admin);
    assert!(add("--admin --login a").admin, "the flag must not take the next argument");
    assert!(!add("--admin=false").admin);
    assert!(add("--external=true").external);
    let shown = format!("{:?}", add("--password hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn log_levels_are_those_of_the_reference() {
    for (text, name) in [("DEBUG", Some("debug")), ("warn", Some("warning")), ("PANIC", Some("panic")), ("loud", None)]
    {
        assert_eq!(super::start::parse_level(text).map(|(name, _)| name), name, "{text}");
    }
}
