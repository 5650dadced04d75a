//! Executors: how the files of a repository become a running program.
//!
//! An app knows its command line, its environment and what has to be installed before it. Not for checking out files,
//! inventories or processes as such: the job's stages do that, processes are started through [`Programs`] alone.
//!
//! Invariants: arguments are vectors, never a shell string; no secret of the job is an argument; files with secrets are
//! removed by a guard on every exit path; variables and arguments have the same order in every run.

pub mod ansible;
mod details;
mod environment;
mod file;
mod path;
mod shell;
mod terraform;
mod variable;

use std::{io, path::Path};

use async_trait::async_trait;
use thiserror::Error;

pub use details::Commit;
pub use environment::Environment;
pub(crate) use file::{FileGuard, write_private};
pub use path::PathError;
pub(crate) use path::{Absolute, inside};
pub(crate) use terraform::quoted_secrets;

use crate::{
    EngineConfig,
    git::Working,
    job::{JobSpec, ProgramEnd, ProgramError, Programs, SecretSet},
    key::SshOptions,
};

/// What an app is told about the job it works for.
#[derive(Clone, Copy)]
pub struct AppContext<'a> {
    /// The machine.
    pub config: &'a EngineConfig,
    /// The job.
    pub spec: &'a JobSpec,
    /// Its secrets.
    pub secrets: &'a SecretSet,
    /// Where the repository's files are: the working directory of all programs.
    pub work_dir: &'a Path,
    /// The template's own home directory, named after the clone.
    pub home_dir: &'a Path,
    /// Argument for `-i`; `None` if the job has no inventory that is a file.
    pub inventory: Option<&'a str>,
    /// `SSH_AUTH_SOCK`: the agent that holds the inventory's ssh key.
    pub agent: Option<&'a Path>,
    /// How git reaches the template's repository; `None` for a directory that is used in place.
    pub git: Option<&'a Working>,
    /// What ssh is told about hosts.
    pub ssh: &'a SshOptions,
    /// The commit that is checked out.
    pub commit: &'a Commit,
    /// Starts programs and writes into the job's log.
    pub programs: &'a Programs,
}

/// What has to be there for an app to run. It is looked for before the app is started, so that people learn what is missing.
#[derive(Debug, Default)]
pub struct Needs {
    /// Programs by name or path, each with what it does: `runs the playbook`.
    pub programs: Vec<(String, &'static str)>,
    /// The environment in whose PATH they are.
    pub environment: Environment,
    /// What the template's playbook is called, if it must be a file.
    pub file: Option<&'static str>,
    /// Whether it works on the hosts of the inventory.
    pub hosts: bool,
}

/// An executor. One value serves one job; the calls come in this order, each at most once, none at the same time as another:
///
/// 1. [`App::check`] right at the beginning, before any directory is made: refuses what this app can never run.
/// 2. [`App::install_requirements`] when the files and the inventory are there. Its programs' output goes to the log.
/// 3. [`App::run`]: starts the program, waits for its end, and gives back how it ended.
///
/// Any call can be the last: the job may be stopped between or in them. A stop in a call makes the running program end by its
/// stop plan, and the call returns [`AppError::Program`] with [`ProgramError::Stopped`]. What an app puts on disk beside the
/// repository is removed by guards when the call returns or is dropped; there is no clean-up call that could be forgotten.
#[async_trait]
pub trait App: Send + Sync {
    /// Refuses a specification that this app can never run.
    fn check(&self, spec: &JobSpec) -> Result<(), AppError>;

    /// What has to be there for [`App::run`]. Nothing is started to find that out.
    fn needs(&self, context: &AppContext<'_>) -> Needs;

    /// Installs what the repository asks for.
    async fn install_requirements(&self, context: &AppContext<'_>) -> Result<(), AppError>;

    /// Runs the program to its end. A program that fails is a result, not an error.
    async fn run(&self, context: &AppContext<'_>) -> Result<ProgramEnd, AppError>;
}

/// The executor of an app id. Ids that are not built in are shell apps: the id itself is the program.
pub fn create(id: &str, config: &EngineConfig) -> Box<dyn App> {
    match id {
        "ansible" => Box::new(ansible::Ansible),
        "terraform" | "tofu" | "terragrunt" => Box::new(terraform::Terraform::new(id, config.apps.get(id))),
        _ => Box::new(shell::Shell::new(id, config.apps.get(id))),
    }
}

/// Why an app could not do its work.
#[derive(Debug, Error)]
pub enum AppError {
    /// A path of the user's.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Ansible without hosts.
    #[error("the template has no inventory that Ansible can use: choose a static, YAML or file inventory")]
    NoInventory,
    /// `--vault-id=NAME@...` is split at the `@`.
    #[error("the vault name {0:?} contains `@` or a line break")]
    VaultName(String),
    /// `--user -x`.
    #[error("the login of an inventory key begins with `-`, which Ansible would take for an option")]
    LoginLooksLikeOption,
    /// A password was asked for again.
    #[error("{}: `{prompt}` was asked again after it had been answered; correct {}", which.name(), which.place())]
    WrongPassword {
        /// What it is for.
        which: Password,
        /// The beginning of the prompt.
        prompt: String,
    },
    /// `workspace select -x`.
    #[error("the workspace name {0:?} is not valid: it is empty, begins with `-` or contains a control character")]
    WorkspaceName(String),
    /// The directory of a Terraform template.
    #[error(
        "the directory {directory:?} does not exist in the repository: there is no {path}; correct the path in the template or the branch"
    )]
    NoDirectory {
        /// As given.
        directory: String,
        /// Where it was looked for.
        path: String,
    },
    /// The person who was asked did not want the plan.
    #[error("the plan was rejected")]
    Rejected,
    /// A file beside the repository.
    #[error("cannot {action} {path}")]
    File {
        /// `write`, `read`, ...
        action: &'static str,
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A program that had to succeed did not.
    #[error("{program} failed; its reason is in the lines above ({end})")]
    Failed {
        /// Name with its first arguments.
        program: String,
        /// `exit status 1`.
        end: String,
    },
    /// A program could not be run, or the job was stopped meanwhile.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// What a password is for that is typed on the terminal of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// Opens files encrypted with ansible-vault.
    Vault,
    /// Logs in at the hosts.
    Login,
    /// Becomes another user there.
    Become,
}

impl Password {
    fn name(self) -> &'static str {
        match self {
            Self::Vault => "wrong vault password",
            Self::Login => "wrong SSH password",
            Self::Become => "wrong become password",
        }
    }

    /// Where people correct it.
    fn place(self) -> &'static str {
        match self {
            Self::Vault => "the key of this vault in the template",
            Self::Login => "the user credentials of the inventory",
            Self::Become => "the sudo credentials of the inventory",
        }
    }
}
