//! Control groups of version 2 for the tests: a server starts in one of its own, as a service manager would have it.
//!
//! Only root can make them outside of what a service manager has given away.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use semaphore_test_machine::{missing, wait_until};
use tempfile::TempDir;

use crate::program;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A group that ends with everything in it when this is dropped.
#[derive(Debug)]
pub struct ControlGroup {
    path: PathBuf,
    /// Where the groups are mounted for this test alone.
    mounted: Option<TempDir>,
}

impl ControlGroup {
    /// A new group; `None` with a note that the test is left out where none can be made, and with CI=true that is a failure.
    pub fn new() -> Option<Self> {
        let name = format!("semaphore-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let known = mounts.lines().find(|line| line.contains(" - cgroup2 ")).and_then(|line| line.split(' ').nth(4));
        let made = |place: &Path| {
            let path = place.join(&name);
            (fs::create_dir(&path).is_ok() && path.join("cgroup.kill").exists()).then_some(path)
        };
        if let Some(path) = known.and_then(|place| made(Path::new(place))) {
            return Some(Self { path, mounted: None }.given());
        }
        let own = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "cgroup2", "none"]).arg(own.path()).status();
        if mounted.is_ok_and(|status| status.success()) {
            if let Some(path) = made(own.path()) {
                return Some(Self { path, mounted: Some(own) }.given());
            }
            let _ = Command::new("umount").arg(own.path()).status();
        }
        missing("no control group of version 2 can be made: root and Linux 5.14 are needed");
        None
    }

    /// As systemd marks a group with `Delegate=yes`; where nobody asks it need not work.
    fn given(self) -> Self {
        let mark = "import os, sys\nos.setxattr(sys.argv[1], 'user.delegate', b'1')";
        let _ = Command::new("python3").args(["-c", mark]).arg(&self.path).output();
        self
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The program under test as one that puts itself into the group first; the file lies in this directory.
    pub fn program(&self, directory: &Path) -> PathBuf {
        let path = directory.join("in-group");
        let (procs, program) = (self.path.join("cgroup.procs"), program());
        let script =
            format!("#!/bin/sh\necho $$ > '{}' || exit 1\nexec '{}' \"$@\"\n", procs.display(), program.display());
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Names of the groups in it.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.path).unwrap().map(Result::unwrap);
        let directories = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        directories.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    /// Numbers of the processes in the group itself, or in one that is in it.
    pub fn processes(&self, name: &str) -> Vec<u32> {
        let listed = fs::read_to_string(self.path.join(name).join("cgroup.procs")).unwrap_or_default();
        listed.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// Ends everything in it at once, as the stop of a service does; returns when all have gone.
    #[track_caller]
    pub fn kill(&self) {
        fs::write(self.path.join("cgroup.kill"), "1").unwrap();
        wait_until("everything in the group has ended", Duration::from_secs(10), || {
            let events = fs::read_to_string(self.path.join("cgroup.events")).unwrap();
            events.contains("populated 0").then_some(())
        });
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        self.kill();
        for name in self.names() {
            let _ = fs::remove_dir(self.path.join(name));
        }
        let _ = fs::remove_dir(&self.path);
        if let Some(mounted) = &self.mounted {
            let _ = Command::new("umount").arg(mounted.path()).status();
        }
    }
}
