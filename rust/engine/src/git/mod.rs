//! Git: typed addresses and names, the client interface, its two implementations, and mirrors.
//!
//! Not for directories' names, locks or the order of calls: the checkout stage of a job decides those. Invariants: no text of
//! a user becomes an option, another transport or a refspec; credentials are in no argument, file or log line.

mod client;
pub(crate) mod command;
mod command_line;
mod environment;
mod failure;
mod library;
mod limits;
pub(crate) mod mirror;
mod progress;
mod revision;
pub(crate) mod trust;
mod url;

pub use client::{Access, GitClient, GitError, Working};
pub use command_line::CommandLineClient;
pub(crate) use environment::git_environment;
pub use failure::Failure;
pub use library::LibraryClient;
pub use revision::{Branch, CommitHash, RevisionError};
pub use url::{Credential, GitUrl, GitUrlError, Transport};

use crate::{config::GitClientKind, job::Programs};

/// The client that the configuration asks for (`git_client`).
pub fn client(programs: Programs) -> Box<dyn GitClient> {
    match programs.config().git_client {
        GitClientKind::CmdGit => Box::new(CommandLineClient::new(programs)),
        GitClientKind::GoGit => Box::new(LibraryClient::new(programs)),
    }
}

/// The same for a host that wants to know how far git is ([`crate::job::JobEvent::Progress`]); the log is as without.
///
/// The client `go_git` tells it of clones only, and its log has the server's words about them, as always.
pub fn client_with_progress(programs: Programs) -> Box<dyn GitClient> {
    match programs.config().git_client {
        GitClientKind::CmdGit => Box::new(CommandLineClient::new(programs).with_progress()),
        GitClientKind::GoGit => Box::new(LibraryClient::new(programs).with_progress()),
    }
}
