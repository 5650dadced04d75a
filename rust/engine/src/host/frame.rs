//! What a host and its server say to each other: frames of a length, a kind and a content.
//!
//! Not for what they mean. Invariants: a kind that is not known is left out by whoever reads it, so that one side may be newer;
//! the numbers of events have no gap; nothing in a frame of events is secret.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    job::{JobEvent, StopReason},
    log::{LogRecord, Stream},
};

/// Version of what is said. A server understands all versions up to its own.
pub(super) const VERSION: u32 = 1;

/// What a job is made of, from the server that starts the host.
pub(super) const ORDER: u8 = 1;
/// [`Welcome`], the first frame of a host on every connection.
pub(super) const WELCOME: u8 = 2;
/// A number and an event that is no log.
pub(super) const EVENT: u8 = 3;
/// A number and records of the log.
pub(super) const LINES: u8 = 4;
/// An event for those who look on at this moment; it has no number and is not repeated.
pub(super) const PASSING: u8 = 5;
/// The number up to which the server has stored everything.
pub(super) const STORED: u8 = 6;
/// A [`Wish`] of the server.
pub(super) const WISH: u8 = 7;

/// Length and kind.
const HEADER_BYTES: usize = 5;

/// Longest content that is read: an order with large secrets.
const LONGEST_BYTES: usize = 256 * 1024 * 1024;

/// One message.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) content: Bytes,
}

/// What a host says of itself to whoever connects.
#[derive(Serialize, Deserialize)]
pub(super) struct Welcome {
    /// The host's [`VERSION`].
    pub(super) version: u32,
    /// Whose job it is.
    pub(super) task_id: i32,
    /// The stages and plans that are stored: what a server has to know beside the events that follow.
    pub(super) history: Vec<JobEvent>,
    /// Whether a question that is stored has not been answered.
    pub(super) is_asking: bool,
    /// Where the job reaches its state.
    pub(super) state_address: Option<StateAddress>,
}

/// Where a job of the Terraform family reaches its state; the address is secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct StateAddress {
    /// Row of `project__inventory`.
    pub inventory_id: i32,
    /// The whole address.
    pub address: String,
}

/// What a server wants of a host.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wish {
    /// The first word of a server that found the host again: its [`VERSION`].
    Hello(u32),
    /// End the job.
    Stop(StopReason),
    /// The answer to its question.
    Confirm(bool),
    /// A line for its log.
    Say(String),
}

