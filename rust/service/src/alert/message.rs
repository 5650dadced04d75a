//! The words of alerts: JSON for chats, a page for e-mail.
//!
//! The documents mean what the reference's mean: same members, same values. Names, which people choose, are put in as text: where
//! the reference would break its JSON or let somebody write HTML, they are escaped.

use std::fmt::Write;

use semaphore_model::{AlertChannel, TaskId, TaskStatus};
use serde_json::{Value, json};

use crate::mail::Mail;

/// The strip over a card of Microsoft Teams, a picture of the reference's cards.
const STRIP: &str = "data:image/jpg;base64,iVBORw0KGgoAAAANSUhEUgAABSgAAAAFCAYAAABGmwLHAAAARklEQVR4nO3YMQEAIBDEsANPSMC/AbzwMm5JJHTseuf+AAAAAAAUbNEBAAAAgBaDEgAAAACoMSgBAAAAgBqDEgAAAADoSDL8RAJfcbcsoQAAAABJRU5ErkJggg==";

/// Who is told as the author where nobody started the task.
pub(super) const NOBODY: &str = "—";

/// A task as an alert tells of it.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Its number; 0 in a test.
    pub(super) task: TaskId,
    /// Name of the template.
    pub(super) name: String,
    /// Who started it.
    pub(super) author: String,
    /// The version that it builds or deploys; may be empty.
    pub(super) version: String,
    /// What was written when it was started.
    pub(super) description: String,
    /// Where its log is.
    pub(super) url: String,
    /// The status to tell.
    pub(super) status: TaskStatus,
}

impl Message {
    /// What is posted to a chat; `chat` is the one of Telegram.
    pub(super) fn json(&self, channel: AlertChannel, chat: &str) -> Value {
        match channel {
            // Mail has no such document.
            AlertChannel::Email => Value::Null,
            AlertChannel::Telegram => self.telegram(chat),
            AlertChannel::Slack => self.slack(),
            AlertChannel::RocketChat => self.rocket_chat(),
            AlertChannel::MicrosoftTeams => self.microsoft_teams(),
            AlertChannel::DingTalk => self.ding_talk(),
            AlertChannel::Gotify => self.gotify(),
        }
    }

    fn telegram(&self, chat: &str) -> Value {
        let (name, author) = (html(&self.name), html(&self.author));
        let (version, description) = (html(&self.version), html(&self.description));
        let text = format!(
            "<code>{name}</code>\n#{} <b>{}</b> <code>{version}</code> - {description}\nby {author}\n{}",
            self.task,
            result(self.status),
            html(&self.url)
        );
        json!({"chat_id": chat, "parse_mode": "HTML", "text": text})
    }

    fn slack(&self) -> Value {
        let mut fields = vec![json!({"title": "Author", "value": self.author, "short": true})];
        if !self.version.is_empty() {
            fields.push(json!({"title": "Version", "value": self.version, "short": true}));
        }
        let color = match self.status {
            TaskStatus::Success => "good",
            TaskStatus::Error => "danger",
            _ => "",
        };
        json!({"attachments": [{
            "title": self.title(), "title_link": self.url, "text": self.sentence(), "color": color,
            "mrkdwn_in": ["text"], "fields": fields,
        }]})
    }

    fn rocket_chat(&self) -> Value {
        let color = match self.status {
            TaskStatus::Success => "#00EE00",
            TaskStatus::Error => "#EE0000",
            _ => "",
        };
        let attachment =
            json!({"title": self.title(), "title_link": self.url, "text": self.sentence(), "color": color});
        json!({"text": self.sentence(), "attachments": [attachment]})
    }

    fn microsoft_teams(&self) -> Value {
        let fact = |title: &str, value: &str| json!({"title": title, "value": value});
        let number = self.task.to_string();
        let facts = [fact("Task:", &self.name), fact("Status:", &result(self.status)), fact("Task ID:", &number)];
        let author = format!("Ansible Task Template Execution by: {}", self.author);
        let card = json!({
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [
                {"type": "TextBlock", "text": author},
                {"type": "FactSet", "facts": facts, "separator": true},
            ],
            "actions": [{"type": "Action.OpenUrl", "title": "Task URL", "url": self.url}],
            "msteams": {"width": "Full"},
            "backgroundImage": {"horizontalAlignment": "Center", "url": STRIP, "fillMode": "RepeatHorizontally"},
        });
        json!({
            "type": "message",
            "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
        })
    }

    fn ding_talk(&self) -> Value {
        let text = format!("#### {}\n{}", self.title(), self.markdown("  "));
        json!({"msgtype": "markdown", "markdown": {"title": self.title(), "text": text}})
    }

    fn gotify(&self) -> Value {
        json!({
            "extras": {"client::display": {"contentType": "text/markdown"}},
            "message": self.markdown("   "),
            "title": self.title(),
        })
    }

    /// Lines of Markdown; `end` is what ends a line.
    fn markdown(&self, end: &str) -> String {
        let mut text = format!(
            "Execution #: {}{end}\nStatus: {}{end}\nAuthor: {}{end}\n",
            self.task,
            result(self.status),
            self.author
        );
        if !self.version.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "Version: {}{end}", self.version);
        }
        let _ = write!(text, "[Task Link]({})", self.url);
        text
    }

    fn title(&self) -> String {
        format!("Task: {}", self.name)
    }

    fn sentence(&self) -> String {
        format!("execution #{}, status: {}!", self.task, result(self.status))
    }

    /// The message for one receiver. The words about a failure are the reference's, which tells of failures only.
    pub(super) fn mail(&self, to: &str) -> Mail {
        let (subject_end, end) = match self.status {
            TaskStatus::Success => ("succeeded", "has succeeded."),
            TaskStatus::WaitingConfirmation => ("waits for confirmation", "waits for confirmation."),
            _ => ("failed", "has failed!"),
        };
        let page = format!(
            "<p>Task {} with template '{}' {end}</p>\n<p>Task Log: <a href=\"{}\">Link</a></p>\n",
            self.task,
            html(&self.name),
            html(&self.url)
        );
        let subject = format!("Task '{}' {subject_end}", self.name.replace(['\r', '\n'], ""));
        Mail { to: to.to_owned(), subject, text: String::new(), html: page }
    }
}

/// A status in capitals behind its sign. Reference: `TaskStatus.Format`.
fn result(status: TaskStatus) -> String {
    let sign = match status {
        TaskStatus::Error => "❌",
        TaskStatus::Success => "✅",
        TaskStatus::WaitingConfirmation => "⚠️",
        _ => "❓",
    };
    format!("{sign} {}", status.as_str().to_uppercase())
}

/// Text as part of a page.
fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
