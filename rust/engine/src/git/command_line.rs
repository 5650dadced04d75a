//! The client that uses the git program of the machine.

use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Branch, CommitHash, Credential, Failure, GitClient, GitError, Working,
    command::{self, Words},
    environment::git_environment,
    library,
    limits::limits,
    progress::Reporter,
};
use crate::{
    job::{ProgramEnd, Programs},
    process::{ProcessSpec, StopPlan},
};

/// Longest commit message in bytes. Reference: cut there, also in the middle of a character.
pub(super) const LONGEST_MESSAGE_BYTES: usize = 100;

/// Where no task can put a clone.
const NO_CLONE: &str = "/";

/// Runs `git`; one value serves one job.
#[derive(Clone, Debug)]
pub struct CommandLineClient {
    programs: Programs,
    /// Somebody wants to know how far git is.
    is_watched: bool,
}

impl CommandLineClient {
    /// A client whose processes belong to this job.
    pub fn new(programs: Programs) -> Self {
        Self { programs: programs.outside_root(), is_watched: false }
    }

    /// The same for a host that wants to know how far git is.
    #[must_use]
    pub(super) fn with_progress(self) -> Self {
        Self { is_watched: true, ..self }
    }

    /// How much git tells.
    fn words(&self) -> Words {
        if self.is_watched { Words::Progress } else { Words::Plain }
    }

    async fn program(
        &self,
        working: &Working,
        directory: &Path,
        arguments: Vec<String>,
    ) -> Result<ProcessSpec, GitError> {
        if let Some(credential) = working.access.credential().or(working.url.credential()) {
            check_credential(credential)?;
        }
        let mut environment = git_environment(self.programs.config(), working);
        environment.forbid_git_daemons();
        let config = self.programs.config();
        if config.process.has_bounds() {
            environment.forbid_hooks();
        }
        let limits = limits(&self.programs, working, directory).await?;
        if limits.is_some() {
            // The machine's is closed to it.
            environment.set("TMPDIR", &working.parent);
        }
        let program = ProcessSpec::new("git", directory).args(arguments).envs(environment.into_entries());
        Ok(program.stop(StopPlan::Shell).sandbox(limits))
    }

    /// Where git asks a remote repository. It would obey a clone that a task has put there.
    fn outside<'a>(&self, working: &'a Working) -> &'a Path {
        if self.programs.config().process.has_bounds() { Path::new(NO_CLONE) } else { &working.parent }
    }

    /// The programs of the job.
    pub(super) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Runs git with its output in the job's log.
    pub(super) async fn logged(
        &self,
        action: &'static str,
        working: &Working,
        directory: &Path,
        arguments: Vec<String>,
    ) -> Result<(), GitError> {
        if !self.is_watched {
            return self.logged_as(action, working, directory, arguments, Some).await;
        }
        let program = self.program(working, directory, arguments).await?;
        let reporter = Reporter::new(&self.programs);
        let run = self.programs.run_watched(program, |line| reporter.edit(line), |line| reporter.see(line));
        end(action, working, run.await?)
    }

    /// As `logged`; `edit` says what of a line goes to the log.
    pub(super) async fn logged_as(
        &self,
        action: &'static str,
        working: &Working,
        directory: &Path,
        arguments: Vec<String>,
        edit: fn(Bytes) -> Option<Bytes>,
    ) -> Result<(), GitError> {
        let program = self.program(working, directory, arguments).await?;
        let reporter = Reporter::new(&self.programs);
        let edit = |line: Bytes| {
            if self.is_watched {
                reporter.see(&String::from_utf8_lossy(&line));
            }
            edit(line)
        };
        let see = |line: &str| {
            if self.is_watched {
                reporter.see(line);
            }
        };
        let run = self.programs.run_watched(program, edit, see);
        end(action, working, run.await?)
    }

    /// Runs git and gives its standard output.
    async fn answer(
        &self,
        action: &'static str,
        working: &Working,
        directory: &Path,
        arguments: Vec<String>,
    ) -> Result<String, GitError> {
        let (end, stdout, stderr) = self.programs.output(self.program(working, directory, arguments).await?).await?;
        match end {
            ProgramEnd::Success => Ok(String::from_utf8_lossy(&stdout).trim_matches([' ', '\n']).to_owned()),
            ProgramEnd::Failed(end) => Err(failed(action, working, &stderr, end)),
        }
    }
}

