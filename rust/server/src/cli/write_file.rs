//! Files that a command writes: whole or not at all.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// Readable by nobody but the owner: what is written may hold secrets.
const PRIVATE: u32 = 0o600;

/// Writes a file in place of one that may be there, whose rights it gets; a new one is readable by its owner only.
///
/// What is no file, such as a pipe or a terminal, is written to.
///
/// # Errors
/// If it cannot be written; an old file is unchanged then.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link stays one: what it leads to is written.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mode = match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => return File::options().write(true).open(path)?.write_all(bytes),
        Ok(found) => found.permissions().mode(),
        Err(_) => PRIVATE,
    };
    let file = draft(path, bytes)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.persist(path)?;
    sync_directory(path)
}

/// Writes a new file, readable by its owner only.
///
/// # Errors
/// If it cannot be written, or is there already.
pub(super) fn write_new_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    draft(path, bytes)?.persist_noclobber(path)?;
    sync_directory(path)
}

fn draft(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(directory_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

/// The directory that a file lies in.
pub(super) fn directory_of(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Writes a file, readable by its owner only, in place of one that is kept under another name. Answers that name.
///
/// # Errors
/// If one of the two cannot be written; the old file is where it was then.
pub(super) fn write_and_keep_old(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let file = draft(path, bytes)?;
    let kept = keep(path)?;
    file.persist(path)?;
    sync_directory(path)?;
    Ok(kept)
}

/// Gives a file a second name that was free.
fn keep(path: &Path) -> io::Result<PathBuf> {
    let mut number = 1_u32;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { ".old".to_owned() } else { format!(".old.{number}") });
        match fs::hard_link(path, &name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            done => return done.map(|()| name.into()),
        }
    }
}
