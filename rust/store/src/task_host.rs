//! Where the process is that a running task has for itself, in a table of our own: from its beginning to its final status.
//!
//! Not for the process: nobody here knows whether it lives. Without the table nobody finds it again, and such a task ends when
//! its server does.

use crate::db::{Transaction, params};
use crate::{Result, Store};
use semaphore_model::TaskId;

/// Where the process of a task is.
#[derive(Clone, Copy, Debug)]
pub struct TaskHost<'a> {
    /// What the servers have in common that can reach it; at most 64 characters.
    pub place: &'a str,
    /// Its directory there.
    pub directory: &'a str,
}

impl Store {
    /// Directory of the process that a running task has for itself.
    pub async fn find_task_host(&self, id: TaskId) -> Result<Option<String>> {
        let rows = self.fetch_own("select directory from rs_task_host where task_id = ?", params![id]).await?;
        rows.first().map(|row| row.text("directory")).transpose()
    }

    /// Directories of all processes of tasks that are there.
    pub async fn list_task_hosts(&self, place: &str) -> Result<Vec<String>> {
        let rows = self.fetch_own("select directory from rs_task_host where place = ?", params![place]).await?;
        rows.iter().map(|row| row.text("directory")).collect()
    }
}

impl Transaction {
    /// Remembers where the process of a task is going to be.
    pub(crate) async fn insert_task_host(&mut self, id: TaskId, host: TaskHost<'_>) -> Result<()> {
        self.execute("delete from rs_task_host where task_id = ?", params![id]).await?;
        let text = "insert into rs_task_host (task_id, place, directory) values (?, ?, ?)";
        self.execute(text, params![id, host.place, host.directory]).await.map(drop)
    }

    /// The process has done its work.
    pub(crate) async fn delete_task_host(&mut self, id: TaskId) -> Result<()> {
        self.execute_own("delete from rs_task_host where task_id = ?", params![id]).await.map(drop)
    }
}
