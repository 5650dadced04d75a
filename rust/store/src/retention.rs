//! Finished tasks that a rule lets go: which they are, and their removal in small transactions.
//!
//! Not for the rules (`retention_rule.rs`), nor for when they are carried out. Invariants: a task that has not ended is never
//! named or removed; no transaction removes more than a few thousand rows, so that nobody waits for long; a removal
//! that was cut short leaves a finished task with less output, and the next round goes on with it.

use crate::db::{Param, Row, params};
use crate::retention_rule::ScopedRule;
use crate::{Result, Store};
use chrono::{DateTime, TimeDelta, Utc};
use semaphore_model::{TaskId, TemplateId};

/// Statuses that are final.
const FINISHED: &str = "status in ('success', 'error', 'stopped')";

/// Tasks whose output is measured in one go, because it was written without a mark.
const MEASURED_AT_ONCE: usize = 100;

impl Store {
    /// Finished tasks that a rule lets go, at most `count`, the oldest first; empty once the rule is met.
    pub async fn list_tasks_beyond(
        &self,
        scoped: &ScopedRule,
        now: DateTime<Utc>,
        count: usize,
    ) -> Result<Vec<TaskId>> {
        let (scope, values) = scope(scoped);
        let mut found = Vec::new();
        if let Some(days) = scoped.rule.max_age_days {
            let text = format!(
                "select id from task where {scope} and {FINISHED} and coalesce(`end`, created) < ? order by id limit ?"
            );
            let mut values = values.clone();
            values.extend(params![now - TimeDelta::days(days.into()), count as i64]);
            found.extend(self.ids(text, values).await?);
        }
        if let Some(kept) = scoped.rule.max_tasks {
            found.extend(self.tasks_before_newest(scope, values, kept, count).await?);
        }
        if let Some(bytes) = scoped.rule.max_bytes {
            found.extend(self.tasks_beyond_size(scoped, i64::try_from(bytes).unwrap_or(i64::MAX), count).await?);
        }
        found.sort_unstable();
        found.dedup();
        found.truncate(count);
        Ok(found)
    }

    /// Finished tasks of a template beyond its newest `kept`, once it has a tenth more than that; at most `count`, the oldest
    /// first. Reference: `max_tasks_per_template`, but the Go server also names running tasks.
    pub async fn list_tasks_beyond_limit(&self, id: TemplateId, kept: u32, count: usize) -> Result<Vec<TaskId>> {
        let text = "select count(*) as number from task where template_id = ?";
        let row = self.db().fetch_optional(text, params![id]).await?;
        let number = row.map_or(Ok(0), |row| row.long("number"))?;
        if number < i64::from(kept) + i64::from(kept / 10) || number <= i64::from(kept) {
            return Ok(Vec::new());
        }
        self.tasks_before_newest("template_id = ?", params![id], kept, count).await
    }

    async fn tasks_before_newest(
        &self,
        scope: &str,
        mut values: Vec<Param>,
        kept: u32,
        count: usize,
    ) -> Result<Vec<TaskId>> {
        let text = format!("select id from task where {scope} order by id desc limit 1 offset ?");
        let mut newest = values.clone();
        newest.push(kept.into());
        let Some(bound) = self.ids(text, newest).await?.pop() else { return Ok(Vec::new()) };
        let text = format!("select id from task where {scope} and {FINISHED} and id <= ? order by id limit ?");
        values.extend(params![bound, count as i64]);
        self.ids(text, values).await
    }

    /// The finished tasks from the one on with which the output, counted from the newest task, is too much.
    async fn tasks_beyond_size(&self, scoped: &ScopedRule, most: i64, count: usize) -> Result<Vec<TaskId>> {
        let (scope, values) = scope(scoped);
        self.measure_outputs(scope, &values).await?;
        let text = format!(
            "select task.id, m.bytes from task join rs_task_output_mark m on m.task_id = task.id where {scope} \
             order by task.id desc"
        );
        let mut sum = 0_i64;
        let mut bound = None;
        let each = |row: &Row| {
            sum = sum.saturating_add(row.long("bytes")?);
            bound = (sum > most).then_some(row.id::<TaskId>("id")?);
            Ok(bound.is_some())
        };
        crate::own_table::nothing_if_missing(self.db().fetch_until(text, values.clone(), each).await)?;
        let Some(bound) = bound else { return Ok(Vec::new()) };
        // Tasks without output have no mark and stay.
        let text = format!(
            "select id from task where {scope} and {FINISHED} and id <= ? \
             and exists (select 1 from rs_task_output_mark m where m.task_id = task.id) order by id limit ?"
        );
        let mut values = values;
        values.extend(params![bound, count as i64]);
        self.ids(text, values).await
    }

    /// Makes the marks of finished tasks that have output but none, such as those of the Go server.
    async fn measure_outputs(&self, scope: &str, values: &[Param]) -> Result<()> {
        let text = format!(
            "select id from task where {scope} and {FINISHED} \
             and not exists (select 1 from rs_task_output_mark m where m.task_id = task.id) \
             and exists (select 1 from task__output o where o.task_id = task.id) order by id limit {MEASURED_AT_ONCE}"
        );
        loop {
            let unknown = crate::own_table::nothing_if_missing(self.ids(text.clone(), values.to_vec()).await)?;
            for id in &unknown {
                let mut transaction = self.begin_output().await?;
                let mark = transaction.output_mark(*id).await?;
                transaction.set_output_mark(*id, &mark).await?;
                transaction.commit().await?;
            }
            if unknown.len() < MEASURED_AT_ONCE {
                return Ok(());
            }
        }
    }

    /// Removes a finished task with everything it has, its output first and in small transactions; answers whether it was there
    /// and had ended. Others who write go between them.
    pub async fn remove_finished_task(&self, id: TaskId) -> Result<bool> {
        let text = format!("select id from task where id = ? and {FINISHED}");
        if self.ids(text, params![id]).await?.is_empty() {
            return Ok(false);
        }
        while self.remove_rows(id, None).await? {}
        let mut transaction = self.begin().await?;
        let text = "select project_id, template_id from task where id = ?";
        let Some(row) = transaction.fetch_optional(text, params![id]).await? else { return Ok(false) };
        let template: TemplateId = row.id("template_id")?;
        let text = format!("delete from task where id = ? and {FINISHED}");
        let removed = transaction.execute(text, params![id]).await? > 0;
        let text =
            "update project__template set tasks = (select count(*) from task where template_id = ?) where id = ?";
        transaction.execute(text, params![template, template]).await?;
        transaction.commit().await?;
        Ok(removed)
    }

    async fn ids(&self, text: String, values: Vec<Param>) -> Result<Vec<TaskId>> {
        self.db().fetch_all(text, values).await?.iter().map(|row| row.id("id")).collect()
    }
}

/// Which rows of `task` a rule is about.
fn scope(scoped: &ScopedRule) -> (&'static str, Vec<Param>) {
    match scoped.template_id {
        Some(template) => ("project_id = ? and template_id = ?", params![scoped.project_id, template]),
        None => ("project_id = ?", params![scoped.project_id]),
    }
}
