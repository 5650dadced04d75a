//! Tasks whose job runs on another machine: what its runner reports, what it is asked for, and what becomes of the task when the
//! runner does not come back.
//!
//! The runner asks for its work and is told the task's status, so that a stop or an answer is nothing but a stored status. A
//! task ends here before it has ended there if somebody forces it or the runner is gone; the host of the pool tells the runner.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use semaphore_engine::job::{JobEvent, Outcome, ProblemCode, StopReason};
use semaphore_model::{Flavour, RunnerId, TaskStatus, error_chain};

use super::{Command, Runner, storing::FIRST_RETRY_PAUSE};
use crate::{
    pool::status_event,
    ports::{Hold, PortError, StoredProgress, TaskChange},
    report::{Delivery, RunnerLoss, RunnerReport},
};

/// How long a task may take to be given to its runner while the database is away.
const GIVING: Duration = Duration::from_mins(1);

/// How following a remote task ends: with an outcome, or without one because it goes on elsewhere.
type End = ControlFlow<Option<Outcome>>;

impl Runner {
    /// Gives the task to its runner and follows it; `None` if it goes on without this server.
    pub(super) async fn run_remotely(&mut self, runner: Option<RunnerId>) -> Option<Outcome> {
        let Some(runner) = runner else {
            // Reference: the words.
            return Some(self.broken(ProblemCode::Machine, "no runners available".to_owned()).await);
        };
        self.remote = Some(runner);
        tracing::info!(task.id = %self.task.state.id, %runner, "a task is given to a remote runner");
        self.give_and_follow().await
    }

    /// Goes on with a task that a remote runner has; the same promise as that of [`Runner::run`].
    pub(crate) async fn resume_remote(mut self, runner: RunnerId, progress: StoredProgress) {
        tracing::info!(task.id = %self.task.state.id, "going on with a task that a remote runner has");
        (self.stored_lines, self.known_problems) = (progress.lines, progress.problems);
        (self.last_time, self.stages) = (progress.last_time, progress.stages);
        self.shared.set_stages(self.task.state.id, &self.stages);
        self.remote = Some(runner);
        let outcome = self.give_and_follow().await;
        if let Some(outcome) = outcome {
            self.finish(outcome).await;
        }
    }

    async fn give_and_follow(&mut self) -> Option<Outcome> {
        // Also after a restart: whether the runner was woken is not known, and waking it twice does no harm.
        if self.task.state.status == TaskStatus::Starting
            && let Err(error) = self.give().await
        {
            return Some(self.broken(ProblemCode::Specification, error_chain(&error)).await);
        }
        self.follow_remote().await
    }

    /// Gives the task to its runner, and tries again while the database is away, unless the task is to stop.
    async fn give(&mut self) -> Result<(), PortError> {
        let mut pause = FIRST_RETRY_PAUSE;
        let patience = Instant::now() + GIVING;
        loop {
            match self.shared.repository.give(&self.task).await {
                Err(error @ PortError::Unavailable(_)) if Instant::now() < patience => {
                    tracing::warn!(task.id = %self.task.state.id, error = error_chain(&error), "a task is not given to its remote runner yet");
                }
                given => return given,
            }
            // The others are looked at where the task is followed.
            if !self.wait_to_retry(&mut pause).await || self.early_stop.is_some() {
                return Ok(());
            }
        }
    }

    async fn follow_remote(&mut self) -> Option<Outcome> {
        let closing = self.shared.closing.clone();
        let limit = self.shared.limits.max_task_duration;
        let runs_for = self.task.state.start.and_then(|start| (Utc::now() - start).to_std().ok()).unwrap_or_default();
        // Without a limit the branch is off and the time does not matter.
        let deadline = tokio::time::sleep(limit.unwrap_or_default().saturating_sub(runs_for));
        tokio::pin!(deadline);
        if self.task.state.status == TaskStatus::Stopping
            && let ControlFlow::Break(end) = self.stop_remotely(false).await
        {
            return end;
        }
        loop {
            if self.lost || self.given_up {
                return None;
            }
            // Asked for while a step could not be stored; a task without a row is stopped in this way, too.
            let stopped = match self.early_stop.take() {
                Some(forced) => self.stop_remotely(forced).await,
                None => ControlFlow::Continue(()),
            };
            if let ControlFlow::Break(end) = stopped {
                return end;
            }
            let step = tokio::select! {
                Some(command) = self.inbox.recv() => self.obey_remotely(command).await,
                // The runner goes on without a server, and the next one goes on with the task.
                () = closing.cancelled() => return None,
                () = &mut deadline, if limit.is_some() => {
                    self.is_left_to_runner = true;
                    return Some(Outcome::Stopped(StopReason::Deadline));
                }
            };
            if let ControlFlow::Break(end) = step {
                return end;
            }
        }
    }

