//! The steps of a task on their way to the database, which may be away.

use std::time::Duration;

use semaphore_model::error_chain;

use super::{Command, Runner};
use crate::{
    pool::StopError,
    ports::{Begin, NewLine, PortError, TaskChange},
};

/// Pause before the second attempt.
pub(super) const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause between two attempts to store a step while the database is away.
const LONGEST_RETRY_PAUSE: Duration = Duration::from_secs(5);

/// Stands for a line that the database does not take.
const LOST_LINE: &str = "(this line cannot be stored: the database does not take its text)";

impl Runner {
    /// Stores one step, trying again for as long as the database is away: meanwhile the job's output waits in its pipe.
    /// Stop requests are still obeyed. Given up only when the server is closing.
    pub(super) async fn store<'a>(&mut self, change: impl Fn() -> TaskChange<'a>) {
        self.store_step(false, change).await;
    }

    /// The same; with `begin` it is the step with which the task begins to run, and may be held back.
    pub(super) async fn store_step<'a>(&mut self, begin: bool, change: impl Fn() -> TaskChange<'a>) -> Begin {
        let mut pause = FIRST_RETRY_PAUSE;
        let mut left_out = LeftOut::Nothing;
        loop {
            // The same numbers each time: an attempt that seemed to fail may have been stored all the same.
            let step = TaskChange { first_line: Some(self.stored_lines + 1), ..change() };
            let lines = step.lines.len() as i64;
            let in_place_of_lines: Vec<_>;
            let step = match left_out {
                LeftOut::Nothing => step,
                LeftOut::Extras => without_extras(step),
                LeftOut::Lines => {
                    in_place_of_lines = step.lines.iter().map(|line| NewLine::whole(line.time, LOST_LINE)).collect();
                    TaskChange { lines: &in_place_of_lines, ..without_extras(step) }
                }
            };
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
            match error {
                PortError::Taken => {
                    self.lose();
                    return Begin::Begun;
                }
                PortError::Refused(_) => {
                    // The row is gone (its project was deleted): there is nothing left to write to.
                    self.stop_job(true);
                    return Begin::Begun;
                }
                PortError::Rejected(_) if left_out != LeftOut::Lines => {
                    left_out = left_out.more();
                    tracing::warn!(task.id = %self.task.state.id, ?left_out, "the step is stored without what the database refuses");
                    continue;
                }
                PortError::Rejected(_) | PortError::Unavailable(_) => {}
            }
            if !self.wait_to_retry(&mut pause).await {
                return Begin::Begun;
            }
        }
    }

    /// Waits before the next attempt, and obeys meanwhile; answers whether there is to be one.
    pub(super) async fn wait_to_retry(&mut self, pause: &mut Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(*pause) => {}
            () = self.shared.closing.cancelled() => {
                if *pause >= LONGEST_RETRY_PAUSE {
                    self.given_up = true;
                    return false;
                }
                tokio::time::sleep(*pause).await;
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
                    return false;
                }
                // Not taken now: it is sent again, or asked for again.
                Command::Report(_) | Command::LoseRunner(_) => {}
            }
        }
        *pause = (*pause * 2).min(LONGEST_RETRY_PAUSE);
        true
    }
}

/// What is left out of a step because the database will never take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LeftOut {
    Nothing,
    /// What a task can do without.
    Extras,
    /// That, and the texts of its lines.
    Lines,
}

impl LeftOut {
    fn more(self) -> Self {
        if self == Self::Nothing { Self::Extras } else { Self::Lines }
    }
}

fn without_extras(step: TaskChange<'_>) -> TaskChange<'_> {
    TaskChange { commit: None, problem: None, stages: &[], known_hosts: None, ..step }
}
