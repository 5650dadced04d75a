//! Files that a command writes: whole or not at all.

use std::{
    fs::{self, File, Permissions},
    io::{self, BufWriter, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// Readable by nobody but the owner: what is written may hold secrets.
const PRIVATE: u32 = 0o600;

/// A file under way. It is there, whole, once it is finished; otherwise nothing is changed.
///
/// It comes in place of one that may be there, whose rights it gets; a new one is readable by its owner only. What is no file, such
/// as a pipe or a terminal, is written to at once.
pub(super) struct Draft(Destination);

enum Destination {
    Whole { file: BufWriter<NamedTempFile>, path: PathBuf, mode: u32 },
    Direct(BufWriter<File>),
}

impl Draft {
    /// Begins a file.
    ///
    /// # Errors
    /// If nothing can be written there.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        // A link stays one: what it leads to is written.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mode = match fs::metadata(&path) {
            Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => {
                let file = File::options().write(true).open(path)?;
                return Ok(Self(Destination::Direct(BufWriter::new(file))));
            }
            Ok(found) => found.permissions().mode(),
            Err(_) => PRIVATE,
        };
        let file = BufWriter::new(NamedTempFile::new_in(directory_of(&path))?);
        Ok(Self(Destination::Whole { file, path, mode }))
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// If that fails; an old file is unchanged then.
    pub(super) fn finish(self) -> io::Result<()> {
        let (file, path, mode) = match self.0 {
            Destination::Direct(mut file) => return file.flush(),
            Destination::Whole { file, path, mode } => (file, path, mode),
        };
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        sync_directory(&path)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Destination::Whole { file, .. } => file.write(bytes),
            Destination::Direct(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Destination::Whole { file, .. } => file.flush(),
            Destination::Direct(file) => file.flush(),
        }
    }
}

/// Writes a whole file, see [`Draft`].
///
/// # Errors
/// If it cannot be written; an old file is unchanged then.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = Draft::of(path)?;
    draft.write_all(bytes)?;
    draft.finish()
}

/// Writes a new file, readable by its owner only.
///
/// # Errors
/// If it cannot be written, or is there already.
pub(super) fn write_new_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    private(path, bytes)?.persist_noclobber(path)?;
    sync_directory(path)
}

fn private(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
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
    let file = private(path, bytes)?;
    let kept = keep(path)?;
    file.persist(path)?;
    sync_directory(path)?;
    Ok(kept)
}

/// Copies a file to a name beside it that was free, readable by its owner only.
fn keep(path: &Path) -> io::Result<PathBuf> {
    let bytes = fs::read(path)?;
    let mut number = 1_u32;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { ".old".to_owned() } else { format!(".old.{number}") });
        match File::options().write(true).create_new(true).mode(PRIVATE).open(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
            Ok(mut copy) => {
                copy.write_all(&bytes)?;
                copy.sync_all()?;
                return Ok(name.into());
            }
        }
    }
}
