//! What is noted of tasks outside the database: each status that is an event of its project.
//!
//! Not for their output. Invariant: what is noted is stored already.

use chrono::{DateTime, Utc};
use semaphore_model::{ProjectId, TaskId, TaskStatus, TemplateId, UserId};
use semaphore_task::{TaskEvent, TaskState};

/// A status that a task has reached.
#[derive(Clone, Debug)]
pub struct TaskRecord {
    /// When.
    pub time: DateTime<Utc>,
    /// The task.
    pub task: TaskId,
    /// Its project.
    pub project: ProjectId,
    /// Its template.
    pub template: TemplateId,
    /// Name of the template.
    pub template_name: String,
    /// Who started it.
    pub user: Option<UserId>,
    /// Login of that user; empty for schedules, webhooks and follow-up tasks.
    pub username: String,
    /// The status.
    pub status: TaskStatus,
    /// Start of the run.
    pub start: Option<DateTime<Utc>>,
    /// End of the run, with a final status.
    pub end: Option<DateTime<Utc>>,
    /// Version that a build made.
    pub version: Option<String>,
}

/// Somebody who notes what becomes of tasks.
pub trait TaskLog: std::fmt::Debug + Send + Sync + 'static {
    /// A task has reached a status. Must not block.
    fn reached(&self, record: TaskRecord);
}

impl TaskRecord {
    pub(super) fn of(task: &TaskState, event: TaskEvent) -> Self {
        Self {
            time: Utc::now(),
            task: task.id,
            project: task.project_id,
            template: task.template_id,
            template_name: event.template_name,
            user: task.user_id,
            username: event.username,
            status: task.status,
            start: task.start,
            end: task.end,
            version: task.version.clone(),
        }
    }
}
