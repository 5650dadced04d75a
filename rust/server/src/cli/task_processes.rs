//! How the processes of tasks are started, and what is said about them when a server or a runner starts.
//!
//! Not for what becomes of them later: that is the pool's.

use std::path::Path;

use anyhow::Context as _;
use semaphore_engine::{host::Hosts, process::Groups};

use crate::{
    config::{Config, Database},
    survival::Survival,
};

/// What a process of a task is started from: this program, also when its file was replaced meanwhile.
pub(super) const OWN_PROGRAM: &str = "/proc/self/exe";

/// Where each task gets a process of its own; `None` if tasks run in the server's.
pub(super) fn hosts(config: &Config, tmp_path: &Path) -> anyhow::Result<Option<Hosts>> {
    if !config.task_processes.hosted {
        return Ok(None);
    }
    let hosts = Hosts::new(OWN_PROGRAM, tmp_path).context("configuration key tmp_path")?;
    Ok(Some(hosts.owned_by(owner(config))))
}

/// Those of a server that runs tasks: with control groups, if they can be had. Says what becomes of tasks when the server ends.
pub(super) fn prepared(hosts: Option<Hosts>, config: &Config, survival: &Survival) -> Option<Hosts> {
    let Some(hosts) = hosts else {
        if config.task_processes.limits.is_set() {
            tracing::warn!(
                "process.limits has no effect: tasks run in the server's own process (process.task_host is off)"
            );
        }
        return None;
    };
    tracing::info!(hand_over = config.task_processes.are_handed_over(survival), "{}", survival.explanation());
    Some(hosts.grouped(groups(config)))
}

/// Control groups for tasks, if they can be had. Says whether, and which limits have an effect.
pub(super) fn groups(config: &Config) -> Option<Groups> {
    let limits = config.task_processes.limits;
    let found = if config.task_processes.grouped {
        Groups::delegated()
    } else {
        Err("process.control_groups is off".to_owned())
    };
    let mut groups = match found {
        Ok(groups) => groups,
        Err(reason) => {
            tracing::info!("tasks have no control groups of their own: {reason}");
            if limits.is_set() {
                tracing::warn!("process.limits has no effect: {reason}");
            }
            return None;
        }
    };
    tracing::info!("each task has a control group of its own in {}", groups.base().display());
    if limits.is_set() {
        match groups.limit(limits) {
            Ok(()) => tracing::info!(?limits, "tasks are limited"),
            Err(reason) => tracing::warn!("process.limits has no effect, or only in part: {reason}"),
        }
    }
    Some(groups)
}

/// What the database is called: tasks in `tmp_path` that were started for another one are none of this server's business.
fn owner(config: &Config) -> String {
    match &config.database {
        Database::Sqlite(path) | Database::Bolt(path) => {
            let path = path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.clone());
            format!("SQLite {}", path.display())
        }
        Database::Server(_) => config.database_line.clone(),
    }
}
