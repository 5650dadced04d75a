//! Files of BoltDB, which old installations of the Go server keep everything in: reading them, and what lies where in them.
//!
//! What it is for: an import into SQL ([`crate::transfer`]). Not for writing: nothing here opens a file for it. Invariants: a
//! damaged file gives an error that says where, never a panic, an endless loop or memory without bound.

mod cursor;
mod document;
mod file;
mod history;
mod import;
mod layout;
mod links;
mod page;
mod plan;
mod shape;

pub use cursor::{Cursor, Entry};
pub use file::{BoltFile, Bucket};
pub(crate) use import::Import;

use std::path::PathBuf;

/// Why a Bolt file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BoltError {
    /// The system does not let us read it.
    #[error("cannot read the Bolt file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        #[source]
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error("the Bolt file {} is in use: stop the Semaphore server that runs on it", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is no Bolt file, or one of another version or machine.
    #[error("{} is not a Bolt file that can be read: {reason}", path.display())]
    NotBolt {
        /// The file.
        path: PathBuf,
        /// What is wrong with its beginning.
        reason: &'static str,
    },
    /// A page is not what it should be.
    #[error("the Bolt file is damaged: page {page} {reason}")]
    Damaged {
        /// Number of the page.
        page: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A value is no document of the Go server.
    #[error("the Bolt file holds something unreadable: bucket {bucket}, key {key}: {reason}")]
    Document {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
        /// What is wrong with it; no part of the value.
        reason: String,
    },
    /// Its data is of a version nobody here knows.
    #[error("the Bolt file has versions this server does not know ({}); it knows versions up to {newest_known}", versions.join(", "))]
    UnknownVersions {
        /// The versions.
        versions: Vec<String>,
        /// The newest version this server knows.
        newest_known: &'static str,
    },
}
