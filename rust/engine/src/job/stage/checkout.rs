//! Stage 3: the repository's files are there, at the right commit.
//!
//! Reference: `LocalJob.updateRepository`, `checkoutRepository`: a clone that is there is fetched and pulled; if anything about
//! that fails, it is removed and made anew.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{StageError, Stages, keys::Keys, workspace::Workspace};
use crate::{
    app::Commit,
    git::{Branch, CommandLineClient, CommitHash, GitClient, GitError, GitUrl, Working},
    job::{
        JobEvent, ProgramError, RepositorySpec, SecretSet,
        directory::{self, Claim, DirectoryGuard},
    },
};

/// The files of the repository.
pub(crate) struct CheckedOut {
    /// Where they are.
    pub(crate) work_dir: PathBuf,
    /// Which state of them.
    pub(crate) commit: Commit,
    /// Clone of a parallel job.
    own_clone: Option<DirectoryGuard>,
}

impl CheckedOut {
    /// Removes what belongs to this job alone.
    pub(crate) async fn remove(self) {
        remove_own(self.own_clone).await;
    }
}

/// Removes the clone of a parallel job.
pub(super) async fn remove_own(clone: Option<DirectoryGuard>) {
    if let Some(clone) = clone
        && let Err(error) = clone.remove().await
    {
        tracing::warn!(%error, "cannot remove the clone of a parallel job");
    }
}

pub(crate) async fn check_out(
    stages: &Stages<'_>,
    workspace: &Workspace,
    keys: &Keys,
) -> Result<CheckedOut, StageError> {
    let Some(claim) = &workspace.clone else {
        let path = local_directory(&workspace.url).inspect_err(|error| {
            stages.log(format!("Failed in finding static repository at {}: {error}", workspace.url));
        })?;
        return Ok(CheckedOut { work_dir: path, commit: Commit::default(), own_clone: None });
    };
    let client = CommandLineClient::new(stages.programs.clone());
    let updated = async {
        let working = working(stages.secrets, keys, &stages.spec.repository, workspace.url.clone(), claim)?;
        let own_clone = update(&client, &working, claim).await?;
        Ok((working, own_clone))
    };
    let (working, own_clone) = stages.log_failure("Failed updating repository", updated.await)?;
    let commit = commit(stages, &client, &working).await;
    let commit = stages.log_failure("Failed to checkout repository to required commit", commit)?;
    Ok(CheckedOut { work_dir: working.path(), commit, own_clone })
}

/// A directory that is used in place.
pub(super) fn local_directory(url: &GitUrl) -> Result<PathBuf, StageError> {
    let path = url.local_path().unwrap_or(Path::new("/"));
    let unusable = |reason: String| StageError::LocalRepository { path: path.display().to_string(), reason };
    let found = fs::metadata(path).map_err(|error| unusable(error.to_string()))?;
    if found.is_dir() { Ok(path.to_owned()) } else { Err(unusable("it is not a directory".to_owned())) }
}

/// What git needs to know about a repository whose clone lies at the claimed place.
pub(super) fn working(
    secrets: &SecretSet,
    keys: &Keys,
    repository: &RepositorySpec,
    url: GitUrl,
    claim: &Claim,
) -> Result<Working, StageError> {
    let branch: Branch = repository.branch.parse()?;
    let parent = claim.path().parent().map(PathBuf::from).unwrap_or_default();
    let access = keys.access(secrets, &repository.key)?;
    Ok(Working { url, branch, access, ssh: keys.ssh.clone(), parent, directory: claim.name() })
}

/// Brings the clone to the head of its branch; the guard of a parallel job's clone is given back.
///
/// When this fails or is dropped at any moment after it began to write, no clone is left.
pub(super) async fn update(
    client: &dyn GitClient,
    working: &Working,
    claim: &Claim,
) -> Result<Option<DirectoryGuard>, StageError> {
    let path = working.path();
    // What lies at a parallel job's own name is a left-over of a killed server.
    if !claim.is_parallel() && is_clone_of(&path, &working.url) && client.can_be_pulled(working).await? {
        // From here on a work tree may be half written.
        let guard = DirectoryGuard::new(path.clone());
        match client.pull(working).await {
            Ok(()) => {
                guard.keep();
                return Ok(None);
            }
            Err(GitError::Program(error @ ProgramError::Stopped(_))) => {
                remove_guarded(guard, &path).await?;
                return Err(error.into());
            }
            Err(_) => remove_guarded(guard, &path).await?,
        }
    }
    directory::remove(&path).await.map_err(|source| StageError::file("remove", &path, source))?;
    let guard = DirectoryGuard::new(path.clone());
    if let Err(error) = client.clone_repository(working).await {
        remove_guarded(guard, &path).await?;
        return Err(error.into());
    }
    if claim.is_parallel() {
        return Ok(Some(guard));
    }
    guard.keep();
    Ok(None)
}

/// Whether the directory is a clone that was made from this very address.
///
/// A clone of another address, one that the Go server made with credentials in its configuration, or a directory that is no
/// clone at all (git would look for one in the directories above) is made anew.
fn is_clone_of(path: &Path, url: &GitUrl) -> bool {
    let Ok(configuration) = fs::read_to_string(path.join(".git/config")) else { return false };
    let mut lines = configuration.lines().map(str::trim).skip_while(|line| *line != r#"[remote "origin"]"#).skip(1);
    let written = lines.by_ref().take_while(|line| !line.starts_with('[')).find_map(|line| line.strip_prefix("url = "));
    // Addresses with special characters are quoted in a way of git's own; those are believed.
    written.is_some_and(|written| written == url.as_argument() || written.contains(['"', '\\']))
}

async fn remove_guarded(guard: DirectoryGuard, path: &Path) -> Result<(), StageError> {
    guard.remove().await.map_err(|source| StageError::file("remove", path, source))
}

/// Checks out the commit that was asked for, or tells which one the branch has.
async fn commit(stages: &Stages<'_>, client: &dyn GitClient, working: &Working) -> Result<Commit, StageError> {
    if let Some(text) = &stages.spec.commit_hash {
        let wanted: CommitHash = text.parse()?;
        let checked_out = client.checkout(working, &wanted).await;
        if let Err(GitError::Program(error @ ProgramError::Stopped(_))) = checked_out {
            // A checkout that was interrupted leaves a mixture of two commits.
            remove_guarded(DirectoryGuard::new(working.path()), &working.path()).await?;
            return Err(error.into());
        }
        checked_out?;
        // Reference: the message is not looked up, and the task keeps the hash it was given.
        return Ok(Commit { hash: Some(text.clone()), message: String::new() });
    }
    let hash = client.last_commit_hash(working).await?;
    let message = match client.last_commit_message(working).await {
        Err(error @ GitError::Failed { .. }) => {
            stages.log(error.to_string());
            String::new()
        }
        message => message?,
    };
    let shown = stages.programs.redacted(&message);
    stages.programs.event(JobEvent::Commit { hash: hash.clone(), message: shown });
    Ok(Commit { hash: Some(hash), message })
}
