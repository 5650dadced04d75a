//! Which server a task belongs to, in a table of our own: from the moment it is queued until its final status.
//!
//! A step of a server that lost a task is refused in its own transaction, so that two servers never write one task. The limits
//! of projects and templates count the rows of tasks that run, on whichever server. Not for noticing that a server is gone
//! (`server.rs`). Locks are taken in this order: lease, project, task. A task without a row belongs to whoever knows it: the
//! table may have been dropped.

use crate::db::{FromRow, Row, Transaction, params};
use crate::error::StoreError;
use crate::sql::and_in;
use crate::{Result, Store};
use chrono::Utc;
use semaphore_model::{ProjectId, Task, TaskId, TaskStatus};
use std::collections::HashMap;

/// Statuses after which a task belongs to nobody.
const FINISHED: &str = "('success', 'error', 'stopped')";

/// What keeps a task from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// So many tasks of its project run already: `max_parallel_tasks`.
    Project(u32),
    /// This task of its template runs, and one of the two may not run beside the other.
    Template(TaskId),
    /// No remote runner that may have it can take it now.
    Runner,
}

impl Store {
    /// Makes the unfinished tasks that belong to nobody (left by another program, or when our table was dropped) those of a
    /// server, all at once; answers them, oldest first.
    pub async fn adopt_tasks(&self, owner: &str) -> Result<Vec<Task>> {
        match self.try_adopt(owner).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.make_own_tables().await?;
                self.try_adopt(owner).await
            }
            // Another server does the same at this moment: what it adopted is not taken from it.
            Err(StoreError::Duplicate { .. } | StoreError::Busy { .. }) => self.try_adopt(owner).await,
            adopted => adopted,
        }
    }

    async fn try_adopt(&self, owner: &str) -> Result<Vec<Task>> {
        let mut transaction = self.begin().await?;
        let text = format!(
            "insert into rs_task_lease (task_id, owner, previous_owner, project_id, template_id, running, acquired) \
             select t.id, ?, '', t.project_id, t.template_id, 0, ? from task t where t.status not in {FINISHED} \
             and not exists (select 1 from rs_task_lease l where l.task_id = t.id)"
        );
        let now = Utc::now();
        transaction.execute(text, params![owner, now]).await?;
        transaction.commit().await?;
        self.list_taken_tasks(owner, "").await
    }

    /// The unfinished tasks that a server took over from another one, oldest first. Rows that cannot be read are logged and left
    /// out, so that one of them does not keep a server from starting.
    pub async fn list_taken_tasks(&self, owner: &str, previous: &str) -> Result<Vec<Task>> {
        let text = format!(
            "select t.* from rs_task_lease l join task t on t.id = l.task_id \
             where l.owner = ? and l.previous_owner = ? and t.status not in {FINISHED} order by t.id"
        );
        let mut tasks = Vec::new();
        for row in self.fetch_own(text, params![owner, previous]).await? {
            match Task::from_row(&row) {
                Ok(task) => tasks.push(task),
                Err(error) => {
                    let task_id = row.long("id")?;
                    tracing::error!(task_id, %error, "an unfinished task cannot be read and is left out");
                }
            }
        }
        Ok(tasks)
    }

    /// Which of these tasks a server has no longer, after it was taken for dead or the table was dropped; what belongs to nobody
    /// and has not ended becomes its own again. Each task with whether it runs.
    pub async fn keep_tasks(&self, owner: &str, tasks: &[(TaskId, bool)]) -> Result<Vec<TaskId>> {
        let mut lost = Vec::new();
        for piece in tasks.chunks(1000) {
            let condition = and_in("task_id", piece.len());
            let text =
                format!("select task_id, owner from rs_task_lease where {}", condition.trim_start_matches(" and "));
            let mut transaction = self.begin_output().await?;
            let rows = transaction.fetch_all(text, piece.iter().map(|(id, _)| (*id).into()).collect()).await?;
            let mut owners = HashMap::with_capacity(rows.len());
            for row in &rows {
                owners.insert(row.id::<TaskId>("task_id")?, row.text("owner")?);
            }
            for (id, runs) in piece {
                let is_own = match owners.get(id) {
                    Some(found) => found == owner,
                    None => transaction.restore_lease(*id, owner, *runs).await?,
                };
                if !is_own {
                    lost.push(*id);
                }
            }
            transaction.commit().await?;
        }
        Ok(lost)
    }

    /// The server that a task belongs to, if it has not ended and belongs to one.
    pub async fn find_task_owner(&self, id: TaskId) -> Result<Option<String>> {
        let rows = self.fetch_own("select owner from rs_task_lease where task_id = ?", params![id]).await?;
        rows.first().map(|row| row.text("owner")).transpose()
    }
}

