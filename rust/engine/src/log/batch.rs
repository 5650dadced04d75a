//! What the reader of a log gets.
//!
//! Not for how it is taken from the queue, which is [`super::LogReader`]'s.

use super::{Lines, LogRecord};

/// How much is handed out at a time.
pub(super) struct Portion {
    pub(super) records: usize,
    /// Bytes of text, unless the first record alone is bigger.
    pub(super) bytes: usize,
}

/// What a database stores in one transaction: smaller ones cost it a third more for each line.
pub(super) const BATCH: Portion = Portion { records: 4096, bytes: 256 * 1024 };
/// What another program is told at once.
pub(super) const CHUNK: Portion = Portion { records: 1000, bytes: 64 * 1024 };

/// What the reader gets next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch<M> {
    /// Consecutive records, at least one, at most 4096 or 256 KiB of text (a single bigger record comes alone).
    Records(Vec<LogRecord>),
    /// A marker, at its place between the records.
    Marker(M),
}

/// What a reader gets that has a use for lines that lie together, see [`super::LogReader::next_chunk`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk<M> {
    /// Consecutive records that one read has brought, at most 64 KiB or one line.
    Lines(Lines),
    /// As [`Batch::Records`].
    Records(Vec<LogRecord>),
    /// As [`Batch::Marker`].
    Marker(M),
}

/// Why there is no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Empty {
    /// Something may come.
    #[error("the log is empty")]
    Open,
    /// Nothing comes any more.
    #[error("the log is over")]
    Closed,
}
