//! `token harden`: stores digests in place of the API tokens that are stored as they are.

use super::{
    arguments::TokenCommand,
    output::say,
    start::{self, ConfigSource},
};

pub(super) fn run(source: &ConfigSource, command: &TokenCommand) -> anyhow::Result<()> {
    let TokenCommand::Harden = command;
    start::with_services(source, async |config, services| {
        let count = services.harden_api_tokens().await?;
        say(&format!(
            "{count} API tokens are stored as digests now; they go on working here, but not on the Go server"
        ))?;
        if !config.sign_in.hashed_api_tokens {
            say("New tokens are still stored as they are: set auth.api_tokens to \"hashed\" to change that")?;
        }
        Ok(())
    })
}
