//! From submission to the end of a task: queue, pool, limits and the state of running tasks.
//!
//! Not for SQL, HTTP or processes: storage and clients are reached through [`ports`], the work itself is done by
//! `semaphore_engine::job`.
//!
//! Invariants: one runner owns a task's state from the moment it is taken from the queue; every line of a task is durable
//! before its final status is visible; a final status is never overwritten.

#![forbid(unsafe_code)]

mod active;
pub mod cron;
mod execution;
pub mod parameters;
pub mod places;
pub mod pool;
pub mod ports;
mod queue;
pub mod remote;
mod report;
mod runner;
pub mod specification;
pub mod version;

pub use active::{ActiveTask, Location};
pub use cron::{Cron, CronError, Zone};
pub use places::{Claim, Places};
pub use pool::{Pool, PoolLimits, StopError};
pub use ports::{
    Begin, Hold, NewLine, PortError, PreparedJob, QueuedTask, StoredProgress, TaskChange, TaskEvent, TaskObserver,
    TaskRepository, TaskState,
};
pub use report::{Reported, RunnerLoss, RunnerReport};
