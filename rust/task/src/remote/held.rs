//! One task that this runner holds: where it stands, and what is to be told about it.

use std::time::Duration;

use chrono::Utc;
use semaphore_engine::{
    host::HostControl,
    job::{JobEvent, Outcome, ProblemCode, StopReason},
};
use semaphore_model::{
    Flavour, ProjectId, TaskId, TaskStatus,
    remote::{JobProgress, ProgressExtras, RemoteCommit, RemoteRecord},
};
use tokio::{sync::oneshot, time::Instant};

use super::follow::Verdict;

/// How long the server may not name a task before it is ended: a server that has just been started may need a moment.
const LONGEST_ABSENCE: Duration = Duration::from_secs(10);

/// A task of this runner.
pub(super) struct Held {
    id: TaskId,
    pub(super) project: ProjectId,
    status: TaskStatus,
    /// How to influence it; none if it could not be started.
    control: Option<HostControl>,
    /// Number of its next record; unknown after a restart until it says something.
    next_record: Option<u64>,
    /// Whether the server writes itself why a task has failed.
    is_explained: bool,
    /// The report that the server has not taken yet.
    pending: Option<Pending>,
    /// Since when the server has not named it.
    absent_since: Option<Instant>,
    /// Whether its end was asked for.
    is_stopping: bool,
}

/// A report, and who waits for its being stored.
struct Pending {
    progress: JobProgress,
    verdict: Option<oneshot::Sender<Verdict>>,
    is_last: bool,
}

impl Held {
    /// A task that begins, or goes on if it is not known what its next record is.
    pub(super) fn new(id: TaskId, project: ProjectId, control: Option<HostControl>, first: Option<u64>) -> Self {
        let status = if first.is_some() { TaskStatus::Starting } else { TaskStatus::Running };
        Self {
            id,
            project,
            status,
            control,
            next_record: first,
            is_explained: false,
            pending: None,
            absent_since: None,
            is_stopping: false,
        }
    }

    /// Whether the server that gave the task is one of ours.
    pub(super) fn is_explained(&self) -> bool {
        self.is_explained
    }

    /// The server that gave the task writes itself why it fails.
    pub(super) fn explained(self, is_explained: bool) -> Self {
        Self { is_explained, ..self }
    }

    /// It waits for the answer to a question.
    pub(super) fn asking(self, is_asking: bool) -> Self {
        let status = if is_asking { TaskStatus::WaitingConfirmation } else { self.status };
        Self { status, ..self }
    }

    /// Takes what its process said; there is no other report of it on the way.
    pub(super) fn take(&mut self, events: Vec<JobEvent>, verdict: Option<oneshot::Sender<Verdict>>) {
        let mut records = Vec::new();
        let mut extras = ProgressExtras::default();
        let mut first_record = None;
        let mut commit = None;
        let mut is_last = false;
        for event in events {
            match event {
                JobEvent::Log(lines) => {
                    for line in lines {
                        first_record.get_or_insert(line.seq);
                        self.next_record = Some(line.seq + 1);
                        if line.continued {
                            extras.continued.push(u32::try_from(records.len()).unwrap_or(u32::MAX));
                        }
                        records.push(RemoteRecord { time: line.time, message: line.lossy().into_owned() });
                    }
                }
                JobEvent::Status(status) => self.become_status(status),
                JobEvent::Commit { hash, message } => commit = Some(RemoteCommit { hash, message }),
                JobEvent::Done(outcome) => {
                    is_last = true;
                    self.status = final_status(&outcome);
                    if let Some(reason) = outcome.reference_text().filter(|_| !self.is_explained) {
                        first_record = first_record.or(self.next_record);
                        let message = format!("Failed to run task: {reason}");
                        records.push(RemoteRecord { time: Utc::now(), message });
                    }
                    extras.events.extend(serde_json::to_value(JobEvent::Done(outcome)));
                }
                JobEvent::Problem(problem) if problem.code == ProblemCode::MemoryLimit => {
                    if !self.is_explained {
                        first_record = first_record.or(self.next_record);
                        let message = format!("error: {}", problem.message);
                        records.push(RemoteRecord { time: Utc::now(), message });
                    }
                    extras.events.extend(serde_json::to_value(JobEvent::Problem(problem)));
                }
                event @ (JobEvent::Problem(_)
                | JobEvent::Stage { .. }
                | JobEvent::Plan(_)
                | JobEvent::KnownHosts(_)) => extras.events.extend(serde_json::to_value(event)),
                JobEvent::Partial { .. } | JobEvent::Progress { .. } | JobEvent::Program(_) => {}
            }
        }
        // Without lines there is nothing to count.
        let number = first_record.or(self.next_record).or(records.is_empty().then_some(0));
        let rs = number.map(|first_record| ProgressExtras { first_record, ..extras });
        let progress = JobProgress { log_records: records, commit, rs, ..self.heartbeat() };
        self.pending = Some(Pending { progress, verdict, is_last });
    }

