//! Git repositories for tests, made with the real git, a fixed identity and a fixed date: the same steps give the same hashes.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const DATE: &str = "2026-01-02T03:04:05Z";

/// A repository with a working tree; its default branch is `main`.
#[derive(Clone, Debug)]
pub struct Repository {
    path: PathBuf,
}

impl Repository {
    /// Makes an empty repository in a new directory.
    pub fn create(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        fs::create_dir_all(&path).unwrap();
        let repository = Self { path };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    /// Its working tree.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs git in it and returns what it printed, trimmed; panics with what it said when it fails.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.path, arguments)
    }

    /// Writes the files (name, text), commits everything and returns the hash.
    #[track_caller]
    pub fn commit(&self, message: &str, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            let path = self.path.join(name);
            fs::create_dir_all(path.parent().expect("a file in the tree")).unwrap();
            fs::write(path, text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.head()
    }

    /// Hash of the present commit.
    #[track_caller]
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Makes a branch at the present commit and checks it out.
    #[track_caller]
    pub fn new_branch(&self, name: &str) {
        self.git(&["checkout", "--quiet", "-b", name]);
    }

    /// Checks out a branch, a tag or a commit.
    #[track_caller]
    pub fn checkout(&self, name: &str) {
        self.git(&["checkout", "--quiet", name]);
    }

    /// Makes an annotated tag at the present commit.
    #[track_caller]
    pub fn tag(&self, name: &str) {
        self.git(&["tag", "--annotate", "-m", name, name]);
    }

    /// Replaces the present commit by one of the same parent with these files: what was there is no ancestor any more.
    #[track_caller]
    pub fn rewrite(&self, message: &str, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            fs::write(self.path.join(name), text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--amend", "--allow-empty", "-m", message]);
        self.head()
    }

    /// Adds a submodule and commits it. The address is cloned here too: it must be readable without a password.
    #[track_caller]
    pub fn submodule(&self, url: &str, path: &str) -> String {
        self.git(&["submodule", "--quiet", "add", url, path]);
        self.commit(&format!("submodule {path}"), &[])
    }

    /// Writes a file of that many bytes that do not compress, always the same for the same size; commit it afterwards.
    pub fn write_incompressible(&self, name: &str, bytes: usize) {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        let content: Vec<u8> =
            std::iter::repeat_with(&mut next).take(bytes.div_ceil(8)).flatten().take(bytes).collect();
        fs::write(self.path.join(name), content).unwrap();
    }

    /// Makes a bare repository with all branches and tags, as a server has it.
    #[track_caller]
    pub fn publish(&self, path: impl Into<PathBuf>) -> Published {
        let path = path.into();
        let own = self.path.to_str().expect("a path of text");
        git(&self.path, &["clone", "--quiet", "--bare", own, path.to_str().expect("a path of text")]);
        Published { path }
    }

    /// Pushes all branches and tags there, also those that were rewritten.
    #[track_caller]
    pub fn push_to(&self, published: &Published) {
        let path = published.path.to_str().expect("a path of text");
        self.git(&["push", "--quiet", "--force", path, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"]);
    }
}

/// A bare repository that others clone from.
#[derive(Clone, Debug)]
pub struct Published {
    path: PathBuf,
}

impl Published {
    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs git in it, as [`Repository::git`].
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.path, arguments)
    }
}

/// A git command in a directory that sees neither the machine's nor the user's configuration.
pub fn command(directory: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new("git");
    command.arg("-c").arg("protocol.file.allow=always").args(arguments).current_dir(directory).stdin(Stdio::null());
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_COUNT", "SSH_AUTH_SOCK", "GIT_ASKPASS"] {
        command.env_remove(name);
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Tester").env(format!("GIT_{role}_EMAIL"), "tester@example.com");
        command.env(format!("GIT_{role}_DATE"), DATE);
    }
    command
}

#[track_caller]
fn git(directory: &Path, arguments: &[&str]) -> String {
    let result = command(directory, arguments).output().expect("git could not be started");
    let said = String::from_utf8_lossy(&result.stderr);
    assert!(result.status.success(), "git {arguments:?} in {}: {said}", directory.display());
    String::from_utf8_lossy(&result.stdout).trim().to_owned()
}
