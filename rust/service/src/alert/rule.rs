//! Whom to tell about a status of a task, and the rules that people set for templates.
//!
//! Without rules of ours the reference's hold: mail on a failure only, to members and administrators who want it; the other
//! channels on a success, a failure and a plan that waits, but for successes of templates that suppress them; nothing where the
//! project has alerts off.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use semaphore_model::{
    AlertChannel, AlertOccasion, AlertRules, EventObject, ProjectId, TaskId, TaskStatus, TemplateId, UserId, time,
};
use semaphore_store::{AlertFacts, NewAlert, SentAlert, StoreError};
use semaphore_task::TaskState;
use serde::Serialize;

use crate::{error::Result, event::event, services::Services};

/// An alert about a task: through which channel, and what became of it. Ours.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TaskAlert {
    /// The channel.
    pub channel: AlertChannel,
    /// The status that it tells.
    pub status: TaskStatus,
    /// How often it was tried so far.
    pub attempts: u32,
    /// When it was taken by the other side.
    #[serde(with = "time::rfc3339_option")]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub sent: Option<DateTime<Utc>>,
    /// When it is tried next; null if it was sent, is being sent or is given up.
    #[serde(with = "time::rfc3339_option")]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub next_attempt: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    pub failure: Option<String>,
}

impl From<SentAlert> for TaskAlert {
    fn from(alert: SentAlert) -> Self {
        let SentAlert { channel, status, attempts, sent, next_attempt, failure } = alert;
        Self { channel, status, attempts, sent, next_attempt, failure }
    }
}

impl Services {
    /// Whom to tell about the status that a task takes; mostly nobody, and then without a query.
    ///
    /// Errors: the database does not answer. A template that is gone is told nobody.
    pub(crate) async fn alerts_about(&self, task: &TaskState) -> Result<Vec<NewAlert>, StoreError> {
        if !task.status.is_notifiable() || self.settings.alerts.channels().next().is_none() {
            return Ok(Vec::new());
        }
        let facts = match self.store.get_alert_facts(task.project_id, task.template_id).await {
            Err(StoreError::NotFound) => return Ok(Vec::new()),
            facts => facts?,
        };
        if !facts.project_alert {
            return Ok(Vec::new());
        }
        let is_recovery = task.status == TaskStatus::Success
            && facts.rules.iter().any(|rule| rule.occasion == AlertOccasion::Recovered)
            && self.store.had_failed_before(task.template_id, task.id).await?;
        let mut alerts = Vec::new();
        let settings = &self.settings.alerts;
        for channel in settings.channels().filter(|channel| tells(&facts, *channel, task.status, is_recovery)) {
            if channel == AlertChannel::Telegram && settings.chat(facts.chat.as_deref()).is_empty() {
                continue;
            }
            if channel != AlertChannel::Email {
                alerts.push(NewAlert { channel, receiver: None });
                continue;
            }
            let receivers = self.store.list_alert_receivers(task.project_id, true).await?;
            alerts.extend(receivers.into_iter().map(|id| NewAlert { channel, receiver: Some(id) }));
        }
        Ok(alerts)
    }

    /// The rules of a template of the project.
    pub async fn alert_rules(&self, project: ProjectId, template: TemplateId) -> Result<AlertRules> {
        self.template(project, template).await?;
        Ok(AlertRules { rules: self.store.list_alert_rules(template).await? })
    }

    /// Makes the rules of a template of the project those given; without any the reference's hold. 400 for two rules about one
    /// channel.
    pub async fn set_alert_rules(
        &self,
        user: UserId,
        project: ProjectId,
        template: TemplateId,
        rules: &AlertRules,
    ) -> Result<()> {
        rules.check()?;
        self.template(project, template).await?;
        match self.write_alert_rules(user, project, template, rules).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.store.make_own_tables().await?;
                Ok(self.write_alert_rules(user, project, template, rules).await?)
            }
            written => Ok(written?),
        }
    }

    async fn write_alert_rules(
        &self,
        user: UserId,
        project: ProjectId,
        template: TemplateId,
        rules: &AlertRules,
    ) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.set_alert_rules(project, template, &rules.rules).await?;
        let words: Vec<_> =
            rules.rules.iter().map(|rule| format!("{} {}", rule.channel, rule.occasion.as_str())).collect();
        let words = if words.is_empty() { "the usual ones".to_owned() } else { words.join(", ") };
        let description = format!("Alerts of template ID {template} set to {words}");
        transaction.insert_event(event(user, project, EventObject::Template, template, description)).await?;
        transaction.commit().await
    }

    /// What became of the alerts about a task of the project.
    pub async fn task_alerts(&self, project: ProjectId, task: TaskId) -> Result<Vec<TaskAlert>> {
        self.task(project, task).await?;
        Ok(self.store.list_task_alerts(task).await?.into_iter().map(TaskAlert::from).collect())
    }
}

/// Whether a channel tells a status. Reference: `TaskRunner.SetStatus` and the beginnings of `send*Alert`.
fn tells(facts: &AlertFacts, channel: AlertChannel, status: TaskStatus, is_recovery: bool) -> bool {
    let rule = facts.rules.iter().find(|rule| rule.channel == channel);
    let is_failure = status == TaskStatus::Error;
    match rule.map(|rule| rule.occasion) {
        Some(AlertOccasion::Always) => true,
        Some(AlertOccasion::Failure) => is_failure,
        Some(AlertOccasion::Recovered) => is_failure || is_recovery,
        None if channel == AlertChannel::Email => is_failure,
        None => !(facts.suppress_success && status == TaskStatus::Success),
    }
}

#[cfg(test)]
mod tests {
    use semaphore_model::AlertRule;

    use super::*;

    const NOTIFIABLE: [TaskStatus; 3] = [TaskStatus::Success, TaskStatus::Error, TaskStatus::WaitingConfirmation];

    /// Which of success, error and waiting_confirmation are told; then a success after a failure.
    fn told(facts: &AlertFacts, channel: AlertChannel) -> [bool; 4] {
        let [success, error, waiting] = NOTIFIABLE.map(|status| tells(facts, channel, status, false));
        [success, error, waiting, tells(facts, channel, TaskStatus::Success, true)]
    }

    #[test]
    fn without_rules_the_references_hold_and_a_rule_takes_their_place_for_its_channel() {
        let mut facts = AlertFacts { project_alert: true, ..AlertFacts::default() };
        assert_eq!(told(&facts, AlertChannel::Email), [false, true, false, false]);
        assert_eq!(told(&facts, AlertChannel::Slack), [true, true, true, true]);
        facts.suppress_success = true;
        assert_eq!(told(&facts, AlertChannel::Slack), [false, true, true, false]);
        for (occasion, expected) in [
            (AlertOccasion::Always, [true, true, true, true]),
            (AlertOccasion::Failure, [false, true, false, false]),
            (AlertOccasion::Recovered, [false, true, false, true]),
        ] {
            for channel in [AlertChannel::Email, AlertChannel::Slack] {
                facts.rules = vec![AlertRule { channel, occasion }];
                assert_eq!(told(&facts, channel), expected, "{channel} {occasion:?}");
                assert_eq!(told(&facts, AlertChannel::Gotify), [false, true, true, false], "another channel");
            }
        }
    }
}
