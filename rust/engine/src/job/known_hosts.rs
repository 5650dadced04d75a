//! The known hosts of a project as a file of one job.
//!
//! Not for what is kept between jobs: the lines come with the specification, and what ssh added is told by
//! [`JobEvent::KnownHosts`](super::JobEvent::KnownHosts). Invariants: the file belongs to this job alone and goes with its guard;
//! in the mode `off` there is none; what is told are whole, valid lines that were not there before.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use semaphore_model::known_hosts::{MAX_BYTES, added};

use super::{HostKeyMode, JobSpec};
use crate::app::{FileGuard, write_private};

/// The file of one job; removed when it is dropped.
#[derive(Debug)]
pub(crate) struct KnownHosts {
    file: FileGuard,
    /// What was in it at the beginning, in the mode in which ssh adds to it.
    before: Option<String>,
}

impl KnownHosts {
    /// Writes the file into the project's directory; `None` if hosts are not checked.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write(spec: &JobSpec, project_dir: &Path) -> io::Result<Option<Self>> {
        let known = &spec.host_keys;
        if known.mode == HostKeyMode::Off {
            return Ok(None);
        }
        let path = project_dir.join(name(spec.task_id));
        let mut text = known.known_hosts.clone();
        if !text.is_empty() && !text.ends_with('\n') {
            // ssh adds its lines at the very end.
            text.push('\n');
        }
        let file = write_private(&path, text.as_bytes(), 0o600)?;
        Ok(Some(Self { file, before: (known.mode == HostKeyMode::AcceptNew).then_some(text) }))
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// The lines that ssh added, each with its end; empty if there are none, or if programs of the job did something else to
    /// the file.
    pub(crate) fn learned(&self) -> String {
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

/// Name of the file; found by [`remove_leftovers`](super::remove_leftovers) after a kill.
fn name(task_id: i32) -> String {
    format!("known_hosts_task_{task_id}")
}

/// The job's programs may have put anything in its place: links, pipes and endless files are not followed.
fn read(path: &Path) -> io::Result<String> {
    use std::os::unix::fs::OpenOptionsExt;
    let file =
        fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file any more"));
    }
    let mut text = Vec::new();
    file.take(2 * MAX_BYTES as u64).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