    async fn obey_remotely(&mut self, command: Command) -> End {
        match command {
            Command::Stop { forced, reply } => {
                let step = self.stop_remotely(forced).await;
                let _ = reply.send(Ok(()));
                step
            }
            Command::Report(delivery) => self.take_report(delivery).await,
            Command::LoseRunner(loss) => self.lose_runner(loss).await,
            Command::Confirm { .. } | Command::Lose => {
                self.obey(command).await;
                ControlFlow::Continue(())
            }
        }
    }

    /// The runner reads the wish in the status; a task that it does not know of ends at once, and so does one that is forced to.
    async fn stop_remotely(&mut self, forced: bool) -> End {
        if forced {
            self.is_left_to_runner = true;
            return ControlFlow::Break(Some(Outcome::Stopped(StopReason::Forced)));
        }
        self.set_status(TaskStatus::Stopping).await;
        match self.shared.repository.take_back(&self.task).await {
            Ok(true) => return ControlFlow::Break(Some(Outcome::Stopped(StopReason::Requested))),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(task.id = %self.task.state.id, error = error_chain(&error), "a task that is to stop is not taken back from its runner");
            }
        }
        ControlFlow::Continue(())
    }

    async fn take_report(&mut self, (report, reply): Delivery) -> End {
        let RunnerReport { first, mut lines, commit, status, events } = report;
        if status == Some(TaskStatus::Running) {
            self.set_status(TaskStatus::Running).await;
        }
        let stored = u64::try_from(self.stored_lines).unwrap_or_default();
        let known = first.map_or(0, |first| stored.saturating_sub(first));
        lines.drain(..usize::try_from(known).unwrap_or(usize::MAX).min(lines.len()));
        let now = Utc::now();
        for line in &mut lines {
            // The clock over there may go wrong; no line is older than the one before it.
            self.last_time = self.last_time.max(line.time.min(now));
            line.time = self.last_time;
        }
        if !lines.is_empty() {
            self.keep_lines(&lines).await;
        }
        let mut outcome = match status {
            Some(TaskStatus::Success) => Some(Outcome::Success),
            // Reference: the words. What failed is said by the lines before.
            Some(TaskStatus::Error) => Some(Outcome::Failed("task failed".to_owned())),
            Some(TaskStatus::Stopped) => Some(Outcome::Stopped(StopReason::Requested)),
            _ => None,
        };
        for event in events {
            match event {
                // It says more than the status does.
                JobEvent::Done(exact) => outcome = outcome.map(|_| exact),
                event => self.note(event).await,
            }
        }
        if let Some((hash, message)) = commit {
            self.store(|| TaskChange { commit: Some((&hash, &message)), ..TaskChange::default() }).await;
        }
        if self.lost || self.given_up {
            return ControlFlow::Break(None);
        }
        let Some(outcome) = outcome else {
            // What else it says of itself it has from here, or it was said above.
            // A runner that has not heard yet that it is to stop still waits for an answer.
            let is_stopping = self.task.state.status == TaskStatus::Stopping;
            if status == Some(TaskStatus::WaitingConfirmation) && !is_stopping && !self.answer_again() {
                self.set_status(TaskStatus::WaitingConfirmation).await;
            }
            let _ = reply.send(());
            return ControlFlow::Continue(());
        };
        if self.task.state.start.is_none() && !matches!(outcome, Outcome::Stopped(_)) {
            // It was too quick to be seen running.
            self.set_status(TaskStatus::Running).await;
        }
        // Told when the end is stored.
        self.told_of_end = Some(reply);
        ControlFlow::Break(Some(outcome))
    }

    /// What a runner of ours tells beside lines and status. It may be told twice.
    async fn note(&mut self, event: JobEvent) {
        match event {
            JobEvent::Problem(problem) if !self.knows(&problem) => {
                self.known_problems.push((problem.code.as_str().to_owned(), problem.message.clone()));
                if problem.code == ProblemCode::MemoryLimit {
                    // As for a task of this machine.
                    let line = self.line(format!("error: {}", problem.message));
                    self.keep_lines(&[line]).await;
                }
                self.store(|| TaskChange { problem: Some(&problem), ..TaskChange::default() }).await;
            }
            JobEvent::KnownHosts(lines) => {
                self.store(|| TaskChange { known_hosts: Some(&lines), ..TaskChange::default() }).await;
            }
            JobEvent::Stage { stage, time } if !self.has_begun(&stage, time) => {
                self.begin_stage(stage, time);
                self.store_stages().await;
            }
            JobEvent::Plan(plan) => {
                self.keep_plan(plan);
                self.store_stages().await;
            }
            // The rest has its own place in the report, or is for a viewer on the spot.
            _ => {}
        }
    }

    /// Whether this was told before. Of times that were stored a database may keep the seconds only.
    fn has_begun(&self, stage: &str, time: DateTime<Utc>) -> bool {
        let is_then = |start: DateTime<Utc>| (start - time).abs() < TimeDelta::seconds(1);
        self.stages.iter().any(|known| known.stage == stage && is_then(known.start))
    }

    /// The runner tells of them once: a server that goes on with the task finds them in the database.
    async fn store_stages(&mut self) {
        let stages = self.stages.clone();
        self.store(|| TaskChange { stages: &stages, ..TaskChange::default() }).await;
    }

    async fn lose_runner(&mut self, loss: RunnerLoss) -> End {
        match loss {
            RunnerLoss::NeverCame(reason) => match self.shared.repository.take_back(&self.task).await {
                // It was not known at the time of the stop whether the runner had come.
                Ok(true) if self.task.state.status == TaskStatus::Stopping => {
                    ControlFlow::Break(Some(Outcome::Stopped(StopReason::Requested)))
                }
                Ok(true) => {
                    self.wait_again(&reason).await;
                    ControlFlow::Break(None)
                }
                // It came after all, or this is said again.
                Ok(false) | Err(_) => ControlFlow::Continue(()),
            },
            RunnerLoss::Unstarted => {
                self.is_left_to_runner = true;
                ControlFlow::Break(Some(Outcome::Stopped(StopReason::Requested)))
            }
            RunnerLoss::Gone(reason) => {
                self.is_left_to_runner = true;
                let outcome = self.broken(ProblemCode::Interrupted, reason).await;
                ControlFlow::Break(Some(outcome))
            }
        }
    }

    /// Puts the task back into the queue, to be given to another runner.
    async fn wait_again(&mut self, reason: &str) {
        let lines = [self.line(format!("The task waits for another runner: {reason}"))];
        if !self.task.state.status.may_become(TaskStatus::Waiting, Flavour::Strict) {
            return;
        }
        self.task.state.status = TaskStatus::Waiting;
        let state = self.task.state.clone();
        let event = Some(status_event(&self.task));
        self.store(|| TaskChange { lines: &lines, state: Some(&state), event: event.clone(), ..TaskChange::default() })
            .await;
        if self.lost || self.given_up {
            return;
        }
        self.shared.observer.lines(&state, &lines);
        self.shared.observer.changed(&state);
        self.shared.put_back(state.id, Hold::Runner);
    }

    /// After the final status of a task that a runner had: its place is free, and a runner with a webhook may sleep.
    pub(super) fn leave_runner(&mut self, runner: RunnerId) {
        self.shared.look_again();
        let (shared, task) = (Arc::clone(&self.shared), self.task.clone());
        self.shared.track(async move { shared.repository.released(&task, runner).await });
    }
}
