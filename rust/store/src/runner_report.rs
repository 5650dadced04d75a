//! Reports of remote runners that came to another server than the one that has their task, in a table of our own: its owner
//! takes them from here, in the order in which they came.
//!
//! Not for what they mean. A report belongs to a task, not to a server: whoever takes the task over finds it.

use crate::db::{FromRow, Row, params};
use crate::{Result, Store};
use chrono::Utc;
use semaphore_model::{RunnerId, TaskId};

/// A report that waits for the owner of its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerReportMail {
    /// Row of `rs_runner_report`.
    pub id: i64,
    /// The task.
    pub task_id: TaskId,
    /// The report as JSON.
    pub body: String,
}

impl FromRow for RunnerReportMail {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { id: row.long("id")?, task_id: row.id("task_id")?, body: row.text("body")? })
    }
}

impl Store {
    /// Leaves a report for the owner of a task; answers false if the task belongs to nobody or to `own`. It is on disk when this
    /// returns.
    pub async fn send_runner_report(&self, own: &str, task: TaskId, body: &str) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let text = "insert into rs_runner_report (task_id, body, created) \
             select task_id, ?, ? from rs_task_lease where task_id = ? and owner <> ?";
        let sent = transaction.execute(text, params![body, Utc::now(), task, own]).await?;
        transaction.commit().await?;
        Ok(sent > 0)
    }

    /// The tasks of a server about which reports wait.
    pub async fn list_reported_tasks(&self, own: &str) -> Result<Vec<TaskId>> {
        let text = "select distinct m.task_id from rs_runner_report m \
             join rs_task_lease l on l.task_id = m.task_id where l.owner = ? order by m.task_id";
        self.fetch_own(text, params![own]).await?.iter().map(|row| row.id("task_id")).collect()
    }

    /// The first reports about a task that wait for a server, in the order in which they came.
    pub async fn list_runner_reports(&self, own: &str, task: TaskId, limit: usize) -> Result<Vec<RunnerReportMail>> {
        let text = "select m.id, m.task_id, m.body from rs_runner_report m \
             join rs_task_lease l on l.task_id = m.task_id where l.owner = ? and m.task_id = ? order by m.id limit ?";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.fetch_own(text, params![own, task, limit]).await?.iter().map(RunnerReportMail::from_row).collect()
    }

    /// The newest report of each task of a runner about which one waits.
    pub async fn list_newest_reports(&self, runner: RunnerId) -> Result<Vec<RunnerReportMail>> {
        let text = "select id, task_id, body from rs_runner_report where id in (select max(m.id) from rs_runner_report m \
             join rs_task_runner k on k.task_id = m.task_id where k.runner_id = ? group by m.task_id)";
        self.fetch_own(text, params![runner]).await?.iter().map(RunnerReportMail::from_row).collect()
    }

    /// A report was stored, or is of no use.
    pub async fn delete_runner_report(&self, id: i64) -> Result<()> {
        let mut transaction = self.begin().await?;
        transaction.execute_own("delete from rs_runner_report where id = ?", params![id]).await?;
        transaction.commit().await
    }
}
