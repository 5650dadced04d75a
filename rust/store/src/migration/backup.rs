//! The copy of a SQLite database that is made before its first change.
//!
//! SQLite itself writes it (`vacuum into`), so that it is whole while others write; it gets its name only when it is on
//! disk. Not for scheduled backups: nobody deletes the copies, only what a killed process left of one.

use super::connection::Connection;
use crate::{Result, StoreError};
use chrono::Utc;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Writes `<database>.<version>.<time>.backup` beside the database; rights 0600.
///
/// Errors: [`StoreError::Backup`]; the unfinished copy is removed.
pub(super) async fn write(connection: &mut Connection, database: &Path, version: &str) -> Result<PathBuf> {
    let time = Utc::now().format("%Y%m%dT%H%M%S%3fZ");
    let name = database.file_name().unwrap_or_default().to_string_lossy();
    let copy = database.with_file_name(format!("{name}.v{version}.{time}.backup"));
    let partial = database.with_file_name(format!("{name}.v{version}.{time}.partial"));
    remove_old_partials(database);
    let written = write_partial(connection, &partial, &copy).await;
    match written {
        Ok(()) => Ok(copy),
        Err(source) => {
            // It may not even have been made.
            let _ = std::fs::remove_file(&partial);
            Err(StoreError::Backup { path: copy, source })
        }
    }
}

/// Removes what killed processes left. Half an hour is longer than a copy takes that somebody is still writing.
fn remove_old_partials(database: &Path) {
    const STILL_WRITTEN: Duration = Duration::from_mins(30);
    let (Some(directory), Some(name)) = (database.parent(), database.file_name()) else { return };
    let begin = format!("{}.v", name.to_string_lossy());
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_old = || entry.metadata().ok()?.modified().ok()?.elapsed().ok().map(|age| age > STILL_WRITTEN);
        if name.starts_with(&begin) && name.ends_with(".partial") && is_old() == Some(true) {
            // Whoever may not remove it cannot write the next one either, and is told so.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

async fn write_partial(
    connection: &mut Connection,
    partial: &Path,
    copy: &Path,
) -> std::result::Result<(), sqlx::Error> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(partial).map_err(sqlx::Error::Io)?;
    let path = partial.to_str().ok_or_else(|| {
        sqlx::Error::Io(std::io::Error::other("the path of the database is not UTF-8, which SQLite needs for a copy"))
    })?;
    connection.bound("vacuum into ?", &[path]).await?;
    File::open(partial).and_then(|file| file.sync_all()).map_err(sqlx::Error::Io)?;
    std::fs::rename(partial, copy).map_err(sqlx::Error::Io)?;
    let directory = copy.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(sqlx::Error::Io)
}
