//! What decides about the alerts of a task: switches of project and template, the people, and rules in a table of our own.
//!
//! Not for deciding (service), nor for the alerts themselves (`alert_outbox.rs`).

use crate::db::{Row, Transaction, params};
use crate::error::StoreError;
use crate::{Result, Store};
use semaphore_model::{AlertChannel, AlertOccasion, AlertRule, ProjectId, TaskId, TemplateId, UserId};

/// What is said about the alerts of one template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFacts {
    /// Whether the project wants any.
    pub project_alert: bool,
    /// The project's chat of Telegram.
    pub chat: Option<String>,
    /// Whether a success of the template is told nobody.
    pub suppress_success: bool,
    /// Rules of the template.
    pub rules: Vec<AlertRule>,
}

fn rule_from(row: &Row) -> Result<AlertRule> {
    let unreadable =
        |column: &str, value: String, expected| StoreError::Unreadable { column: column.to_owned(), value, expected };
    let (channel, occasion) = (row.text("channel")?, row.text("occasion")?);
    Ok(AlertRule {
        channel: AlertChannel::from_text(&channel).ok_or_else(|| unreadable("channel", channel, "a channel"))?,
        occasion: AlertOccasion::from_text(&occasion)
            .ok_or_else(|| unreadable("occasion", occasion, "always, failure or recovered"))?,
    })
}

impl Store {
    /// What is said about the alerts of a template; not found if it is not one of the project.
    pub async fn get_alert_facts(&self, project_id: ProjectId, template_id: TemplateId) -> Result<AlertFacts> {
        let text = "select p.alert, p.alert_chat, t.suppress_success_alerts from project__template t \
             join project p on p.id = t.project_id where p.id = ? and t.id = ?";
        let row = self.db().fetch_optional(text, params![project_id, template_id]).await?;
        let row = row.ok_or(StoreError::NotFound)?;
        let (project_alert, suppress_success) = (row.boolean("alert")?, row.boolean("suppress_success_alerts")?);
        let rules = if project_alert { self.list_alert_rules(template_id).await? } else { Vec::new() };
        Ok(AlertFacts { project_alert, chat: row.optional_text("alert_chat")?, suppress_success, rules })
    }

    /// The rules of a template, by channel.
    pub async fn list_alert_rules(&self, template_id: TemplateId) -> Result<Vec<AlertRule>> {
        let text = "select channel, occasion from rs_alert_rule where template_id = ? order by channel";
        self.fetch_own(text, params![template_id]).await?.iter().map(rule_from).collect()
    }

    /// Members of the project who want alerts, and with them administrators who do. Reference: `TaskRunner.users` and
    /// `User.Alert`.
    pub async fn list_alert_receivers(&self, project_id: ProjectId, with_administrators: bool) -> Result<Vec<UserId>> {
        let administrators = if with_administrators { "u.admin or " } else { "" };
        let text = format!(
            "select u.id from `user` u where u.alert and ({administrators}\
             exists (select 1 from project__user pu where pu.user_id = u.id and pu.project_id = ?)) order by u.id"
        );
        self.db().fetch_all(text, params![project_id]).await?.iter().map(|row| row.id("id")).collect()
    }

    /// Whether the newest task of the template before this one that succeeded or failed had failed.
    pub async fn had_failed_before(&self, template_id: TemplateId, task_id: TaskId) -> Result<bool> {
        let text = "select status from task where template_id = ? and id < ? and status in ('success', 'error') \
             order by id desc limit 1";
        let row = self.db().fetch_optional(text, params![template_id, task_id]).await?;
        Ok(row.map(|row| row.text("status")).transpose()?.is_some_and(|status| status == "error"))
    }
}

impl Transaction {
    /// Makes the rules of a template those given. The caller has checked that it is one of the project.
    ///
    /// Errors: [`StoreError::OwnTableMissing`], for [`Store::make_own_tables`] and once more.
    pub async fn set_alert_rules(
        &mut self,
        project_id: ProjectId,
        template_id: TemplateId,
        rules: &[AlertRule],
    ) -> Result<()> {
        // Of two that come at the same time the second waits for the first.
        let lock = format!("select id from project__template where id = ?{}", self.dialect().for_update());
        self.fetch_optional(lock, params![template_id]).await?;
        self.execute("delete from rs_alert_rule where template_id = ?", params![template_id]).await?;
        for rule in rules {
            let text = "insert into rs_alert_rule (project_id, template_id, channel, occasion) values (?, ?, ?, ?)";
            let values = params![project_id, template_id, rule.channel.as_str(), rule.occasion.as_str()];
            self.execute(text, values).await?;
        }
        Ok(())
    }
}
