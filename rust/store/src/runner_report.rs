//! Reports of remote runners that came to another server than the one that has their task, in a table of our own: its owner
//! takes them from here, in the order in which they came.
//!
//! Not for what they mean. A report belongs to a task, not to a server: whoever takes the task over finds it.

use crate::db::params;
use crate::{Result, Store};
use chrono::Utc;
use semaphore_model::TaskId;

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

    /// Reports that wait for a server, in the order in which they came.
    pub async fn list_runner_reports(&self, own: &str) -> Result<Vec<RunnerReportMail>> {
        let text = "select m.id, m.task_id, m.body from rs_runner_report m \
             join rs_task_lease l on l.task_id = m.task_id where l.owner = ? order by m.id";
        let rows = self.fetch_own(text, params![own]).await?;
        let mail = |row: &crate::db::Row| {
            Ok(RunnerReportMail { id: row.long("id")?, task_id: row.id("task_id")?, body: row.text("body")? })
        };
        rows.iter().map(mail).collect()
    }

    /// A report was stored, or is of no use.
    pub async fn delete_runner_report(&self, id: i64) -> Result<()> {
        let mut transaction = self.begin().await?;
        transaction.execute_own("delete from rs_runner_report where id = ?", params![id]).await?;
        transaction.commit().await
    }
}
