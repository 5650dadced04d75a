//! From the engine's events and errors to the host's log and failures.
//!
//! Not for deciding anything: every word is the engine's.

use semaphore_engine::{
    git::GitError,
    job::{JobEvent, JobEvents, Outcome, Problem, ProblemCode, ProgramError, StartedProgram, StopReason},
};
use semaphore_model::{PlanSummary, TaskStatus};
use serde_json::{Map, Value, json};

use super::{Ended, program::spawn_failure};
use crate::{code, failure::Failure, log_frame::Mark, logger::Log};

/// What happened that the result tells once more.
#[derive(Default)]
pub(super) struct Story {
    /// Is told the statuses that the job reaches, besides the log.
    on_status: Option<Box<dyn Fn(TaskStatus) + Send + Sync>>,
    /// Gets PROGRESS frames; lines that are not complete are not shown then, because most of them never become records.
    on_progress: Option<Box<dyn Fn(Vec<u8>) + Send + Sync>>,
    commit: Option<(String, String)>,
    problems: Vec<Problem>,
    known_hosts: String,
    plan: Option<PlanSummary>,
    programs: Vec<StartedProgram>,
}

impl Story {
    /// Tells somebody the statuses as well.
    pub(super) fn told(on_status: impl Fn(TaskStatus) + Send + Sync + 'static) -> Self {
        Self { on_status: Some(Box::new(on_status)), ..Self::default() }
    }

    /// Gives the payloads of PROGRESS frames to somebody.
    pub(super) fn watched(on_progress: impl Fn(Vec<u8>) + Send + Sync + 'static) -> Self {
        Self { on_progress: Some(Box::new(on_progress)), ..Self::default() }
    }

    fn progress(&self, phase: &str, done: u64, total: Option<u64>) {
        if let Some(tell) = &self.on_progress {
            let numbers = [done, total.unwrap_or(0)];
            let mut payload: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            payload.extend_from_slice(phase.as_bytes());
            tell(payload);
        }
    }
}

/// Without a log: what is said is thrown away, but for how far it is.
pub(super) async fn watch(mut events: JobEvents, over: impl Future<Output = ()>, story: &Story) {
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => return,
            event = events.next() => match event {
                Some(JobEvent::Progress { phase, done, total }) => story.progress(&phase, done, total),
                Some(_) => {}
                None => return,
            },
        }
    }
}

/// Carries events into the host's log, as fast as the host takes them, until the last one. Once `over` ends, nothing that is
/// left waits for the host, so that a host that takes nothing learns of the end.
pub(super) async fn carry(
    mut events: JobEvents,
    over: impl Future<Output = ()>,
    log: &Log,
    story: &mut Story,
) -> Option<Outcome> {
    tokio::pin!(over);
    let mut is_over = false;
    loop {
        if !is_over {
            tokio::select! {
                () = log.ready() => {}
                () = &mut over => is_over = true,
            }
        }
        match events.next().await? {
            JobEvent::Log(records) => records.into_iter().for_each(|record| log.writer().forward(record)),
            JobEvent::Status(status) => {
                log.note_status(status);
                if let Some(tell) = &story.on_status {
                    tell(status);
                }
            }
            JobEvent::Commit { hash, message } => {
                log.writer().marker(Mark::Commit { hash: hash.clone().into(), message: message.clone().into() });
                story.commit = Some((hash, message));
            }
            JobEvent::Partial { .. } if story.on_progress.is_some() => {}
            JobEvent::Partial { stream, text } => log.writer().marker(Mark::Partial { stream, text }),
            JobEvent::Progress { phase, done, total } => story.progress(&phase, done, total),
            JobEvent::Problem(problem) => {
                log.writer().marker(Mark::Problem(problem.clone()));
                story.problems.push(problem);
            }
            JobEvent::KnownHosts(lines) => {
                story.known_hosts.push_str(&lines);
                log.writer().marker(Mark::KnownHosts(lines));
            }
            JobEvent::Plan(plan) => story.plan = Some(plan),
            JobEvent::Program(program) => story.programs.push(program),
            JobEvent::Stage { stage, time } => log.writer().marker(Mark::Stage { stage, time }),
            JobEvent::Done(outcome) => return Some(outcome),
        }
    }
}

