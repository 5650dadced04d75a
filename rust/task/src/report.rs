//! What a remote runner and the pool say to each other about a task.
//!
//! Not for the protocol on the wire, nor for which runner has which task: the host of the pool knows both.

use semaphore_engine::job::JobEvent;
use semaphore_model::TaskStatus;
use tokio::sync::oneshot;

use crate::ports::NewLine;

/// News of a runner about one task.
#[derive(Clone, Debug, Default)]
pub struct RunnerReport {
    /// Number of the first line, counted from 0 over all lines of the task: what is stored already is passed over. Without one all
    /// lines are new.
    pub first: Option<u64>,
    /// What was printed, in order.
    pub lines: Vec<NewLine>,
    /// Hash and subject of the commit that was checked out.
    pub commit: Option<(String, String)>,
    /// Where the task stands there; none if nothing that can be understood was said.
    pub status: Option<TaskStatus>,
    /// What else happened there, in order, as far as the runner is one of ours.
    pub events: Vec<JobEvent>,
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
    /// It was to stop, and the runner has never mentioned it: there is nothing to wait for.
    Unstarted,
}

/// A report on its way to the owner of the task, who drops the sender if it is not stored.
pub(crate) type Delivery = (RunnerReport, oneshot::Sender<()>);
