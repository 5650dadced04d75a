//! A file of lines that begins anew when it is full, and what becomes of the old ones.
//!
//! Reference: the rules and names of the library it uses (lumberjack): `events.log` becomes `events-2026-01-02T03-04-05.678.log`, with
//! `.gz` behind it when it is compressed. Invariants: a line is never in two files; a file is made with rights for its owner only,
//! and its successor has the rights of the former.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    thread::JoinHandle,
};

use chrono::{DateTime, Local, NaiveDateTime, TimeDelta, Utc};
use flate2::{Compression, write::GzEncoder};

/// The moment in the name of an old file.
const MOMENT: &str = "%Y-%m-%dT%H-%M-%S%.3f";
/// Behind the name of a compressed file.
const COMPRESSED: &str = ".gz";

/// A file and how it is kept small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSettings {
    /// The file; old ones lie beside it.
    pub path: PathBuf,
    /// Bytes that it may have.
    pub largest: u64,
    /// Days that old files are kept; 0 keeps all.
    pub days: u64,
    /// How many old files are kept; 0 keeps all.
    pub backups: usize,
    /// Whether old files are named by local time instead of UTC.
    pub local_time: bool,
    /// Whether old files are compressed.
    pub compress: bool,
}

/// The file while it is written.
#[derive(Debug)]
pub(super) struct RotatingFile {
    settings: FileSettings,
    open: Option<(File, u64)>,
    /// Removes and compresses old files.
    tidying: Option<JoinHandle<()>>,
}

/// An old file.
#[derive(Debug)]
struct OldFile {
    path: PathBuf,
    moment: NaiveDateTime,
    is_compressed: bool,
}

impl RotatingFile {
    pub(super) const fn new(settings: FileSettings) -> Self {
        Self { settings, open: None, tidying: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.settings.path
    }

    /// Adds a line. After an error nothing of it is in the file, as far as the system lets that be.
    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let length = line.len() as u64;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        if open.1 > 0 && open.1 + length > self.settings.largest {
            open = self.rotate()?;
        }
        let (mut file, size) = open;
        if let Err(error) = file.write_all(line) {
            // Half a line would spoil the next one.
            let _ = file.set_len(size);
            return Err(error);
        }
        self.open = Some((file, size + length));
        Ok(())
    }

    /// Lets go of the file; the next line opens it again, or makes it.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    fn open(&mut self) -> io::Result<(File, u64)> {
        if let Some(directory) = self.settings.path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o750).create(directory)?;
        }
        self.tidy();
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.settings.path)?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }

    /// Moves the file aside and begins the next one.
    fn rotate(&mut self) -> io::Result<(File, u64)> {
        let path = &self.settings.path;
        let former = fs::metadata(path)?;
        fs::rename(path, self.name_of_old())?;
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        file.set_permissions(former.permissions())?;
        // Only root may give files away; for all others the owner is the same anyway.
        let _ = std::os::unix::fs::fchown(&file, Some(former.uid()), Some(former.gid()));
        let size = file.metadata()?.len();
        self.tidy();
        Ok((file, size))
    }

    fn name_of_old(&self) -> PathBuf {
        let mut moment = Utc::now();
        loop {
            let path =
                self.settings.path.with_file_name(format!("{}{}{}", self.stem(), self.moment(moment), self.ending()));
            let compressed = with_ending(&path);
            if !path.exists() && !compressed.exists() {
                return path;
            }
            moment += TimeDelta::milliseconds(1);
        }
    }

    fn moment(&self, moment: DateTime<Utc>) -> String {
        if self.settings.local_time {
            moment.with_timezone(&Local).format(MOMENT).to_string()
        } else {
            moment.format(MOMENT).to_string()
        }
    }

    /// What the names of old files begin with.
    fn stem(&self) -> String {
        let stem = self.settings.path.file_stem().unwrap_or_default();
        format!("{}-", stem.to_string_lossy())
    }

    /// What the names of old files end with.
    fn ending(&self) -> String {
        let ending = self.settings.path.extension();
        ending.map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default()
    }

    /// Removes and compresses old files on a thread of its own. Only one does that: the former is waited for.
    fn tidy(&mut self) {
        let FileSettings { days, backups, compress, .. } = self.settings;
        if days == 0 && backups == 0 && !compress {
            return;
        }
        if let Some(former) = self.tidying.take() {
            let _ = former.join();
        }
        let (settings, stem, ending) = (self.settings.clone(), self.stem(), self.ending());
        let thread = std::thread::Builder::new().name("journal-tidy".to_owned()).spawn(move || {
            if let Err(error) = tidy(&settings, &stem, &ending) {
                let path = settings.path.display().to_string();
                tracing::warn!(path, %error, "old log files cannot be removed or compressed");
            }
        });
        match thread {
            Ok(thread) => self.tidying = Some(thread),
            Err(error) => tracing::warn!(%error, "old log files cannot be looked at"),
        }
    }
}

