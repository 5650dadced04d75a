//! One running task: drives its job, stores what it says and tells the observers.

mod ending;
mod hosted;
mod remote;
mod storing;

use std::{path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use semaphore_engine::{
    EngineConfig,
    job::{JobEvent, JobSpec, Outcome, Problem, ProblemCode, StopReason},
    log::{LogRecord, Stream},
};
use semaphore_model::{Flavour, JobStage, PlanSummary, RunnerId, TaskStatus, error_chain};
use tokio::sync::{mpsc, oneshot};

use crate::{
    execution::{self, Control, Events},
    pool::{Shared, StopError, status_event},
    ports::{Begin, NewLine, PreparedJob, QueuedTask, TaskChange},
    report::{Delivery, RunnerLoss},
};

/// Lines that viewers are told of at once.
const LINES_TOLD: usize = 1_000;

/// Something that a person wants from a running task.
pub(crate) enum Command {
    /// End it.
    Stop { forced: bool, reply: oneshot::Sender<Result<(), StopError>> },
    /// Decide about its plan.
    Confirm { accepted: bool, reply: oneshot::Sender<Result<(), StopError>> },
    /// Give it up: it belongs to another server.
    Lose,
    /// Take what its remote runner says.
    Report(Delivery),
    /// Its remote runner does not come back.
    LoseRunner(RunnerLoss),
}

/// Owner of one task's state.
pub(crate) struct Runner {
    shared: Arc<Shared>,
    task: QueuedTask,
    inbox: mpsc::UnboundedReceiver<Command>,
    control: Option<Control>,
    /// Directory of the process that the job has for itself.
    host: Option<String>,
    /// The remote runner that has the task.
    remote: Option<RunnerId>,
    /// The task ends although its remote runner may still work on it.
    is_left_to_runner: bool,
    /// Told when the end of the task is stored.
    told_of_end: Option<oneshot::Sender<()>>,
    /// A stop that was asked for before there was a job, and whether it was a forced one.
    early_stop: Option<bool>,
    /// Time of the last line. Lines are read back in the order of their times, so a clock that steps back must not move them.
    last_time: DateTime<Utc>,
    /// Lines that are stored.
    stored_lines: i64,
    /// Streams of which an unfinished line is shown.
    unfinished: Vec<Stream>,
    /// What the job did so far; the last one has no end while it runs.
    stages: Vec<JobStage>,
    /// Code and sentence of the problems that the server before has stored.
    known_problems: Vec<(String, String)>,
    /// Why its process has gone, if that is known.
    interruption: Option<String>,
    /// The task belongs to another server: its job is ended, and nothing more is written or told.
    lost: bool,
    /// The server closes, and the database does not take what there is to store.
    given_up: bool,
}

impl Runner {
    pub(crate) fn new(shared: Arc<Shared>, task: QueuedTask, inbox: mpsc::UnboundedReceiver<Command>) -> Self {
        Self {
            shared,
            task,
            inbox,
            control: None,
            host: None,
            remote: None,
            is_left_to_runner: false,
            told_of_end: None,
            early_stop: None,
            last_time: DateTime::UNIX_EPOCH,
            stored_lines: 0,
            unfinished: Vec::new(),
            stages: Vec::new(),
            known_problems: Vec::new(),
            interruption: None,
            lost: false,
            given_up: false,
        }
    }

    /// Runs the task to its end. When it returns, the final status is stored or the server is closing.
    pub(crate) async fn run(mut self) {
        match self.shared.repository.last_line(self.task.state.id).await {
            Ok(time) => self.last_time = time,
            // What follows waits for the database; the times of lines are not worth that.
            Err(error) => {
                tracing::debug!(task.id = %self.task.state.id, error = error_chain(&error), "the last line of a task is not known");
            }
        }
        let head = [
            self.line(format!("Started: {}", self.task.state.id)),
            self.line(format!("Run TaskRunner with template: {}\n", self.task.template_name)),
        ];
        let starting = self.task.state.clone();
        let event = Some(status_event(&self.task));
        let host = self.host_directory();
        let first = || TaskChange {
            lines: &head,
            state: Some(&starting),
            event: event.clone(),
            host: host.as_deref(),
            ..TaskChange::default()
        };
        let begun = self.store_step(true, first).await;
        if let Begin::Held(hold) = begun {
            match self.early_stop {
                // Somebody was told that it stops.
                Some(_) => self.finish(Outcome::Stopped(StopReason::Requested)).await,
                None => self.shared.put_back(self.task.state.id, hold),
            }
            return;
        }
        if self.lost {
            tracing::info!(task.id = %self.task.state.id, "a waiting task is run by another server");
            return;
        }
        if self.given_up {
            return;
        }
        self.shared.observer.changed(&self.task.state);
        self.shared.observer.lines(&self.task.state, &head);
        let outcome = if let Begin::Remote(runner) = begun {
            self.run_remotely(runner).await
        } else {
            self.host.clone_from(&host);
            self.run_here().await
        };
        if let Some(outcome) = outcome {
            self.finish(outcome).await;
        }
    }

    /// Runs the job on this machine; `None` if it goes on without this server.
    async fn run_here(&mut self) -> Option<Outcome> {
        match self.shared.repository.prepare(&self.task).await {
            Ok(prepared) => self.drive(prepared).await,
            Err(error) => {
                let problem = Problem { code: ProblemCode::Specification, message: error_chain(&error) };
                self.store(|| TaskChange { problem: Some(&problem), ..TaskChange::default() }).await;
                Some(Outcome::Broken { stage: "prepare".to_owned(), error: problem.message })
            }
        }
    }

    /// Starts the job and follows it.
    async fn drive(&mut self, prepared: PreparedJob) -> Option<Outcome> {
        let engine = EngineConfig { apps: prepared.apps, ..(*self.shared.engine).clone() };
        // The number of each record is the number of its line, counted from 0.
        let spec = JobSpec { first_seq: u64::try_from(self.stored_lines).unwrap_or_default(), ..prepared.spec };
        let host = self.shared.hosts.as_ref().zip(self.host.as_deref().map(Path::new));
        match execution::start(host, engine, spec, prepared.secrets).await {
            Ok((events, control)) => {
                self.control = Some(control);
                if let Some(forced) = self.early_stop.take() {
                    self.stop_job(forced);
                }
                self.follow(events).await
            }
            Err(error) => {
                Some(self.broken(ProblemCode::Machine, format!("its process cannot be started: {error}")).await)
            }
        }
    }

    /// Follows the job until it is done; `None` if it goes on without this server.
    async fn follow(&mut self, mut events: Events) -> Option<Outcome> {
        let closing = self.shared.closing.clone();
        let mut closed = false;
        let limit = self.shared.limits.max_task_duration;
        let runs_for = self.task.state.start.and_then(|start| (Utc::now() - start).to_std().ok()).unwrap_or_default();
        // Without a limit the branch is off and the time does not matter.
        let deadline = tokio::time::sleep(limit.unwrap_or_default().saturating_sub(runs_for));
        tokio::pin!(deadline);
        let mut expired = false;
        loop {
            if events.is_hosted() && (self.lost || self.given_up) {
                self.let_go(events).await;
                return None;
            }
            tokio::select! {
                event = events.next() => match event {
                    Some(JobEvent::Log(records)) => self.lines(&records).await,
                    Some(JobEvent::Status(TaskStatus::WaitingConfirmation)) if self.answer_again() => {}
                    Some(JobEvent::Status(status)) => self.set_status(status).await,
                    Some(JobEvent::Commit { hash, message }) => {
                        self.store(|| TaskChange { commit: Some((&hash, &message)), ..TaskChange::default() }).await;
                    }
                    Some(JobEvent::Partial { stream, text }) => self.partial(stream, &text),
                    // Nobody asked for it.
                    Some(JobEvent::Progress { .. } | JobEvent::Program(_)) => {}
                    Some(JobEvent::Problem(problem)) if self.knows(&problem) => {}
                    Some(JobEvent::Problem(problem)) => {
                        self.store(|| TaskChange { problem: Some(&problem), ..TaskChange::default() }).await;
                    }
                    Some(JobEvent::KnownHosts(lines)) => {
                        self.store(|| TaskChange { known_hosts: Some(&lines), ..TaskChange::default() }).await;
                    }
                    Some(JobEvent::Stage { stage, time }) => self.begin_stage(stage, time),
                    Some(JobEvent::Plan(plan)) => self.keep_plan(plan),
                    Some(JobEvent::Done(outcome)) => {
                        // Nothing of it is there any more when the final status is seen.
                        events.finish().await;
                        return Some(outcome);
                    }
                    None if events.is_hosted() => {
                        let outcome = self.host_is_gone().await;
                        // If another server has the task, its process lives and is that one's.
                        if !self.lost {
                            events.finish().await;
                        }
                        return Some(outcome);
                    }
                    None => return Some(Outcome::Broken { stage: "run".into(), error: "the job ended without an outcome".into() }),
                },
                Some(command) = self.inbox.recv() => self.obey(command).await,
                () = closing.cancelled(), if !closed => {
                    closed = true;
                    if events.is_hosted() && self.shared.is_handing_over() {
                        return None;
                    }
                    if let Some(control) = &self.control {
                        control.say("The server is shutting down: the task is stopped");
                    }
                    self.stop_job(false);
                }
                () = &mut deadline, if limit.is_some() && !expired => {
                    expired = true;
                    if let Some(control) = &self.control {
                        control.stop_because(StopReason::Deadline);
                    }
                }
            }
        }
    }

    fn begin_stage(&mut self, stage: String, time: DateTime<Utc>) {
        self.end_stage(time);
        self.stages.push(JobStage { stage, start: time, end: None, plan: None });
        self.shared.set_stages(self.task.state.id, &self.stages);
    }

    /// The plan belongs to the stage in which it was made.
    fn keep_plan(&mut self, plan: PlanSummary) {
        if let Some(last) = self.stages.last_mut() {
            last.plan = Some(plan);
        }
        self.shared.set_stages(self.task.state.id, &self.stages);
    }

    fn end_stage(&mut self, time: DateTime<Utc>) {
        if let Some(last) = self.stages.last_mut() {
            last.end = last.end.or(Some(time.max(last.start)));
        }
    }

    async fn lines(&mut self, records: &[LogRecord]) {
        let mut lines = Vec::with_capacity(records.len());
        // A host tells again what it does not know to be stored.
        let stored = u64::try_from(self.stored_lines).unwrap_or_default();
        for record in records.iter().filter(|record| record.seq >= stored) {
            self.last_time = self.last_time.max(record.time);
            lines.push(NewLine {
                time: self.last_time,
                text: record.lossy().into_owned(),
                continued: record.continued,
            });
        }
        self.keep_lines(&lines).await;
        // The record has taken the place of what was shown of its line.
        let is_told = |stream: &mut Stream| records.iter().any(|record| record.stream == *stream);
        for stream in self.unfinished.extract_if(.., is_told) {
            self.shared.observer.partial(&self.task.state, stream, "");
        }
    }

    /// Stores lines, and tells those who watch.
    async fn keep_lines(&mut self, lines: &[NewLine]) {
        self.store(|| TaskChange { lines, ..TaskChange::default() }).await;
        if self.lost {
            return;
        }
        for told in lines.chunks(LINES_TOLD) {
            self.shared.observer.lines(&self.task.state, told);
            // The viewers take them before the next ones come.
            tokio::task::yield_now().await;
        }
    }

    fn partial(&mut self, stream: Stream, text: &str) {
        self.unfinished.retain(|other| *other != stream);
        if !text.is_empty() {
            self.unfinished.push(stream);
        }
        self.shared.observer.partial(&self.task.state, stream, text);
    }

    async fn set_status(&mut self, status: TaskStatus) {
        if !self.task.state.status.may_become(status, Flavour::Strict) {
            return;
        }
        self.task.state.status = status;
        if status == TaskStatus::Running {
            self.task.state.start = Some(self.now());
        }
        let state = self.task.state.clone();
        self.store(|| TaskChange { state: Some(&state), ..TaskChange::default() }).await;
        if self.lost {
            return;
        }
        self.shared.set_status(state.id, status);
        self.shared.observer.changed(&state);
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Stop { forced, reply } => {
                if !forced {
                    self.set_status(TaskStatus::Stopping).await;
                }
                self.stop_job(forced);
                let _ = reply.send(Ok(()));
            }
            Command::Confirm { accepted, reply } => {
                let waits = self.task.state.status == TaskStatus::WaitingConfirmation;
                if waits {
                    self.set_status(if accepted { TaskStatus::Confirmed } else { TaskStatus::Rejected }).await;
                    if let Some(control) = &self.control {
                        control.confirm(accepted);
                    }
                }
                let _ = reply.send(if waits { Ok(()) } else { Err(StopError::NothingToConfirm) });
            }
            Command::Lose => self.lose(),
            // No runner has it: whoever sent the report learns that it is not taken.
            Command::Report(_) | Command::LoseRunner(_) => {}
        }
    }

    fn lose(&mut self) {
        self.lost = true;
        // The server that has the task now may have come for a job that can go on.
        if !matches!(self.control, Some(Control::Hosted(_))) {
            self.stop_job(true);
        }
    }

    fn stop_job(&mut self, forced: bool) {
        match &self.control {
            Some(control) => control.stop_because(if forced { StopReason::Forced } else { StopReason::Requested }),
            None => self.early_stop = Some(forced || self.early_stop == Some(true)),
        }
    }

    /// A line of the server itself.
    fn line(&mut self, text: String) -> NewLine {
        self.last_time = self.now();
        NewLine::whole(self.last_time, text)
    }

    /// The time, if it is not before what is known of the task: a clock may be set back.
    fn now(&self) -> DateTime<Utc> {
        let start = self.task.state.start.unwrap_or(DateTime::UNIX_EPOCH);
        Utc::now().max(self.last_time).max(start)
    }
}
