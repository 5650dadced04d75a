//! The stages of a job, one file each, in the order in which they run: workspace, keys, checkout, inventory,
//! sandbox, requirements, run. Beside them `preflight` says beforehand what would make a run fail, and `diagnosis` afterwards what did.
//!
//! A stage gives back a value that later stages use and whose destructor undoes what has to be undone; the values live until
//! the end of the job, so every way out of it cleans up.

pub(crate) mod checkout;
pub(crate) mod diagnosis;
pub(crate) mod inventory;
pub(crate) mod keys;
pub(crate) mod preflight;
pub(crate) mod requirements;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod workspace;

use std::{
    io,
    path::Path,
    sync::{Mutex, PoisonError},
};

use chrono::Utc;
use semaphore_model::error_chain;
use thiserror::Error;

use super::{JobEvent, JobSpec, Outcome, Problem, ProblemCode, ProgramError, Programs, SecretSet, StopReason};
use crate::{
    EngineConfig,
    app::{App, AppError, PathError},
    git::{GitError, GitUrlError, RevisionError},
    key::KeyError,
    process::{IdentityError, SandboxError},
};

/// What every stage has at hand.
pub(crate) struct Stages<'a> {
    pub(crate) config: &'a EngineConfig,
    pub(crate) spec: &'a JobSpec,
    pub(crate) secrets: &'a SecretSet,
    pub(crate) programs: &'a Programs,
    pub(crate) app: &'a dyn App,
    /// What kinds of problems were told.
    pub(crate) told: Told,
}

/// The codes of the problems of a job that were told, so that one reason is not told twice.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<Vec<ProblemCode>>);

impl Told {
    fn add(&self, code: ProblemCode) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(code);
    }

    fn has(&self, code: ProblemCode) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&code)
    }
}

impl Stages<'_> {
    pub(crate) fn log(&self, line: impl Into<String>) {
        self.programs.log_line(line);
    }

    /// Says that a stage begins.
    pub(crate) fn begin(&self, stage: &str) {
        self.programs.event(JobEvent::Stage { stage: stage.to_owned(), time: Utc::now() });
    }

    /// Tells a problem: `<level>: <sentence>` in the log, and an event.
    pub(crate) fn problem(&self, level: &str, problem: &Problem) {
        self.log(format!("{level}: {}", problem.message));
        self.tell(problem);
    }

    /// Tells the host about a problem.
    pub(crate) fn tell(&self, problem: &Problem) {
        self.told.add(problem.code);
        let message = self.programs.redacted(&problem.message);
        self.programs.event(JobEvent::Problem(Problem { code: problem.code, message }));
    }

    /// Tells why the job ends, unless it was stopped or the preflight has told this reason already.
    ///
    /// Its sentence is in the log at the end, but for git: the reference's words for that leave the reason out, so it is written here.
    pub(crate) fn tell_failure(&self, error: &StageError) {
        let Some(problem) = Problem::of_stage(error) else { return };
        if self.told.has(problem.code) {
            return;
        }
        match error {
            StageError::Git(GitError::Failed { .. }) => self.problem("error", &problem),
            _ => self.tell(&problem),
        }
    }

    /// Writes `<what>: <reason>` unless the job was stopped: that is no failure. The words of the reference are used.
    pub(crate) fn log_failure<T>(&self, what: &str, result: Result<T, StageError>) -> Result<T, StageError> {
        if let Err(error) = &result
            && error.stop_reason().is_none()
        {
            self.log(format!("{what}: {}", error.reference_text()));
        }
        result
    }
}

/// Why a stage could not do its work.
#[derive(Debug, Error)]
pub(crate) enum StageError {
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    GitUrl(#[from] GitUrlError),
    #[error(transparent)]
    Revision(#[from] RevisionError),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("cannot {action} {path}")]
    File { action: &'static str, path: String, source: io::Error },
    #[error("the repository directory {path} cannot be used: {reason}")]
    LocalRepository { path: String, reason: String },
    #[error("cannot use the SSH key of the {owner}")]
    Key { owner: &'static str, source: KeyError },
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error("access key type not supported for {0}")]
    KeyType(&'static str),
    #[error("the job has no value for the secret {0:?}: save the key or variable again")]
    MissingSecret(String),
}

impl StageError {
    pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.display().to_string(), source }
    }

    /// A file or directory could not be given to whom the programs run as.
    pub(crate) fn give(path: &Path, source: io::Error) -> Self {
        Self::file("give the user of `process` (does the server run as root?)", path, source)
    }

    /// The reason, if the job was stopped.
    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        match self {
            Self::Program(ProgramError::Stopped(reason))
            | Self::App(AppError::Program(ProgramError::Stopped(reason)))
            | Self::Git(GitError::Program(ProgramError::Stopped(reason))) => Some(*reason),
            _ => None,
        }
    }

    /// What the reference says in its lines `Failed ...: E`: of a program that failed only `exit status N`.
    pub(crate) fn reference_text(&self) -> String {
        match self {
            Self::Git(GitError::Failed { end, .. }) | Self::App(AppError::Failed { end, .. }) => end.clone(),
            other => error_chain(other),
        }
    }

    /// The outcome of a job that ends with this error in this stage.
    pub(crate) fn outcome(&self, stage: &str) -> Outcome {
        match self.stop_reason() {
            Some(reason) => Outcome::Stopped(reason),
            None => Outcome::Broken { stage: stage.to_owned(), error: error_chain(self) },
        }
    }
}
