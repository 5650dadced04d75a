//! Whether the file of a SQLite database is still where it was when it was opened.
//!
//! SQLite writes on into a file that was removed or moved away, and all of it would be lost with the process. So each
//! transaction asks first. Not for rights and space: SQLite tells of those itself.

use crate::Result;
use crate::error::StoreError;
use std::path::{Path, PathBuf};

/// A file that was opened.
#[derive(Debug)]
pub(crate) struct OpenFile {
    path: PathBuf,
    /// What makes it this file; `None` if it could not be looked at.
    identity: Option<(u64, u64)>,
}

impl OpenFile {
    /// The file at a path.
    pub(crate) fn new(path: &Path) -> Self {
        let identity = std::fs::metadata(path).ok().as_ref().map(identity);
        Self { path: path.to_owned(), identity }
    }

    /// [`StoreError::Displaced`] if there is no file, or another one, at the path. One `stat`: a microsecond.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(opened) = self.identity else { return Ok(()) };
        match std::fs::metadata(&self.path) {
            Ok(metadata) if identity(&metadata) == opened => Ok(()),
            Ok(_) => Err(StoreError::Displaced { path: self.path.clone(), replaced: true }),
            // A directory that cannot be searched any more hides the file without moving it, and SQLite has it open.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(StoreError::Displaced { path: self.path.clone(), replaced: false })
            }
            Err(_) => Ok(()),
        }
    }
}

#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Without numbers of files only one that is gone is noticed.
#[cfg(not(unix))]
fn identity(_metadata: &std::fs::Metadata) -> (u64, u64) {
    (0, 0)
}
