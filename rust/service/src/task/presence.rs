//! The sign of life of this process on this machine: a lock file in `tmp_path` that the system frees when the process dies,
//! however it dies.
//!
//! A server that is started again after a crash sees by it that its predecessor is dead and need not wait until that one's
//! leases ran out. Not for servers elsewhere: without the file nothing is known about them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use semaphore_engine::job::OWN_DIRECTORY;

/// Held as long as the process lives.
#[derive(Debug)]
pub(super) struct Presence {
    path: PathBuf,
    _lock: File,
}

impl Presence {
    /// Makes the file of a server and locks it.
    pub(super) fn show(tmp_path: &Path, server: &str) -> io::Result<Self> {
        let path = path(tmp_path, server);
        if let Some(directory) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let lock = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        lock.try_lock()?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // What stays is an empty file that says the truth: nobody holds it.
        let _ = fs::remove_file(&self.path);
    }
}

/// What the servers with this `tmp_path` have in common: only they reach the processes of each other's tasks.
pub(super) fn place(tmp_path: &Path) -> io::Result<String> {
    let directory = tmp_path.join(OWN_DIRECTORY);
    DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
    let path = directory.join("place");
    let name = format!("{:032x}", rand::random::<u128>());
    // Whole when it appears: another server may start at this moment.
    let own = directory.join(format!("place-{name}"));
    fs::write(&own, &name)?;
    let linked = fs::hard_link(&own, &path);
    fs::remove_file(&own)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(fs::read_to_string(&path)?.chars().take(64).collect()),
    }
}

/// Whether a server with the same `tmp_path` is certainly dead.
pub(super) fn is_dead(tmp_path: &Path, server: &str) -> bool {
    File::open(path(tmp_path, server)).is_ok_and(|file| file.try_lock().is_ok())
}

/// Removes what a dead server left.
pub(super) fn forget(tmp_path: &Path, server: &str) {
    let _ = fs::remove_file(path(tmp_path, server));
}

/// Names of servers are made of hexadecimal digits; anything else that a database may hold names no file.
fn path(tmp_path: &Path, server: &str) -> PathBuf {
    let name: String = server.chars().filter(char::is_ascii_hexdigit).collect();
    tmp_path.join(OWN_DIRECTORY).join(format!("server-{name}.lock"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_a_server_whose_lock_is_free_is_dead() {
        let directory = tempfile::tempdir().unwrap();
        let present = Presence::show(directory.path(), "a1").unwrap();
        assert!(!is_dead(directory.path(), "a1"), "it lives");
        assert!(!is_dead(directory.path(), "b2"), "nothing is known about it");
        // As a crash leaves it.
        fs::write(path(directory.path(), "c3"), "").unwrap();
        assert!(is_dead(directory.path(), "c3"));
        forget(directory.path(), "c3");
        assert!(!is_dead(directory.path(), "c3"));
        drop(present);
        assert_eq!(fs::read_dir(directory.path().join(OWN_DIRECTORY)).unwrap().count(), 0);
    }

    #[test]
    fn a_place_has_one_name_for_all_who_are_there() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = place(here.path()).unwrap();
        assert!(name.len() == 32 && place(here.path()).unwrap() == name);
        assert_ne!(place(elsewhere.path()).unwrap(), name);
        assert_eq!(fs::read_dir(here.path().join(OWN_DIRECTORY)).unwrap().count(), 1);
    }
}