/// The parts that both clients are made of; none writes a line of its own into the log.
impl CommandLineClient {
    /// Checks out, then brings the submodules to what that commit wants.
    ///
    /// Reference: the submodules stay as the branch has them, so that a task with a commit runs with a mixture.
    pub(super) async fn checkout_with_submodules(
        &self,
        working: &Working,
        commit: &CommitHash,
        told: Words,
    ) -> Result<(), GitError> {
        let path = working.path();
        let arguments = if library::is_remote_branch(&path, commit).await {
            command::checkout_remote_branch(commit, told)
        } else {
            command::checkout(commit, told)
        };
        let done = self.logged("checkout", working, &path, arguments).await;
        done.map_err(|error| if commit.is_whole() { error } else { as_of_a_path(error) })?;
        if !path.join(".gitmodules").exists() {
            return Ok(());
        }
        self.logged("submodule update", working, &path, command::update_submodules(told)).await
    }

    /// Fetches, then brings work tree and submodules to the branch.
    pub(super) async fn pull_with_submodules(&self, working: &Working, told: Words) -> Result<(), GitError> {
        let path = working.path();
        self.logged("pull", working, &path, command::pull(&working.branch, told)).await?;
        self.logged("submodule update", working, &path, command::update_submodules(told)).await
    }

    /// Whether `origin` only went forward.
    pub(super) async fn is_ancestor(&self, working: &Working) -> Result<bool, GitError> {
        let arguments = command::can_be_pulled(&working.branch);
        succeeded(self.logged("merge-base", working, &working.path(), arguments).await)
    }

    /// Hash of what is checked out.
    pub(super) async fn head_hash(&self, working: &Working) -> Result<String, GitError> {
        self.answer("rev-parse", working, &working.path(), command::head_hash()).await
    }

    /// Subject of what is checked out.
    pub(super) async fn head_message(&self, working: &Working) -> Result<String, GitError> {
        let message = self.answer("show-branch", working, &working.path(), command::head_message()).await?;
        Ok(self.shortened(&message))
    }
}

impl CommandLineClient {
    /// The beginning of a commit's message. Without secrets already: the beginning of one that was cut would not be recognised.
    pub(super) fn shortened(&self, message: &str) -> String {
        cut(&self.programs.redacted(message), LONGEST_MESSAGE_BYTES).to_owned()
    }
}

/// The result of a call whose output went to the log.
fn end(action: &'static str, working: &Working, (end, tail): (ProgramEnd, Vec<u8>)) -> Result<(), GitError> {
    match end {
        ProgramEnd::Success => Ok(()),
        ProgramEnd::Failed(end) => Err(failed(action, working, &tail, end)),
    }
}

/// A failure of git is an answer.
pub(super) fn succeeded(result: Result<(), GitError>) -> Result<bool, GitError> {
    match result {
        Err(GitError::Failed { .. }) => Ok(false),
        other => other.map(|()| true),
    }
}

/// Reference: it gives git a name that could be a path as well, and then git ends with 1 if it is neither.
fn as_of_a_path(error: GitError) -> GitError {
    match error {
        GitError::Failed { action, url, reason, end, failure } if end == "exit status 128" => {
            GitError::Failed { action, url, reason, end: "exit status 1".to_owned(), failure }
        }
        other => other,
    }
}

#[async_trait]
impl GitClient for CommandLineClient {
    async fn clone_with_mirror(&self, working: &Working, mirror: Option<&Path>) -> Result<(), GitError> {
        self.programs.log_line(format!("Cloning Repository {}", working.url));
        let arguments = command::clone(&working.url, &working.branch, &working.directory, mirror, self.words());
        self.logged("clone", working, &working.parent, arguments).await
    }

    async fn can_be_pulled(&self, working: &Working) -> Result<bool, GitError> {
        let fetched = self.logged("fetch", working, &working.path(), command::fetch(self.words())).await;
        Ok(succeeded(fetched)? && self.is_ancestor(working).await?)
    }

