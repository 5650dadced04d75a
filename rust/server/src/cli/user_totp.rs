//! `users totp`: sets up, takes away and shows the second factor of a user.
//!
//! Reference: unlike over the API a recovery code is made whatever the configuration says.

use semaphore_model::Secret;

use super::{
    arguments::TotpCommand,
    output::say,
    start::{self, ConfigSource},
    user::{Refusal, find},
};
use crate::qr;

pub(super) fn run(source: &ConfigSource, command: &TotpCommand) -> anyhow::Result<()> {
    let (TotpCommand::Disable(arguments) | TotpCommand::Enable(arguments) | TotpCommand::Show(arguments)) = command;
    let login = arguments.login.clone();
    if login.is_empty() {
        return Err(Refusal("Argument --login required".to_owned()).into());
    }
    start::with_services(source, async |_config, services| {
        let user = find(&services, &login, "").await?;
        match (command, &user.totp) {
            (TotpCommand::Enable(_), Some(_)) => Err(Refusal("TOTP already enabled".to_owned()).into()),
            (TotpCommand::Enable(_), None) => {
                let made = services.enable_totp_by_hand(&user).await?;
                say(&format!("\nRecovery code:  {}", made.recovery_code.expose()))?;
                show(&made.url)
            }
            (TotpCommand::Disable(_), None) => Err(Refusal("TOTP not enabled".to_owned()).into()),
            (TotpCommand::Disable(_), Some(totp)) => Ok(services.disable_totp(&user, totp.id).await?),
            (TotpCommand::Show(_), None) => Ok(say("TOTP disabled")?),
            (TotpCommand::Show(_), Some(totp)) => show(&totp.url),
        }
    })
}

/// The address and its QR code, as somebody who sits at the terminal needs it.
fn show(address: &Secret) -> anyhow::Result<()> {
    say(&format!("\n{}\n", address.expose()))?;
    for line in qr::terminal(address.expose()).unwrap_or_default() {
        say(&line)?;
    }
    Ok(say("")?)
}
