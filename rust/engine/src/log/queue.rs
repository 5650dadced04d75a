//! The bounded queue between the producers of a job's log and its one reader.
//!
//! Not for lines or redaction: [`super::LineWriter`] does both before a record gets here. The lock is held for moves only,
//! never across an await.

use std::{
    collections::VecDeque,
    fmt,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::batch::{BATCH, CHUNK};
use super::{Batch, Chunk, Empty, LineWriter, Lines, LogRecord, PartialWriter, Redactor, Stream, watch::Watch};

/// How much a queue holds before the pipes are no longer read.
///
/// A pipe may overshoot by what one read brings (64 KiB, or one over-long line), lines of the engine by any amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Records, so that empty lines are bounded too.
    pub records: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 4 * 1024 * 1024, records: 16 * 1024 }
    }
}

/// How a queue is made.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// Sequence number of the first record.
    pub first_seq: u64,
    /// When to stop reading pipes.
    pub limits: Limits,
    /// What must not be seen.
    pub redactor: Redactor,
}

/// Makes the queue of one job; it is closed when the last writer is dropped.
pub fn channel<M>(options: LogOptions) -> (LogWriter<M>, LogReader<M>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            items: VecDeque::new(),
            bytes: 0,
            records: 0,
            next_seq: options.first_seq,
            full: false,
            closed: false,
            abandoned: false,
            redactor: options.redactor,
            partials: Vec::new(),
        }),
        show_partial: OnceLock::new(),
        limits: options.limits,
        watch: OnceLock::new(),
        readable: Notify::new(),
        writable: Notify::new(),
    });
    (LogWriter { open: Arc::new(OpenGuard(Arc::clone(&shared))) }, LogReader { shared })
}

enum Item<M> {
    Record(LogRecord),
    /// Never empty.
    Lines(Lines),
    Marker(M),
}

struct State<M> {
    items: VecDeque<Item<M>>,
    bytes: usize,
    records: usize,
    next_seq: u64,
    full: bool,
    closed: bool,
    abandoned: bool,
    redactor: Redactor,
    /// The newest unfinished line of each stream, if it was not read yet.
    partials: Vec<(Stream, String)>,
}

/// Makes a marker of an unfinished line.
type ShowPartial<M> = fn(Stream, String) -> M;

struct Shared<M> {
    state: Mutex<State<M>>,
    show_partial: OnceLock<ShowPartial<M>>,
    limits: Limits,
    watch: OnceLock<Watch>,
    readable: Notify,
    writable: Notify,
}

impl<M> Shared<M> {
    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        // Nothing is unfinished any more.
        state.partials.clear();
        drop(state);
        self.readable.notify_one();
    }
}

/// Closes the queue when the last writer goes.
struct OpenGuard<M>(Arc<Shared<M>>);

impl<M> Drop for OpenGuard<M> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A line that has everything but its sequence number.
pub(super) struct Line {
    pub(super) time: DateTime<Utc>,
    pub(super) stream: Stream,
    pub(super) continued: bool,
    pub(super) text: Bytes,
}

/// The producers' side of a job's log; clones write into the same queue, from any thread.
pub struct LogWriter<M> {
    open: Arc<OpenGuard<M>>,
}

impl<M> Clone for LogWriter<M> {
    fn clone(&self) -> Self {
        Self { open: Arc::clone(&self.open) }
    }
}

impl<M> fmt::Debug for LogWriter<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter").finish_non_exhaustive()
    }
}

impl<M> LogWriter<M> {
    /// Writes one line of the engine or its host, redacted, with the present time; never refused and never waits.
    ///
    /// The text is kept as it is, line feeds included (some lines of the reference end with one); it is cut into `continued`
    /// records only beyond 1 MiB.
    pub fn line(&self, stream: Stream, text: impl Into<Bytes>) {
        self.line_at(Utc::now(), stream, text);
    }

    /// As [`LogWriter::line`], with the time at which it happened.
    pub fn line_at(&self, time: DateTime<Utc>, stream: Stream, text: impl Into<Bytes>) {
        let mut lines = Vec::with_capacity(1);
        super::line::whole(&self.redactor(), text.into(), |text, continued| {
            lines.push(Line { time, stream, continued, text });
        });
        self.push(&mut lines);
    }

    /// Puts a marker behind everything written so far; never refused and never waits.
    pub fn marker(&self, marker: M) {
        let shared = &self.open.0;
        let mut state = shared.lock();
        if state.abandoned || state.closed {
            return;
        }
        state.items.push_back(Item::Marker(marker));
        drop(state);
        shared.readable.notify_one();
    }

