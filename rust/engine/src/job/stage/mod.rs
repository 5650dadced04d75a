//! The stages of a job, one file each, in the order in which they run: workspace, keys, checkout, inventory,
//! requirements, run.
//!
//! A stage gives back a value that later stages use and whose destructor undoes what has to be undone; the values live until
//! the end of the job, so every way out of it cleans up.

pub(crate) mod checkout;
pub(crate) mod inventory;
pub(crate) mod keys;
pub(crate) mod requirements;
pub(crate) mod run;
pub(crate) mod workspace;

use std::{io, path::Path};

use semaphore_model::error_chain;
use thiserror::Error;

use super::{JobSpec, Outcome, ProgramError, Programs, SecretSet, StopReason};
use crate::{
    EngineConfig,
    app::{App, AppError, PathError},
    git::{GitError, GitUrlError, RevisionError},
    key::KeyError,
    process::IdentityError,
};

/// What every stage has at hand.
pub(crate) struct Stages<'a> {
    pub(crate) config: &'a EngineConfig,
    pub(crate) spec: &'a JobSpec,
    pub(crate) secrets: &'a SecretSet,
    pub(crate) programs: &'a Programs,
    pub(crate) app: &'a dyn App,
}

impl Stages<'_> {
    pub(crate) fn log(&self, line: impl Into<String>) {
        self.programs.log_line(line);
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
