//! What git may reach where tasks have a sandbox.
//!
//! Git works in clones into which programs of tasks have written before it and write beside it, and what lies in a clone, or in HOME,
//! can make git and ssh run programs. So these must not be able to do more than a task. Not for clones that look as if somebody
//! wanted that: `trust` finds them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Working;
use crate::{
    config::SandboxMode,
    job::{ProgramError, Programs, own_directory},
    process::{Sandbox, SandboxPlan},
};

/// The limits for a git that works in this directory. `None` where tasks have none, either.
pub(super) async fn limits(
    programs: &Programs,
    working: &Working,
    directory: &Path,
) -> Result<Option<Sandbox>, ProgramError> {
    let config = programs.config();
    let mode = config.process.sandbox;
    if mode == SandboxMode::Off {
        return Ok(None);
    }
    let mut hidden = config.private_paths.clone();
    hidden.push(config.tmp_path.clone());
    let (own, borrowed) = if directory.starts_with(&working.parent) {
        (vec![working.parent.clone()], vec![own_directory(&working.parent)])
    } else {
        // ssh adds new hosts to it. It lies where tasks can put a link.
        let is_file = |path: &&PathBuf| fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
        (working.ssh.known_hosts.iter().filter(is_file).cloned().collect(), Vec::new())
    };
    let lent = if mode == SandboxMode::Default { vec![config.home.clone()] } else { Vec::new() };
    // A repository of this machine is anywhere, and ssh reads what its user has: git sees as much in both modes.
    let plan = SandboxPlan { mode: SandboxMode::Default, own, borrowed, lent, hidden, ..SandboxPlan::default() };
    match tokio::task::spawn_blocking(move || Sandbox::new(&plan)).await {
        Ok(sandbox) => Ok(sandbox?),
        // It is the runtime that ends.
        Err(_) => Err(ProgramError::Unconfined),
    }
}
