//! `runner`: this machine as a remote runner of a server. It opens no database.
//!
//! Not for the work itself (`semaphore_task::remote`) nor for HTTP (`semaphore_service::runner_client`). Invariants: token and key are
//! in files of their owner only, never in arguments or logs. Reference: `cli/cmd/runner*.go`.

mod register;
mod setup;
mod start;

use clap::{Args, Subcommand};

use semaphore_model::error_chain;
use semaphore_service::runner_client::RunnerClient;

use super::start::ConfigSource;
use crate::{config::Config, signal::BlockedSignals};

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

/// Why the runner of a configuration would not start: the key that is to be changed, and what is wrong.
pub(super) fn problems(config: &Config) -> Vec<(&'static str, String)> {
    let of_address = RunnerClient::new(&config.web_host).err();
    let of_address = of_address.map(|error| ("web_host", error_chain(&error)));
    let of_token = match register::token(config) {
        Err(error) => Some(("runner.token_file", error_chain(error.as_ref()))),
        Ok(token) if token.is_empty() && config.runner_registration_token.is_empty() => {
            let text = "the runner is not registered: run `semaphore runner register` or `setup`";
            Some(("runner.token", text.to_owned()))
        }
        Ok(_) => None,
    };
    // One that is missing is made at the registration.
    let key = config.runner.private_key_file.as_deref().filter(|path| path.exists());
    let of_key = key.and_then(|path| register::private_key(path).err());
    let of_key = of_key.map(|error| ("runner.private_key_file", error_chain(error.as_ref())));
    of_address.into_iter().chain(of_token).chain(of_key).collect()
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