    /// That it is here, and where it stands.
    pub(super) fn heartbeat(&self) -> JobProgress {
        JobProgress {
            id: self.id,
            // What ended is told with its last lines only.
            status: if self.status.is_finished() { TaskStatus::Running } else { self.status }.to_string(),
            ..JobProgress::default()
        }
    }

    /// The report that the server is to take.
    pub(super) fn report(&self) -> Option<JobProgress> {
        let pending = self.pending.as_ref()?;
        let status = if pending.is_last { self.status.to_string() } else { pending.progress.status.clone() };
        Some(JobProgress { status, ..pending.progress.clone() })
    }

    /// The server has taken it; answers whether it was the last one.
    pub(super) fn reported(&mut self) -> bool {
        self.settle(Verdict::Stored)
    }

    /// Nobody wants the task any more.
    pub(super) fn discard(mut self) {
        self.stop(StopReason::Forced);
        self.settle(Verdict::Unwanted);
    }

    fn settle(&mut self, verdict: Verdict) -> bool {
        let Some(pending) = self.pending.take() else { return false };
        if let Some(waiting) = pending.verdict {
            let _ = waiting.send(verdict);
        }
        pending.is_last
    }

    /// Asks for its end.
    pub(super) fn stop(&mut self, reason: StopReason) {
        self.is_stopping = true;
        self.become_status(TaskStatus::Stopping);
        if let Some(control) = &self.control {
            control.stop_because(reason);
        }
    }

    /// The server says where it stands.
    pub(super) fn hear(&mut self, status: TaskStatus) {
        self.absent_since = None;
        match status {
            TaskStatus::Stopping | TaskStatus::Stopped if !self.is_stopping => self.stop(StopReason::Requested),
            // It is over for the server, whatever it prints now.
            TaskStatus::Success | TaskStatus::Error if !self.is_stopping => self.stop(StopReason::Forced),
            TaskStatus::Confirmed | TaskStatus::Rejected if self.status == TaskStatus::WaitingConfirmation => {
                self.become_status(status);
                if let Some(control) = &self.control {
                    control.confirm(status == TaskStatus::Confirmed);
                }
            }
            _ => {}
        }
    }

    /// The server names it among the tasks that are to begin.
    pub(super) fn is_named(&mut self) {
        self.absent_since = None;
    }

    /// The server does not name it; answers whether its end was not asked for and is due.
    pub(super) fn is_missed(&mut self) -> bool {
        let since = *self.absent_since.get_or_insert_with(Instant::now);
        !self.is_stopping && since.elapsed() >= LONGEST_ABSENCE
    }

    fn become_status(&mut self, status: TaskStatus) {
        if self.status.may_become(status, Flavour::Strict) {
            self.status = status;
        }
    }
}

/// Reference: nobody asked for a stop by the deadline, so that is an error.
fn final_status(outcome: &Outcome) -> TaskStatus {
    match outcome {
        Outcome::Success => TaskStatus::Success,
        Outcome::Stopped(StopReason::Requested | StopReason::Forced) => TaskStatus::Stopped,
        Outcome::Stopped(StopReason::Deadline) | Outcome::Failed(_) | Outcome::Broken { .. } => TaskStatus::Error,
    }
}
