//! The unfinished tasks of other servers on the same database.
//!
//! Not for those of the own server, whose pool knows them better.

use crate::db::params;
use crate::error::StoreError;
use crate::{Result, Store};
use semaphore_model::{ProjectId, TaskId, TaskStatus};

/// An unfinished task of another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignTask {
    /// Row of `task`.
    pub id: TaskId,
    /// Its project.
    pub project_id: ProjectId,
    /// Its status.
    pub status: TaskStatus,
    /// Login of the user who started it; empty for schedules, webhooks and follow-up tasks.
    pub username: String,
    /// Whether it has begun to run there.
    pub is_running: bool,
}

impl Store {
    /// The unfinished tasks that belong to other servers, oldest first.
    pub async fn list_tasks_of_other_servers(&self, own: &str) -> Result<Vec<ForeignTask>> {
        let text = "select t.id, t.project_id, t.status, u.username, l.running from rs_task_lease l \
             join task t on t.id = l.task_id left join `user` u on u.id = t.user_id \
             where l.owner <> ? and t.status not in ('success', 'error', 'stopped') order by t.id";
        let mut tasks = Vec::new();
        for row in self.fetch_own(text, params![own]).await? {
            let status = row.text("status")?;
            tasks.push(ForeignTask {
                id: row.id("id")?,
                project_id: row.id("project_id")?,
                status: TaskStatus::parse(&status).ok_or_else(|| StoreError::Unreadable {
                    column: "status".to_owned(),
                    value: status,
                    expected: "a status of a task",
                })?,
                username: row.optional_text("username")?.unwrap_or_default(),
                is_running: row.long("running")? != 0,
            });
        }
        Ok(tasks)
    }
}
