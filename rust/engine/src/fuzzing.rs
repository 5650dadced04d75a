//! Doors for the fuzz targets of `fuzz/` to what nobody outside this crate calls: there only with `--cfg fuzzing`.
//!
//! Nothing but thin functions: what a target learns here is what the engine does.

use std::{path::Path, sync::Arc};

use crate::{
    EngineConfig,
    app::{App, AppContext, Commit, ansible},
    git::{Branch, CommitHash, GitUrl, command},
    job::{JobSpec, Programs, SecretSet},
    key::{PrivateKey, SshOptions},
};

/// What an agent with this key answers to a message, both without their length.
pub fn agent_answer(key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    crate::key::agent_answer(key, message)
}

/// The arguments of every git command that has something of a user in it.
pub fn git_commands(url: &GitUrl, branch: &Branch, commit: &CommitHash, mirror: Option<&Path>) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for told in [command::Words::Plain, command::Words::Progress, command::Words::Quiet] {
        commands.push(command::clone(url, branch, "repository_1_1", mirror, told));
        commands.push(command::pull(branch, told));
        commands.push(command::checkout(commit, told));
        commands.push(command::checkout_remote_branch(commit, told));
    }
    commands.push(command::can_be_pulled(branch));
    commands.push(command::remote_hash(url, branch));
    commands.push(command::remote_branches(url));
    commands
}

/// The arguments of ansible-playbook with the inventory `/i` and the file `/secret`; `None` if the job is refused.
pub fn playbook_arguments(spec: &JobSpec, secrets: &SecretSet) -> Option<Vec<String>> {
    ansible::Ansible.check(spec).ok()?;
    let config = Arc::new(EngineConfig::default());
    let programs = Programs::detached(Arc::clone(&config));
    let context = AppContext {
        config: &config,
        spec,
        secrets,
        work_dir: Path::new("/r"),
        home_dir: Path::new("/h"),
        inventory: Some("/i"),
        agent: None,
        git: None,
        ssh: &SshOptions::default(),
        commit: &Commit::default(),
        programs: &programs,
    };
    ansible::playbook_arguments(&context, Path::new("/secret")).ok()
}