impl Transaction {
    /// Gives a new task to a server.
    pub(crate) async fn insert_lease(&mut self, task: &Task, owner: &str) -> Result<()> {
        let text = "insert into rs_task_lease (task_id, owner, previous_owner, project_id, template_id, running, acquired) \
             values (?, ?, ?, ?, ?, 0, ?)";
        let values = params![task.id, owner, owner, task.project_id, task.template_id, Utc::now()];
        self.execute(text, values).await.map(drop)
    }

    /// Gives a task that belongs to nobody to a server; answers false if it has ended.
    async fn restore_lease(&mut self, id: TaskId, owner: &str, runs: bool) -> Result<bool> {
        let text = format!(
            "insert into rs_task_lease (task_id, owner, previous_owner, project_id, template_id, running, acquired) \
             select id, ?, ?, project_id, template_id, ?, ? from task where id = ? and status not in {FINISHED}"
        );
        let values = params![owner, owner, i32::from(runs), Utc::now(), id];
        Ok(self.execute(text, values).await? > 0)
    }

    /// Refuses a step of a server to which the task does not belong. What is allowed stays so until the transaction ends.
    pub(crate) async fn check_owner(&mut self, id: TaskId, owner: &str) -> Result<()> {
        let text = format!("select owner from rs_task_lease where task_id = ?{}", self.dialect().for_update());
        if let Some(row) = self.fetch_optional(text, params![id]).await? {
            return if row.text("owner")? == owner { Ok(()) } else { Err(StoreError::Taken) };
        }
        let row = self.fetch_optional("select status from task where id = ?", params![id]).await?;
        let status = row.ok_or(StoreError::NotFound)?.text("status")?;
        if TaskStatus::parse(&status).is_some_and(TaskStatus::is_finished) { Err(StoreError::Taken) } else { Ok(()) }
    }

    /// Counts a task among those that run, unless others hold it back. Servers that ask for the same project wait for each other.
    pub(crate) async fn take_place(
        &mut self,
        project: ProjectId,
        id: TaskId,
        allow_parallel: bool,
    ) -> Result<Option<Hold>> {
        let text = format!("select max_parallel_tasks from project where id = ?{}", self.dialect().for_update());
        let row = self.fetch_optional(text, params![project]).await?.ok_or(StoreError::NotFound)?;
        let limit = u32::try_from(row.int("max_parallel_tasks")?).unwrap_or(0);
        if limit > 0 {
            let text =
                "select count(*) as amount from rs_task_lease where project_id = ? and running = 1 and task_id <> ?";
            let row = self.fetch_optional(text, params![project, id]).await?;
            if row.map_or(Ok(0), |row| row.long("amount"))? >= i64::from(limit) {
                return Ok(Some(Hold::Project(limit)));
            }
        }
        if !allow_parallel {
            let text = "select r.task_id from rs_task_lease r join task t on t.template_id = r.template_id \
                 where t.id = ? and r.project_id = ? and r.running = 1 and r.task_id <> ? order by r.task_id limit 1";
            if let Some(row) = self.fetch_optional(text, params![id, project, id]).await? {
                return Ok(Some(Hold::Template(row.id("task_id")?)));
            }
        }
        self.execute("update rs_task_lease set running = 1 where task_id = ?", params![id]).await?;
        Ok(None)
    }

    /// The task has ended and belongs to nobody.
    pub(crate) async fn delete_lease(&mut self, id: TaskId) -> Result<()> {
        self.execute_own("delete from rs_task_lease where task_id = ?", params![id]).await.map(drop)
    }
}

/// A task and its project, as rows of ours name them.
pub(crate) fn leased(row: &Row) -> Result<(ProjectId, TaskId)> {
    Ok((row.id("project_id")?, row.id("task_id")?))
}
