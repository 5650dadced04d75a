//! What hosts leave: their programs when they were killed, their control groups, their directories.
//!
//! Not for what a host has told or kept: that is the client's. Invariant: only what is certainly a host's is ended or removed.

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Hosts, OUTCOME, SOCKET, attach, spool};
use crate::process::{Group, end_recorded};

/// The programs that a host runs, as it writes them down itself.
pub(super) const RECORD: &str = "programs";

/// The path of its control group.
const GROUP: &str = "group";

/// On whose behalf it runs its task.
const OWNER: &str = "owner";

/// How long a host of whose task nobody knows may take to end in order.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// Ends a host that is gone or does not answer, and everything that it had started. `false`: that is not known of it.
pub async fn end(directory: &Path) -> bool {
    let directory = directory.to_owned();
    let ending = move || {
        let group = group_of(&directory);
        if let Some(group) = &group {
            group.kill();
        }
        let record = directory.join(RECORD);
        let is_known = group.is_some() || record.exists();
        let ended = end_recorded(&record);
        if ended > 0 {
            tracing::info!(directory = %directory.display(), processes = ended, "what a task host had started was ended");
        }
        is_known
    };
    tokio::task::spawn_blocking(ending).await.unwrap_or(false)
}

/// What is to be said of a task some of whose processes the system has ended because the task's memory is limited.
pub fn out_of_memory(directory: &Path) -> Option<String> {
    let group = group_of(directory)?;
    let kills = group.memory_kills();
    if kills == 0 {
        return None;
    }
    let limit = group.memory_limit().map(|mib| format!(" ({mib} MiB)")).unwrap_or_default();
    Some(format!(
        "the task needs more memory than it may have: the system has ended {kills} of its processes; raise \
         process.limits.memory_mb{limit} or let it do less at once"
    ))
}

fn group_of(directory: &Path) -> Option<Group> {
    Group::at(fs::read_to_string(directory.join(GROUP)).ok()?.into())
}

/// Removes the directory of a host that has ended and its control group; only what a host or its server makes.
pub fn forget(directory: &Path) {
    if let Some(group) = group_of(directory) {
        // What the programs left behind lives on in it; it is swept away later then.
        group.remove();
    }
    let names = [SOCKET, OUTCOME, "outcome.new", RECORD, "programs.new", GROUP, OWNER];
    for name in names.iter().chain(&spool::FILES) {
        let _ = fs::remove_file(directory.join(name));
    }
    if let Err(error) = fs::remove_dir(directory)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(directory = %directory.display(), %error, "the directory of a task host cannot be removed");
    }
}

impl Hosts {
    /// Notes in a new directory whose it is.
    pub(super) fn mark(&self, directory: &Path) -> io::Result<()> {
        write(&directory.join(OWNER), self.owner.as_bytes())
    }

    /// Puts a host that was just started into a group of its own, if there are groups.
    pub(super) fn enclose(&self, directory: &Path, process: i32) -> io::Result<()> {
        let (Some(groups), Some(name)) = (&self.groups, directory.file_name().and_then(|name| name.to_str())) else {
            return Ok(());
        };
        // Another server that has the same group may sweep at this moment.
        let entered = groups.make(name).and_then(|group| group.enter(process).map(|()| group));
        let group = match entered {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let group = groups.make(name)?;
                group.enter(process)?;
                group
            }
            entered => entered?,
        };
        write(&directory.join(GROUP), group.path().as_os_str().as_encoded_bytes())
    }

    /// Removes the control groups of hosts whose directories are gone: a host may end a moment later than its task, and what a task
    /// leaves behind long after it.
    pub fn sweep(&self) {
        if let Some(groups) = &self.groups {
            groups.sweep(|name| self.root.join(name).exists());
        }
    }

    /// Directories of hosts that were started on behalf of the same owner.
    pub fn directories(&self) -> HashSet<PathBuf> {
        let entries = fs::read_dir(&self.root).into_iter().flatten();
        let directories = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_own = |directory: &PathBuf| {
            fs::read(directory.join(OWNER)).is_ok_and(|owner| !owner.is_empty() && owner == self.owner.as_bytes())
        };
        directories.filter(is_own).collect()
    }
}

/// Ends a host of whose task nobody knows any more; nothing of it is stored.
pub async fn abandon(directory: &Path) {
    if let Some(attached) = attach(directory).await {
        let _ = tokio::time::timeout(END_PATIENCE, attached.end()).await;
    }
    end(directory).await;
    forget(directory);
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(content)
}
