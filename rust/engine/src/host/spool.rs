//! Events of a job that its server has not stored yet: in memory while a server listens, in a file while none does.
//!
//! Invariants: nothing is left out and the order stays; what nobody hears is in the file if the disk takes it, so that it outlives
//! this process; memory is bounded; with a server the job is slowed down to the server's pace,
//! without one it goes on until the file is full. The file is private, and what is in it is redacted.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::frame::{self, Start};

/// How much is told to a server that has not said yet that it is stored.
const WINDOW_BYTES: usize = 1024 * 1024;
/// How much waits in memory besides.
const MEMORY_BYTES: usize = 1024 * 1024;
/// How long the file becomes before the job has to wait.
const FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// Name of the file while the job's host lives, or was killed.
pub(super) const SPOOL: &str = "spool";
/// Name of the file with all that nobody came for; it is whole.
pub(super) const REST: &str = "rest";
/// A file that becomes the first one.
const NEW: &str = "spool.new";
/// A file that becomes the second one.
const NEW_REST: &str = "rest.new";
/// All of them.
pub(super) const FILES: [&str; 4] = [SPOOL, REST, NEW, NEW_REST];

/// The events that are not stored.
pub(super) struct Spool {
    directory: PathBuf,
    /// Told to the server.
    told: VecDeque<Bytes>,
    told_bytes: usize,
    /// How many of them did not come from the file.
    told_of_memory: usize,
    /// The next ones, before those in the file.
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
    file: Option<File>,
    /// How far the file was read, and written.
    read: u64,
    written: u64,
    /// What a full disk refused; it comes after the file.
    refused: Option<Bytes>,
}

