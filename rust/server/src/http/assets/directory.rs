//! A page that lies in a directory of the machine instead of in the program.
//!
//! Its index is read once at the start; every other file whenever it is asked for, so that a page can be worked on while the
//! server runs. Invariant: only regular files below the directory are given away, also when links lead out of it.

use std::{
    borrow::Cow,
    fs, io,
    path::{Component, Path, PathBuf},
};

use super::{Found, hash, tag};

/// Why another page cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the web page {}: it has to be a directory with a built page, the file index.html in it", path.display())]
pub struct PageError {
    path: PathBuf,
    source: io::Error,
}

/// The directory, without links in its path.
#[derive(Debug)]
pub(super) struct Directory(PathBuf);

impl Directory {
    /// Takes the directory of a page.
    pub(super) fn open(path: &Path) -> Result<Self, PageError> {
        let found = fs::canonicalize(path);
        found.map(Self).map_err(|source| PageError { path: path.to_owned(), source })
    }

    /// The page itself.
    pub(super) fn index(&self) -> Result<String, PageError> {
        let bytes = fs::read(self.0.join("index.html"));
        let bytes = bytes.map_err(|source| PageError { path: self.0.clone(), source })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The file of this name, if there is one. Its content may change under the same name: it is not immutable.
    pub(super) async fn read(&self, name: &str) -> Option<Found> {
        let name = Path::new(name);
        if !name.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let (root, path) = (self.0.clone(), self.0.join(name));
        let read = tokio::task::spawn_blocking(move || below(&root, &path)).await.ok()?;
        let bytes = read.inspect_err(|error| tracing::debug!(%error, "a file of the web page")).ok()?;
        Some(Found { tag: tag(&hash(&bytes)), bytes: Cow::Owned(bytes), compressed: None, immutable: false })
    }
}

fn below(root: &Path, path: &Path) -> io::Result<Vec<u8>> {
    let path = fs::canonicalize(path)?;
    if !path.starts_with(root) || !path.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    fs::read(path)
}
