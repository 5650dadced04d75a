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
    /// What makes it this file; `None` where the system does not tell.
    identity: Option<(u64, u64)>,
}

impl OpenFile {
    /// The file at a path.
    pub(crate) fn new(path: &Path) -> Self {
        let identity = std::fs::metadata(path).ok().as_ref().and_then(identity);
        Self { path: path.to_owned(), identity }
    }

    /// [`StoreError::Displaced`] if there is no file, or another one, at the path. One `stat`: a microsecond.
    pub(crate) fn check(&self) -> Result<()> {
        if self.identity.is_none() {
            return Ok(());
        }
        let found = std::fs::metadata(&self.path);
        match found {
            Ok(metadata) if identity(&metadata) == self.identity => Ok(()),
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
fn identity(metadata: &std::fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_metadata: &std::fs::Metadata) -> Option<(u64, u64)> {
    None
}
