//! How much of a project and its templates is kept: the rules, as people set them.
//!
//! Ours. Not for carrying them out (`housekeeping.rs`), nor for `max_tasks_per_template`, which holds besides.

use schemars::JsonSchema;
use semaphore_model::{EventObject, ProjectId, RetentionRule, TemplateId, UserId};
use semaphore_store::{ScopedRule, StoreError};
use serde::Serialize;

use crate::{error::Result, event::event, services::Services};

/// The rules of a project.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ProjectRetention {
    /// For all tasks of the project together.
    pub project: RetentionRule,
    /// For those templates that have a rule of their own, which holds besides.
    pub templates: Vec<TemplateRetention>,
}

/// The rule of a template.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TemplateRetention {
    /// The template.
    pub template_id: TemplateId,
    /// For its tasks.
    #[serde(flatten)]
    pub rule: RetentionRule,
}

impl Services {
    /// The rules of a project and its templates.
    pub async fn retention(&self, project: ProjectId) -> Result<ProjectRetention> {
        let mut found = ProjectRetention::default();
        for scoped in self.store.list_retention_rules(Some(project)).await? {
            match scoped.template_id {
                None => found.project = scoped.rule,
                Some(template_id) => found.templates.push(TemplateRetention { template_id, rule: scoped.rule }),
            }
        }
        Ok(found)
    }

    /// Sets the rule of a project, or of one of its templates; a rule without limits removes it. It is carried out at once, in
    /// the background. 400 with the reason for a limit that makes no sense.
    pub async fn set_retention(
        &self,
        user: UserId,
        project: ProjectId,
        template: Option<TemplateId>,
        rule: RetentionRule,
    ) -> Result<()> {
        rule.check()?;
        if let Some(template) = template {
            self.template(project, template).await?;
        }
        let scoped = ScopedRule { project_id: project, template_id: template, rule };
        match self.write_retention(user, &scoped).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.store.make_own_tables().await?;
                self.write_retention(user, &scoped).await?;
            }
            written => written?,
        }
        self.housekeeping.rule_changed();
        Ok(())
    }

    async fn write_retention(&self, user: UserId, scoped: &ScopedRule) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.set_retention_rule(scoped).await?;
        let limit = |name: &str, value: Option<u64>| value.map(|value| format!("{name} {value}"));
        let rule = &scoped.rule;
        let limits: Vec<String> = [
            limit("max_age_days", rule.max_age_days.map(u64::from)),
            limit("max_tasks", rule.max_tasks.map(u64::from)),
            limit("max_bytes", rule.max_bytes),
        ]
        .into_iter()
        .flatten()
        .collect();
        let limits = if limits.is_empty() { "no limit".to_owned() } else { limits.join(", ") };
        let project = scoped.project_id;
        let told = match scoped.template_id {
            None => {
                event(user, project, EventObject::Project, project, format!("Retention of the project set to {limits}"))
            }
            Some(template) => event(
                user,
                project,
                EventObject::Template,
                template,
                format!("Retention of template ID {template} set to {limits}"),
            ),
        };
        transaction.insert_event(told).await?;
        transaction.commit().await
    }
}
