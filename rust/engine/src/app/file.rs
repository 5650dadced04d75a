//! Files that exist only as long as a job needs them.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Removes a file when it is dropped.
#[derive(Debug)]
pub(crate) struct FileGuard {
    path: PathBuf,
}

impl FileGuard {
    /// From now on the file is removed with the guard.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for FileGuard {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove a file of a job");
        }
    }
}

/// Writes a new file with this mode (minus the umask); what was there before, also a symbolic link, is replaced and not followed.
pub(crate) fn write_private(path: &Path, content: &[u8], mode: u32) -> io::Result<FileGuard> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let guard = FileGuard::new(path.to_owned());
    file.write_all(content)?;
    Ok(guard)
}