    /// From now on unfinished lines are shown too: as markers that `make` makes of the stream and what there is of the line,
    /// redacted, at most 4 KiB of its end. An empty text says that what was shown is no longer there. Only the first call counts.
    ///
    /// At most one such marker of each stream waits, behind everything else; a record of the stream removes it.
    pub fn show_partials(&self, make: fn(Stream, String) -> M) {
        let _ = self.open.0.show_partial.set(make);
    }

    /// Whether somebody wants to see unfinished lines.
    pub(super) fn shows_partial(&self) -> bool {
        self.open.0.show_partial.get().is_some()
    }

    /// Shows an unfinished line; its text must be redacted.
    pub(crate) fn partial(&self, stream: Stream, text: String) {
        let shared = &self.open.0;
        if !self.shows_partial() {
            return;
        }
        let mut state = shared.lock();
        if state.abandoned || state.closed {
            return;
        }
        state.partials.retain(|(other, _)| *other != stream);
        state.partials.push((stream, text));
        drop(state);
        shared.readable.notify_one();
    }

    /// A writer for text of a stream that is never a record. Uses the redactor that is set now.
    pub(crate) fn partials(&self, stream: Stream) -> PartialWriter<M> {
        PartialWriter::new(self.clone(), stream, &self.redactor())
    }

    /// Takes over a record of another queue as it is, with a number of this one. It must have been redacted there.
    pub fn forward(&self, record: LogRecord) {
        let LogRecord { seq: _, time, stream, continued, text } = record;
        self.push(&mut vec![Line { time, stream, continued, text }]);
    }

    /// A writer of raw bytes of one stream: it finds the lines. Uses the redactor that is set now.
    pub fn lines(&self, stream: Stream) -> LineWriter<M> {
        LineWriter::new(self.clone(), stream, &self.redactor())
    }

    /// Waits until the queue has room; called by whoever reads a pipe before it reads. Returns at once when nobody reads any more.
    pub async fn ready(&self) {
        let shared = &self.open.0;
        loop {
            let mut woken = pin!(shared.writable.notified());
            // Registered before the look at the state: a wake-up in between is not lost.
            woken.as_mut().enable();
            if !shared.lock().full {
                return;
            }
            woken.await;
        }
    }

    /// What is hidden in lines written from now on.
    pub fn redactor(&self) -> Redactor {
        self.open.0.lock().redactor.clone()
    }

    /// Replaces what is hidden; [`LineWriter`]s that exist keep what they have.
    pub fn set_redactor(&self, redactor: Redactor) {
        self.open.0.lock().redactor = redactor;
    }

    /// Looks for texts in what programs print from now on. Only the first call counts.
    pub(crate) fn watch(&self, watch: Watch) {
        let _ = self.open.0.watch.set(watch);
    }

    /// What the watch has seen so far.
    pub(crate) fn watched(&self) -> Option<&Watch> {
        self.open.0.watch.get()
    }

    /// Sequence number of the next record.
    pub fn next_seq(&self) -> u64 {
        self.open.0.lock().next_seq
    }

    /// Closes the queue now: what is written later is lost, what is in it is still read.
    pub fn close(&self) {
        self.open.0.close();
    }

    /// Numbers lines that lie together and moves them into the queue.
    pub(super) fn push_lines(&self, mut lines: Lines) {
        let shared = &self.open.0;
        if let Some(watch) = shared.watch.get().filter(|_| lines.stream() != Stream::System) {
            lines.texts().for_each(|text| watch.look_at(text));
        }
        let mut state = shared.lock();
        if lines.is_empty() || state.abandoned || state.closed {
            return;
        }
        lines.set_first_seq(state.next_seq);
        state.next_seq += lines.len() as u64;
        state.bytes += lines.bytes();
        state.records += lines.len();
        state.partials.retain(|(other, _)| *other != lines.stream());
        state.items.push_back(Item::Lines(lines));
        state.full |= state.bytes >= shared.limits.bytes || state.records >= shared.limits.records;
        drop(state);
        shared.readable.notify_one();
    }

    /// Numbers the lines and moves them into the queue, all under one lock.
    pub(super) fn push(&self, lines: &mut Vec<Line>) {
        let shared = &self.open.0;
        if let Some(watch) = shared.watch.get() {
            lines.iter().filter(|line| line.stream != Stream::System).for_each(|line| watch.look_at(&line.text));
        }
        let mut state = shared.lock();
        if lines.is_empty() || state.abandoned || state.closed {
            lines.clear();
            return;
        }
        for Line { time, stream, continued, text } in lines.drain(..) {
            state.bytes += text.len();
            state.records += 1;
            if !state.partials.is_empty() {
                state.partials.retain(|(other, _)| *other != stream);
            }
            let seq = state.next_seq;
            state.next_seq += 1;
            state.items.push_back(Item::Record(LogRecord { seq, time, stream, continued, text }));
        }
        // Only the reader takes this back: a queue that is between half full and full has writers who wait to be woken.
        state.full |= state.bytes >= shared.limits.bytes || state.records >= shared.limits.records;
        drop(state);
        shared.readable.notify_one();
    }
}

