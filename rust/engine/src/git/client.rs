//! What a job wants from git, whatever the implementation.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use thiserror::Error;

use super::{Branch, CommitHash, Credential, Failure, GitUrl};
use crate::{
    job::{Problem, ProblemCode, ProgramError},
    key::SshOptions,
    process::SpawnError,
};

/// A remote repository and its clone.
#[derive(Clone, Debug)]
pub struct Working {
    /// Where it comes from.
    pub url: GitUrl,
    /// Which branch.
    pub branch: Branch,
    /// How the remote repository is unlocked.
    pub access: Access,
    /// What ssh is told.
    pub ssh: SshOptions,
    /// Directory in which the clone lies; exists.
    pub parent: PathBuf,
    /// Name of the clone's directory in it.
    pub directory: String,
}

/// How a remote repository is unlocked.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// Not at all, or by what stands in the URL.
    #[default]
    None,
    /// User and password of the key; they win over those in the URL.
    Password(Credential),
    /// An ssh agent that holds the key.
    Agent {
        /// `SSH_AUTH_SOCK`.
        socket: PathBuf,
    },
}

impl Access {
    /// User and password, if it is that.
    pub fn credential(&self) -> Option<&Credential> {
        match self {
            Self::Password(credential) => Some(credential),
            Self::None | Self::Agent { .. } => None,
        }
    }
}

impl Working {
    /// The clone.
    pub fn path(&self) -> PathBuf {
        self.parent.join(&self.directory)
    }
}

/// Why git could not do what was asked.
#[derive(Debug, Error)]
pub enum GitError {
    /// git said no.
    #[error("git {action} of {url} failed: {reason} ({end})")]
    Failed {
        /// `clone`, `pull`, ...
        action: &'static str,
        /// Without credentials.
        url: String,
        /// git's own last words, or a hint where they are.
        reason: String,
        /// `exit status 128`.
        end: String,
        /// What that means, if it is known.
        failure: Option<Failure>,
    },
    /// git answered something that cannot be.
    #[error("git {action} of {url} gave no answer: does the branch exist?")]
    NoAnswer {
        /// `ls-remote`.
        action: &'static str,
        /// Without credentials.
        url: String,
    },
    /// git's credential protocol is made of lines.
    #[error("the {0} of the repository's key contains a line break or NUL, which git cannot transmit")]
    Credential(&'static str),
    /// git could not be run, or the job was stopped meanwhile.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

impl GitError {
    /// The kind of reason for programs, if it is one that people can do something about.
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Failed { failure, .. } => failure.map(Failure::code),
            Self::NoAnswer { .. } => Some(ProblemCode::Repository),
            Self::Credential(_) => Some(ProblemCode::KeyUnreadable),
            Self::Program(ProgramError::Start(SpawnError::NotFound { .. } | SpawnError::NoPath { .. })) => {
                Some(ProblemCode::ToolMissing)
            }
            Self::Program(_) => None,
        }
    }

    /// Code and sentence, if it is something that people can do something about.
    pub fn problem(&self) -> Option<Problem> {
        let code = self.code()?;
        let message = match self {
            Self::Failed { failure: Some(failure), .. } => format!("{self}; {}", failure.advice()),
            other => other.to_string(),
        };
        Some(Problem { code, message })
    }

    /// Whether git's process ended in another way than by itself: nobody knows what it left half written.
    pub(crate) fn was_killed(&self) -> bool {
        matches!(self, Self::Failed { end, .. } if !end.starts_with("exit status"))
    }
}

/// Operations on one repository. Output of the first four goes to the job's log as it comes; every call ends early with
/// [`ProgramError::Stopped`] when the job is stopped, and leaves no process behind then.
///
/// Not for deciding what to do next: a clone that is half made or no longer fits is removed by the caller.
#[async_trait]
pub trait GitClient: Send + Sync {
    /// Makes the clone, with submodules. Its directory must not exist.
    async fn clone_repository(&self, working: &Working) -> Result<(), GitError> {
        self.clone_with_mirror(working, None).await
    }

    /// As [`GitClient::clone_repository`]; what the mirror has is not fetched again, and the clone does not depend on the
    /// mirror afterwards. A mirror that is not there does not matter; a broken one may make the call fail.
    async fn clone_with_mirror(&self, working: &Working, mirror: Option<&Path>) -> Result<(), GitError>;

    /// Fetches, and says whether the branch only went forward since then.
    async fn can_be_pulled(&self, working: &Working) -> Result<bool, GitError>;

    /// Brings work tree and submodules to the head of the branch.
    async fn pull(&self, working: &Working) -> Result<(), GitError>;

    /// Checks out a commit, tag or branch, and its submodules.
    async fn checkout(&self, working: &Working, commit: &CommitHash) -> Result<(), GitError>;

    /// Full hash of the commit that is checked out.
    async fn last_commit_hash(&self, working: &Working) -> Result<String, GitError>;

    /// Subject of the commit that is checked out, at most 100 bytes, cut between characters.
    /// Reference: of the git library there it is the beginning of the whole message.
    async fn last_commit_message(&self, working: &Working) -> Result<String, GitError>;

    /// Hash of the branch at the remote repository; no clone is needed.
    async fn remote_commit_hash(&self, working: &Working) -> Result<String, GitError>;

    /// Names of all branches of the remote repository; no clone is needed.
    async fn remote_branches(&self, working: &Working) -> Result<Vec<String>, GitError>;
}