fn invalid(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Length and kind of a frame whose content is written by somebody else.
pub(super) fn header(kind: u8, length: usize) -> io::Result<[u8; HEADER_BYTES]> {
    let length = u32::try_from(length).ok().filter(|length| *length as usize <= LONGEST_BYTES);
    let [a, b, c, d] = length.ok_or_else(|| invalid("the content of a frame is too long"))?.to_be_bytes();
    Ok([a, b, c, d, kind])
}

fn frame(kind: u8, content: &[&[u8]]) -> io::Result<Bytes> {
    let length = content.iter().map(|part| part.len()).sum();
    let mut whole = BytesMut::with_capacity(HEADER_BYTES + length);
    whole.put_slice(&header(kind, length)?);
    for part in content {
        whole.put_slice(part);
    }
    Ok(whole.freeze())
}

/// A frame of JSON.
pub(super) fn json(kind: u8, content: &impl Serialize) -> io::Result<Bytes> {
    frame(kind, &[&serde_json::to_vec(content)?])
}

/// A frame of a number.
pub(super) fn stored(number: u64) -> io::Result<Bytes> {
    frame(STORED, &[&number.to_be_bytes()])
}

/// The frame of an event with its number.
pub(super) fn event(number: u64, event: &JobEvent) -> io::Result<Bytes> {
    let JobEvent::Log(records) = event else {
        return frame(EVENT, &[&number.to_be_bytes(), &serde_json::to_vec(event)?]);
    };
    let bytes: usize = records.iter().map(|record| RECORD_BYTES + record.text.len()).sum();
    let mut content = Vec::with_capacity(16 + bytes);
    content.put_u64(number);
    content.put_u64(records.first().map_or(0, |record| record.seq));
    for record in records {
        content.put_i64(record.time.timestamp());
        content.put_u32(record.time.timestamp_subsec_nanos());
        content.put_u8(STREAMS.iter().position(|stream| *stream == record.stream).unwrap_or_default() as u8);
        content.put_u8(u8::from(record.continued));
        content.put_u32(u32::try_from(record.text.len()).map_err(invalid)?);
        content.put_slice(&record.text);
    }
    frame(LINES, &[&content])
}

/// What a record takes beside its text.
const RECORD_BYTES: usize = 8 + 4 + 1 + 1 + 4;

/// Places in this list are what a frame holds: nothing is ever put in between.
const STREAMS: [Stream; 4] = [Stream::Stdout, Stream::Stderr, Stream::System, Stream::Terminal];

/// The number of a whole frame with an event.
pub(super) fn number(whole: &Bytes) -> u64 {
    whole.get(HEADER_BYTES..HEADER_BYTES + 8).and_then(|number| number.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// Length of a whole frame whose first bytes these are.
pub(super) fn whole_length(start: [u8; HEADER_BYTES]) -> io::Result<usize> {
    let [a, b, c, d, _] = start;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length > LONGEST_BYTES { Err(invalid("a frame is too long")) } else { Ok(HEADER_BYTES + length) }
}

/// Bytes of which [`whole_length`] is told.
pub(super) type Start = [u8; HEADER_BYTES];

/// Takes the first frame out of what was read; `None` if it is not complete yet.
pub(super) fn take(read: &mut BytesMut) -> io::Result<Option<Frame>> {
    let Some(start) = read.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let (length, kind) = (whole_length(*start)?, start[4]);
    if read.len() < length {
        read.reserve(length - read.len());
        return Ok(None);
    }
    let mut content = read.split_to(length).freeze();
    content.advance(HEADER_BYTES);
    Ok(Some(Frame { kind, content }))
}

impl Frame {
    /// The content of a frame of JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> io::Result<T> {
        Ok(serde_json::from_slice(&self.content)?)
    }

    /// The content of a frame of a number.
    pub(super) fn number(&self) -> io::Result<u64> {
        Ok((&self.content[..]).try_get_u64()?)
    }

    /// Number and event; none for an event of a newer version, which is left out.
    pub(super) fn event(self) -> io::Result<(u64, Option<JobEvent>)> {
        let Self { kind, mut content } = self;
        if kind == PASSING {
            return Ok((0, serde_json::from_slice(&content).ok()));
        }
        let number = content.try_get_u64()?;
        if kind == LINES {
            return Ok((number, Some(JobEvent::Log(records(content)?))));
        }
        let event = serde_json::from_slice(&content);
        let event =
            event.inspect_err(|error| tracing::warn!(%error, "an event of a task host of another version is left out"));
        Ok((number, event.ok()))
    }
}

fn records(mut content: Bytes) -> io::Result<Vec<LogRecord>> {
    let first = content.try_get_u64()?;
    let mut records = Vec::new();
    while content.has_remaining() {
        let (seconds, nanoseconds) = (content.try_get_i64()?, content.try_get_u32()?);
        let time = DateTime::<Utc>::from_timestamp(seconds, nanoseconds);
        let time =
            time.or_else(|| DateTime::from_timestamp(seconds, 0)).ok_or_else(|| invalid("a line has no time"))?;
        let stream = STREAMS.get(usize::from(content.try_get_u8()?)).copied().unwrap_or(Stream::System);
        let continued = content.try_get_u8()? != 0;
        let length = content.try_get_u32()? as usize;
        if content.remaining() < length {
            return Err(invalid("a line is cut"));
        }
        let text = content.split_to(length);
        records.push(LogRecord { seq: first + records.len() as u64, time, stream, continued, text });
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::job::Outcome;

    #[test]
    fn events_come_back_as_they_were_said_whatever_the_pieces() {
        let time = DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
        let record = |seq, text: &'static [u8], continued| LogRecord {
            seq,
            time,
            stream: Stream::Stderr,
            continued,
            text: Bytes::from_static(text),
        };
        let said = JobEvent::Log(vec![record(7, b"one \xff", true), record(8, b"", false)]);
        let mut stream = Vec::new();
        stream.extend_from_slice(&event(3, &said).unwrap());
        stream.extend_from_slice(&event(4, &JobEvent::Done(Outcome::Failed("exit status 1".to_owned()))).unwrap());
        stream.extend_from_slice(&frame(99, &[b"of a newer version"]).unwrap());
        let mut read = BytesMut::new();
        let mut found = Vec::new();
        for byte in stream {
            read.put_u8(byte);
            found.extend(take(&mut read).unwrap());
        }
        let mut found = found.into_iter();
        let (number, Some(JobEvent::Log(records))) = found.next().unwrap().event().unwrap() else { panic!() };
        assert_eq!((number, records), (3, vec![record(7, b"one \xff", true), record(8, b"", false)]));
        let (number, Some(JobEvent::Done(outcome))) = found.next().unwrap().event().unwrap() else { panic!() };
        assert_eq!((number, outcome), (4, Outcome::Failed("exit status 1".to_owned())));
        assert_eq!(found.next().unwrap().kind, 99);
        assert!(found.next().is_none() && read.is_empty());
    }

    #[test]
    fn what_is_no_frame_is_an_error_and_no_allocation() {
        let mut read = BytesMut::from(&[0xFF; 16][..]);
        assert!(take(&mut read).is_err());
        let mut cut = event(1, &JobEvent::Log(Vec::new())).unwrap().to_vec();
        cut.truncate(9);
        cut[..4].copy_from_slice(&4_u32.to_be_bytes());
        assert!(take(&mut BytesMut::from(&cut[..])).unwrap().unwrap().event().is_err());
    }
}
