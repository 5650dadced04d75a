//! What a remote runner and the pool say to each other about a task.
//!
//! Not for the protocol on the wire, nor for which runner has which task: the host of the pool knows both.

use chrono::{DateTime, Utc};
use semaphore_model::TaskStatus;
use tokio::sync::oneshot;

/// News of a runner about one task.
#[derive(Clone, Debug, Default)]
pub struct RunnerReport {
    /// Number of the first record among all that the runner has of the task, counted from 0: what is stored already is passed
    /// over. Without one all records are new.
    pub first: Option<u64>,
    /// When and what, in order.
    pub records: Vec<(DateTime<Utc>, String)>,
    /// Hash and subject of the commit that was checked out.
    pub commit: Option<(String, String)>,
    /// Where the task stands there; none if nothing that can be understood was said.
    pub status: Option<TaskStatus>,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// All of it is stored.
    Stored,
    /// It is not stored, or nobody knows: the task has ended, went to another server, or the server closes.
    Unknown,
    /// The task does not run here.
    NotHere,
}

/// Why a task is taken from its runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunnerLoss {
    /// The runner never came for it: another one may have it. In words for people.
    NeverCame(String),
    /// The runner has begun, or may have, and nobody knows how far it came: the task fails with this reason.
    Gone(String),
}

/// A report on its way to the owner of the task, who drops the sender if it is not stored.
pub(crate) type Delivery = (RunnerReport, oneshot::Sender<()>);
