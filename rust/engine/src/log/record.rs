//! One record of a task's log.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Where a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output of a child.
    Stdout,
    /// Standard error of a child.
    Stderr,
    /// A line of the engine or its host.
    System,
    /// The terminal of a child. Its text is never a record: it is shown provisionally, because somebody may have to know what a
    /// program asks.
    Terminal,
}

/// One whole line of a task's log, or a part of an over-long one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Position in the task's log: strictly increasing, without gaps.
    pub seq: u64,
    /// When the end of the line was read, UTC.
    pub time: DateTime<Utc>,
    /// Where it comes from.
    pub stream: Stream,
    /// The line goes on in the next record (lines over 1 MiB).
    pub continued: bool,
    /// Bytes of the line without its line feed; a carriage return inside is kept. Not necessarily UTF-8: use [`LogRecord::lossy`].
    pub text: Bytes,
}

impl LogRecord {
    /// The text for storage and clients: invalid UTF-8 is replaced, never dropped.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }
}
