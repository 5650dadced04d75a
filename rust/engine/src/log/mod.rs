//! The log pipeline: bytes from pipes become whole lines, lines become redacted, sequence-numbered records in a bounded queue.
//!
//! One queue per job, made by [`channel`]. Producers hold [`LogWriter`]s, one consumer holds the [`LogReader`]. Besides
//! records the queue carries markers of a type that the job chooses (`M`), so that a change of status arrives exactly between
//! the lines before and after it; the reader gets [`Batch::Records`] and [`Batch::Marker`] in the order of writing.
//!
//! Unfinished lines can be shown meanwhile ([`LogWriter::show_partials`]): they become markers too, but only the newest of each
//! stream waits, it comes behind everything else, and the line itself takes its place.
//!
//! Not for storage, clients or formats: what becomes of a record is the reader's business.
//!
//! Invariants: sequence numbers of a queue have no gap and no repetition; nothing is dropped as long as the reader lives;
//! a secret of the job never enters the queue, nor the beginning of one that is not complete yet; only pipes are slowed down by a full queue, lines of the engine are always taken.

mod batch;
mod block;
mod form;
mod line;
mod queue;
mod record;
mod redact;
mod split;
mod watch;

#[cfg(test)]
mod tests;

pub use batch::{Batch, Chunk, Empty};
pub use block::Lines;
pub use line::LineWriter;
pub(crate) use line::PartialWriter;
pub use queue::{Limits, LogOptions, LogReader, LogWriter, channel};
pub use record::{LogRecord, Stream};
pub use redact::{LineRedaction, Redactor, RedactorError, SHORTEST_SECRET_BYTES};
pub use split::{LONGEST_LINE_BYTES, LineSplitter};
pub(crate) use watch::Watch;
