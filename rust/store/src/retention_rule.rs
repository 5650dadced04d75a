//! Rules about how much of a project or a template is kept, in a table of our own.
//!
//! Not for carrying them out (`retention.rs`).

use crate::db::{FromRow, Row, Transaction, params};
use crate::{Result, Store};
use semaphore_model::{ProjectId, RetentionRule, TemplateId};

impl FromRow for RetentionRule {
    fn from_row(row: &Row) -> Result<Self> {
        let small =
            |column| Ok::<_, crate::StoreError>(row.optional_long(column)?.and_then(|value| u32::try_from(value).ok()));
        Ok(Self {
            max_age_days: small("max_age_days")?,
            max_tasks: small("max_tasks")?,
            max_bytes: row.optional_long("max_bytes")?.and_then(|value| u64::try_from(value).ok()),
        })
    }
}

/// A rule and whose tasks it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopedRule {
    /// The project.
    pub project_id: ProjectId,
    /// The template, or all tasks of the project together.
    pub template_id: Option<TemplateId>,
    /// The limits.
    pub rule: RetentionRule,
}

impl FromRow for ScopedRule {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            project_id: row.id("project_id")?,
            template_id: row.optional_id("template_id")?,
            rule: RetentionRule::from_row(row)?,
        })
    }
}

impl Store {
    /// The rules of a project and its templates, or of all projects; that of the project before those of its templates.
    pub async fn list_retention_rules(&self, project_id: Option<ProjectId>) -> Result<Vec<ScopedRule>> {
        const SELECT: &str =
            "select project_id, template_id, max_age_days, max_tasks, max_bytes from rs_retention_rule";
        let order = "order by project_id, coalesce(template_id, 0)";
        let rows = match project_id {
            Some(id) => self.fetch_own(format!("{SELECT} where project_id = ? {order}"), params![id]).await?,
            None => self.fetch_own(format!("{SELECT} {order}"), params![]).await?,
        };
        rows.iter().map(ScopedRule::from_row).collect()
    }
}

impl Transaction {
    /// Sets the rule of a project, or of one of its templates; an empty one is removed. The caller has checked that the template
    /// is one of the project.
    pub async fn set_retention_rule(&mut self, scoped: &ScopedRule) -> Result<()> {
        let ScopedRule { project_id, template_id, rule } = *scoped;
        // Two that come at the same time leave one row: null is not unique.
        let lock = format!("select id from project where id = ?{}", self.dialect().for_update());
        self.fetch_optional(lock, params![project_id]).await?;
        let (text, values) = if let Some(id) = template_id {
            ("delete from rs_retention_rule where project_id = ? and template_id = ?", params![project_id, id])
        } else {
            ("delete from rs_retention_rule where project_id = ? and template_id is null", params![project_id])
        };
        self.execute(text, values).await?;
        if rule.is_empty() {
            return Ok(());
        }
        let text = "insert into rs_retention_rule (project_id, template_id, max_age_days, max_tasks, max_bytes) \
             values (?, ?, ?, ?, ?)";
        let bytes = rule.max_bytes.and_then(|bytes| i64::try_from(bytes).ok());
        self.execute(text, params![project_id, template_id, rule.max_age_days, rule.max_tasks, bytes]).await.map(drop)
    }
}
