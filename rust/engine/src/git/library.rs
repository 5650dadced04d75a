//! The client that reads clones with libgit2, in this process, and leaves what needs a network or a work tree to the git program.
//!
//! Not for transports: proxies, agents, known hosts and filters of work trees stay those of the git program. Its log has the
//! lines of the reference's library client: what the server says about its progress, but not the words of the git program.
//! What libgit2 cannot read (other hash functions, newer formats) the git program reads.
//!
//! Reference: `db_lib/GoGitClient.go`; there a pull takes the default branch of the server, whatever the branch of the
//! repository is, and a checkout takes whole hashes only.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    CommandLineClient, CommitHash, GitClient, GitError, Working,
    command::{self, Words},
    command_line::succeeded,
};
use crate::job::Programs;

/// Reads with libgit2; one value serves one job.
#[derive(Clone, Debug)]
pub struct LibraryClient {
    program: CommandLineClient,
}

impl LibraryClient {
    /// A client whose processes belong to this job.
    pub fn new(programs: Programs) -> Self {
        Self { program: CommandLineClient::new(programs) }
    }

    /// The same for a host that wants to know how far a clone is.
    #[must_use]
    pub(super) fn with_progress(self) -> Self {
        Self { program: self.program.with_progress() }
    }

    fn log(&self, line: impl Into<String>) {
        self.program.programs().log_line(line);
    }

    /// Reference: a line of its own about a failure; what failed stands in it.
    fn tell(&self, what: &str, result: Result<(), GitError>) -> Result<(), GitError> {
        if let Err(GitError::Failed { .. }) = &result {
            self.log(what);
        }
        result
    }
}

#[async_trait]
impl GitClient for LibraryClient {
    async fn clone_with_mirror(&self, working: &Working, mirror: Option<&Path>) -> Result<(), GitError> {
        self.log(format!("Cloning Repository {}", working.url));
        let arguments = command::clone(&working.url, &working.branch, &working.directory, mirror, Words::Progress);
        let cloned = self.program.logged_as("clone", working, &working.parent, arguments, progress_of_server).await;
        if let Err(GitError::Failed { reason, .. }) = &cloned {
            self.log(format!("Unable to clone repository: {reason}"));
        }
        cloned
    }

    async fn can_be_pulled(&self, working: &Working) -> Result<bool, GitError> {
        let path = working.path();
        let fetched = self.program.logged("fetch", working, &path, command::fetch(Words::Quiet)).await;
        if !succeeded(fetched)? {
            return Ok(false);
        }
        let branch = command::remote_reference(working.branch.as_str());
        match read(path, move |repository| is_ancestor(repository, &branch)).await {
            Some(answer) => Ok(answer),
            None => self.program.is_ancestor(working).await,
        }
    }

    async fn pull(&self, working: &Working) -> Result<(), GitError> {
        self.log(format!("Updating Repository {}", working.url));
        let pulled = self.program.pull_with_submodules(working, Words::Quiet).await;
        self.tell("Unable to pull latest changes", pulled)
    }

    async fn checkout(&self, working: &Working, commit: &CommitHash) -> Result<(), GitError> {
        self.log(format!("Checkout repository to {commit}"));
        self.program.checkout_with_submodules(working, commit, Words::Quiet).await
    }

    async fn last_commit_hash(&self, working: &Working) -> Result<String, GitError> {
        self.log("Get current commit hash");
        match read(working.path(), head_hash).await {
            Some(hash) => Ok(hash),
            None => self.program.head_hash(working).await,
        }
    }

    async fn last_commit_message(&self, working: &Working) -> Result<String, GitError> {
        self.log("Get current commit message");
        let message = match read(working.path(), head_message).await {
            Some(message) => self.program.shortened(&message),
            None => self.program.head_message(working).await?,
        };
        // Reference: the line feeds of the message are in its line, so that it takes several rows, usually the last one empty.
        for line in format!("Message: {message}").split('\n') {
            self.log(line);
        }
        Ok(message)
    }

    async fn remote_commit_hash(&self, working: &Working) -> Result<String, GitError> {
        self.program.remote_commit_hash(working).await
    }

    async fn remote_branches(&self, working: &Working) -> Result<Vec<String>, GitError> {
        self.program.remote_branches(working).await
    }
}

/// What the git program tells about itself and not about the server; progress of its own only stands in lines with `\r`.
const WORDS_OF_PROGRAM: [&[u8]; 8] = [
    b"Cloning into ",
    b"Receiving objects:",
    b"Resolving deltas:",
    b"Updating files:",
    b"Filtering content:",
    b"Submodule ",
    b"Submodule path ",
    b"done.",
];

