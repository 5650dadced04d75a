//! Rows that refer to something that is not there any more, and what can be done about them.
//!
//! The database should not let them be made; SQLite does when a program does not switch foreign keys on, MySQL and PostgreSQL
//! when a dump is loaded with the checks off. Not for tables of our own: their rows do no harm (`migration/own.rs`).

use crate::db::params;
use crate::migration::tables;
use crate::{Result, Store};

/// What mends a row whose reference leads nowhere without taking anything that somebody could still see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The row goes: it belonged to what is not there.
    Delete,
    /// The reference is emptied: the row has a meaning of its own.
    Forget,
    /// Nothing: a person has to choose what the row should refer to instead.
    Report,
}

/// Rows of one table whose reference in one column leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphans {
    /// Their table.
    pub table: &'static str,
    /// The column with the reference.
    pub column: &'static str,
    /// The table that lacks what is referred to.
    pub missing: &'static str,
    /// How many rows.
    pub count: i64,
    /// What [`Store::repair_orphans`] does about them.
    pub repair: Repair,
}

struct Reference {
    table: &'static str,
    column: &'static str,
    target: &'static str,
    repair: Repair,
}

const fn reference(table: &'static str, column: &'static str, target: &'static str, repair: Repair) -> Reference {
    Reference { table, column, target, repair }
}

/// The references of the reference's tables. What the reference would have deleted or emptied together with the target is
/// mended so; what decides about the meaning of an object (its key, its inventory) is left to a person.
const REFERENCES: &[Reference] = &[
    reference("access_key", "environment_id", "project__environment", Repair::Delete),
    reference("access_key", "project_id", "project", Repair::Forget),
    reference("access_key", "source_storage_id", "project__secret_storage", Repair::Report),
    reference("access_key", "storage_id", "project__secret_storage", Repair::Delete),
    reference("access_key", "user_id", "user", Repair::Delete),
    reference("event", "project_id", "project", Repair::Delete),
    reference("event", "user_id", "user", Repair::Forget),
    reference("project", "default_secret_storage_id", "project__secret_storage", Repair::Forget),
    reference("project__environment", "project_id", "project", Repair::Delete),
    reference("project__environment", "secret_storage_id", "project__secret_storage", Repair::Report),
    reference("project__integration", "auth_secret_id", "access_key", Repair::Report),
    reference("project__integration", "project_id", "project", Repair::Delete),
    reference("project__integration", "task_params_id", "project__task_params", Repair::Forget),
    reference("project__integration", "template_id", "project__template", Repair::Delete),
    reference("project__integration_alias", "integration_id", "project__integration", Repair::Delete),
    reference("project__integration_alias", "project_id", "project", Repair::Delete),
    reference("project__integration_extract_value", "integration_id", "project__integration", Repair::Delete),
    reference("project__integration_matcher", "integration_id", "project__integration", Repair::Delete),
    reference("project__inventory", "become_key_id", "access_key", Repair::Report),
    reference("project__inventory", "project_id", "project", Repair::Delete),
    reference("project__inventory", "repository_id", "project__repository", Repair::Report),
    reference("project__inventory", "ssh_key_id", "access_key", Repair::Report),
    reference("project__inventory", "template_id", "project__template", Repair::Forget),
    reference("project__invite", "inviter_user_id", "user", Repair::Delete),
    reference("project__invite", "project_id", "project", Repair::Delete),
    reference("project__invite", "user_id", "user", Repair::Delete),
    reference("project__repository", "project_id", "project", Repair::Delete),
    reference("project__repository", "ssh_key_id", "access_key", Repair::Report),
    reference("project__schedule", "project_id", "project", Repair::Delete),
    reference("project__schedule", "repository_id", "project__repository", Repair::Report),
    reference("project__schedule", "task_params_id", "project__task_params", Repair::Report),
    reference("project__schedule", "template_id", "project__template", Repair::Delete),
    reference("project__secret_storage", "project_id", "project", Repair::Delete),
    reference("project__task_params", "inventory_id", "project__inventory", Repair::Report),
    reference("project__task_params", "project_id", "project", Repair::Delete),
    reference("project__template", "build_template_id", "project__template", Repair::Report),
    reference("project__template", "environment_id", "project__environment", Repair::Report),
    reference("project__template", "inventory_id", "project__inventory", Repair::Report),
    reference("project__template", "project_id", "project", Repair::Delete),
    reference("project__template", "repository_id", "project__repository", Repair::Report),
    reference("project__template", "view_id", "project__view", Repair::Forget),
    reference("project__template_role", "project_id", "project", Repair::Delete),
    reference("project__template_role", "template_id", "project__template", Repair::Delete),
    reference("project__template_vault", "project_id", "project", Repair::Delete),
    reference("project__template_vault", "template_id", "project__template", Repair::Delete),
    reference("project__template_vault", "vault_key_id", "access_key", Repair::Report),
    reference("project__terraform_inventory_alias", "auth_key_id", "access_key", Repair::Report),
    reference("project__terraform_inventory_alias", "inventory_id", "project__inventory", Repair::Delete),
    reference("project__terraform_inventory_alias", "project_id", "project", Repair::Delete),
    reference("project__terraform_inventory_state", "inventory_id", "project__inventory", Repair::Delete),
    reference("project__terraform_inventory_state", "project_id", "project", Repair::Delete),
    reference("project__terraform_inventory_state", "task_id", "task", Repair::Forget),
    reference("project__user", "project_id", "project", Repair::Delete),
    reference("project__user", "user_id", "user", Repair::Delete),
    reference("project__view", "project_id", "project", Repair::Delete),
    reference("role", "project_id", "project", Repair::Delete),
    reference("runner", "project_id", "project", Repair::Delete),
    reference("session", "user_id", "user", Repair::Delete),
    reference("task", "build_task_id", "task", Repair::Forget),
    reference("task", "integration_id", "project__integration", Repair::Forget),
    reference("task", "inventory_id", "project__inventory", Repair::Forget),
    reference("task", "project_id", "project", Repair::Delete),
    reference("task", "schedule_id", "project__schedule", Repair::Forget),
    reference("task", "template_id", "project__template", Repair::Delete),
    reference("task", "user_id", "user", Repair::Forget),
    reference("task__ansible_error", "project_id", "project", Repair::Delete),
    reference("task__ansible_error", "task_id", "task", Repair::Delete),
    reference("task__ansible_host", "project_id", "project", Repair::Delete),
    reference("task__ansible_host", "task_id", "task", Repair::Delete),
    reference("task__output", "stage_id", "task__stage", Repair::Forget),
    reference("task__output", "task_id", "task", Repair::Delete),
    reference("task__stage", "task_id", "task", Repair::Delete),
    reference("task__stage_result", "stage_id", "task__stage", Repair::Delete),
    reference("task__stage_result", "task_id", "task", Repair::Delete),
    reference("user__email_otp", "user_id", "user", Repair::Delete),
    reference("user__token", "user_id", "user", Repair::Delete),
    reference("user__totp", "user_id", "user", Repair::Delete),
];

