//! `runner`: this machine as a remote runner of a server. It opens no database.
//!
//! Not for the work itself (`semaphore_task::remote`) nor for HTTP (`semaphore_service::runner_client`). Invariants: token and key are
//! in files of their owner only, never in arguments or logs. Reference: `cli/cmd/runner*.go`.

mod register;
mod setup;
mod start;

use clap::{Args, Subcommand};

use super::start::ConfigSource;
use crate::signal::BlockedSignals;

/// `runner`.
#[derive(Args, Debug)]
pub(super) struct Runner {
    #[command(subcommand)]
    pub(super) command: Option<RunnerCommand>,
}

/// What a runner is to do.
#[derive(Debug, Subcommand)]
pub(super) enum RunnerCommand {
    /// Register runner on the server
    Register(Register),
    /// Perform interactive setup
    Setup,
    /// Run in runner mode
    Start(Start),
    /// Unregister runner from the server
    Unregister,
}

/// `runner register`.
#[derive(Args, Debug, Default)]
pub(super) struct Register {
    /// Read registration token from stdin
    #[arg(long)]
    pub(super) stdin_registration_token: bool,
}

/// `runner start`.
#[derive(Args, Debug, Default)]
pub(super) struct Start {
    /// Register new runner if not registered
    #[arg(long)]
    pub(super) register: bool,
}

/// Runs a command of the runner.
pub(super) fn run(source: &ConfigSource, command: &RunnerCommand) -> anyhow::Result<()> {
    match command {
        RunnerCommand::Register(arguments) => register::register(source, arguments),
        RunnerCommand::Setup => setup::run(source),
        // The signals are blocked before there is any thread.
        RunnerCommand::Start(arguments) => start::run(source, arguments, &BlockedSignals::block()?),
        RunnerCommand::Unregister => register::unregister(source),
    }
}
