//! The log pipeline: bytes from pipes become sequence-numbered records in bounded queues.

mod record;

pub use record::{LogRecord, Stream};
