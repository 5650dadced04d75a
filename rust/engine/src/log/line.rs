//! From raw bytes of one stream to records in the queue: lines, redaction, time.

use std::fmt;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};

use super::{
    LineRedaction, LineSplitter, Lines, LogWriter, Redactor, Stream,
    queue::Line,
    split::{LONGEST_LINE_BYTES, cut},
};

/// What is shown of an unfinished line at most, in bytes.
const LONGEST_PROVISIONAL_BYTES: usize = 4 * 1024;

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

    /// Bytes of the unfinished line (or of its last part); 0 if nobody wants to see any.
    pub(crate) fn unfinished(&self) -> usize {
        if self.log.shows_partial() { self.splitter.rest().len() } else { 0 }
    }

    /// Shows what there is of the unfinished line.
    pub(crate) fn show_partial(&self) {
        let text = newest(&self.redaction.provisional(self.splitter.rest(), LONGEST_PROVISIONAL_BYTES));
        // Empty if all of it could be the beginning of a secret.
        if !text.is_empty() {
            self.log.partial(self.stream, text);
        }
    }

    /// Hands over what the buffer has got.
    pub(crate) fn received(&mut self, time: DateTime<Utc>) {
        let Self { log, splitter, redaction, lines, stream } = self;
        let stream = *stream;
        if let Some(block) = splitter.take_block(|bytes| redaction.leaves(bytes)) {
            log.push_lines(Lines::new(time, stream, block));
        }
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

/// Text of a stream that is never a record, redacted: what is asked on a terminal.
#[derive(Debug)]
pub(crate) struct PartialWriter<M> {
    log: LogWriter<M>,
    stream: Stream,
    redaction: LineRedaction,
}

impl<M> PartialWriter<M> {
    pub(super) fn new(log: LogWriter<M>, stream: Stream, redactor: &Redactor) -> Self {
        Self { log, stream, redaction: redactor.line() }
    }

    /// Shows an unfinished line; an empty text takes back what was shown.
    pub(crate) fn show(&self, text: &[u8]) {
        self.log.partial(self.stream, newest(&self.redaction.provisional(text, LONGEST_PROVISIONAL_BYTES)));
    }
}

/// Of a line that a program writes again and again over itself (carriage returns), what it shows now.
fn newest(text: &[u8]) -> String {
    let end = text.iter().rposition(|byte| *byte != b'\r').map_or(0, |position| position + 1);
    let text = &text[..end];
    let begin = text.iter().rposition(|byte| *byte == b'\r').map_or(0, |position| position + 1);
    String::from_utf8_lossy(&text[begin..]).into_owned()
}

/// Redacts a text that is complete and cuts it if it is over-long.
pub(super) fn whole(redactor: &Redactor, text: Bytes, mut emit: impl FnMut(Bytes, bool)) {
    let last = cut(redactor.redact(text), LONGEST_LINE_BYTES, &mut emit);
    emit(last, false);
}
