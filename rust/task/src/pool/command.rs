//! What people tell a task: to stop, or whether its plan is accepted.

use chrono::Utc;
use semaphore_model::{TaskId, TaskStatus};
use tokio::sync::oneshot;

use super::{Pool, StopError, status_event};
use crate::{
    ports::{PortError, QueuedTask, TaskChange},
    runner::Command,
};

impl Pool {
    /// Stops a task: a waiting one at once, a running one by its app's stop plan, or immediately if `forced`.
    ///
    /// Returns when the first change of status is stored, not when the process has ended.
    pub async fn stop(&self, task: TaskId, forced: bool) -> Result<(), StopError> {
        loop {
            let queued = self.shared.lock().queue.remove(task);
            if let Some(queued) = queued {
                return self.stop_queued(queued, forced).await;
            }
            match self.command(task, |reply| Command::Stop { forced, reply }).await {
                // It was to run and went back into the queue, or is just leaving.
                Err(StopError::NotActive) if self.is_active(task) => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    }

    /// Accepts or refuses the plan that a task waits with.
    pub async fn confirm(&self, task: TaskId, accepted: bool) -> Result<(), StopError> {
        self.command(task, |reply| Command::Confirm { accepted, reply }).await
    }

    async fn stop_queued(&self, mut queued: QueuedTask, forced: bool) -> Result<(), StopError> {
        if !forced {
            queued.state.status = TaskStatus::Stopping;
            self.shared.observer.changed(&queued.state);
        }
        queued.state.status = TaskStatus::Stopped;
        queued.state.end = Some(Utc::now());
        let change =
            TaskChange { state: Some(&queued.state), event: Some(status_event(&queued)), ..TaskChange::default() };
        match self.shared.repository.store(&queued.state, change).await {
            Ok(()) => self.shared.observer.changed(&queued.state),
            Err(PortError::Taken) => return Err(StopError::NotActive),
            Err(error) => {
                queued.state.status = TaskStatus::Waiting;
                queued.state.end = None;
                self.enqueue(queued);
                return Err(error.into());
            }
        }
        Ok(())
    }

    async fn command(
        &self,
        task: TaskId,
        command: impl FnOnce(oneshot::Sender<Result<(), StopError>>) -> Command,
    ) -> Result<(), StopError> {
        let (reply, answer) = oneshot::channel();
        if !self.send(task, command(reply)) {
            return Err(StopError::NotActive);
        }
        answer.await.unwrap_or(Err(StopError::NotActive))
    }

    /// Whether there is somebody who takes it.
    pub(super) fn send(&self, task: TaskId, command: Command) -> bool {
        self.shared.lock().running.get(&task).is_some_and(|running| running.commands.send(command).is_ok())
    }
}
