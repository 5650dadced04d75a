//! How many tasks ended how, by day.

use crate::db::params;
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use semaphore_model::{ProjectId, TemplateId, UserId};
use serde::Serialize;
use std::collections::BTreeMap;

/// Which tasks are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskStatisticsFilter {
    /// Those of a template.
    pub template_id: Option<TemplateId>,
    /// Those of a user.
    pub user_id: Option<UserId>,
    /// Those that began at or after this time.
    pub start: Option<DateTime<Utc>>,
    /// Those that ended before this time.
    pub end: Option<DateTime<Utc>>,
}

/// The tasks of one day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TaskStatistics {
    /// The day, in UTC, as `2026-11-22`.
    pub date: String,
    /// Number of tasks by status.
    pub count_by_status: BTreeMap<String, i64>,
    /// Reference: never computed, always 0.
    pub avg_duration: i32,
}

impl Store {
    /// Tasks of the project by day of creation, newest day first.
    pub async fn list_task_statistics(
        &self,
        project_id: ProjectId,
        filter: &TaskStatisticsFilter,
    ) -> Result<Vec<TaskStatistics>> {
        let mut text = format!(
            "select {} as day, status, count(*) as number from task where project_id = ?",
            self.db().dialect().day_of_created()
        );
        let mut values = params![project_id];
        if let Some(id) = filter.template_id {
            text.push_str(" and template_id = ?");
            values.push(id.into());
        }
        if let Some(id) = filter.user_id {
            text.push_str(" and user_id = ?");
            values.push(id.into());
        }
        if let Some(time) = filter.start {
            text.push_str(" and start >= ?");
            values.push(time.into());
        }
        if let Some(time) = filter.end {
            text.push_str(" and `end` < ?");
            values.push(time.into());
        }
        text.push_str(" group by day, status order by day desc");
        let mut days: Vec<TaskStatistics> = Vec::new();
        for row in self.db().fetch_all(text, values).await? {
            let date = row.text("day")?;
            if days.last().is_none_or(|day| day.date != date) {
                days.push(TaskStatistics { date, ..TaskStatistics::default() });
            }
            if let Some(day) = days.last_mut() {
                day.count_by_status.insert(row.text("status")?, row.long("number")?);
            }
        }
        Ok(days)
    }
}
