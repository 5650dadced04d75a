//! The steps of a task on their way to the database, which may be away.

use std::time::Duration;

use semaphore_model::error_chain;

use super::{Command, Runner};
use crate::{
    pool::StopError,
    ports::{Begin, PortError, TaskChange},
};

/// Longest pause between two attempts to store a step while the database is away.
const LONGEST_RETRY_PAUSE: Duration = Duration::from_secs(5);

impl Runner {
    /// Stores one step, trying again for as long as the database is away: meanwhile the job's output waits in its pipe.
    /// Stop requests are still obeyed. Given up only when the server is closing.
    pub(super) async fn store<'a>(&mut self, change: impl Fn() -> TaskChange<'a>) {
        self.store_step(false, change).await;
    }

    /// The same; with `begin` it is the step with which the task begins to run, and may be held back.
    pub(super) async fn store_step<'a>(&mut self, begin: bool, change: impl Fn() -> TaskChange<'a>) -> Begin {
        let mut pause = Duration::from_millis(100);
        loop {
            // The same numbers each time: an attempt that seemed to fail may have been stored all the same.
            let step = TaskChange { first_line: Some(self.stored_lines + 1), ..change() };
            let lines = step.lines.len() as i64;
            let repository = &self.shared.repository;
            let stored = if begin {
                repository.begin(&self.task, step).await
            } else {
                repository.store(&self.task.state, step).await.map(|()| Begin::Begun)
            };
            let error = match stored {
                Ok(held @ Begin::Held(_)) => return held,
                Ok(begun) => {
                    self.stored_lines += lines;
                    return begun;
                }
                Err(error) => error,
            };
            tracing::error!(task.id = %self.task.state.id, error = error_chain(&error), "a step of a task is not stored yet");
            if matches!(error, PortError::Taken) {
                self.lose();
                return Begin::Begun;
            }
            if matches!(error, PortError::Refused(_)) {
                // The row is gone (its project was deleted): there is nothing left to write to.
                self.stop_job(true);
                return Begin::Begun;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.shared.closing.cancelled() => {
                    if pause >= LONGEST_RETRY_PAUSE {
                        self.given_up = true;
                        return Begin::Begun;
                    }
                    tokio::time::sleep(pause).await;
                }
            }
            while let Ok(command) = self.inbox.try_recv() {
                match command {
                    Command::Stop { forced, reply } => {
                        self.stop_job(forced);
                        let _ = reply.send(Ok(()));
                    }
                    Command::Confirm { reply, .. } => {
                        let _ = reply.send(Err(StopError::NothingToConfirm));
                    }
                    Command::Lose => {
                        self.lose();
                        return Begin::Begun;
                    }
                    // Not taken now: it is sent again, or asked for again.
                    Command::Report(_) | Command::LoseRunner(_) => {}
                }
            }
            pause = (pause * 2).min(LONGEST_RETRY_PAUSE);
        }
    }
}
