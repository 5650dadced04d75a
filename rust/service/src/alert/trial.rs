//! The test of a project's alerts, which somebody pressed a button for.
//!
//! Nothing is stored and nothing tried again: who asked is told at once what did not work.

use std::sync::Arc;

use semaphore_model::{AlertChannel, Project, TaskId, TaskStatus, TemplateId, UserId};
use tokio::task::JoinSet;

use super::message::{self, Message};
use crate::{
    error::{Error, Result},
    services::Services,
};

impl Services {
    /// Sends a test through all channels that are on, at once. 409 if the project has alerts off, 503 with the reasons if one of
    /// them did not take it. Reference: `SendProjectTestAlerts`, which tells nobody of failures; its receivers of mail are
    /// members, not administrators.
    pub async fn send_test_notification(self: &Arc<Self>, project: &Project) -> Result<()> {
        if !project.alert {
            return Err(Error::conflict("alerts are switched off in this project").bare());
        }
        let by_chat = Message {
            task: TaskId(0),
            url: self.task_link(project.id, TemplateId(0), TaskId(0)),
            name: "Test Notification".to_owned(),
            author: message::NOBODY.to_owned(),
            version: String::new(),
            description: "This is a test notification".to_owned(),
            status: TaskStatus::Success,
        };
        // Reference: mail has words about a failure only, also in a test.
        let by_mail = Arc::new(Message { status: TaskStatus::Error, ..by_chat.clone() });
        let by_chat = Arc::new(by_chat);
        let mut sending = JoinSet::new();
        for channel in self.settings.alerts.channels() {
            let receivers = self.test_receivers(channel, project).await?;
            let message = Arc::clone(if channel == AlertChannel::Email { &by_mail } else { &by_chat });
            let (services, project) = (Arc::clone(self), project.clone());
            sending.spawn(async move {
                let mut failures = Vec::new();
                for receiver in receivers {
                    if let Err(error) = Box::pin(services.send_alert(channel, receiver, &message, &project)).await {
                        tracing::warn!(project.id = %project.id, %channel, %error, "a test alert was not sent");
                        failures.push(format!("{channel}: {error}"));
                    }
                }
                failures
            });
        }
        let mut failures = Vec::new();
        while let Some(done) = sending.join_next().await {
            failures.extend(done.map_err(|error| Error::internal("sending a test alert", error))?);
        }
        if failures.is_empty() {
            return Ok(());
        }
        failures.sort_unstable();
        failures.dedup();
        Err(Error::unavailable(format!("not every channel took the test alert: {}", failures.join("; "))))
    }

    /// One message each; none where a channel has nobody to send to.
    async fn test_receivers(&self, channel: AlertChannel, project: &Project) -> Result<Vec<Option<UserId>>> {
        Ok(match channel {
            AlertChannel::Email => {
                self.store.list_alert_receivers(project.id, false).await?.into_iter().map(Some).collect()
            }
            AlertChannel::Telegram if self.settings.alerts.chat(project.alert_chat.as_deref()).is_empty() => Vec::new(),
            _ => vec![None],
        })
    }
}
