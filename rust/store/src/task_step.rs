//! One step in the life of a task: lines, commit, status and activity in one transaction.

use crate::alert_outbox::NewAlert;
use crate::db::params;
use crate::error::StoreError;
use crate::task_host::TaskHost;
use crate::task_lease::{Beside, Hold};
use crate::task_output_write::Appended;
use crate::task_runner::{Choice, RunnerWish};
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::{
    Event, EventObject, JobStage, ProjectId, RunnerId, TaskId, TaskOutput, TaskProblem, TaskStatus, UserId,
};

/// A new status with the task's start and end.
pub type StatusChange = (TaskStatus, Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// What happened to a task since the last step. Parts that are absent stay as they are.
#[derive(Clone, Copy, Debug)]
pub struct TaskStep<'a> {
    /// Its project, for the activity.
    pub project_id: ProjectId,
    /// The task.
    pub task_id: TaskId,
    /// Who started it, for the activity.
    pub user_id: Option<UserId>,
    /// Lines to append, in this order.
    pub lines: &'a [TaskOutput],
    /// Number of the first of these lines in the task, counted from 1, if they may be given twice; without one they are new.
    pub first_line: Option<i64>,
    /// Status, start and end.
    pub status: Option<StatusChange>,
    /// Hash and subject of the commit that was checked out.
    pub commit: Option<(&'a str, &'a str)>,
    /// Text of the activity to record.
    pub event: Option<&'a str>,
    /// What the task's job did from when to when; kept beside the rest if our table is there.
    pub stages: &'a [JobStage],
    /// Why the task does not do well; as `stages`.
    pub problem: Option<&'a TaskProblem>,
    /// The server that says so; refused if the task belongs to another one. None for tools that work while no server does.
    pub owner: Option<&'a str>,
    /// Whom to tell about the status; stored with it, once each.
    pub alerts: &'a [NewAlert],
    /// The process that the task is going to have for itself; counts with the step with which it begins.
    pub host: Option<TaskHost<'a>>,
    /// With a final status: its remote runner may still work on it, and is told to stop.
    pub is_left_to_runner: bool,
}

/// What became of the step with which a task that is to run on a remote runner begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteBegin {
    /// It is stored, and this runner has the task.
    Given(RunnerId),
    /// It is stored; there is no runner that could ever have the task.
    Nobody,
    /// Nothing is stored.
    Held(Hold),
}

/// How a task is to begin.
#[derive(Clone, Copy)]
struct Beginning<'a> {
    /// Beside which others.
    beside: Beside,
    /// On a runner.
    wish: Option<&'a RunnerWish>,
}

/// What became of a step.
enum Stored {
    Done,
    Held(Hold),
    Given(RunnerId),
}

impl Store {
    /// Stores a step; one whose lines are all stored already was stored before and changes nothing. With a status, commit, activity or problem it is on disk when this returns, with all output before it; lines
    /// alone survive the end of the process. A task that is gone is [`crate::StoreError::NotFound`], one that belongs to another
    /// server [`crate::StoreError::Taken`].
    pub async fn store_task_step(&self, step: &TaskStep<'_>) -> Result<()> {
        self.store_step(step, None).await.map(drop)
    }

    /// The step with which a waiting task begins to run, unless a task that runs holds it back, on whichever server; then nothing
    /// is stored and the answer says what.
    pub async fn begin_task(&self, step: &TaskStep<'_>, beside: Beside) -> Result<Option<Hold>> {
        Ok(match self.begin_step(step, Beginning { beside, wish: None }).await? {
            Stored::Held(hold) => Some(hold),
            Stored::Done | Stored::Given(_) => None,
        })
    }

    /// The same for a task that is to run on a remote runner.
    pub async fn begin_remote_task(
        &self,
        step: &TaskStep<'_>,
        beside: Beside,
        wish: &RunnerWish,
    ) -> Result<RemoteBegin> {
        Ok(match self.begin_step(step, Beginning { beside, wish: Some(wish) }).await? {
            Stored::Held(hold) => RemoteBegin::Held(hold),
            Stored::Given(runner) => RemoteBegin::Given(runner),
            Stored::Done => RemoteBegin::Nobody,
        })
    }

