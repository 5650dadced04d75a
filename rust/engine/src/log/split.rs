//! Finds the lines in a stream of bytes.
//!
//! Not for texts: bytes stay bytes. The result does not depend on how the bytes were cut into reads.

use bytes::{Bytes, BytesMut};
use memchr::{memchr_iter, memrchr};

use super::block::Block;

/// Longest line that is one record; longer ones leave in parts, all but the last flagged `continued`.
pub const LONGEST_LINE_BYTES: usize = 1024 * 1024;

/// What the buffer is made of at first, and each time it is used up.
const BLOCK_BYTES: usize = 64 * 1024;
/// Room for a read that is worth its system call; less than that and a new block is begun.
const LEAST_ROOM_BYTES: usize = 4 * 1024;

/// Splits at line feeds; one carriage return before a line feed (or the end) is removed, others are kept.
///
/// Reference: `bufio.ScanLines`, which the Go server uses for every pipe; it fails on lines over 10 MiB, this cuts them instead.
#[derive(Debug)]
pub struct LineSplitter {
    buffer: BytesMut,
    /// Bytes of the buffer known to hold no line feed.
    scanned: usize,
    longest: usize,
}

impl Default for LineSplitter {
    fn default() -> Self {
        Self::with_longest(LONGEST_LINE_BYTES)
    }
}

impl LineSplitter {
    /// A splitter that cuts lines over `longest` bytes (at least one).
    pub fn with_longest(longest: usize) -> Self {
        Self { buffer: BytesMut::new(), scanned: 0, longest: longest.max(1) }
    }

    /// Where to read into: at least 4 KiB of room at the end. Call [`LineSplitter::split`] after each read.
    pub fn buffer(&mut self) -> &mut BytesMut {
        if self.buffer.capacity() - self.buffer.len() < LEAST_ROOM_BYTES {
            // A block is filled before the next is taken, so that short lines of a quiet program do not each hold a block.
            self.buffer.reserve(BLOCK_BYTES.max(self.buffer.len()));
        }
        &mut self.buffer
    }

    /// What is not emitted yet; after [`LineSplitter::split`] the beginning of a line, or what follows its last part.
    pub fn rest(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes all complete lines of the buffer at once, if none of them is over-long and `fits` agrees to their bytes. What it leaves
    /// is for [`LineSplitter::split`].
    pub(super) fn take_block(&mut self, fits: impl FnOnce(&[u8]) -> bool) -> Option<Block> {
        let last = self.scanned + memrchr(b'\n', &self.buffer[self.scanned..])?;
        let mut ends = Vec::with_capacity(16);
        let mut start = 0;
        for end in memchr_iter(b'\n', &self.buffer[self.scanned..=last]).map(|position| self.scanned + position) {
            if end - start > self.longest {
                return None;
            }
            ends.push(u32::try_from(end).ok()?);
            start = end + 1;
        }
        if !fits(&self.buffer[..=last]) {
            return None;
        }
        let bytes = self.buffer.split_to(last + 1).freeze();
        self.scanned = self.buffer.len();
        Some(Block { bytes, ends })
    }

    /// Emits what is complete in the buffer: text and whether the line goes on in the next text.
    pub fn split(&mut self, mut emit: impl FnMut(Bytes, bool)) {
        if let Some(last) = memrchr(b'\n', &self.buffer[self.scanned..]) {
            let block = self.buffer.split_to(self.scanned + last + 1).freeze();
            let mut start = 0;
            for end in memchr_iter(b'\n', &block[self.scanned..]).map(|position| self.scanned + position) {
                let line = cut(block.slice(start..end), self.longest, &mut emit);
                emit(without_return(line), false);
                start = end + 1;
            }
        }
        while self.buffer.len() > self.longest {
            let part = cut_position(&self.buffer, self.longest);
            emit(self.buffer.split_to(part).freeze(), true);
        }
        self.scanned = self.buffer.len();
    }

    /// Emits the unterminated rest, if there is one.
    pub fn finish(&mut self, mut emit: impl FnMut(Bytes, bool)) {
        self.split(&mut emit);
        self.scanned = 0;
        let rest = self.buffer.split().freeze();
        if !rest.is_empty() {
            emit(without_return(rest), false);
        }
    }
}

/// Emits all parts of an over-long text but the last, which is returned.
pub(super) fn cut(mut text: Bytes, longest: usize, emit: &mut impl FnMut(Bytes, bool)) -> Bytes {
    while text.len() > longest {
        let part = cut_position(&text, longest);
        emit(text.split_to(part), true);
    }
    text
}

fn without_return(mut line: Bytes) -> Bytes {
    if line.last() == Some(&b'\r') {
        line.truncate(line.len() - 1);
    }
    line
}

/// The last position up to `at` that does not cut a UTF-8 character; `at` itself if the bytes there are not UTF-8.
///
/// `at` lies inside `bytes`. Never 0, so that cutting always gets on.
pub(super) fn cut_position(bytes: &[u8], at: usize) -> usize {
    let lowest = at.saturating_sub(3).max(1);
    (lowest..=at).rev().find(|&position| bytes.get(position).is_none_or(|byte| byte & 0xC0 != 0x80)).unwrap_or(at)
}
