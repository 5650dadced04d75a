//! The work of a remote runner: it asks a server for tasks, runs them, and tells how they go.
//!
//! Not for HTTP, keys or configuration: the server is reached through [`Upstream`]. Each task runs in a process of its own
//! (`semaphore_engine::host`), which keeps what it has to say until the server has taken it. So nothing is lost while the server
//! is away, memory stays bounded, and a runner that was killed goes on with its tasks when it is started again.
//!
//! Invariants: a record is let go only after the server has answered its report with success; records are numbered, so that a
//! report that is sent again counts once at a server that looks at the numbers; reports of one task never hold back those of
//! another; a task that the server does not know any more is ended.
//!
//! Reference: `services/runners/job_pool.go`. There a job waits up to 5 seconds for its start, records are lost when a report fails,
//! and a task that was ended by force at the server runs to its end.

mod follow;
mod held;
mod work;

use std::{io, path::PathBuf};

use async_trait::async_trait;
use semaphore_engine::{EngineConfig, process::Groups};
use semaphore_model::{
    ProjectId,
    remote::{Progress, RunnerState},
};

pub use work::RemoteRunner;

/// The server of a runner, and what of its machine is not the engine's.
#[async_trait]
pub trait Upstream: Send + Sync + 'static {
    /// Tells how tasks go. When it succeeds, the server has stored it.
    async fn report(&self, progress: &Progress) -> Result<(), UpstreamError>;

    /// Asks what there is to do. `room`: how many tasks would be begun now beside those that are here; `None` leaves it to the
    /// server, which then takes nothing for granted. The reference's server passes it over.
    async fn poll(&self, room: Option<u32>) -> Result<RunnerState, UpstreamError>;

    /// Removes what tasks of one project, or of all, have left on the disk; none of them runs.
    async fn clear_cache(&self, project: Option<ProjectId>) -> io::Result<()>;
}

/// Why a server has not done what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// It cannot be reached, or is not well: try again.
    #[error("{0}")]
    Away(String),
    /// It is there, and cannot store this report now: send it again.
    #[error("{0}")]
    Busy(String),
    /// What it says cannot be read here: a wrong key, or something else that answers in its place.
    #[error("{0}")]
    Unreadable(String),
    /// It will never take this report.
    #[error("{0}")]
    Refused(String),
    /// It does not know this runner.
    #[error("{0}")]
    Stranger(String),
}

/// How a runner works.
#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// Address of the server, for what tasks are told about it.
    pub server: String,
    /// Most tasks at once; `None` leaves it to the server, which knows the limit of each runner.
    pub max_parallel_tasks: Option<usize>,
    /// Take work once, and end when it is done.
    pub one_off: bool,
    /// What a job may know of this machine.
    pub engine: EngineConfig,
    /// The program that a process of a task is started from.
    pub program: PathBuf,
    /// Directory of these processes, which no other runner uses.
    pub directory: PathBuf,
    /// Where each task gets a control group of its own, if it gets one.
    pub groups: Option<Groups>,
}
