//! Alerts: the channels they go through, and the rules about which ends of a task are told. The rules are ours.
//!
//! Not for what is told or how it is sent.

use crate::ValidationError;
use serde::{Deserialize, Serialize};

/// A way to tell people about a task. Reference: the configuration keys `*_alert`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertChannel {
    /// A message to each member and administrator who wants it.
    Email,
    /// A bot of Telegram.
    Telegram,
    /// An incoming webhook of Slack.
    Slack,
    /// An incoming webhook of Rocket.Chat.
    #[serde(rename = "rocketchat")]
    RocketChat,
    /// A webhook of Microsoft Teams.
    MicrosoftTeams,
    /// A robot of DingTalk.
    #[serde(rename = "dingtalk")]
    DingTalk,
    /// A server of Gotify.
    Gotify,
}

impl AlertChannel {
    /// All channels.
    pub const ALL: [Self; 7] = [
        Self::Email,
        Self::Telegram,
        Self::Slack,
        Self::RocketChat,
        Self::MicrosoftTeams,
        Self::DingTalk,
        Self::Gotify,
    ];

    /// The word that is stored; with `_alert` behind it the configuration key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Telegram => "telegram",
            Self::Slack => "slack",
            Self::RocketChat => "rocketchat",
            Self::MicrosoftTeams => "microsoft_teams",
            Self::DingTalk => "dingtalk",
            Self::Gotify => "gotify",
        }
    }

    /// The channel of a stored word.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }
}

impl std::fmt::Display for AlertChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which changes of a task are told through a channel, in place of the reference's rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertOccasion {
    /// Every success, every failure, and a plan that waits for a person.
    Always,
    /// Every failure.
    Failure,
    /// Every failure, and the first success after one.
    Recovered,
}

impl AlertOccasion {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Failure => "failure",
            Self::Recovered => "recovered",
        }
    }

    /// The occasion of a stored word.
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Always, Self::Failure, Self::Recovered].into_iter().find(|occasion| occasion.as_str() == text)
    }
}

/// The rule of a template about one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// The channel it is about.
    pub channel: AlertChannel,
    /// What is told there.
    pub occasion: AlertOccasion,
}

/// The rules of a template. A channel without one follows the reference's rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AlertRules {
    /// One rule for a channel at most.
    pub rules: Vec<AlertRule>,
}

impl AlertRules {
    /// Refuses two rules about one channel.
    pub fn check(&self) -> Result<(), ValidationError> {
        let has_two = |rule: &AlertRule| self.rules.iter().filter(|other| other.channel == rule.channel).count() > 1;
        if self.rules.iter().any(has_two) {
            return Err(ValidationError::new("rules must name each channel at most once"));
        }
        Ok(())
    }
}
