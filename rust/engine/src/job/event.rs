//! What a job tells its host, in order.

use semaphore_model::TaskStatus;
use serde::{Deserialize, Serialize};

use crate::log::LogRecord;

/// One message of a running job. All events of a job arrive through one queue in the order in which they happened;
/// [`JobEvent::Done`] is the last, and every log record precedes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobEvent {
    /// Output and lines of the engine, in sequence order.
    Log(Vec<LogRecord>),
    /// The job reached this status (`running`, `waiting_confirmation`, ...). Final statuses are told by `Done` only.
    Status(TaskStatus),
    /// The commit that was checked out.
    Commit {
        /// Full hash.
        hash: String,
        /// Subject of the commit, cut as the reference cuts it.
        message: String,
    },
    /// The job is over; nothing of it is left behind.
    Done(Outcome),
}

/// How a job ended. A failing program is a result, not an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Exit code 0.
    Success,
    /// The program ended with this text about itself: `exit status 2`, `signal: killed` (the words of Go's `ExitError`).
    Failed(String),
    /// Ended because somebody asked for it.
    Stopped(StopReason),
    /// A stage could not do its work.
    Broken {
        /// Name of the stage: `workspace`, `checkout`, `inventory`, `requirements`, `run`, ...
        stage: String,
        /// What failed, why, and what to do; without secrets.
        error: String,
    },
}

/// Why a job was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// A person (or the host) asked for a graceful stop.
    Requested,
    /// A person asked for an immediate end.
    Forced,
    /// The time limit of the task.
    Deadline,
}