/// The result of a job.
pub(super) fn job_end(outcome: &Outcome, story: Story) -> Ended {
    let failure = job_failure(outcome, &story.problems);
    let (name, status) = match outcome {
        Outcome::Success => ("success", "success"),
        Outcome::Failed(_) => ("failed", "error"),
        Outcome::Stopped(_) => ("stopped", "stopped"),
        Outcome::Broken { .. } => ("broken", "error"),
    };
    let mut document = Map::new();
    document.insert("outcome".to_owned(), name.into());
    document.insert("status".to_owned(), status.into());
    let mut say = |name: &str, value: Value| drop(document.insert(name.to_owned(), value));
    match outcome {
        Outcome::Success => {}
        Outcome::Failed(text) => say("text", text.as_str().into()),
        Outcome::Stopped(reason) => say("reason", json!(reason)),
        Outcome::Broken { stage, error } => {
            say("stage", stage.as_str().into());
            say("error", error.as_str().into());
            say("text", outcome.reference_text().unwrap_or(error).into());
        }
    }
    if let Some((hash, message)) = story.commit {
        say("commit", json!({"hash": hash, "message": message}));
    }
    if let Some(plan) = story.plan {
        say("plan", json!(plan));
    }
    if !story.programs.is_empty() {
        say("programs", json!(story.programs));
    }
    say("problems", json!(story.problems));
    say("known_hosts", story.known_hosts.into());
    Ended { failure, document: document.into() }
}

fn job_failure(outcome: &Outcome, problems: &[Problem]) -> Option<Failure> {
    Some(match outcome {
        Outcome::Success => return None,
        Outcome::Failed(text) => with_end(Failure::new(code::SEMAPHORE_E_EXIT, text), text),
        Outcome::Stopped(reason) => stopped(*reason),
        Outcome::Broken { stage, error } if stage == "engine" => Failure::new(code::SEMAPHORE_E_PANIC, error),
        Outcome::Broken { error, .. } => {
            let end = outcome.reference_text().filter(|end| *end != error).unwrap_or_default();
            let number = match problems.last() {
                Some(problem) => problem_number(problem.code),
                None if end.is_empty() => code::SEMAPHORE_E_IO,
                None => code::SEMAPHORE_E_EXIT,
            };
            with_end(Failure::new(number, error), end)
        }
    })
}

/// The status number of a reason.
pub(crate) fn problem_number(problem: ProblemCode) -> i32 {
    match problem {
        ProblemCode::ToolMissing | ProblemCode::InventoryMissing | ProblemCode::PlaybookMissing => {
            code::SEMAPHORE_E_NOT_FOUND
        }
        ProblemCode::KeyUnreadable
        | ProblemCode::KeyPassphrase
        | ProblemCode::HostKey
        | ProblemCode::VaultPassword
        | ProblemCode::LoginRefused => code::SEMAPHORE_E_AUTH,
        ProblemCode::KeyType | ProblemCode::InventoryEmpty | ProblemCode::Specification => code::SEMAPHORE_E_ARG,
        ProblemCode::Repository => code::SEMAPHORE_E_NET,
        ProblemCode::WaitsForInput | ProblemCode::TimeLimit => code::SEMAPHORE_E_TIMEOUT,
        ProblemCode::ProcessIdentity => code::SEMAPHORE_E_PERM,
        ProblemCode::Machine | ProblemCode::Interrupted | ProblemCode::MemoryLimit => code::SEMAPHORE_E_IO,
    }
}

fn stopped(reason: StopReason) -> Failure {
    match reason {
        StopReason::Deadline => Failure::new(code::SEMAPHORE_E_TIMEOUT, "stopped at the deadline"),
        StopReason::Requested | StopReason::Forced => Failure::new(code::SEMAPHORE_E_CANCELLED, "stopped"),
    }
}

/// Adds the exit code that an end in Go's words tells.
fn with_end(mut failure: Failure, end: &str) -> Failure {
    failure.exit_code = end.strip_prefix("exit status ").and_then(|number| number.parse().ok());
    failure
}

/// The result of one piece of git's work.
pub(super) fn git_end(result: Result<Value, GitError>) -> Ended {
    match result {
        Ok(document) => Ended { document, failure: None },
        Err(error) => Ended::failed(git_failure(&error)),
    }
}

fn git_failure(error: &GitError) -> Failure {
    #[expect(clippy::match_wildcard_for_single_variants, reason = "the engine may get more ways to fail")]
    let number = match error {
        GitError::NoAnswer { .. } => code::SEMAPHORE_E_NOT_FOUND,
        GitError::Credential(_) => code::SEMAPHORE_E_ARG,
        // The host asked for git's work alone: the end of git is what it expects, and the reason is in the message.
        GitError::Failed { .. } => code::SEMAPHORE_E_EXIT,
        GitError::Program(ProgramError::Start(source)) => return spawn_failure(source),
        GitError::Program(ProgramError::Stopped(reason)) => return stopped(*reason),
        _ => code::SEMAPHORE_E_IO,
    };
    let message = error.problem().map_or_else(|| error.to_string(), |problem| problem.message);
    let mut failure = Failure::new(number, message);
    if let GitError::Failed { end, reason, .. } = error {
        failure = with_end(failure, end);
        failure.stderr_tail.clone_from(reason);
    }
    if let Some(source) = std::error::Error::source(error) {
        failure = failure.because(source);
    }
    failure
}