/// The consumer's side of a job's log. Dropping it lets the producers run on: what they write is thrown away.
pub struct LogReader<M> {
    shared: Arc<Shared<M>>,
}

impl<M> fmt::Debug for LogReader<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").finish_non_exhaustive()
    }
}

impl<M> LogReader<M> {
    /// Waits for something and hands out what is there; `None` = closed and empty. Safe to cancel.
    pub async fn next_batch(&mut self) -> Option<Batch<M>> {
        loop {
            match self.try_batch() {
                Ok(batch) => return Some(batch),
                Err(Empty::Closed) => return None,
                // A wake-up before this is kept for the one reader.
                Err(Empty::Open) => self.shared.readable.notified().await,
            }
        }
    }

    /// As [`LogReader::next_batch`], but lines that lie together stay together. Safe to cancel.
    pub async fn next_chunk(&mut self) -> Option<Chunk<M>> {
        loop {
            match self.take(true) {
                Ok(chunk) => return Some(chunk),
                Err(Empty::Closed) => return None,
                Err(Empty::Open) => self.shared.readable.notified().await,
            }
        }
    }

    /// Hands out what is there without waiting.
    ///
    /// # Errors
    /// [`Empty`] says whether something may still come.
    pub fn try_batch(&mut self) -> Result<Batch<M>, Empty> {
        Ok(match self.take(false)? {
            Chunk::Lines(lines) => Batch::Records(lines.into_records()),
            Chunk::Records(records) => Batch::Records(records),
            Chunk::Marker(marker) => Batch::Marker(marker),
        })
    }

    /// Takes the next; `together`: lines that lie together are not made into records.
    fn take(&mut self, together: bool) -> Result<Chunk<M>, Empty> {
        let mut state = self.shared.lock();
        let chunk = match state.items.pop_front() {
            None => match (state.partials.pop(), self.shared.show_partial.get()) {
                (Some((stream, text)), Some(make)) => return Ok(Chunk::Marker(make(stream, text))),
                _ => return Err(if state.closed { Empty::Closed } else { Empty::Open }),
            },
            Some(Item::Marker(marker)) => Chunk::Marker(marker),
            Some(Item::Lines(lines)) if together => {
                state.bytes -= lines.bytes();
                state.records -= lines.len();
                Chunk::Lines(lines)
            }
            Some(other) => {
                state.items.push_front(other);
                Chunk::Records(take_records(&mut state, together))
            }
        };
        let limits = self.shared.limits;
        // Half empty before anybody writes again: otherwise every batch would wake every pipe for one read.
        let woken = state.full && state.bytes <= limits.bytes / 2 && state.records <= limits.records / 2;
        if woken {
            state.full = false;
        }
        drop(state);
        if woken {
            self.shared.writable.notify_waiters();
        }
        Ok(chunk)
    }

    /// Bytes of text and records that wait in the queue.
    pub fn queued(&self) -> (usize, usize) {
        let state = self.shared.lock();
        (state.bytes, state.records)
    }
}

/// The records at the front, at least one; `together`: up to lines that lie together.
fn take_records<M>(state: &mut State<M>, together: bool) -> Vec<LogRecord> {
    let portion = if together { CHUNK } else { BATCH };
    let mut bytes = 0;
    let mut records = Vec::with_capacity(state.records.min(portion.records));
    while records.len() < portion.records {
        let fits = |next: usize| bytes == 0 || bytes + next <= portion.bytes;
        match state.items.front_mut() {
            Some(Item::Record(record)) if fits(record.text.len()) => {
                bytes += record.text.len();
                let Some(Item::Record(record)) = state.items.pop_front() else { break };
                records.push(record);
            }
            Some(Item::Lines(lines)) if !together && fits(lines.next_bytes()) => {
                bytes += lines.next_bytes();
                records.extend(lines.take_record());
                if lines.is_empty() {
                    state.items.pop_front();
                }
            }
            _ => break,
        }
    }
    state.bytes -= bytes;
    state.records -= records.len();
    records
}

impl<M> Drop for LogReader<M> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.abandoned = true;
        state.full = false;
        let items = std::mem::take(&mut state.items);
        state.partials.clear();
        (state.bytes, state.records) = (0, 0);
        drop(state);
        drop(items);
        self.shared.writable.notify_waiters();
    }
}