    async fn begin_step(&self, step: &TaskStep<'_>, beginning: Beginning<'_>) -> Result<Stored> {
        match self.store_step(step, Some(beginning)).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.make_own_tables().await?;
                self.store_step(step, Some(beginning)).await
            }
            begun => begun,
        }
    }

    async fn store_step(&self, step: &TaskStep<'_>, begin: Option<Beginning<'_>>) -> Result<Stored> {
        let is_state = step.status.is_some() || step.commit.is_some() || step.event.is_some() || step.problem.is_some();
        if !is_state && step.lines.is_empty() && step.stages.is_empty() {
            return Ok(Stored::Done);
        }
        match self.try_task_step(step, is_state, true, begin).await {
            Err(StoreError::OwnTableMissing { source }) if begin.is_none() => {
                tracing::warn!(error = %source, "lines that are given twice are not noticed before the next start");
                self.try_task_step(step, is_state, false, None).await
            }
            stored => stored,
        }
    }

    /// Not `marked`: without our tables that say which lines are stored and whose the task is.
    async fn try_task_step(
        &self,
        step: &TaskStep<'_>,
        is_state: bool,
        marked: bool,
        begin: Option<Beginning<'_>>,
    ) -> Result<Stored> {
        let mut transaction = if is_state { self.begin().await? } else { self.begin_output().await? };
        if let Some(owner) = step.owner.filter(|_| marked) {
            transaction.check_owner(step.task_id, owner).await?;
        }
        let appended = transaction.append_task_output(step.task_id, step.first_line, step.lines, marked).await?;
        if appended == Appended::Known {
            // It was the beginning that seemed to have failed: the task has its runner.
            let given = match begin.and_then(|begin| begin.wish) {
                Some(_) => transaction.runner_of(step.task_id).await?,
                None => None,
            };
            return transaction.rollback().await.map(|()| given.map_or(Stored::Done, Stored::Given));
        }
        if let Some(begin) = begin
            && let Some(hold) = transaction.take_place(step.project_id, step.task_id, begin.beside).await?
        {
            return transaction.rollback().await.map(|()| Stored::Held(hold));
        }
        let mut stored = Stored::Done;
        if let Some(wish) = begin.and_then(|begin| begin.wish) {
            match transaction.choose_runner(step.project_id, step.task_id, wish).await? {
                Choice::Runner(runner) => stored = Stored::Given(runner),
                Choice::Busy => return transaction.rollback().await.map(|()| Stored::Held(Hold::Runner)),
                Choice::Nobody => {}
            }
        }
        if let Some(host) = step.host.filter(|_| begin.is_some()) {
            transaction.insert_task_host(step.task_id, host).await?;
        }
        if let Some((hash, message)) = step.commit {
            let text = "update task set commit_hash = ?, commit_message = ? where id = ?";
            transaction.change(text, params![hash, message, step.task_id]).await?;
        }
        if let Some((status, start, end)) = step.status {
            let text = "update task set status = ?, start = ?, `end` = ? where id = ?";
            transaction.change(text, params![status.as_str(), start, end, step.task_id]).await?;
            if status.is_finished() {
                transaction.delete_task_secret(step.task_id).await?;
                transaction.delete_lease(step.task_id).await?;
                transaction.delete_task_host(step.task_id).await?;
                transaction.end_runner_task(step.task_id, step.is_left_to_runner).await?;
            }
            if status == TaskStatus::Waiting {
                transaction.return_to_queue(step.task_id).await?;
            }
            transaction.insert_alerts(step.task_id, status, step.alerts).await?;
        }
        if let Some(problem) = step.problem {
            transaction.insert_task_problem(step.task_id, problem).await?;
        }
        if !step.stages.is_empty() {
            transaction.replace_job_stages(step.task_id, step.stages).await?;
        }
        if let Some(description) = step.event {
            // The user may have been deleted while the task went on; that must not keep its end from being stored.
            let user_id = match step.user_id {
                Some(id) => {
                    transaction.fetch_optional("select id from `user` where id = ?", params![id]).await?.map(|_| id)
                }
                None => None,
            };
            let event = Event {
                user_id,
                project_id: Some(step.project_id),
                object_id: Some(step.task_id.0),
                object_type: Some(EventObject::Task),
                description: Some(description.to_owned()),
                ..Event::default()
            };
            transaction.insert_event(event).await?;
        }
        transaction.commit().await.map(|()| stored)
    }
}
