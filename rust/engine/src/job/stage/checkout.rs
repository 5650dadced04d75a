//! Stage 3: the repository's files are there, at the right commit.
//!
//! Reference: `LocalJob.updateRepository`, `checkoutRepository`: a clone that is there is fetched and pulled; if anything about
//! that fails, it is removed and made anew. A mirror of the repository saves what was fetched before (`git::mirror`).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{StageError, Stages, keys::Keys, workspace::Workspace};
use crate::{
    app::Commit,
    git::{
        self, Branch, CommitHash, GitClient, GitError, GitUrl, Working,
        mirror::{Mirror, Source},
        trust::{as_written, is_as_made, read_configuration},
    },
    job::{
        JobEvent, ProgramError, Programs, RepositorySpec, SecretSet,
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
    let client = git::client(stages.programs.clone().holding(claim.held()));
    let updated = async {
        let working = working(stages.secrets, keys, &stages.spec.repository, workspace.url.clone(), claim)?;
        let own_clone = update(stages, client.as_ref(), &working, claim, stages.spec.repository.id).await?;
        Ok((working, own_clone))
    };
    let (working, own_clone) = stages.log_failure("Failed updating repository", updated.await)?;
    let commit = commit(stages, client.as_ref(), &working, claim).await;
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
/// When this fails or is dropped at any moment after it began to write, no clone is left; when the whole process is killed
/// meanwhile, the claim's lock tells the next job of it.
pub(super) async fn update(
    stages: &Stages<'_>,
    client: &dyn GitClient,
    working: &Working,
    claim: &Claim,
    repository_id: i32,
) -> Result<Option<DirectoryGuard>, StageError> {
    let path = working.path();
    let mirror = Mirror::new(directory::mirror_path(&working.parent, repository_id));
    // What lies at a parallel job's own name is a left-over of a killed server.
    let is_usable = !claim.is_parallel() && !claim.is_half_made() && is_clone_of(&path, &working.url);
    let is_usable = is_usable && is_trusted(stages, &path).await;
    if is_usable && !is_locked_by_git(&path) && client.can_be_pulled(working).await? {
        // From here on a work tree may be half written.
        let change = Change::begin(claim, &path)?;
        match client.pull(working).await {
            Ok(()) => {
                change.keep()?;
                mirror.fill(&path).await;
                return Ok(None);
            }
            Err(GitError::Program(error @ ProgramError::Stopped(_))) => {
                change.undo().await?;
                return Err(error.into());
            }
            Err(_) => change.undo().await?,
        }
    }
    let change = Change::begin(claim, &path)?;
    directory::remove(&path).await.map_err(|source| StageError::file("remove", &path, source))?;
    if let Err(error) = make_clone(stages.programs, client, working, &mirror).await {
        change.undo().await?;
        return Err(error.into());
    }
    if claim.is_parallel() {
        return Ok(Some(change.keep_for_job()?));
    }
    change.keep()?;
    Ok(None)
}

/// Clones with the help of the mirror, and makes the mirror what the clone is. A broken mirror is thrown away.
async fn make_clone(
    programs: &Programs,
    client: &dyn GitClient,
    working: &Working,
    mirror: &Mirror,
) -> Result<(), GitError> {
    let path = working.path();
    let source = mirror.source(programs).await?;
    let borrowed = match &source {
        Source::Mirror(borrowed) => Some(borrowed.path()),
        Source::Network(_) => None,
    };
    match client.clone_with_mirror(working, borrowed).await {
        Err(GitError::Failed { failure, .. })
            if borrowed.is_some() && !failure.is_some_and(git::Failure::is_about_remote) =>
        {
            programs.log_line("The copy of the repository on this machine may be damaged; everything is fetched again");
            mirror.discard().await;
            if let Err(error) = directory::remove(&path).await {
                tracing::warn!(path = %path.display(), %error, "cannot remove a clone that failed");
            }
            client.clone_repository(working).await?;
        }
        cloned => cloned?,
    }
    // A borrowed mirror cannot be replaced.
    let making = match source {
        Source::Mirror(_) => None,
        Source::Network(making) => making,
    };
    mirror.fill(&path).await;
    drop(making);
    Ok(())
}

/// A clone that is being changed: if nothing else is said, it goes.
struct Change<'a> {
    claim: &'a Claim,
    guard: DirectoryGuard,
    path: &'a Path,
}

impl<'a> Change<'a> {
    fn begin(claim: &'a Claim, path: &'a Path) -> Result<Self, StageError> {
        claim.begin_change().map_err(|source| StageError::file("mark the clone", path, source))?;
        Ok(Self { claim, guard: DirectoryGuard::new(path.to_owned()), path })
    }

    /// It is whole, and the next job may use it.
    fn keep(self) -> Result<(), StageError> {
        self.keep_for_job().map(DirectoryGuard::keep)
    }

    /// It is whole, and goes with the job.
    fn keep_for_job(self) -> Result<DirectoryGuard, StageError> {
        self.claim.end_change().map_err(|source| StageError::file("mark the clone", self.path, source))?;
        Ok(self.guard)
    }

    /// It goes now.
    async fn undo(self) -> Result<(), StageError> {
        self.guard.remove().await.map_err(|source| StageError::file("remove", self.path, source))?;
        self.claim.end_change().map_err(|source| StageError::file("mark the clone", self.path, source))
    }
}

/// Whether git can work in the clone without doing for a program of a task what that may not do.
async fn is_trusted(stages: &Stages<'_>, clone: &Path) -> bool {
    if !stages.config.process.has_bounds() {
        return true;
    }
    let path = clone.to_owned();
    let is_trusted = tokio::task::spawn_blocking(move || is_as_made(&path)).await.unwrap_or(false);
    if !is_trusted {
        stages.log("The git configuration of the clone was changed; the repository is cloned again");
    }
    is_trusted
}

/// Whether a git that was killed, or one that a program of the last job started, left the work tree's lock behind. This job
/// has the clone for itself, so nobody holds it any more; what was half written then is not known.
fn is_locked_by_git(clone: &Path) -> bool {
    ["index.lock", "HEAD.lock"].iter().any(|name| clone.join(".git").join(name).exists())
}

/// Whether the directory is a clone that was made from this very address.
///
/// A clone of another address, one that the Go server made with credentials in its configuration, or a directory that is no
/// clone at all (git would look for one in the directories above) is made anew.
fn is_clone_of(path: &Path, url: &GitUrl) -> bool {
    let Ok(configuration) = configuration(&path.join(".git")) else { return false };
    let mut lines = configuration.lines().map(str::trim).skip_while(|line| *line != r#"[remote "origin"]"#).skip(1);
    let written = lines.by_ref().take_while(|line| !line.starts_with('[')).find_map(|line| line.strip_prefix("url = "));
    written.is_some_and(|written| written == as_written(url.as_argument()))
}

/// The configuration of a clone. An error if one of the files that are read here or by libgit2 is something else: the job's
/// programs may have left pipes and links to devices, whose end never comes, and no stop reaches a read.
fn configuration(git: &Path) -> io::Result<String> {
    let is_plain = |path: PathBuf, wanted: fn(&fs::Metadata) -> bool| match fs::symlink_metadata(path) {
        Err(error) => error.kind() == io::ErrorKind::NotFound,
        Ok(found) => wanted(&found),
    };
    let files = ["config", "HEAD", "packed-refs", "index", "shallow", "commondir"];
    let are_files = files.iter().all(|name| is_plain(git.join(name), fs::Metadata::is_file));
    if !are_files || !["", "objects", "refs"].iter().all(|name| is_plain(git.join(name), fs::Metadata::is_dir)) {
        return Err(io::Error::other("not a clone that git has made"));
    }
    read_configuration(&git.join("config"))
}

/// Checks out the commit that was asked for, or tells which one the branch has.
async fn commit(
    stages: &Stages<'_>,
    client: &dyn GitClient,
    working: &Working,
    claim: &Claim,
) -> Result<Commit, StageError> {
    if let Some(text) = &stages.spec.commit_hash {
        let wanted: CommitHash = text.parse()?;
        let path = working.path();
        let change = Change::begin(claim, &path)?;
        match client.checkout(working, &wanted).await {
            Ok(()) => change.keep()?,
            // Git said no by itself: the work tree is what it was, or the next pull or clone will see.
            Err(error @ GitError::Failed { .. }) if !error.was_killed() && !is_locked_by_git(&path) => {
                change.keep()?;
                return Err(error.into());
            }
            // A checkout that was interrupted leaves a mixture of two commits.
            Err(error) => {
                change.undo().await?;
                return Err(error.into());
            }
        }
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
