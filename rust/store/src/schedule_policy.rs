//! What becomes of missed and overlapping moments of schedules, in a table of our own.

use crate::db::{Row, Transaction, params};
use crate::error::StoreError;
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::{Misfire, Overlap, ProjectId, ScheduleId, SchedulePolicy, TaskStatus};

fn policy_from(row: &Row) -> Result<SchedulePolicy> {
    let unreadable =
        |column: &str, value: String, expected| StoreError::Unreadable { column: column.to_owned(), value, expected };
    let (misfire, overlap) = (row.text("misfire")?, row.text("overlap")?);
    Ok(SchedulePolicy {
        misfire: Misfire::from_text(&misfire).ok_or_else(|| unreadable("misfire", misfire, "skip or run_once"))?,
        overlap: Overlap::from_text(&overlap).ok_or_else(|| unreadable("overlap", overlap, "queue or skip"))?,
    })
}

impl Store {
    /// The rules of a schedule; the default ones if it has none.
    pub async fn get_schedule_policy(&self, id: ScheduleId) -> Result<SchedulePolicy> {
        let rows = self
            .fetch_own("select misfire, overlap from rs_schedule_policy where schedule_id = ?", params![id])
            .await?;
        rows.first().map_or_else(|| Ok(SchedulePolicy::default()), policy_from)
    }

    /// The last moment of a schedule that made a task, as far as it is known.
    pub async fn get_last_fire(&self, id: ScheduleId) -> Result<Option<DateTime<Utc>>> {
        let text = "select due from rs_schedule_fire where schedule_id = ? order by due desc limit 1";
        let rows = self.fetch_own(text, params![id]).await?;
        Ok(rows.first().map(|row| row.optional_time("due")).transpose()?.flatten())
    }

    /// Whether a task of the schedule has not ended.
    pub async fn has_unfinished_task(&self, project_id: ProjectId, id: ScheduleId) -> Result<bool> {
        let finished = [TaskStatus::Success, TaskStatus::Error, TaskStatus::Stopped].map(TaskStatus::as_str);
        let text = "select id from task where project_id = ? and schedule_id = ? and status not in (?, ?, ?) limit 1";
        let values = params![project_id, id, finished[0], finished[1], finished[2]];
        Ok(!self.db().fetch_all(text, values).await?.is_empty())
    }
}

impl Transaction {
    /// Forgets what a schedule fired: with other times, and after a pause, nothing before was missed.
    pub(crate) async fn forget_fires(&mut self, id: ScheduleId) -> Result<()> {
        self.execute_own("delete from rs_schedule_fire where schedule_id = ?", params![id]).await.map(drop)
    }

    /// Sets the rules of a schedule.
    ///
    /// Errors: [`StoreError::OwnTableMissing`], for [`Store::make_own_tables`] and once more.
    pub async fn set_schedule_policy(&mut self, id: ScheduleId, policy: SchedulePolicy) -> Result<()> {
        let values = params![policy.misfire.as_str(), policy.overlap.as_str(), id];
        let text = "update rs_schedule_policy set misfire = ?, overlap = ? where schedule_id = ?";
        if self.execute(text, values.clone()).await? == 0 {
            let text = "insert into rs_schedule_policy (misfire, overlap, schedule_id) values (?, ?, ?)";
            self.execute(text, values).await?;
        }
        Ok(())
    }
}
