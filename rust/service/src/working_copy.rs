//! Working copies that tasks left in the temporary directory, and their removal.
//!
//! Not for making them: that is the engine. Invariants: nothing outside the project's directory is removed, links are
//! removed and never followed; a directory that is not there is already clean; the locks of running jobs stay.

use std::{
    io,
    path::{Path, PathBuf},
};

use semaphore_engine::{
    EngineConfig,
    job::{mirror_path, own_directory},
};
use semaphore_model::{ProjectId, RepositoryId};

use crate::{
    error::{Error, Result},
    services::Services,
};

/// What is removed from the directory of a project.
#[derive(Clone, Copy, Debug)]
enum What {
    /// Everything.
    All,
    /// The clones of one repository with the homes beside them, and its mirror.
    Repository(RepositoryId),
}

impl Services {
    /// Removes everything that tasks of a project left on the disk.
    pub async fn clear_project_cache(&self, project: ProjectId) -> Result<()> {
        self.clear(project, What::All).await
    }

    /// Removes the clones of a repository. A failure is only logged: the next task finds out by itself whether its clone
    /// still fits.
    pub(crate) async fn clear_repository_cache(&self, project: ProjectId, repository: RepositoryId) {
        if let Err(error) = self.clear(project, What::Repository(repository)).await {
            tracing::warn!(%project, %repository, %error, cause = ?error.source, "cannot remove working copies");
        }
    }

    async fn clear(&self, project: ProjectId, what: What) -> Result<()> {
        let directory = self.engine.project_dir(project.0);
        let done = tokio::task::spawn_blocking(move || clear_directory(&directory, what)).await;
        done.map_err(io::Error::other).flatten().map_err(|error| Error::internal("cannot remove working copies", error))
    }
}

/// Removes everything that tasks of one project, or of all, left on the disk of a machine without a database.
///
/// Reference: everything in `tmp_path` is removed, whoever's it is; here it is what tasks leave there.
///
/// # Errors
/// If something cannot be removed.
pub(crate) async fn clear_working_copies(engine: &EngineConfig, project: Option<ProjectId>) -> io::Result<()> {
    let root = engine.tmp_path.clone();
    let directories = project.map(|project| vec![engine.project_dir(project.0)]);
    let clear = move || {
        let directories = match directories {
            Some(directories) => directories,
            None => project_directories(&root)?,
        };
        directories.iter().try_for_each(|directory| clear_directory(directory, What::All))
    };
    tokio::task::spawn_blocking(clear).await.map_err(io::Error::other)?
}

fn project_directories(root: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("project_"));
        if entry.file_type()?.is_dir() && number.is_some_and(|number| number.parse::<i32>().is_ok()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn clear_directory(directory: &Path, what: What) -> io::Result<()> {
    match what {
        What::All => clear_own_directory(&own_directory(directory))?,
        What::Repository(id) => remove(&mirror_path(directory, id.0), true)?,
    }
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        // The type of the entry itself: a link to a directory is no directory.
        let is_directory = entry.file_type()?.is_dir();
        let wanted = match what {
            What::All => true,
            What::Repository(id) => {
                is_directory && entry.file_name().to_string_lossy().starts_with(&format!("repository_{id}_"))
            }
        };
        if !wanted {
            continue;
        }
        remove(&entry.path(), is_directory)?;
    }
    Ok(())
}

/// Mirrors go; a lock file is its owner's to remove: another process would not see a new one of the same name.
fn clear_own_directory(directory: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name() == "locks" {
            // Succeeds if nobody holds one.
            let _ = std::fs::remove_dir(entry.path());
        } else {
            remove(&entry.path(), entry.file_type()?.is_dir())?;
        }
    }
    let _ = std::fs::remove_dir(directory);
    Ok(())
}

fn remove(path: &Path, is_directory: bool) -> io::Result<()> {
    match if is_directory { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) } {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn only_what_is_meant_is_removed_and_links_are_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("kept"), "x").unwrap();
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("project_1");
        for name in ["repository_1_template_2", "repository_1_template_2_home", "repository_10_template_2"] {
            std::fs::create_dir_all(directory.join(name)).unwrap();
        }
        std::fs::write(directory.join("repository_1_file"), "x").unwrap();
        // `process.user` owns the directory, and whatever stands there under our own name is not ours.
        for name in ["link", ".semaphore"] {
            std::os::unix::fs::symlink(outside.path(), directory.join(name)).unwrap();
        }
        let own = own_directory(&directory);
        for name in ["mirror_1/objects", "mirror_10", "locks"] {
            std::fs::create_dir_all(own.join(name)).unwrap();
        }
        std::fs::write(own.join("locks/held.lock"), "").unwrap();

        clear_directory(&directory, What::Repository(RepositoryId(1))).unwrap();
        assert_eq!(names(&directory), [".semaphore", "link", "repository_10_template_2", "repository_1_file"]);
        assert_eq!(names(&own), ["locks", "mirror_10"]);
        clear_directory(&directory, What::All).unwrap();
        assert_eq!((names(&directory), names(&own)), (vec![], vec!["locks".to_owned()]));
        std::fs::remove_file(own.join("locks/held.lock")).unwrap();
        clear_directory(&directory, What::All).unwrap();
        assert!(!own.exists());
        assert_eq!(names(outside.path()), ["kept"]);
        clear_directory(&directory.join("missing"), What::All).unwrap();
    }
}
