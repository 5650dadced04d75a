//! Tasks that remote runners have: their reports, their loss, and going on with them after a restart.
//!
//! Not for which runner has which task: the host of the pool knows.

use std::sync::Arc;

use semaphore_model::{RunnerId, TaskId};
use tokio::sync::{mpsc, oneshot};

use super::{
    Pool, Running,
    dispatch::{Place, claim},
};
use crate::{
    ports::{QueuedTask, StoredProgress},
    report::{Reported, RunnerLoss, RunnerReport},
    runner::{Command, Runner},
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
        let (commands, inbox) = mpsc::unbounded_channel();
        let id = task.state.id;
        let mut state = self.shared.lock();
        if state.running.contains_key(&id) {
            return;
        }
        state.places.take(&claim(&task));
        // Its place in the queue is the last one if it goes back there.
        let arrival = state.queue.arrive();
        state.running.insert(id, Running { task: task.clone(), arrival, stages: Vec::new(), commands });
        drop(state);
        let shared = Arc::clone(&self.shared);
        let owner = Runner::new(Arc::clone(&shared), task, inbox);
        self.shared.tracker.spawn(async move {
            let _place = Place { shared, id };
            owner.resume_remote(runner, progress).await;
        });
    }

    fn send(&self, task: TaskId, command: Command) -> bool {
        self.shared.lock().running.get(&task).is_some_and(|running| running.commands.send(command).is_ok())
    }
}
