//! A bare mirror of each repository: what was fetched once is not fetched again by the next template, task or clone made anew.
//!
//! A mirror is filled from a finished clone, by hard links of its objects: git never changes an object file, so both share the
//! disk space, and no second transfer and no process is needed. It is borrowed by `git clone --reference-if-able MIRROR
//! --dissociate`, and nothing depends on it afterwards. It is a cache: if anything about it fails, it is thrown away, and the
//! job goes on without it.
//!
//! Invariants: a mirror at its own name is complete (it is built beside it and renamed); it is not replaced while somebody of
//! any process borrows it (`flock` of the directory); it holds no address, no credentials and no hooks.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::library;
use crate::job::{ProgramError, Programs};

/// `repositoryformatversion` 0 is what every version of git and libgit2 reads.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

/// Git wants one in every repository; what it names need not exist.
const HEAD: &str = "ref: refs/heads/main\n";

/// Mirrors that jobs of this process are about to make. A static, as the claims of directories are: it stands for files.
static IN_MAKING: LazyLock<Mutex<HashMap<PathBuf, CancellationToken>>> = LazyLock::new(Mutex::default);

fn in_making() -> MutexGuard<'static, HashMap<PathBuf, CancellationToken>> {
    IN_MAKING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The mirror of one repository, whether it exists or not.
#[derive(Clone, Debug)]
pub(crate) struct Mirror {
    path: PathBuf,
}

/// The right to read a mirror; it is not replaced meanwhile.
#[derive(Debug)]
pub(crate) struct Borrowed {
    path: PathBuf,
    _lock: File,
}