impl Spool {
    /// An empty one whose file would lie in this directory.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            told: VecDeque::new(),
            told_bytes: 0,
            told_of_memory: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            file: None,
            read: 0,
            written: 0,
            refused: None,
        }
    }

    /// Whether the job may say more.
    pub(super) fn has_room(&self, is_heard: bool) -> bool {
        let fits = if is_heard {
            self.waiting_bytes < MEMORY_BYTES && self.read == self.written
        } else {
            self.written < FILE_BYTES
        };
        self.refused.is_none() && fits
    }

    /// Whether everything is stored.
    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty() && !self.has_more()
    }

    /// Whether something was not told yet.
    pub(super) fn has_more(&self) -> bool {
        !self.waiting.is_empty() || self.read < self.written || self.refused.is_some()
    }

    /// Adds the frame of an event.
    pub(super) fn push(&mut self, frame: Bytes, is_heard: bool) {
        let fits = self.read == self.written && self.waiting_bytes < MEMORY_BYTES;
        let error = if is_heard && fits { None } else { Some(self.write(&frame)) };
        match error {
            Some(Ok(())) => {}
            Some(Err(error)) if !fits => {
                tracing::warn!(%error, "the log of a task cannot be kept on disk; the task waits for its server");
                self.refused = Some(frame);
            }
            // Without a disk it is kept here as long as there is room.
            None | Some(Err(_)) => {
                self.waiting_bytes += frame.len();
                self.waiting.push_back(frame);
            }
        }
    }

    /// Nobody listens any more: everything that is not stored goes into the file.
    pub(super) fn settle(&mut self) {
        if self.told_of_memory == 0 && self.waiting.is_empty() {
            // It lies there already, right before what was not read.
            self.read -= self.told_bytes as u64;
        } else if let Err(error) = self.write_anew() {
            // It stays in memory.
            tracing::warn!(%error, "the log of a task cannot be kept on disk");
            return;
        }
        self.told.clear();
        self.waiting.clear();
        (self.told_bytes, self.told_of_memory, self.waiting_bytes) = (0, 0, 0);
    }

    fn write_anew(&mut self) -> io::Result<()> {
        let new = self.directory.join(NEW);
        let _ = fs::remove_file(&new);
        let mut file = private(&new)?;
        for frame in self.told.iter().chain(&self.waiting) {
            file.write_all(frame)?;
        }
        if let Some(old) = &mut self.file {
            old.seek(SeekFrom::Start(self.read))?;
            io::copy(&mut old.take(self.written - self.read), &mut file)?;
        }
        let written = file.stream_position()?;
        fs::rename(&new, self.directory.join(SPOOL))?;
        (self.file, self.read, self.written) = (Some(file), 0, written);
        Ok(())
    }

    fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(private(&self.directory.join(SPOOL))?);
        }
        let Some(file) = &self.file else { return Ok(()) };
        file.write_all_at(frame, self.written).inspect_err(|_| {
            // Half a frame would be read as one.
            let _ = file.set_len(self.written);
        })?;
        self.written += frame.len() as u64;
        Ok(())
    }

    /// The next frame for the server, unless it has enough that it has not stored.
    pub(super) fn tell(&mut self) -> io::Result<Option<Bytes>> {
        if self.told_bytes >= WINDOW_BYTES {
            return Ok(None);
        }
        let is_of_memory = !self.waiting.is_empty() || self.read == self.written;
        let frame = self.next()?;
        if let Some(frame) = &frame {
            self.told_of_memory += usize::from(is_of_memory);
            self.told_bytes += frame.len();
            self.told.push_back(frame.clone());
        }
        Ok(frame)
    }

    fn next(&mut self) -> io::Result<Option<Bytes>> {
        if let Some(frame) = self.waiting.pop_front() {
            self.waiting_bytes -= frame.len();
            return Ok(Some(frame));
        }
        let Some(file) = self.file.as_ref().filter(|_| self.read < self.written) else {
            return Ok(self.refused.take());
        };
        let mut start = Start::default();
        file.read_exact_at(&mut start, self.read)?;
        let mut whole = vec![0; frame::whole_length(start)?];
        file.read_exact_at(&mut whole, self.read)?;
        self.read += whole.len() as u64;
        Ok(Some(whole.into()))
    }

    /// What was told to a server that is gone, for the next one.
    pub(super) fn told(&self) -> impl Iterator<Item = &Bytes> {
        self.told.iter()
    }

    /// The server has stored everything up to this number.
    pub(super) fn stored(&mut self, number: u64) {
        while let Some(frame) = self.told.pop_front_if(|frame| frame::number(frame) <= number) {
            self.told_bytes -= frame.len();
        }
        if !self.told.is_empty() {
            return;
        }
        self.told_of_memory = 0;
        // All of the file is stored: it is used anew. If that fails it only goes on to grow.
        if self.written > 0
            && self.read == self.written
            && self.file.as_ref().is_some_and(|file| file.set_len(0).is_ok())
        {
            (self.read, self.written) = (0, 0);
        }
    }

    /// Puts everything into one file that outlives this process, on disk when this returns.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        let new = self.directory.join(NEW_REST);
        let mut rest = private(&new)?;
        for frame in self.told.iter().chain(&self.waiting) {
            rest.write_all(frame)?;
        }
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(self.read))?;
            io::copy(&mut file.take(self.written - self.read), &mut rest)?;
        }
        if let Some(refused) = &self.refused {
            rest.write_all(refused)?;
        }
        rest.sync_all()?;
        fs::rename(&new, self.directory.join(REST))
    }

    /// Removes the file.
    pub(super) fn remove(&mut self) {
        if self.file.take().is_some() {
            // The directory goes soon, with whatever is in it.
            let _ = fs::remove_file(self.directory.join(SPOOL));
        }
    }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::job::JobEvent;
    use crate::log::{LogRecord, Stream};

    fn frame_of(number: u64, bytes: usize) -> Bytes {
        let text = Bytes::from(vec![b'x'; bytes]);
        let record =
            LogRecord { seq: number, time: chrono::Utc::now(), stream: Stream::Stdout, continued: false, text };
        frame::event(number, &JobEvent::Log(vec![record])).unwrap()
    }

    /// Five megabytes without a server: through memory and file, in order, and again what was told to one that is gone.
    #[test]
    fn what_nobody_hears_comes_in_order_once_somebody_does() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(directory.path());
        let count = 500;
        for number in 1..=count {
            assert!(spool.has_room(false));
            spool.push(frame_of(number, 10_000), false);
        }
        assert!(!spool.has_room(true), "a server has to catch up first");
        let mode = fs::metadata(directory.path().join(SPOOL)).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
        let mut told = Vec::new();
        while let Some(frame) = spool.tell().unwrap() {
            told.push(frame::number(&frame));
        }
        assert!(told.len() < 200, "the window is bounded");
        assert_eq!(spool.told().map(frame::number).collect::<Vec<_>>(), told);
        spool.stored(*told.last().unwrap() - 1);
        assert_eq!(spool.told().count(), 1);
        while spool.has_more() {
            match spool.tell().unwrap() {
                Some(frame) => told.push(frame::number(&frame)),
                None => spool.stored(*told.last().unwrap()),
            }
        }
        spool.stored(count);
        assert_eq!(told, (1..=count).collect::<Vec<_>>());
        assert!(spool.is_empty() && spool.has_room(true));
        assert_eq!(fs::metadata(directory.path().join(SPOOL)).unwrap().len(), 0, "the file is used again");
    }

    #[test]
    fn what_nobody_came_for_is_left_whole() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(directory.path());
        let frames: Vec<_> = (1..=300).map(|number| frame_of(number, 10_000)).collect();
        for frame in &frames {
            spool.push(frame.clone(), true);
        }
        for _ in 0..20 {
            spool.tell().unwrap();
        }
        spool.stored(10);
        spool.leave().unwrap();
        let left = fs::read(directory.path().join(REST)).unwrap();
        assert!(left == frames[10..].concat());
    }
}
