//! `token`: lists the API tokens of a user, and stores digests in place of the ones that are stored as they are. Ours.

use serde_json::{Value, json};

use super::{
    arguments::{ListTokens, TokenCommand},
    output::say,
    start::{self, ConfigSource},
    user::find,
};

pub(super) fn run(source: &ConfigSource, command: &TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::List(arguments) => list(source, arguments),
        TokenCommand::Harden => harden(source),
    }
}

/// What is shown of a token suffices to delete it, not to log in with it.
fn list(source: &ConfigSource, arguments: &ListTokens) -> anyhow::Result<()> {
    start::with_services(source, async |_config, services| {
        let user = find(&services, &arguments.login, "").await?;
        let tokens = services.list_api_tokens(&user).await?;
        let created = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        if arguments.json {
            let tokens: Vec<Value> = tokens
                .iter()
                .map(|token| {
                    json!({"prefix": token.id.expose(), "created": created(token.created), "expired": token.expired})
                })
                .collect();
            return Ok(say(&serde_json::to_string_pretty(&tokens)?)?);
        }
        for token in tokens {
            let state = if token.expired { " expired" } else { "" };
            say(&format!("{} {}{state}", token.id.expose(), created(token.created)))?;
        }
        Ok(())
    })
}

fn harden(source: &ConfigSource) -> anyhow::Result<()> {
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
