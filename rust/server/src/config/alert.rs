//! Alerts: the keys `*_alert` and those beside them.

use semaphore_model::{AlertChannel, Secret};
use semaphore_service::alert::AlertSettings;

use super::load::Values;

/// The channels that can be used, and the keys that ask for one in vain, each with what is missing.
pub(super) fn alerts(values: &Values) -> (AlertSettings, Vec<String>) {
    let mut settings =
        AlertSettings { telegram_chat: values.text("telegram_chat").to_owned(), ..AlertSettings::default() };
    let mut in_vain = Vec::new();
    for channel in AlertChannel::ALL.into_iter().filter(|channel| values.bool(switch(*channel))) {
        let missing = if channel == AlertChannel::Email {
            settings.email = values.set_text("email_host").is_some();
            (!settings.email).then_some("email_host")
        } else {
            match address(values, channel) {
                Ok(address) => {
                    settings.addresses.insert(channel, address);
                    None
                }
                Err(missing) => Some(missing),
            }
        };
        in_vain.extend(missing.map(|missing| format!("{} without {missing}", switch(channel))));
    }
    (settings, in_vain)
}

/// The key that turns a channel on.
const fn switch(channel: AlertChannel) -> &'static str {
    match channel {
        AlertChannel::Email => "email_alert",
        AlertChannel::Telegram => "telegram_alert",
        AlertChannel::Slack => "slack_alert",
        AlertChannel::RocketChat => "rocketchat_alert",
        AlertChannel::MicrosoftTeams => "microsoft_teams_alert",
        AlertChannel::DingTalk => "dingtalk_alert",
        AlertChannel::Gotify => "gotify_alert",
    }
}

/// Where the messages of a chat are posted to, or the key that is missing for it.
fn address(values: &Values, channel: AlertChannel) -> Result<Secret, &'static str> {
    let needed = |key: &'static str| values.set_text(key).ok_or(key);
    let address = match channel {
        AlertChannel::Telegram => {
            let host = values.text("telegram_url").trim_end_matches('/');
            format!("{host}/bot{}/sendMessage", needed("telegram_token")?)
        }
        AlertChannel::Gotify => {
            let host = needed("gotify_url")?.trim_end_matches('/');
            format!("{host}/message?token={}", needed("gotify_token")?)
        }
        AlertChannel::Slack => needed("slack_url")?.to_owned(),
        AlertChannel::RocketChat => needed("rocketchat_url")?.to_owned(),
        AlertChannel::MicrosoftTeams => needed("microsoft_teams_url")?.to_owned(),
        AlertChannel::DingTalk => needed("dingtalk_url")?.to_owned(),
        AlertChannel::Email => return Err("email_host"),
    };
    Ok(address.into())
}
