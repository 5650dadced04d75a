//! Git: typed addresses and names, the client interface, and the client that uses the git program.
//!
//! Not for directories' names, locks or the order of calls: the checkout stage of a job decides those. Invariants: no text of
//! a user becomes an option, another transport or a refspec; credentials are in no argument, file or log line.

mod client;
pub(crate) mod command;
mod command_line;
mod environment;
mod revision;
mod url;

pub use client::{Access, GitClient, GitError, Working};
pub use command_line::CommandLineClient;
pub(crate) use environment::git_environment;
pub use revision::{Branch, CommitHash, RevisionError};
pub use url::{Credential, GitUrl, GitUrlError, Transport};
