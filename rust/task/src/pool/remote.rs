//! Tasks that remote runners have: their reports, their loss, and going on with them after a restart.
//!
//! Not for which runner has which task: the host of the pool knows.

use semaphore_model::{RunnerId, TaskId};
use tokio::sync::oneshot;

use super::Pool;
use crate::{
    ports::{QueuedTask, StoredProgress},
    report::{Reported, RunnerLoss, RunnerReport},
    runner::Command,
};

impl Pool {
    /// Takes the report of a remote runner about a task, which it has; when this returns `Stored` all of it is durable.
    pub async fn report(&self, task: TaskId, report: RunnerReport) -> Reported {
        let (reply, answer) = oneshot::channel();
        if !self.send(task, Command::Report((report, reply))) {
            return Reported::NotHere;
        }
        if answer.await.is_ok() { Reported::Stored } else { Reported::Unknown }
    }

    /// Takes a task from its remote runner.
    pub fn lose_runner(&self, task: TaskId, loss: RunnerLoss) {
        // A task that has just ended needs no other end.
        self.send(task, Command::LoseRunner(loss));
    }

    /// Goes on with a task that a remote runner has, and that was another process's; limits are not looked at, because it runs
    /// already. One that is known stays as it is.
    pub fn attach_remote(&self, task: QueuedTask, runner: RunnerId, progress: StoredProgress) {
        self.go_on(task, move |owner| owner.resume_remote(runner, progress));
    }
}
