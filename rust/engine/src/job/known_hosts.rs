//! The known hosts of a project as a file of one job.
//!
//! Not for what is kept between jobs: the lines come with the specification, and what ssh added is told by
//! [`JobEvent::KnownHosts`](super::JobEvent::KnownHosts). Invariants: the file belongs to this job alone and goes with its guard;
//! in the mode `off` there is none; what is told are whole, valid lines that were not there before.

use std::{
    fs,
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use semaphore_model::known_hosts::{MAX_BYTES, added};

use super::{HostKeyMode, HostKeys, Programs};
use crate::app::{FileGuard, write_private};

/// The file of one job, or of one question to a git server; removed when it is dropped.
#[derive(Debug)]
pub struct KnownHosts {
    file: FileGuard,
    /// What was in it at the beginning, in the mode in which ssh adds to it.
    before: Option<String>,
}

impl KnownHosts {
    /// Writes the file, readable by this user alone; what was at its place is replaced. `None` if hosts are not checked.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(known: &HostKeys, path: &Path) -> io::Result<Option<Self>> {
        if known.mode == HostKeyMode::Off {
            return Ok(None);
        }
        let mut text = known.known_hosts.clone();
        if !text.is_empty() && !text.ends_with('\n') {
            // ssh adds its lines at the very end.
            text.push('\n');
        }
        let file = write_private(path, text.as_bytes(), 0o600)?;
        Ok(Some(Self { file, before: (known.mode == HostKeyMode::AcceptNew).then_some(text) }))
    }

    /// The file of a question to a git server that belongs to no job, in the project's directory.
    ///
    /// # Errors
    /// If directory or file cannot be made, or not be given to whom the programs run as.
    pub fn for_question(known: &HostKeys, programs: &Programs, project_id: i32) -> io::Result<Option<Self>> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        if known.mode == HostKeyMode::Off {
            return Ok(None);
        }
        let directory = programs.config().project_dir(project_id);
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&directory)?;
        // Several servers may share the directory.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let file = Self::write(known, &directory.join(format!("known_hosts_question_{}_{number}", process::id())))?;
        file.as_ref().map_or(Ok(()), |file| programs.give(file.path()))?;
        Ok(file)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The lines that ssh added, each with its end; empty if there are none, or if programs of the job did something else to
    /// the file.
    pub fn learned(&self) -> String {
        let Some(before) = &self.before else { return String::new() };
        match read(self.path()) {
            Ok(after) => added(before, &after),
            Err(error) => {
                tracing::warn!(path = %self.path().display(), %error, "cannot read what ssh learned about hosts");
                String::new()
            }
        }
    }
}

/// Name of a job's file; found by [`remove_leftovers`](super::remove_leftovers) after a kill.
pub(crate) fn known_hosts_name(task_id: i32) -> String {
    format!("known_hosts_task_{task_id}")
}

/// The job's programs may have put anything in its place: links, pipes and endless files are not followed.
fn read(path: &Path) -> io::Result<String> {
    let file =
        fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file any more"));
    }
    let mut text = Vec::new();
    file.take(2 * MAX_BYTES as u64).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
