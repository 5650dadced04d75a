//! The file that replaces a configuration's backend by http for the time of one job.
//!
//! Reference: `TerraformApp.InstallRequirements`, `Clear`. There a file of that name is overwritten and then deleted; here it
//! is put aside and comes back, also after a crash: at the next override.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

/// Settings come from `TF_HTTP_*` variables.
const CONTENT: &str = "terraform {\n  backend \"http\" {\n  }\n}\n";

/// How many jobs of this process use a file: a local directory is shared by all tasks on it.
static IN_USE: LazyLock<Mutex<BTreeMap<PathBuf, usize>>> = LazyLock::new(Mutex::default);

fn in_use() -> MutexGuard<'static, BTreeMap<PathBuf, usize>> {
    IN_USE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file as long as the value lives; then everything is as before.
#[derive(Debug)]
pub(super) struct BackendFile {
    path: PathBuf,
}

impl BackendFile {
    /// Writes the file; what has its name, also a symbolic link, is put aside.
    pub(super) fn write(path: &Path) -> io::Result<Self> {
        let mut in_use = in_use();
        let users = in_use.get(path).copied().unwrap_or_default();
        if users == 0 {
            recover(path)?;
            put_aside(path)?;
            let written = fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
            let written = written.and_then(|mut file| io::Write::write_all(&mut file, CONTENT.as_bytes()));
            if let Err(error) = written {
                take_back(path)?;
                return Err(error);
            }
        }
        in_use.insert(path.to_owned(), users + 1);
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for BackendFile {
    fn drop(&mut self) {
        let mut in_use = in_use();
        let users = in_use.get(&self.path).copied().unwrap_or(1);
        if users > 1 {
            in_use.insert(self.path.clone(), users - 1);
            return;
        }
        in_use.remove(&self.path);
        if let Err(error) = take_back(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot take back the backend file of a job");
        }
    }
}

/// Where a file of the user's waits, and what says that there was none: names that Terraform does not read.
fn beside(path: &Path) -> (PathBuf, PathBuf) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let with = |what: &str| path.with_file_name(format!(".{name}.{what}"));
    (with("before-override"), with("none-before-override"))
}

/// Undoes what a job did whose process was killed; a file that the user has put there since then stays.
fn recover(path: &Path) -> io::Result<()> {
    let (before, none) = beside(path);
    if !before.exists() && !none.exists() {
        return Ok(());
    }
    if fs::read(path).is_ok_and(|text| text != CONTENT.as_bytes()) {
        return absent(fs::remove_file(none));
    }
    take_back(path)
}

fn put_aside(path: &Path) -> io::Result<()> {
    let (before, none) = beside(path);
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::write(none, ""),
        Err(error) => Err(error),
        Ok(found) if found.is_dir() => {
            Err(io::Error::new(io::ErrorKind::IsADirectory, "a directory has the name of the backend file"))
        }
        Ok(_) => fs::rename(path, before),
    }
}

/// Removes our file and brings back what was put aside.
fn take_back(path: &Path) -> io::Result<()> {
    let (before, none) = beside(path);
    absent(fs::remove_file(path))?;
    absent(fs::rename(before, path))?;
    absent(fs::remove_file(none))
}

/// What is not there is no failure.
fn absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn everything_is_as_before_afterwards() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("backend.tf");
        drop(BackendFile::write(&path).unwrap());
        assert!(names(directory.path()).is_empty());

        fs::write(&path, "of the user").unwrap();
        let (first, second) = (BackendFile::write(&path).unwrap(), BackendFile::write(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), CONTENT);
        drop(first);
        assert_eq!(fs::read_to_string(&path).unwrap(), CONTENT, "another job still needs it");
        drop(second);
        assert_eq!(fs::read_to_string(&path).unwrap(), "of the user");
        assert_eq!(names(directory.path()), ["backend.tf"]);
    }

    #[test]
    fn links_are_put_aside_and_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, target) = (directory.path().join("backend.tf"), directory.path().join("elsewhere"));
        fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        let file = BackendFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
        drop(file);
        assert_eq!(fs::read_link(&path).unwrap(), target);
    }

    #[test]
    fn what_a_killed_job_put_aside_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("backend.tf");
        let killed = |path: &Path| {
            std::mem::forget(BackendFile::write(path).unwrap());
            in_use().remove(path);
        };
        // The user's own may well look like ours.
        for text in ["of the user", CONTENT] {
            fs::write(&path, text).unwrap();
            killed(&path);
            drop(BackendFile::write(&path).unwrap());
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        killed(&path);
        fs::write(&path, "newer").unwrap();
        drop(BackendFile::write(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
        // Without a file of the user's.
        let other = directory.path().join("other.tf");
        killed(&other);
        drop(BackendFile::write(&other).unwrap());
        assert_eq!(names(directory.path()), ["backend.tf"]);
    }
}
