//! From raw bytes of one stream to records in the queue: lines, redaction, time.

use std::fmt;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};

use super::{
    LineRedaction, LineSplitter, LogWriter, Redactor, Stream,
    queue::Line,
    split::{LONGEST_LINE_BYTES, cut},
};

/// Bytes taken at a time from a caller's slice.
const CHUNK_BYTES: usize = 64 * 1024;

/// Writes the bytes of one stream of a job; the unterminated rest becomes a record when it is finished or dropped.
pub struct LineWriter<M> {
    log: LogWriter<M>,
    stream: Stream,
    splitter: LineSplitter,
    redaction: LineRedaction,
    lines: Vec<Line>,
}

impl<M> fmt::Debug for LineWriter<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineWriter").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl<M> LineWriter<M> {
    pub(super) fn new(log: LogWriter<M>, stream: Stream, redactor: &Redactor) -> Self {
        Self { log, stream, splitter: LineSplitter::default(), redaction: redactor.line(), lines: Vec::new() }
    }

    /// Takes bytes that have just arrived; never waits. Ask [`LineWriter::ready`] before if the source can wait.
    pub fn write(&mut self, bytes: &[u8]) {
        self.write_at(Utc::now(), bytes);
    }

    /// Takes bytes that arrived at `time`; never waits.
    pub fn write_at(&mut self, time: DateTime<Utc>, bytes: &[u8]) {
        for chunk in bytes.chunks(CHUNK_BYTES) {
            self.splitter.buffer().extend_from_slice(chunk);
            self.received(time);
        }
    }

    /// Waits until the queue has room.
    pub async fn ready(&self) {
        self.log.ready().await;
    }

    /// Writes the unterminated rest as a line; the next byte begins a new one.
    pub fn flush(&mut self) {
        let Self { splitter, redaction, lines, stream, .. } = self;
        let (time, stream) = (Utc::now(), *stream);
        splitter.finish(|text, continued| {
            lines.push(Line { time, stream, continued, text: redaction.part(text, continued) });
        });
        self.log.push(&mut self.lines);
    }

    /// Where a reader of a pipe reads into; it calls [`LineWriter::received`] after each read.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        self.splitter.buffer()
    }

    /// Hands over what the buffer has got.
    pub(crate) fn received(&mut self, time: DateTime<Utc>) {
        let Self { splitter, redaction, lines, stream, .. } = self;
        let stream = *stream;
        splitter.split(|text, continued| {
            lines.push(Line { time, stream, continued, text: redaction.part(text, continued) });
        });
        self.log.push(&mut self.lines);
    }
}

impl<M> Drop for LineWriter<M> {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Redacts a text that is complete and cuts it if it is over-long.
pub(super) fn whole(redactor: &Redactor, text: Bytes, mut emit: impl FnMut(Bytes, bool)) {
    let last = cut(redactor.redact(text), LONGEST_LINE_BYTES, &mut emit);
    emit(last, false);
}
