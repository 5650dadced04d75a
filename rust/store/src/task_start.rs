//! A new task with all that is stored at the same moment: the fire of a schedule that made it, and what it needs and its
//! row lacks.
//!
//! Not for queueing it. Invariants: a moment of a schedule makes one task, on however many servers and after however many
//! restarts; a task is never stored without its secrets, nor its secrets without it.

use crate::db::{Transaction, params};
use crate::error::StoreError;
use crate::{Result, Store};
use chrono::{DateTime, TimeDelta, Utc};
use semaphore_model::{Secret, Task, TaskId};

/// How long it is known which moments were fired.
const FIRES_KEPT: TimeDelta = TimeDelta::days(7);

/// A moment of a schedule.
#[derive(Clone, Copy, Debug)]
pub struct ScheduleFire<'a> {
    /// When it was due.
    pub due: DateTime<Utc>,
    /// For those that have no moments of their own, only a distance: nearer to the last fire than this is no new moment.
    pub period: Option<TimeDelta>,
    /// The commit that the schedule waited for, to be noted with it.
    pub commit: Option<&'a str>,
    /// Which server fires, at most 64 characters.
    pub server: &'a str,
}

/// What is stored of a new task.
#[derive(Clone, Debug)]
pub struct TaskStart<'a> {
    /// The row; see [`Transaction::insert_task`].
    pub task: Task,
    /// Encrypted secret values; gone with the final status.
    pub sealed: Option<&'a Secret>,
    /// The moment, for a task with a `schedule_id`.
    pub fire: Option<ScheduleFire<'a>>,
    /// The server that it belongs to from now on.
    pub owner: Option<&'a str>,
}

impl Store {
    /// Stores a new task. None if its moment was fired before, by whichever server.
    pub async fn start_task(&self, start: &TaskStart<'_>) -> Result<Option<Task>> {
        match self.try_start(start).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.make_own_tables().await?;
                self.try_start(start).await
            }
            started => started,
        }
    }

    async fn try_start(&self, start: &TaskStart<'_>) -> Result<Option<Task>> {
        let mut transaction = self.begin().await?;
        if let Some(fire) = &start.fire
            && !transaction.is_new_moment(&start.task, fire).await?
        {
            transaction.rollback().await?;
            return Ok(None);
        }
        let task = transaction.insert_task(start.task.clone()).await?;
        if let Some(sealed) = start.sealed {
            let text = "insert into rs_task_secret (task_id, sealed, created) values (?, ?, ?)";
            transaction.execute(text, params![task.id, sealed, Utc::now()]).await?;
        }
        if let Some(owner) = start.owner {
            transaction.insert_lease(&task, owner).await?;
        }
        if let Some(fire) = &start.fire {
            transaction.note_fire(&task, fire).await?;
        }
        transaction.commit().await?;
        Ok(Some(task))
    }

    /// The encrypted secret values of a task; none if it has none, or has ended.
    pub async fn get_task_secret(&self, id: TaskId) -> Result<Option<Secret>> {
        let rows = self.fetch_own("select sealed from rs_task_secret where task_id = ?", params![id]).await?;
        rows.first().map(|row| row.text("sealed").map(Secret::from)).transpose()
    }
}

impl Transaction {
    /// Removes the secret values of a task that has ended.
    pub(crate) async fn delete_task_secret(&mut self, id: TaskId) -> Result<()> {
        self.execute_own("delete from rs_task_secret where task_id = ?", params![id]).await.map(drop)
    }

    /// Whether nobody has fired this moment. Servers that ask at the same time wait for each other.
    async fn is_new_moment(&mut self, task: &Task, fire: &ScheduleFire<'_>) -> Result<bool> {
        let lock = self.dialect().for_update();
        let text = format!("select id from project__schedule where project_id = ? and id = ?{lock}");
        if self.fetch_optional(text, params![task.project_id, task.schedule_id]).await?.is_none() {
            return Err(StoreError::NotFound);
        }
        let known = match fire.period {
            None => {
                let text = "select due from rs_schedule_fire where schedule_id = ? and due = ?";
                self.fetch_optional(text, params![task.schedule_id, fire.due]).await?
            }
            Some(period) => {
                // Not what lies farther ahead: the clock was set back since.
                let text = "select due from rs_schedule_fire where schedule_id = ? and due > ? and due < ? limit 1";
                self.fetch_optional(text, params![task.schedule_id, fire.due - period, fire.due + period]).await?
            }
        };
        Ok(known.is_none())
    }

    async fn note_fire(&mut self, task: &Task, fire: &ScheduleFire<'_>) -> Result<()> {
        let text = "insert into rs_schedule_fire (schedule_id, due, fired, server, outcome, task_id) values (?, ?, ?, ?, 'started', ?)";
        self.execute(text, params![task.schedule_id, fire.due, Utc::now(), fire.server, task.id]).await?;
        let text = "delete from rs_schedule_fire where schedule_id = ? and due < ?";
        self.execute(text, params![task.schedule_id, fire.due - FIRES_KEPT]).await?;
        if let Some(commit) = fire.commit {
            let text = "update project__schedule set last_commit_hash = ? where project_id = ? and id = ?";
            self.execute(text, params![commit, task.project_id, task.schedule_id]).await?;
        }
        Ok(())
    }
}