    async fn pull(&self, working: &Working) -> Result<(), GitError> {
        self.programs.log_line(format!("Updating Repository {}", working.url));
        self.pull_with_submodules(working, self.words()).await
    }

    async fn checkout(&self, working: &Working, commit: &CommitHash) -> Result<(), GitError> {
        self.programs.log_line(format!("Checkout repository to {commit}"));
        self.checkout_with_submodules(working, commit, self.words()).await
    }

    async fn last_commit_hash(&self, working: &Working) -> Result<String, GitError> {
        self.programs.log_line("Get current commit hash");
        self.head_hash(working).await
    }

    async fn last_commit_message(&self, working: &Working) -> Result<String, GitError> {
        self.programs.log_line("Get current commit message");
        self.head_message(working).await
    }

    async fn remote_commit_hash(&self, working: &Working) -> Result<String, GitError> {
        let arguments = command::remote_hash(&working.url, &working.branch);
        let answer = self.answer("ls-remote", working, self.outside(working), arguments).await?;
        hash_of_branch(&answer, &working.branch)
            .ok_or_else(|| GitError::NoAnswer { action: "ls-remote", url: working.url.to_string() })
    }

    async fn remote_branches(&self, working: &Working) -> Result<Vec<String>, GitError> {
        let arguments = command::remote_branches(&working.url);
        let answer = self.answer("ls-remote", working, self.outside(working), arguments).await?;
        Ok(answer.lines().filter_map(branch_of_line).map(str::to_owned).collect())
    }
}

fn check_credential(credential: &Credential) -> Result<(), GitError> {
    for (what, text) in [("login", &credential.username), ("password", &credential.password)] {
        if text.contains(['\n', '\r', '\0']) {
            return Err(GitError::Credential(what));
        }
    }
    Ok(())
}

fn failed(action: &'static str, working: &Working, stderr: &[u8], end: String) -> GitError {
    let text = String::from_utf8_lossy(stderr);
    let reason = text
        .lines()
        .rev()
        .find(|line| line.starts_with("fatal: ") || line.starts_with("error: "))
        .or_else(|| text.lines().rev().find(|line| !line.trim().is_empty()))
        .unwrap_or("git gave no reason");
    let failure = Failure::of(&text, working);
    GitError::Failed { action, url: working.url.to_string(), reason: reason.trim().to_owned(), end, failure }
}

/// The longest beginning of at most `bytes` bytes that ends between characters.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The hash in front of the branch itself; `git ls-remote URL main` also lists `refs/heads/x/main` and tags.
///
/// Reference: the first line, whatever it is; kept as the fall-back, for tags and whole reference names.
fn hash_of_branch(answer: &str, branch: &Branch) -> Option<String> {
    let lines = || answer.lines().filter_map(|line| line.split_once(['\t', ' ']));
    let wanted = format!("refs/heads/{branch}");
    let (hash, _) = lines().find(|(_, name)| *name == wanted).or_else(|| lines().next())?;
    Some(hash.to_owned())
}

/// Reference: only the part behind the last `/` there, so that `feature/x` became `x` and could not be checked out.
fn branch_of_line(line: &str) -> Option<&str> {
    line.split_once('\t')?.1.strip_prefix("refs/heads/")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn messages_are_cut_between_characters() {
        assert_eq!(cut("short", 100), "short");
        assert_eq!(cut("žž", 3), "ž");
        assert_eq!(cut("žž", 4), "žž");
    }

    #[test]
    fn answers_of_ls_remote_are_read() {
        let answer = "aaa\trefs/heads/x/main\nbbb\trefs/heads/main\nccc\trefs/tags/main";
        assert_eq!(hash_of_branch(answer, &"main".parse().unwrap()).unwrap(), "bbb");
        assert_eq!(hash_of_branch("ddd\trefs/tags/v1", &"v1".parse().unwrap()).unwrap(), "ddd");
        assert_eq!(hash_of_branch("", &"main".parse().unwrap()), None);
        let names: Vec<_> = answer.lines().filter_map(branch_of_line).collect();
        assert_eq!(names, ["x/main", "main"]);
    }
}
