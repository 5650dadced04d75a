//! What the reader of a log gets.
//!
//! Not for how it is taken from the queue, which is [`super::LogReader`]'s.

use super::{Lines, LogRecord};

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
