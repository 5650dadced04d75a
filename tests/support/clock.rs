//! A clock that the server under test believes and that can be set: Debian's libfaketime, loaded into its process.
//!
//! Not for processes that the server starts: they get its environment no more than anything else of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use semaphore_test_machine::missing;
use tempfile::TempDir;

/// The clock of one server.
#[derive(Debug)]
pub struct Clock {
    directory: TempDir,
    library: PathBuf,
}

impl Clock {
    /// A clock that is right; `None` with a note that the test is left out where the library is not installed, and with CI=true
    /// that is a failure.
    pub fn new() -> Option<Self> {
        let library = fs::read_dir("/usr/lib").unwrap().map(Result::unwrap).find_map(|entry| {
            let path = entry.path().join("faketime/libfaketimeMT.so.1");
            path.is_file().then_some(path)
        });
        let Some(library) = library else {
            missing("libfaketime is not installed (make deps)");
            return None;
        };
        let clock = Self { directory: tempfile::tempdir().unwrap(), library };
        clock.set(0);
        Some(clock)
    }

    /// Sets the clock to so many seconds before or after the time.
    pub fn set(&self, seconds: i64) {
        let new = self.directory.path().join("new");
        fs::write(&new, format!("{seconds:+}\n")).unwrap();
        fs::rename(new, self.file()).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("clock")
    }

    /// What the environment of the server has to say.
    pub fn environment(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        // A clock that is set does not change how long something takes.
        let fixed = [("FAKETIME_NO_CACHE", "1"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1"), ("NO_FAKE_STAT", "1")];
        let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let own = [("LD_PRELOAD", text(&self.library)), ("FAKETIME_TIMESTAMP_FILE", text(&self.file()))];
        own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(fixed).collect()
    }
}
