//! What a job wants from git, whatever the implementation.

use std::path::PathBuf;

use async_trait::async_trait;
use thiserror::Error;

use super::{Branch, CommitHash, Credential, GitUrl};
use crate::{job::ProgramError, key::SshOptions};

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

/// Operations on one repository. Output of the first four goes to the job's log as it comes; every call ends early with
/// [`ProgramError::Stopped`] when the job is stopped, and leaves no process behind then.
///
/// Not for deciding what to do next: a clone that is half made or no longer fits is removed by the caller.
#[async_trait]
pub trait GitClient: Send + Sync {
    /// Makes the clone, with submodules. Its directory must not exist.
    async fn clone_repository(&self, working: &Working) -> Result<(), GitError>;

    /// Fetches, and says whether the branch only went forward since then.
    async fn can_be_pulled(&self, working: &Working) -> Result<bool, GitError>;

    /// Brings work tree and submodules to the head of the branch.
    async fn pull(&self, working: &Working) -> Result<(), GitError>;

    /// Checks out a commit, tag or branch.
    async fn checkout(&self, working: &Working, commit: &CommitHash) -> Result<(), GitError>;

    /// Full hash of the commit that is checked out.
    async fn last_commit_hash(&self, working: &Working) -> Result<String, GitError>;

    /// Subject of the commit that is checked out, at most 100 bytes, cut between characters.
    async fn last_commit_message(&self, working: &Working) -> Result<String, GitError>;

    /// Hash of the branch at the remote repository; no clone is needed.
    async fn remote_commit_hash(&self, working: &Working) -> Result<String, GitError>;

    /// Names of all branches of the remote repository; no clone is needed.
    async fn remote_branches(&self, working: &Working) -> Result<Vec<String>, GitError>;
}
