//! The document of `semaphore_git_start`, checked and turned into typed values of the engine.

use std::{path::PathBuf, sync::Arc, time::Duration};

use semaphore_engine::{
    EngineConfig,
    git::{Access, CommitHash, GitUrl, Working},
    job::HostKeyMode,
    key::SshOptions,
};
use serde::Deserialize;

use crate::{
    code,
    failure::{Failure, check_version, parse_document},
    machine::Machine,
    runtime::Runtime,
};

/// The document of `semaphore_git_start`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GitDocument {
    #[serde(default = "crate::failure::first_version")]
    version: u32,
    config: Machine,
    /// Where the repository comes from.
    url: String,
    /// Branch or tag.
    branch: String,
    /// Directory in which the clone lies.
    parent: PathBuf,
    /// Name of the clone's directory in it.
    directory: String,
    /// What is checked out.
    #[serde(default)]
    commit: Option<String>,
    #[serde(default)]
    host_key_mode: HostKeyMode,
    /// A `known_hosts` file of the host; unused in the mode `off`.
    #[serde(default)]
    known_hosts_file: Option<PathBuf>,
    #[serde(default)]
    deadline_ms: Option<u64>,
    /// PROGRESS frames are wanted.
    #[serde(default)]
    progress: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitWork {
    /// Make the clone.
    Clone,
    /// Bring the clone to the head of the branch.
    Pull,
    /// Check out a commit, tag or branch.
    Checkout(CommitHash),
    /// Whether the branch only went forward.
    CanBePulled,
    /// Hash of what is checked out.
    LastCommitHash,
    /// Subject of what is checked out.
    LastCommitMessage,
    /// Hash of the branch at the remote repository.
    RemoteHash,
    /// Branches of the remote repository.
    RemoteBranches,
}

impl GitWork {
    fn new(kind: i32, commit: Option<&str>) -> Result<Self, Failure> {
        let work = match kind {
            code::SEMAPHORE_GIT_CLONE => Self::Clone,
            code::SEMAPHORE_GIT_PULL => Self::Pull,
            code::SEMAPHORE_GIT_CHECKOUT => {
                let commit = commit.ok_or_else(|| Failure::argument("commit is missing: name what to check out"))?;
                return Ok(Self::Checkout(commit.parse().map_err(|error| refused(&error))?));
            }
            code::SEMAPHORE_GIT_CAN_BE_PULLED => Self::CanBePulled,
            code::SEMAPHORE_GIT_LAST_COMMIT_HASH => Self::LastCommitHash,
            code::SEMAPHORE_GIT_LAST_COMMIT_MESSAGE => Self::LastCommitMessage,
            code::SEMAPHORE_GIT_REMOTE_HASH => Self::RemoteHash,
            code::SEMAPHORE_GIT_REMOTE_BRANCHES => Self::RemoteBranches,
            _ => return Err(Failure::argument(format!("{kind} is not a kind of git's work"))),
        };
        if commit.is_some() {
            return Err(Failure::argument("commit is for checkout only"));
        }
        Ok(work)
    }
}

/// What is started, checked.
pub struct PreparedGit {
    /// The machine.
    pub config: Arc<EngineConfig>,
    /// The repository and its clone.
    pub working: Working,
    /// What is to be done.
    pub work: GitWork,
    /// Stop it after this time.
    pub deadline: Option<Duration>,
    /// The host wants to know how far it is.
    pub progress: bool,
}

impl PreparedGit {
    /// Reads the document. `access` is how the remote repository is unlocked.
    pub fn parse(kind: i32, document: &[u8], access: Access, runtime: &Runtime) -> Result<Self, Failure> {
        let document: GitDocument = parse_document("specification of git's work", document)?;
        check_version("specification of git's work", document.version)?;
        let work = GitWork::new(kind, document.commit.as_deref())?;
        let url: GitUrl = document.url.parse().map_err(|error| refused(&error))?;
        if !document.parent.is_absolute() {
            return Err(Failure::argument("parent must be an absolute path"));
        }
        if matches!(document.directory.as_str(), "" | "." | "..") || document.directory.contains(['/', '\0']) {
            return Err(Failure::argument("directory must be one name below parent"));
        }
        let config = Arc::new(document.config.into_config(runtime)?);
        let ssh = SshOptions {
            mode: document.host_key_mode,
            known_hosts: document.known_hosts_file,
            config: config.ssh_config_path.clone(),
        };
        let branch = document.branch.parse().map_err(|error| refused(&error))?;
        let working = Working { url, branch, access, ssh, parent: document.parent, directory: document.directory };
        let deadline = document.deadline_ms.map(Duration::from_millis);
        Ok(Self { config, working, work, deadline, progress: document.progress })
    }

    /// Texts that may not be in a log.
    pub fn secrets(&self) -> impl Iterator<Item = &[u8]> {
        let credential = self.working.access.credential();
        let password = credential.into_iter().map(|credential| credential.password.as_bytes());
        self.working.url.secret_texts().map(str::as_bytes).chain(password)
    }
}

fn refused(error: &dyn std::error::Error) -> Failure {
    Failure::argument(error.to_string())
}
