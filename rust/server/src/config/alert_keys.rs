//! The rows of the table of keys about alerts.

use super::table::{
    Key,
    Kind::{Bool, Text},
    key, secret,
};

/// The rows.
pub(super) const KEYS: &[Key] = &[
    key("email_alert", "SEMAPHORE_EMAIL_ALERT", Bool, "", "Tells failures by e-mail; needs email_host."),
    key("telegram_alert", "SEMAPHORE_TELEGRAM_ALERT", Bool, "", "Tells the ends of tasks by a bot of Telegram."),
    key("telegram_chat", "SEMAPHORE_TELEGRAM_CHAT", Text, "", "Chat of Telegram for projects that name none."),
    secret(key("telegram_token", "SEMAPHORE_TELEGRAM_TOKEN", Text, "", "Token of the bot of Telegram.")),
    key(
        "telegram_url",
        "SEMAPHORE_TELEGRAM_URL",
        Text,
        "https://api.telegram.org",
        "Where the bot API of Telegram is, for those who run a bot API server of their own. Not a key of the Go server.",
    ),
    key("slack_alert", "SEMAPHORE_SLACK_ALERT", Bool, "", "Tells the ends of tasks in Slack."),
    secret(key("slack_url", "SEMAPHORE_SLACK_URL", Text, "", "Address of the incoming webhook of Slack.")),
    key("rocketchat_alert", "SEMAPHORE_ROCKETCHAT_ALERT", Bool, "", "Tells the ends of tasks in Rocket.Chat."),
    secret(key(
        "rocketchat_url",
        "SEMAPHORE_ROCKETCHAT_URL",
        Text,
        "",
        "Address of the incoming webhook of Rocket.Chat.",
    )),
    key(
        "microsoft_teams_alert",
        "SEMAPHORE_MICROSOFT_TEAMS_ALERT",
        Bool,
        "",
        "Tells the ends of tasks in Microsoft Teams.",
    ),
    secret(key(
        "microsoft_teams_url",
        "SEMAPHORE_MICROSOFT_TEAMS_URL",
        Text,
        "",
        "Address of the webhook of Microsoft Teams.",
    )),
    key("dingtalk_alert", "SEMAPHORE_DINGTALK_ALERT", Bool, "", "Tells the ends of tasks in DingTalk."),
    secret(key("dingtalk_url", "SEMAPHORE_DINGTALK_URL", Text, "", "Address of the robot of DingTalk.")),
    key("gotify_alert", "SEMAPHORE_GOTIFY_ALERT", Bool, "", "Tells the ends of tasks by Gotify."),
    key("gotify_url", "SEMAPHORE_GOTIFY_URL", Text, "", "Address of the server of Gotify."),
    secret(key("gotify_token", "SEMAPHORE_GOTIFY_TOKEN", Text, "", "Token of the application in Gotify.")),
];
