//! The command line: one file a command, with the reference's names, texts and exit codes.
//!
//! Not for the work itself. Invariants: what scripts read goes to stdout as the reference writes it; errors go to stderr as
//! `error:`, causes and a `hint:`; exit codes are 0 (done), 1 (refused or failed), 3 (the database belongs to another
//! version) and 4 (`doctor` or `config check` found problems).

mod arguments;
mod auth;
mod bolt_import;
mod completion;
mod configuration;
mod configuration_docs;
mod copy;
mod doctor;
mod go_flags;
mod installation_arguments;
mod logs;
mod manual;
mod migrate;
mod output;
mod password;
mod project;
mod rehearse;
mod run_server;
mod runner;
mod setup;
mod sqlite_lock;
mod start;
mod task;
mod task_export;
mod task_host;
mod task_processes;
mod token;
mod transfer;
mod user;
mod user_totp;
mod vault;
mod write_file;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory, Parser, error::ErrorKind};
use tracing_subscriber::filter::LevelFilter;

use self::{
    arguments::{Arguments, Command, DatabaseCommand, Totp, UsersCommand},
    output::{say, show_error},
};
use crate::{signal::BlockedSignals, version::version};

/// Exit code of a database that this version must not touch.
const EXIT_FOREIGN_DATABASE: u8 = 3;

/// Runs the program with these arguments (the first is its own name).
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let plain = go_flags::plain(arguments, Arguments::command());
    let arguments = match plain.and_then(Arguments::try_parse_from) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    if arguments.print_document() {
        output::keep_stdout_for_document();
    }
    let level = match start::log_level(arguments.log_level.as_deref()) {
        Ok(level) => level,
        Err(error) => return failure(&error),
    };
    // A dialogue is not interrupted by what goes well, and what goes well with a task is in its log.
    let is_dialogue = matches!(arguments.command, Some(Command::Setup(_)));
    let is_task_host = matches!(arguments.command, Some(Command::TaskHost(_)));
    start::log(level.or_else(|| (is_dialogue || is_task_host).then_some(LevelFilter::WARN)));
    let source = arguments.source();
    let result = match arguments.command {
        None => return help(&[]),
        Some(Command::Version) => say(&version()).map_err(anyhow::Error::from),
        Some(Command::Server(server)) => BlockedSignals::block()
            .map_err(anyhow::Error::from)
            .and_then(|signals| run_server::run(&source, &server, signals)),
        Some(Command::Runner(runners)) => match &runners.command {
            None => return help(&["runner"]),
            Some(command) => runner::run(&source, command),
        },
        Some(Command::TaskHost(_)) => BlockedSignals::block().map_err(anyhow::Error::from).and_then(task_host::run),
        Some(Command::Doctor(arguments)) => doctor::run(&source, &arguments),
        Some(Command::Setup(arguments)) => setup::run(&source, &arguments),
        Some(Command::Config(arguments)) => match &arguments.command {
            None => return help(&["config"]),
            Some(command) => configuration::run(&source, command),
        },
        Some(Command::Projects(projects)) => match &projects.command {
            None => return help(&["projects"]),
            Some(command) => project::run(&source, command),
        },
        Some(Command::Completion(arguments)) => match arguments.shell {
            None => return help(&["completion"]),
            Some(shell) => completion::run(shell, arguments.no_descriptions),
        },
        Some(Command::Man(arguments)) => manual::run(&arguments),
        Some(Command::Vaults(vaults)) => match vaults.command {
            None => return help(&["vaults"]),
            Some(command) => vault::run(&source, &command),
        },
        Some(Command::Auth(arguments)) => match arguments.command {
            None => return help(&["auth"]),
            Some(command) => auth::run(&source, &command),
        },
        Some(Command::Token(tokens)) => match &tokens.command {
            None => return help(&["token"]),
            Some(command) => token::run(&source, command),
        },
        Some(Command::Migrate(migrate)) => migrate::run(&source, &migrate),
        Some(Command::Task(tasks)) => match &tasks.command {
            None => return help(&["task"]),
            Some(command) => task::run(&source, command),
        },
        Some(Command::Database(databases)) => match databases.command {
            None => return help(&["database"]),
            Some(DatabaseCommand::Copy(copied)) => copy::run(&source, &copied),
        },
        Some(Command::Users(users)) => match users.command {
            None => return help(&["users"]),
            Some(UsersCommand::User(command)) => user::run(&source, command),
            Some(UsersCommand::Totp(Totp { command: None })) => return help(&["users", "totp"]),
            Some(UsersCommand::Totp(Totp { command: Some(command) })) => user_totp::run(&source, &command),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&error),
    }
}

/// The help of the program or of a command, as if it had been asked for.
fn help(command: &[&str]) -> ExitCode {
    let mut root = Arguments::command();
    root.build();
    let found = command.iter().try_fold(&mut root, |above, name| above.find_subcommand_mut(name));
    let shown = found.map_or(Ok(()), clap::Command::print_help);
    if shown.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Reference: help asked for is a success on stdout, anything not understood exits with 1.
fn usage(error: &clap::Error) -> ExitCode {
    let shown = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion if shown.is_ok() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn failure(error: &anyhow::Error) -> ExitCode {
    if let Some(refusal) = error.downcast_ref::<user::Refusal>() {
        // Reference: the texts about missing arguments go to stdout.
        return if say(&refusal.to_string()).is_ok() { ExitCode::FAILURE } else { ExitCode::from(2) };
    }
    if let Some(verdict) = error.downcast_ref::<doctor::Verdict>() {
        return ExitCode::from(verdict.exit_code());
    }
    if let Some(findings) = error.downcast_ref::<configuration::Findings>() {
        return ExitCode::from(findings.exit_code());
    }
    if error.is::<project::NothingImported>() {
        return ExitCode::FAILURE;
    }
    show_error(error);
    let foreign = error.chain().any(start::is_foreign);
    if foreign { ExitCode::from(EXIT_FOREIGN_DATABASE) } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests;
