//! The `config` of a document: what the engine is told about the machine.
//!
//! It comes with every call rather than with the runtime: hosts change their configuration while they run.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use semaphore_engine::{
    EngineConfig,
    config::{AppConfig, GitClientKind, HomeDirMode, ProcessConfig},
};
use serde::Deserialize;

use crate::{failure::Failure, runtime::Runtime};

/// The engine's configuration with times in milliseconds; a misspelt field is an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Project directories live below it.
    tmp_path: PathBuf,
    /// `PATH` of the programs.
    path: String,
    /// HOME of the host.
    home: PathBuf,
    #[serde(default)]
    home_dir_mode: HomeDirMode,
    #[serde(default)]
    env: Vec<(String, String)>,
    #[serde(default)]
    apps: BTreeMap<String, AppConfig>,
    #[serde(default)]
    ssh_config_path: Option<PathBuf>,
    #[serde(default)]
    child_nofile: Option<u64>,
    #[serde(default)]
    git_client: GitClientKind,
    #[serde(default)]
    process: ProcessConfig,
    #[serde(default)]
    private_paths: Vec<PathBuf>,
    #[serde(default)]
    prompt_timeout_ms: Option<u64>,
    #[serde(default)]
    terraform_stop_timeout_ms: Option<u64>,
}

impl Machine {
    /// For the engine.
    pub fn into_config(self, runtime: &Runtime) -> Result<EngineConfig, Failure> {
        if !self.tmp_path.is_absolute() {
            return Err(Failure::argument("config.tmp_path must be an absolute path"));
        }
        Ok(EngineConfig {
            tmp_path: self.tmp_path,
            path: self.path,
            home: self.home,
            home_dir_mode: self.home_dir_mode,
            env: self.env,
            apps: self.apps,
            ssh_config_path: self.ssh_config_path,
            child_nofile: self.child_nofile.or(runtime.options().child_nofile),
            git_client: self.git_client,
            process: self.process,
            private_paths: self.private_paths,
            prompt_timeout: self.prompt_timeout_ms.map(Duration::from_millis),
            terraform_stop_timeout: self.terraform_stop_timeout_ms.map(Duration::from_millis),
        })
    }
}
