//! Names of a job's directories and files, and who may use them.
//!
//! Two jobs never work in the same clone or inventory file: the first to ask gets the reference's name, a job that comes while
//! it runs gets a name of its own (`..._task_<id>`), which is removed at its end. Nobody waits. Jobs of this process see each
//! other in memory, jobs of another process (two servers with one `tmp_path`) by lock files.
//!
//! What the reference does not have, locks and mirrors, lies in [`OWN_DIRECTORY`] beside the directories of the projects: those
//! belong to `process.user`, who could put links in the way of a server that runs as root.
//!
//! Reference: parallel tasks of a template share one clone there and disturb each other.

use std::{
    collections::HashSet,
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use super::{JobSpec, claim_lock::ClaimLock};
use crate::{EngineConfig, key};

/// Name of the directory in `tmp_path` in which our own works lie; nobody but the server may write there.
pub const OWN_DIRECTORY: &str = ".semaphore";

/// Where our own works of one project lie: its mirrors, and `locks`.
pub fn own_directory(project_dir: &Path) -> PathBuf {
    project_dir.with_file_name(OWN_DIRECTORY).join(project_dir.file_name().unwrap_or_default())
}

/// Where the mirror of a repository is kept. It may be removed at any moment: the next clone makes a new one.
pub fn mirror_path(project_dir: &Path, repository_id: i32) -> PathBuf {
    own_directory(project_dir).join(format!("mirror_{repository_id}"))
}

/// Places in use by jobs of this process. A static on purpose: it guards paths of the file system, which is as global, and
/// several engines in one process (server and C library) must see each other.
static IN_USE: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

fn in_use() -> MutexGuard<'static, HashSet<PathBuf>> {
    IN_USE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Exclusive use of a path as long as the value lives.
#[derive(Debug)]
pub(crate) struct Claim {
    path: PathBuf,
    /// The name of its own that a parallel job got.
    parallel: bool,
    /// Against other processes; `None` if the file system has no locks.
    lock: Option<ClaimLock>,
}

impl Claim {
    /// `<directory>/<stem><suffix>`, or `<directory>/<stem>_task_<id><suffix>` if a running job has that.
    pub(crate) fn take(directory: &Path, stem: &str, suffix: &str, task_id: i32) -> Self {
        let mut names = in_use();
        let mut path = directory.join(format!("{stem}{suffix}"));
        let mut number = 0_u32;
        loop {
            if !names.contains(&path)
                && let Some(lock) = lock_of(&path)
            {
                names.insert(path.clone());
                return Self { path, parallel: number > 0, lock };
            }
            number += 1;
            // More than one job with the same id: several databases share this directory.
            let again = if number > 1 { format!("_{number}") } else { String::new() };
            path = directory.join(format!("{stem}_task_{task_id}{again}{suffix}"));
        }
    }

    /// Whether the last owner was killed while he changed what is here.
    pub(crate) fn is_half_made(&self) -> bool {
        self.lock.as_ref().is_some_and(ClaimLock::is_marked)
    }

    /// What is here is going to be changed: whoever finds it in this state must not use it.
    pub(crate) fn begin_change(&self) -> io::Result<()> {
        self.lock.as_ref().map_or(Ok(()), ClaimLock::mark)
    }

    /// What is here is whole, or not there.
    pub(crate) fn end_change(&self) -> io::Result<()> {
        self.lock.as_ref().map_or(Ok(()), ClaimLock::unmark)
    }

    /// The lock, for programs that change what is here.
    pub(crate) fn held(&self) -> Option<Arc<OwnedFd>> {
        self.lock.as_ref().and_then(ClaimLock::shared)
    }

    /// The path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is a name of this job alone, to be removed at its end.
    pub(crate) fn is_parallel(&self) -> bool {
        self.parallel
    }

    /// Last part of the path.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut names = in_use();
        self.lock = None;
        names.remove(&self.path);
    }
}

/// The lock of a path; `None` if another process holds it, `Some(None)` if there can be none.
#[expect(clippy::option_option, reason = "busy and impossible are different answers")]
fn lock_of(path: &Path) -> Option<Option<ClaimLock>> {
    match ClaimLock::take(&lock_path(path)) {
        Ok(lock) => lock.map(Some),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot lock; another server must not use the same tmp_path");
            Some(None)
        }
    }
}

/// `<tmp_path>/.semaphore/<project>/locks/<name>.lock`
fn lock_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let directory = path.parent().unwrap_or(Path::new("/"));
    own_directory(directory).join("locks").join(format!("{name}.lock"))
}

/// Name of the clone of a template's repository.
pub(crate) fn clone_name(spec: &JobSpec) -> String {
    format!("repository_{}_template_{}", spec.repository.id, spec.template_id)
}

/// Name of the clone of an inventory's own repository.
pub(crate) fn inventory_clone_name(repository_id: i32, template_id: i32, inventory_id: i32) -> String {
    format!("repository_{repository_id}_template_{template_id}_inventory_{inventory_id}")
}

/// Removes what a job left behind because its process was killed: the file with its secret variables, and what had a name
/// of its own. The caller knows that no job of this task runs.
///
/// # Errors
/// If the project's directory cannot be read or something cannot be removed; the rest is removed all the same.
pub async fn remove_leftovers(config: &EngineConfig, project_id: i32, task_id: i32) -> io::Result<()> {
    let directory = config.project_dir(project_id);
    let sweep = move || {
        let own = own_directory(&directory);
        let of_keys = key::remove_leftovers(&directory, |name| belongs_to(name, task_id));
        let claims = sweep_claims(&directory);
        let all = [own.join("locks"), own, directory];
        let swept = all.iter().map(|directory| sweep_directory(directory, task_id)).fold(of_keys, io::Result::and);
        swept.and(claims)
    };
    tokio::task::spawn_blocking(sweep).await.map_err(io::Error::other)?
}

