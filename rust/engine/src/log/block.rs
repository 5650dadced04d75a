//! Lines that were read together and are shown as they are: they stay in the memory into which they were read.
//!
//! A program that prints much costs little this way: no record of its own for each line until somebody wants one. Not for lines
//! with secrets and not for parts of over-long ones: those are records from the beginning.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{LogRecord, Stream};

/// Whole lines, one behind the other, as a splitter found them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) bytes: Bytes,
    /// Positions of the line feeds; the last byte is one.
    pub(super) ends: Vec<u32>,
}

/// Consecutive records that one read has brought: one stream, one time, none of them continued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    first_seq: u64,
    time: DateTime<Utc>,
    stream: Stream,
    block: Block,
    /// Lines that were taken.
    taken: usize,
    /// Where the next line begins.
    start: usize,
}

impl Lines {
    pub(super) fn new(time: DateTime<Utc>, stream: Stream, block: Block) -> Self {
        Self { first_seq: 0, time, stream, block, taken: 0, start: 0 }
    }

    pub(super) fn set_first_seq(&mut self, seq: u64) {
        self.first_seq = seq;
    }

    /// Sequence number of the first line.
    pub fn first_seq(&self) -> u64 {
        self.first_seq + self.taken as u64
    }

    /// When they were read.
    pub fn time(&self) -> DateTime<Utc> {
        self.time
    }

    /// Where they come from.
    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.block.ends.len() - self.taken
    }

    /// Whether all were taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory of the lines, line ends included.
    pub fn bytes(&self) -> usize {
        self.block.bytes.len() - self.start
    }

    /// Whether a byte is somewhere in the lines or their ends.
    pub fn may_hold(&self, byte: u8) -> bool {
        memchr::memchr(byte, &self.block.bytes[self.start..]).is_some()
    }

    /// The texts, without line feeds and the carriage returns before them.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = self.start;
        self.block.ends[self.taken..].iter().map(move |end| {
            let text = &self.block.bytes[start..*end as usize];
            start = *end as usize + 1;
            text.strip_suffix(b"\r").unwrap_or(text)
        })
    }

    /// Memory of the next line, as [`Lines::bytes`] counts it; 0 if there is none.
    pub(super) fn next_bytes(&self) -> usize {
        self.block.ends.get(self.taken).map_or(0, |end| *end as usize + 1 - self.start)
    }

    /// Takes the first line.
    pub fn take_record(&mut self) -> Option<LogRecord> {
        let end = *self.block.ends.get(self.taken)? as usize;
        let text = &self.block.bytes[self.start..end];
        let text = self.block.bytes.slice_ref(text.strip_suffix(b"\r").unwrap_or(text));
        let record = LogRecord { seq: self.first_seq(), time: self.time, stream: self.stream, continued: false, text };
        (self.taken, self.start) = (self.taken + 1, end + 1);
        Some(record)
    }

    /// All lines as records.
    pub fn into_records(mut self) -> Vec<LogRecord> {
        std::iter::from_fn(|| self.take_record()).collect()
    }

    /// The last lines, at most `count`, as records.
    pub fn last_records(&self, count: usize) -> Vec<LogRecord> {
        let skipped = self.len().saturating_sub(count);
        let mut last = self.clone();
        if let Some(before) = skipped.checked_sub(1) {
            last.start = self.block.ends[self.taken + before] as usize + 1;
        }
        last.taken += skipped;
        last.into_records()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lines(text: &str) -> Lines {
        let ends = text.match_indices('\n').map(|(at, _)| at as u32).collect();
        let block = Block { bytes: Bytes::copy_from_slice(text.as_bytes()), ends };
        let mut lines = Lines::new(Utc::now(), Stream::Stdout, block);
        lines.set_first_seq(7);
        lines
    }

    #[test]
    fn lines_are_the_same_as_texts_and_as_records() {
        let mut all = lines("a\n\nb\r\nc\rd\r\r\n");
        assert_eq!(all.texts().collect::<Vec<_>>(), [&b"a"[..], b"", b"b", b"c\rd\r"]);
        let records = all.clone().into_records();
        assert_eq!(
            records.iter().map(|r| (r.seq, r.text.as_ref())).collect::<Vec<_>>(),
            [(7, &b"a"[..]), (8, b""), (9, b"b"), (10, b"c\rd\r")]
        );
        assert_eq!(all.take_record().unwrap().text, "a");
        assert_eq!((all.first_seq(), all.len(), all.texts().next()), (8, 3, Some(&b""[..])));
        assert_eq!(all.last_records(2), records[2..]);
        assert_eq!(all.last_records(9), records[1..]);
    }

    #[test]
    fn every_byte_is_counted_once() {
        let mut all = lines("one\ntwo\r\n\n");
        let mut sum = 0;
        while !all.is_empty() {
            sum += all.next_bytes();
            all.take_record().unwrap();
            assert_eq!(sum + all.bytes(), 10);
        }
        assert_eq!((sum, all.bytes(), all.next_bytes()), (10, 0, 0));
    }
}
