//! Alerts: people are told how tasks ended, by e-mail and in chats.
//!
//! `rule.rs` decides whom to tell, `message.rs` knows the words, `channel.rs` sends one message, `delivery.rs` sends what is
//! due. An alert is a row in the outbox, stored in the transaction of the status it tells, so that a crash loses none; sending is
//! off the task's path. Invariants: nothing is sent twice; no token and no webhook's address is logged or put into an error.

mod channel;
mod delivery;
mod message;
mod rule;
mod trial;

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use semaphore_model::{AlertChannel, Secret};
use semaphore_store::NewAlert;
use tokio::sync::Notify;

pub use self::rule::TaskAlert;

/// What the configuration says about alerts. Reference: the keys `*_alert` and those beside them.
#[derive(Clone, Debug, Default)]
pub struct AlertSettings {
    /// Whether failures are told by e-mail; only with a mail server.
    pub email: bool,
    /// Where messages of a chat are posted to, tokens included; a channel without an address is off.
    pub addresses: BTreeMap<AlertChannel, Secret>,
    /// Chat of Telegram for projects that name none; may be empty.
    pub telegram_chat: String,
}

impl AlertSettings {
    /// The channels that are on.
    pub fn channels(&self) -> impl Iterator<Item = AlertChannel> + '_ {
        AlertChannel::ALL.into_iter().filter(|channel| self.is_on(*channel))
    }

    /// The chat of Telegram for a project; empty if there is none. Reference: `sendTelegramAlert`.
    fn chat<'a>(&'a self, of_project: Option<&'a str>) -> &'a str {
        of_project.filter(|chat| !chat.is_empty()).unwrap_or(&self.telegram_chat)
    }

    fn is_on(&self, channel: AlertChannel) -> bool {
        if channel == AlertChannel::Email { self.email } else { self.addresses.contains_key(&channel) }
    }
}

/// What the sending of alerts needs while the server runs.
pub(crate) struct AlertDesk {
    /// What this process signs its claims with.
    owner: String,
    /// Woken when there is something to send, a channel each.
    news: BTreeMap<AlertChannel, Arc<Notify>>,
    http: OnceLock<reqwest::Client>,
}

impl Default for AlertDesk {
    fn default() -> Self {
        Self {
            owner: format!("{:032x}", rand::random::<u128>()),
            news: AlertChannel::ALL.into_iter().map(|channel| (channel, Arc::default())).collect(),
            http: OnceLock::new(),
        }
    }
}

impl std::fmt::Debug for AlertDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AlertDesk")
    }
}

impl AlertDesk {
    /// These are stored now.
    pub(crate) fn stored(&self, alerts: &[NewAlert]) {
        for alert in alerts {
            if let Some(news) = self.news.get(&alert.channel) {
                news.notify_one();
            }
        }
    }

    fn news(&self, channel: AlertChannel) -> Arc<Notify> {
        self.news.get(&channel).cloned().unwrap_or_default()
    }
}
