//! A lock file for each directory or file in use, so that two processes on one `tmp_path` do not share it.
//!
//! Not for jobs of one process: they see each other in memory (`directory`). Invariants: the file exists only while somebody
//! holds it, or after its owner was killed or could not clean up; it is not empty from the moment on at which the owner begins
//! to change what it stands for until that is whole again, so a lock that is found with content tells of something half made.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::{
        fd::OwnedFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

/// A lock that is held as long as the value lives. The system gives it back when the process dies, however it dies.
#[derive(Debug)]
pub(super) struct ClaimLock {
    file: File,
    path: PathBuf,
}

impl ClaimLock {
    /// Takes the lock with this path; `None` if another process (or another value) holds it. The directory is made.
    pub(super) fn take(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = open(path)?;
            // It is emptied later: it must not be somebody else's file.
            let found = file.metadata()?;
            if !found.is_file() || found.uid() != nix::unistd::geteuid().as_raw() {
                return Err(io::Error::other("the lock file does not belong to this server: remove it"));
            }
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Its last owner may have removed it between the two calls; then others lock another file.
            let (locked, named) = (file.metadata()?, fs::metadata(path));
            if named.is_ok_and(|named| (named.dev(), named.ino()) == (locked.dev(), locked.ino())) {
                return Ok(Some(Self { file, path: path.to_owned() }));
            }
        }
    }

    /// The same lock once more: it is held until both are closed.
    pub(super) fn shared(&self) -> Option<Arc<OwnedFd>> {
        self.file.try_clone().ok().map(|file| Arc::new(file.into()))
    }

    /// Whether something half made is told of: by the last owner, who was killed, or by this one.
    pub(super) fn is_marked(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.len() > 0)
    }

    /// From now on something is half made.
    pub(super) fn mark(&self) -> io::Result<()> {
        (&self.file).write_all(b"in the making\n")
    }

    /// Everything is whole again.
    pub(super) fn unmark(&self) -> io::Result<()> {
        self.file.set_len(0)
    }
}

impl Drop for ClaimLock {
    fn drop(&mut self) {
        // The lock is still held here, so nobody else's file is removed.
        if !self.is_marked()
            && let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove a lock file");
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut open = OpenOptions::new();
    // Something else than a file of ours, a link or a pipe, is neither followed nor waited for.
    open.create(true).append(true).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK);
    // Whoever clears the project's directory may remove an empty directory of locks at any moment.
    for _ in 0..8 {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        match open.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
    }
    open.open(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_no_file_afterwards() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locks/a.lock");
        let first = ClaimLock::take(&path).unwrap().unwrap();
        assert!(ClaimLock::take(&path).unwrap().is_none());
        assert!(!first.is_marked());
        drop(first);
        assert!(!path.exists());

        let killed = ClaimLock::take(&path).unwrap().unwrap();
        killed.mark().unwrap();
        drop(killed);
        let next = ClaimLock::take(&path).unwrap().unwrap();
        assert!(next.is_marked());
        next.unmark().unwrap();
        drop(next);
        assert!(!path.exists());
    }

    /// It would be written to and emptied.
    #[test]
    fn a_link_to_another_file_is_no_lock() {
        let directory = tempfile::tempdir().unwrap();
        let (other, path) = (directory.path().join("other"), directory.path().join("a.lock"));
        fs::write(&other, "of somebody else").unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        assert!(ClaimLock::take(&path).is_err());
        assert_eq!(fs::read_to_string(&other).unwrap(), "of somebody else");
    }
}
