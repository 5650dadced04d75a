//! `vaults rekey`: seals every stored secret with the configured `access_key_encryption` instead of an older key.
//!
//! Reference: the command is there, answers 0 and changes nothing.

use anyhow::Context;
use semaphore_model::Secret;
use semaphore_service::{crypto::access_key::AccessKeyCipher, key::rekey::rekey};

use super::{
    arguments::{Rekey, VaultCommand},
    output::say,
    password,
    start::{self, ConfigSource},
};

pub(super) fn run(source: &ConfigSource, command: &VaultCommand) -> anyhow::Result<()> {
    let VaultCommand::Rekey(arguments) = command;
    let old_key = old_key(arguments)?;
    let config = start::config(source)?;
    let new = AccessKeyCipher::new(config.access_key_encryption.expose())
        .context("configuration key access_key_encryption")?;
    let report = start::runtime()?.block_on(async {
        let store = start::store(&config).await?;
        let done = rekey(&store, &old_key, &new, arguments.dry_run).await;
        store.close().await;
        anyhow::Ok(done?)
    })?;
    // Reference: nothing is said; with no secret at all there is nothing to say here either.
    if report.changed + report.unchanged > 0 {
        let verb = if arguments.dry_run { "would be encrypted" } else { "are encrypted" };
        let (changed, unchanged) = (report.changed, report.unchanged);
        say(&format!("{changed} secrets {verb} with the configured key now; {unchanged} were before"))?;
    }
    if report.unreadable > 0 {
        let count = report.unreadable;
        say(&format!("{count} old deliveries or keys to sign with are left as they are: neither key opens them"))?;
    }
    Ok(())
}

fn old_key(arguments: &Rekey) -> anyhow::Result<Secret> {
    if !arguments.stdin_old_key {
        return Ok(arguments.old_key.0.clone());
    }
    anyhow::ensure!(arguments.old_key.0.is_empty(), "--old-key and --stdin-old-key cannot be used together");
    password::read().context("cannot read the old key from the standard input")
}