impl Borrowed {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Others of this process wait for this one's clone as long as the value lives.
#[derive(Debug)]
pub(crate) struct Making {
    path: PathBuf,
    over: CancellationToken,
}

impl Drop for Making {
    fn drop(&mut self) {
        in_making().remove(&self.path);
        self.over.cancel();
    }
}

/// How a clone is to be made.
#[derive(Debug)]
pub(crate) enum Source {
    /// With the help of the mirror.
    Mirror(Borrowed),
    /// From the network alone; the value, if any, is dropped when the mirror is filled.
    Network(Option<Making>),
}

/// Why a mirror was not filled.
#[derive(Debug, Error)]
enum FillError {
    #[error("cannot read the clone")]
    Clone(#[from] git2::Error),
    #[error("cannot write the mirror")]
    File(#[from] io::Error),
}

impl Mirror {
    /// The mirror at this path.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The mirror itself, if it exists and is not being replaced. A damaged one is thrown away: git would silently do without
    /// it, again and again.
    async fn borrow(&self) -> Option<Borrowed> {
        let mirror = self.clone();
        let look = move || mirror.lock().map(|borrowed| (library::can_serve(borrowed.path()), borrowed));
        let (is_whole, borrowed) = tokio::task::spawn_blocking(look).await.ok().flatten()?;
        if is_whole {
            return Some(borrowed);
        }
        tracing::warn!(path = %self.path.display(), "the mirror of a repository is damaged; a new one will be made");
        self.discard().await;
        None
    }

    fn lock(&self) -> Option<Borrowed> {
        let lock = File::open(&self.path).ok()?;
        lock.try_lock_shared().ok()?;
        let is_usable = is_still(&lock, &self.path) && self.path.join("packed-refs").is_file();
        is_usable.then(|| Borrowed { path: self.path.clone(), _lock: lock })
    }

    /// Decides how to clone. The first of several jobs fetches everything; the others wait for it once, and then use what it
    /// has made or, if it failed, do without.
    ///
    /// # Errors
    /// If the job is stopped while it waits.
    pub(crate) async fn source(&self, programs: &Programs) -> Result<Source, ProgramError> {
        if let Some(borrowed) = self.borrow().await {
            return Ok(Source::Mirror(borrowed));
        }
        let other = {
            let mut making = in_making();
            let Some(other) = making.get(&self.path) else {
                let over = CancellationToken::new();
                making.insert(self.path.clone(), over.clone());
                return Ok(Source::Network(Some(Making { path: self.path.clone(), over })));
            };
            other.clone()
        };
        programs.log_line("Waiting for another task that clones the same repository");
        tokio::select! {
            () = other.cancelled() => {}
            stopped = programs.stopped() => return Err(stopped),
        }
        Ok(self.borrow().await.map_or(Source::Network(None), Source::Mirror))
    }

    /// Makes the mirror what the clone is. Nothing that goes wrong here concerns the job.
    pub(crate) async fn fill(&self, clone: &Path) {
        let (mirror, clone) = (self.path.clone(), clone.to_owned());
        let filled = tokio::task::spawn_blocking(move || fill(&mirror, &clone)).await;
        match filled {
            Ok(Err(error)) => {
                tracing::warn!(path = %self.path.display(), error = %semaphore_model::error_chain(&error), "no mirror of a repository was made");
            }
            Err(error) => tracing::warn!(%error, "no mirror of a repository was made"),
            Ok(Ok(())) => {}
        }
    }

    /// Throws the mirror away.
    pub(crate) async fn discard(&self) {
        let path = self.path.clone();
        let gone = move || {
            let trash = beside(&path, "old", "broken");
            remove(&trash)?;
            match fs::rename(&path, &trash) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                renamed => renamed.and_then(|()| remove(&trash)),
            }
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(gone).await {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove a broken mirror");
        }
    }
}

/// Whether the locked directory is the one that has the name now.
fn is_still(lock: &File, path: &Path) -> bool {
    match (lock.metadata(), fs::metadata(path)) {
        (Ok(locked), Ok(named)) => (locked.dev(), locked.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// `mirror_1.new_<name>`: where a mirror is built, or waits to be removed.
fn beside(mirror: &Path, kind: &str, name: &str) -> PathBuf {
    let mut path = mirror.as_os_str().to_owned();
    path.push(format!(".{kind}_{name}"));
    path.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn fill(mirror: &Path, clone: &Path) -> Result<(), FillError> {
    let Some(references) = library::references_of_clone(clone)? else { return Ok(()) };
    let mut packed = String::new();
    for (name, hash) in references {
        packed.extend([hash.as_str(), " ", name.as_str(), "\n"]);
    }
    // What a job with this clone left when its server was killed; nobody else has these names.
    let name = clone.file_name().unwrap_or_default().to_string_lossy();
    let (new, old) = (beside(mirror, "new", &name), beside(mirror, "old", &name));
    remove(&new)?;
    remove(&old)?;
    if fs::read_to_string(mirror.join("packed-refs")).is_ok_and(|now| now == packed) {
        return Ok(());
    }
    let made = build(&new, clone, &packed).and_then(|()| replace(mirror, &new, &old));
    // What was not put in its place, or was replaced.
    made.and(remove(&new)).and(remove(&old)).map_err(FillError::File)
}

fn build(new: &Path, clone: &Path, packed_references: &str) -> io::Result<()> {
    for directory in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        fs::create_dir_all(new.join(directory))?;
    }
    fs::write(new.join("config"), CONFIG)?;
    fs::write(new.join("HEAD"), HEAD)?;
    let (from, to) = (clone.join(".git/objects"), new.join("objects"));
    // The packs last: git packs loose objects before it removes them, so what vanished from here is there.
    for entry in fs::read_dir(&from)? {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            fs::create_dir_all(to.join(&name))?;
            link_files(&from.join(&name), &to.join(&name))?;
        }
    }
    link_files(&from.join("pack"), &to.join("pack"))?;
    fs::write(new.join("packed-refs"), packed_references)
}

/// Links finished object files; temporary ones of git (`tmp_...`) are left out.
fn link_files(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let is_object = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_pack = text.starts_with("pack-") && [".pack", ".idx", ".rev"].iter().any(|end| text.ends_with(end));
        if !is_object && !is_pack {
            continue;
        }
        // Some file systems have no links.
        if fs::hard_link(entry.path(), to.join(&name)).is_err() {
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}

/// Puts the new mirror in its place, unless somebody reads the old one; the next job tries again then.
fn replace(mirror: &Path, new: &Path, old: &Path) -> io::Result<()> {
    match File::open(mirror) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(lock) => {
            if lock.try_lock().is_err() || !is_still(&lock, mirror) {
                return Ok(());
            }
            remove(old)?;
            fs::rename(mirror, old)?;
        }
    }
    match fs::rename(new, mirror) {
        // Another job was quicker.
        Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => Ok(()),
        renamed => renamed,
    }
}
