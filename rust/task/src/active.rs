//! What the pool tells of the tasks that have not ended.
//!
//! Not for their lines and stages: those are asked for one task at a time.

use semaphore_model::{ProjectId, TaskId, TaskStatus};

/// Where an unfinished task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// Waits for its turn.
    Queue,
    /// Being executed.
    Running,
}

/// An unfinished task as the administrator's list shows it.
#[derive(Clone, Debug)]
pub struct ActiveTask {
    /// Row of `task`.
    pub id: TaskId,
    /// Its project.
    pub project_id: ProjectId,
    /// Login of the user who started it.
    pub username: String,
    /// Current status.
    pub status: TaskStatus,
    /// Where it is.
    pub location: Location,
}