impl Reference {
    /// ` from table where column leads nowhere`. The inner list stands in a table of its own: MySQL wants it so where the
    /// table that is changed is the one that is asked.
    fn condition(&self) -> String {
        let Self { table, column, target, .. } = self;
        format!(
            "`{table}` where {column} is not null and {column} not in (select id from (select id from `{target}`) known)"
        )
    }
}

impl Store {
    /// All rows that refer to something that is not there; tables that are not there are passed over.
    pub async fn list_orphans(&self) -> Result<Vec<Orphans>> {
        let present = tables(self.db()).await?;
        let is_present = |name: &str| present.iter().any(|table| table == name);
        let mut found = Vec::new();
        for reference in REFERENCES.iter().filter(|row| is_present(row.table) && is_present(row.target)) {
            let Reference { table, column, target, repair } = *reference;
            let text = format!("select count(*) as count from {}", reference.condition());
            let row = self.db().fetch_optional(text, params![]).await?;
            let count = row.map_or(Ok(0), |row| row.long("count"))?;
            if count > 0 {
                found.push(Orphans { table, column, missing: target, count, repair });
            }
        }
        Ok(found)
    }

    /// Mends what [`Store::list_orphans`] found, in one transaction; answers the number of rows.
    pub async fn repair_orphans(&self, orphans: &Orphans) -> Result<u64> {
        let known = REFERENCES.iter().find(|row| row.table == orphans.table && row.column == orphans.column);
        let Some(reference) = known else { return Ok(0) };
        let (table, column) = (reference.table, reference.column);
        let text = match reference.repair {
            Repair::Report => return Ok(0),
            Repair::Delete => format!("delete from {}", reference.condition()),
            Repair::Forget => {
                let condition = reference.condition();
                let condition = condition.split_once(" where ").map_or("", |(_, condition)| condition);
                format!("update `{table}` set {column} = null where {condition}")
            }
        };
        let mut transaction = self.begin().await?;
        let changed = transaction.execute_once(text, params![]).await?;
        transaction.commit().await?;
        Ok(changed)
    }
}