/// Of the output of `git clone --progress` the lines of the server, as the server sent them: git puts `remote: ` before each
/// piece that ends with `\r`, and blanks or an escape sequence behind it.
fn progress_of_server(line: Bytes) -> Option<Bytes> {
    const MARK: &[u8] = b"remote: ";
    if !line.starts_with(MARK) {
        return (!WORDS_OF_PROGRAM.iter().any(|words| line.starts_with(words))).then_some(line);
    }
    let mut shown = Vec::with_capacity(line.len());
    for (number, piece) in line.split(|byte| *byte == b'\r').enumerate() {
        if number > 0 {
            shown.push(b'\r');
        }
        let piece = piece.strip_prefix(MARK).unwrap_or(piece);
        let piece = piece.strip_suffix(b"\x1b[K").unwrap_or(piece);
        shown.extend_from_slice(piece.trim_ascii_end());
    }
    Some(shown.into())
}

/// Reads a clone on a thread for blocking work; `None` if libgit2 cannot.
async fn read<T: Send + 'static>(
    path: PathBuf,
    question: impl FnOnce(&git2::Repository) -> Result<T, git2::Error> + Send + 'static,
) -> Option<T> {
    let read = move || git2::Repository::open(&path).and_then(|repository| question(&repository));
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::debug!(%error, "libgit2 cannot read a clone; the git program does");
            None
        }
        Err(_) => None,
    }
}

fn head_hash(repository: &git2::Repository) -> Result<String, git2::Error> {
    Ok(repository.head()?.peel_to_commit()?.id().to_string())
}

fn head_message(repository: &git2::Repository) -> Result<String, git2::Error> {
    let commit = repository.head()?.peel_to_commit()?;
    Ok(String::from_utf8_lossy(commit.message_bytes()).into_owned())
}

fn is_ancestor(repository: &git2::Repository, branch: &str) -> Result<bool, git2::Error> {
    let head = repository.head()?.peel_to_commit()?.id();
    let branch = match repository.find_reference(branch) {
        Ok(branch) => branch.peel_to_commit()?.id(),
        Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(head == branch || repository.graph_descendant_of(branch, head)?)
}

/// Whether the text names a branch of `origin` and neither a tag nor something that can be a hash.
pub(super) async fn is_remote_branch(path: &Path, commit: &CommitHash) -> bool {
    let name = commit.as_str().to_owned();
    if name.len() >= 4 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return false;
    }
    let exists = move |repository: &git2::Repository| {
        let is_there = |reference: &str| repository.find_reference(reference).is_ok();
        Ok(is_there(&command::remote_reference(&name)) && !is_there(&format!("refs/tags/{name}")))
    };
    read(path.to_owned(), exists).await.unwrap_or(false)
}

/// Names and hashes of what a clone knows: branches of `origin` under the names that they have there, and tags; sorted.
/// `None` for a clone that does not hold all of their objects itself, or that libgit2 may not read.
pub(super) fn references_of_clone(clone: &Path) -> Result<Option<Vec<(String, String)>>, git2::Error> {
    let repository = match git2::Repository::open(clone) {
        // Git runs as `process.user`, and libgit2 only reads what belongs to the server's own.
        Err(error) if error.code() == git2::ErrorCode::Owner => return Ok(None),
        repository => repository?,
    };
    if repository.is_shallow() || repository.path().join("objects/info/alternates").exists() {
        return Ok(None);
    }
    let mut found = Vec::new();
    for reference in repository.references()? {
        let reference = reference?;
        let (Ok(name), Some(hash)) = (reference.name(), reference.target()) else { continue };
        if let Some(branch) = name.strip_prefix("refs/remotes/origin/") {
            found.push((format!("refs/heads/{branch}"), hash.to_string()));
        } else if name.starts_with("refs/tags/") {
            found.push((name.to_owned(), hash.to_string()));
        }
    }
    found.sort();
    Ok((!found.is_empty()).then_some(found))
}

/// References of a mirror that are looked at: enough to notice packs that are gone or damaged.
const SAMPLED_REFERENCES: usize = 256;

/// Whether the objects that the references of a mirror name can be read.
pub(super) fn can_serve(mirror: &Path) -> bool {
    let look = || -> Result<bool, git2::Error> {
        let repository = git2::Repository::open_bare(mirror)?;
        let objects = repository.odb()?;
        let mut found = 0;
        for reference in repository.references()?.take(SAMPLED_REFERENCES) {
            let Some(hash) = reference?.target() else { continue };
            objects.read_header(hash)?;
            found += 1;
        }
        Ok(found > 0)
    };
    look().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_server_are_kept_as_it_sent_them() {
        let edit = |line: &str| progress_of_server(Bytes::copy_from_slice(line.as_bytes()));
        let kept = |line: &str| Some(Bytes::copy_from_slice(line.as_bytes()));
        assert_eq!(
            edit("remote: Counting objects:  50% (1/2)        \rremote: Counting objects: 100% (2/2), done.        "),
            kept("Counting objects:  50% (1/2)\rCounting objects: 100% (2/2), done.")
        );
        assert_eq!(edit("remote: Total 15 (delta 0)\u{1b}[K"), kept("Total 15 (delta 0)"));
        assert_eq!(edit("Cloning into 'x'..."), None);
        assert_eq!(edit("Receiving objects:   6% (1/15)\rReceiving objects: 100% (15/15), done."), None);
        assert_eq!(edit("fatal: no"), kept("fatal: no"));
    }
}
