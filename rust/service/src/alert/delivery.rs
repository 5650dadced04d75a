//! Sending what is in the outbox: a loop for each channel, so that a slow one keeps none of the others waiting.
//!
//! A loop is woken by the commit that stored something for it. It looks by itself only for what it was to try again and for what other
//! servers left behind. Invariant: a message is claimed in the database before it is sent, and how it ended is written down
//! before the next; if the process ends between, it is not sent again.

use std::{sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use semaphore_model::{AlertChannel, Project, ProjectId, TaskId, TemplateId, TemplateType, UserId};
use semaphore_store::{AlertEnd, ClaimedAlert, NextAlert, StoreError};
use tokio::{sync::watch, task::JoinSet};

use super::{
    channel::{self, SendError},
    message::{self, Message},
};
use crate::{services::Services, task::unless_gone};

/// How long a claim holds: longer than the sending of one message can take.
const CLAIM: TimeDelta = TimeDelta::minutes(3);

/// Pauses before the second and the following attempts; after the last of them a message is given up.
const PAUSES: [TimeDelta; 6] = [
    TimeDelta::seconds(2),
    TimeDelta::seconds(15),
    TimeDelta::minutes(1),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
];

/// How often a channel looks for what other servers left behind.
const LOOK: Duration = Duration::from_mins(1);

/// Pause while the database is away.
const DATABASE_PAUSE: Duration = Duration::from_secs(2);

impl Services {
    /// Sends alerts until `stop` is true; then what is being sent is finished, and the rest is left for the next start.
    pub async fn deliver_alerts(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let mut channels = JoinSet::new();
        for channel in self.settings.alerts.channels() {
            let (services, stop) = (Arc::clone(&self), stop.clone());
            channels.spawn(async move { services.serve_channel(channel, stop).await });
        }
        while channels.join_next().await.is_some() {}
    }

    async fn serve_channel(&self, channel: AlertChannel, mut stop: watch::Receiver<bool>) {
        let news = self.alerts.news(channel);
        while !*stop.borrow() {
            let pause = match self.next_alert(channel).await {
                Ok(NextAlert::Send(alert)) => {
                    Box::pin(self.deliver(channel, &alert)).await;
                    continue;
                }
                Ok(NextAlert::At(due)) => (due - Utc::now()).to_std().unwrap_or_default().min(LOOK),
                Ok(NextAlert::Nothing) => LOOK,
                Err(error) => {
                    tracing::warn!(%channel, %error, "alerts cannot be read from the database yet");
                    DATABASE_PAUSE
                }
            };
            tokio::select! {
                () = news.notified() => {}
                () = tokio::time::sleep(pause) => {}
                changed = stop.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn next_alert(&self, channel: AlertChannel) -> Result<NextAlert, StoreError> {
        let now = Utc::now();
        let given_up = self.store.give_up_abandoned_alerts(channel, now).await?;
        if given_up > 0 {
            tracing::warn!(%channel, alerts = given_up, "alerts that a server was sending when it ended are not sent again");
        }
        self.store.claim_alert(channel, &self.alerts.owner, now, now + CLAIM).await
    }

    async fn deliver(&self, channel: AlertChannel, alert: &ClaimedAlert) {
        let sent = match self.describe(alert).await {
            Ok(Some((message, project))) => self.send_alert(channel, alert.receiver, &message, &project).await,
            Ok(None) => Err(SendError::Refused("what it tells of was deleted".to_owned())),
            Err(error) => Err(SendError::NotTaken(format!("the database does not answer: {error}"))),
        };
        let pause = usize::try_from(alert.attempt).ok().and_then(|attempt| PAUSES.get(attempt.saturating_sub(1)));
        let failure = sent.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let (id, task, attempt) = (alert.id, alert.task_id, alert.attempt);
        let end = match (&sent, pause) {
            (Ok(()), _) => {
                tracing::info!(task.id = %task, %channel, status = %alert.status, "alert sent");
                AlertEnd::Sent
            }
            (Err(SendError::NotTaken(_)), Some(pause)) => {
                let seconds = pause.num_seconds();
                tracing::warn!(task.id = %task, %channel, attempt, failure, "alert not sent; again in {seconds} s");
                AlertEnd::Again(Utc::now() + *pause, &failure)
            }
            (Err(_), _) => {
                tracing::error!(task.id = %task, %channel, attempt, failure, "alert given up");
                AlertEnd::GivenUp(&failure)
            }
        };
        self.write_end(id, end).await;
    }

    /// Tries for as long as the claim holds; after that the row counts as abandoned, and is not sent again either.
    async fn write_end(&self, id: i64, end: AlertEnd<'_>) {
        let last = Utc::now() + CLAIM;
        while let Err(error) = self.store.end_alert_attempt(id, &self.alerts.owner, Utc::now(), end).await {
            tracing::warn!(%error, "how the sending of an alert ended is not stored yet");
            if Utc::now() > last {
                return;
            }
            tokio::time::sleep(DATABASE_PAUSE).await;
        }
    }

    pub(super) async fn send_alert(
        &self,
        channel: AlertChannel,
        receiver: Option<UserId>,
        message: &Message,
        project: &Project,
    ) -> Result<(), SendError> {
        if channel == AlertChannel::Email {
            let Some(receiver) = receiver else { return Err(SendError::Refused("it has no receiver".to_owned())) };
            let user = match self.store.get_user(receiver).await {
                Ok(user) => user,
                Err(StoreError::NotFound) => return Err(SendError::Refused("the receiver was deleted".to_owned())),
                Err(error) => return Err(SendError::NotTaken(format!("the database does not answer: {error}"))),
            };
            return channel::mail(self.mailer(), &user.email, message).await;
        }
        let settings = &self.settings.alerts;
        let Some(address) = settings.addresses.get(&channel) else {
            return Err(SendError::Refused("the channel is not configured any more".to_owned()));
        };
        let chat = settings.chat(project.alert_chat.as_deref());
        if channel == AlertChannel::Telegram && chat.is_empty() {
            return Err(SendError::Refused("neither the project nor telegram_chat names a chat".to_owned()));
        }
        channel::post(&self.alerts, channel, address, chat, message).await
    }

    /// The words' contents; none if task or template are gone. Reference: `TaskRunner.alertInfos`.
    async fn describe(&self, alert: &ClaimedAlert) -> Result<Option<(Message, Project)>, StoreError> {
        let project = alert.project_id;
        let Some(task) = unless_gone(self.store.get_task(project, alert.task_id).await)? else { return Ok(None) };
        let Some(template) = unless_gone(self.store.get_plain_template(project, task.template_id).await)? else {
            return Ok(None);
        };
        let Some(project) = unless_gone(self.store.get_project(project).await)? else { return Ok(None) };
        let author = match task.user_id {
            Some(id) => unless_gone(self.store.get_user(id).await)?.map(|user| user.name),
            None => None,
        };
        let version = match &task.version {
            Some(version) => version.clone(),
            None if template.r#type == TemplateType::Task => String::new(),
            None => self.incoming_version(&task).await?.map_or_else(String::new, |v| format!("build {v}")),
        };
        let message = Message {
            task: task.id,
            url: self.task_link(project.id, template.id, task.id),
            name: template.name,
            author: author.unwrap_or_else(|| message::NOBODY.to_owned()),
            version,
            description: task.message,
            status: alert.status,
        };
        Ok(Some((message, project)))
    }

    /// Where people see a task. Reference: `web_host` as it is written, also without one.
    pub(super) fn task_link(&self, project: ProjectId, template: TemplateId, task: TaskId) -> String {
        let host = &self.settings.web_host;
        format!("{host}/project/{project}/templates/{template}?t={task}")
    }
}