fn sweep_directory(directory: &Path, task_id: i32) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let mut result = Ok(());
    for entry in entries {
        let entry = entry?;
        if belongs_to(&entry.file_name().to_string_lossy(), task_id) {
            result = result.and(remove_now(&entry.path()));
        }
    }
    result
}

/// Removes inventories that nobody uses, and locks that nobody holds and that tell of nothing half made: a job that ends in order
/// leaves neither. Which of them was this task's is not known.
fn sweep_claims(project_dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(own_directory(project_dir).join("locks")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".lock"));
        let Some(name) = name else { continue };
        // Its destructor removes the lock.
        let Some(_lock) = ClaimLock::take(&path)? else { continue };
        if name.starts_with("inventory_") {
            remove_now(&project_dir.join(name))?;
        }
    }
    Ok(())
}

/// Name of the file with the secret variables of a task.
pub(crate) fn secret_variables_name(task_id: i32) -> String {
    format!("secret_vars_{task_id}.json")
}

/// Whether a file or directory has a name that only this task's job gives.
fn belongs_to(name: &str, task_id: i32) -> bool {
    let own = format!("_task_{task_id}");
    let ends_there = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_digit());
    name == secret_variables_name(task_id) || name.split_once(&own).is_some_and(|(_, rest)| ends_there(rest))
}

/// Removes a directory with all that is in it, if it exists, without blocking the runtime.
pub(crate) async fn remove(path: &Path) -> io::Result<()> {
    let path = path.to_owned();
    match tokio::task::spawn_blocking(move || remove_now(&path)).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}

/// As [`remove`], for destructors.
pub(crate) fn remove_now(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    }
}

/// A directory that is removed when the guard is dropped, unless it is [kept](DirectoryGuard::keep).
#[derive(Debug)]
pub(crate) struct DirectoryGuard {
    path: Option<PathBuf>,
}

impl DirectoryGuard {
    /// From now on the directory goes with the guard.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path: Some(path) }
    }

    /// The directory stays.
    pub(crate) fn keep(mut self) {
        self.path = None;
    }

    /// Removes it now, without blocking the runtime. If this is cancelled, the destructor removes it.
    pub(crate) async fn remove(mut self) -> io::Result<()> {
        if let Some(path) = &self.path {
            remove(path).await?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for DirectoryGuard {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = remove_now(path)
        {
            tracing::warn!(path = %path.display(), %error, "cannot remove a directory of a job");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_parallel_job_gets_a_name_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("project_1");
        let take = |task| Claim::take(&directory, "repository_1_template_2", "", task);
        let first = take(7);
        let second = take(8);
        let third = take(8);
        assert_eq!((first.name().as_str(), first.is_parallel()), ("repository_1_template_2", false));
        assert_eq!((second.name().as_str(), second.is_parallel()), ("repository_1_template_2_task_8", true));
        assert_eq!(third.name(), "repository_1_template_2_task_8_2");
        drop(first);
        assert_eq!(take(9).name(), "repository_1_template_2");
        drop((second, third));
        assert_eq!(fs::read_dir(root.path().join(".semaphore/project_1/locks")).unwrap().count(), 0, "locks are left");
    }

    /// Another process is another open file: the lock is the system's.
    #[test]
    fn a_directory_that_another_process_uses_is_not_shared() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("project_1");
        let take = || Claim::take(&directory, "repository_1_template_2", "", 7);
        let other = ClaimLock::take(&lock_path(&directory.join("repository_1_template_2"))).unwrap().unwrap();
        let claim = take();
        assert_eq!((claim.name().as_str(), claim.is_parallel()), ("repository_1_template_2_task_7", true));
        // The other one is killed while it writes.
        other.mark().unwrap();
        drop(other);
        let next = take();
        assert!(!next.is_parallel() && next.is_half_made());
        next.end_change().unwrap();
        drop(next);
        assert!(!take().is_half_made());
    }

    #[tokio::test]
    async fn only_what_a_killed_job_had_alone_is_swept() {
        let directory = tempfile::tempdir().unwrap();
        let machine = serde_json::json!({"tmp_path": directory.path(), "path": "", "home": ""});
        let config: EngineConfig = serde_json::from_value(machine).unwrap();
        let project = config.project_dir(1);
        let all = [
            "secret_vars_7.json",
            "repository_1_template_2_task_7",
            "inventory_3_task_7_2.yml",
            "ssh_task_7_0123456789",
            "ssh_task_77_0123456789",
            "secret_vars_77.json",
            "repository_1_template_2_task_77",
            "repository_1_template_2",
            "inventory_3",
        ];
        for name in all {
            fs::create_dir_all(project.join(name)).unwrap();
        }
        // One whose user was killed, and one that is in use.
        fs::write(project.join("inventory_4"), "").unwrap();
        let locks = own_directory(&project).join("locks");
        fs::create_dir_all(&locks).unwrap();
        fs::write(locks.join("inventory_4.lock"), "").unwrap();
        let used = ClaimLock::take(&locks.join("inventory_3.lock")).unwrap().unwrap();
        remove_leftovers(&config, 1, 7).await.unwrap();
        remove_leftovers(&config, 2, 7).await.unwrap();
        let left: Vec<_> = all.into_iter().filter(|name| project.join(name).exists()).collect();
        assert_eq!(left, all[4..]);
        assert!(!project.join("inventory_4").exists());
        assert_eq!(fs::read_dir(&locks).unwrap().count(), 1);
        drop(used);
    }
}