impl Drop for RotatingFile {
    fn drop(&mut self) {
        if let Some(tidying) = self.tidying.take() {
            let _ = tidying.join();
        }
    }
}

fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(COMPRESSED);
    name.into()
}

/// Reference: `millRunOnce`.
fn tidy(settings: &FileSettings, stem: &str, ending: &str) -> io::Result<()> {
    let mut old = old_files(settings, stem, ending)?;
    old.sort_by_key(|file| std::cmp::Reverse(file.moment));
    let now = if settings.local_time { Local::now().naive_local() } else { Utc::now().naive_utc() };
    let oldest = i64::try_from(settings.days).ok().and_then(TimeDelta::try_days).map(|age| now - age);
    let mut moments = Vec::new();
    let mut done = Ok(());
    for file in &old {
        // A file and its compressed form count once.
        if moments.last() != Some(&file.moment) {
            moments.push(file.moment);
        }
        let is_surplus = settings.backups > 0 && moments.len() > settings.backups;
        let is_outdated = settings.days > 0 && oldest.is_some_and(|oldest| file.moment < oldest);
        let step = if is_surplus || is_outdated {
            fs::remove_file(&file.path)
        } else if settings.compress && !file.is_compressed {
            compress(&file.path)
        } else {
            Ok(())
        };
        // One that cannot be removed keeps none of the others.
        done = done.and(step);
    }
    done
}

fn old_files(settings: &FileSettings, stem: &str, ending: &str) -> io::Result<Vec<OldFile>> {
    let directory = settings.path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let mut found = Vec::new();
    for entry in fs::read_dir(directory.unwrap_or(Path::new(".")))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let (plain, is_compressed) = match name.strip_suffix(COMPRESSED) {
            Some(plain) => (plain, true),
            None => (name.as_str(), false),
        };
        let moment = plain.strip_prefix(stem).and_then(|rest| rest.strip_suffix(ending));
        // Whatever else lies there is somebody else's.
        let moment = moment.and_then(|moment| NaiveDateTime::parse_from_str(moment, MOMENT).ok());
        if let Some(moment) = moment.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_file())) {
            found.push(OldFile { path: entry.path(), moment, is_compressed });
        }
    }
    Ok(found)
}

/// Writes the compressed form and removes the file. What a crash left of a compressed form is written anew.
fn compress(path: &Path) -> io::Result<()> {
    let mut source = File::open(path)?;
    let former = source.metadata()?;
    let compressed = with_ending(path);
    let made = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&compressed)?;
    let done = made.set_permissions(former.permissions()).and_then(|()| {
        let _ = std::os::unix::fs::fchown(&made, Some(former.uid()), Some(former.gid()));
        let mut encoder = GzEncoder::new(&made, Compression::default());
        io::copy(&mut source, &mut encoder)?;
        encoder.finish()?;
        made.sync_all()
    });
    match done {
        Ok(()) => fs::remove_file(path),
        Err(error) => {
            let _ = fs::remove_file(&compressed);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn settings(directory: &Path, largest: u64) -> FileSettings {
        let path = directory.join("it.log");
        FileSettings { path, largest, days: 0, backups: 0, local_time: false, compress: false }
    }

    /// The files of a directory by name.
    fn files(directory: &Path) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    #[test]
    fn every_line_is_in_one_file_and_no_file_is_too_long() {
        let place = tempfile::tempdir().unwrap();
        let mut file = RotatingFile::new(settings(place.path(), 100));
        let lines: Vec<_> = (100..150).map(|number| format!("this is line {number}\n")).collect();
        for (number, line) in lines.iter().enumerate() {
            if number == 20 {
                file.close();
            }
            file.write(line.as_bytes()).unwrap();
        }
        let texts: Vec<_> = files(place.path()).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        assert!(texts.len() == 10 && texts.iter().all(|text| text.len() <= 100), "{texts:?}");
        assert_eq!(texts.concat(), lines.concat());
    }

    #[test]
    fn a_successor_has_the_rights_of_the_former_and_old_files_go() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().unwrap();
        let mut file = RotatingFile::new(FileSettings { backups: 2, compress: true, ..settings(place.path(), 30) });
        let path = place.path().join("it.log");
        file.write(b"the first of all lines\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        for _ in 0..5 {
            file.write(b"one of the next lines\n").unwrap();
        }
        drop(file);
        let files = files(place.path());
        let names: Vec<_> = files.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        assert_eq!(files.len(), 3, "{names:?}");
        assert!(names[..2].iter().all(|name| name.ends_with(".log.gz")) && files[2] == path, "{names:?}");
        assert!(files.iter().all(|path| fs::metadata(path).unwrap().permissions().mode() & 0o777 == 0o640));
    }

    #[test]
    fn a_line_that_is_longer_than_a_file_has_one_of_its_own() {
        let place = tempfile::tempdir().unwrap();
        let mut file = RotatingFile::new(settings(place.path(), 10));
        file.write(b"longer than ten bytes\n").unwrap();
        file.write(b"short\n").unwrap();
        assert_eq!(files(place.path()).len(), 2);
    }
}
