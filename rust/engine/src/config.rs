//! What the engine knows about the machine it runs on. Built once by the host; never read from the environment here.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

/// Everything about the host that a job may use.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EngineConfig {
    /// `tmp_path` of the configuration; project directories live below it.
    pub tmp_path: PathBuf,
    /// `PATH` of the jobs; programs are resolved against it.
    pub path: String,
    /// HOME of the server, used by the home modes other than `ProjectHome`.
    pub home: PathBuf,
    /// Which HOME a job sees.
    #[serde(default)]
    pub home_dir_mode: HomeDirMode,
    /// Forwarded (`forwarded_env_vars`) then configured (`env_vars`) variables, without PATH and HOME.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// `apps` of the configuration, by app id.
    #[serde(default)]
    pub apps: BTreeMap<String, AppConfig>,
    /// `ssh_config_path`: given to ssh with `-F`.
    #[serde(default)]
    pub ssh_config_path: Option<PathBuf>,
    /// Soft RLIMIT_NOFILE for children; `None` leaves the process's own.
    #[serde(default)]
    pub child_nofile: Option<u64>,
    /// `git_client`: who does git's work.
    #[serde(default)]
    pub git_client: GitClientKind,
    /// `process`: as whom and below which root jobs run.
    #[serde(default)]
    pub process: ProcessConfig,
    /// Files and directories of the server that no sandbox shows: its configuration, its database.
    #[serde(default)]
    pub private_paths: Vec<PathBuf>,
    /// How long a prompt that nobody answers may stand on a job's terminal before the job ends; `None` = for ever.
    #[serde(default)]
    pub prompt_timeout: Option<Duration>,
    /// How long a stopped Terraform may take to end in order; `None` = 120 s.
    #[serde(default)]
    pub terraform_stop_timeout: Option<Duration>,
}

impl EngineConfig {
    /// `<tmp_path>/project_<project>`: the directory of one project's clones, homes and inventories.
    pub fn project_dir(&self, project_id: i32) -> PathBuf {
        self.tmp_path.join(format!("project_{project_id}"))
    }
}

/// `home_dir_mode`: HOME of a job. Reference: `util.HomeDirMode*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HomeDirMode {
    /// The server's HOME; ANSIBLE_HOME points into the template's own home directory. The default of the reference.
    #[default]
    TemplateDir,
    /// `<tmp_path>/project_<project>`.
    ProjectHome,
    /// The server's HOME.
    UserHome,
}

/// `git_client`: who does git's work. Reference: `util.GitClientId`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GitClientKind {
    /// The git program of the machine.
    #[default]
    CmdGit,
    /// In the reference a git library; here libgit2 reads, and the git program does what needs a network.
    GoGit,
}

/// `process`: as whom and below which root jobs run. All unset = as this process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessConfig {
    /// Name of the user.
    pub user: Option<String>,
    /// Number of the user.
    pub uid: Option<u32>,
    /// Number of the group.
    pub gid: Option<u32>,
    /// New root directory.
    pub chroot: Option<PathBuf>,
    /// What the programs of a task may reach.
    pub sandbox: SandboxMode,
    /// Files and directories that the strict sandbox shows beside the system's: an interpreter in somebody's home.
    pub sandbox_paths: Vec<PathBuf>,
}

impl ProcessConfig {
    /// Whether programs of a task may do less than git, which makes the clone.
    pub(crate) fn has_bounds(&self) -> bool {
        self.sandbox != SandboxMode::Off || self.chroot.is_some()
    }
}

/// `process.sandbox`: what the programs of a task may reach of this machine. Git, which makes the clone, has limits of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxMode {
    /// What their user may reach. The default of the reference, which has nothing else.
    #[default]
    Off,
    /// Everything can be read but devices, what is private to the server, and other projects; written are the project's
    /// directory, HOME and the template's own directory. No new privileges (no `sudo` on this machine), no signals to others.
    Default,
    /// As `Default`, but HOME is the project's directory, and beside it only the system's programs and configuration are shown.
    Strict,
}

/// An entry of `apps`: replaces the program or its leading arguments.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AppConfig {
    /// Program instead of the app's own; empty = unchanged.
    #[serde(default)]
    pub path: String,
    /// Arguments before the script instead of the app's own.
    #[serde(default)]
    pub args: Option<Vec<String>>,
}
