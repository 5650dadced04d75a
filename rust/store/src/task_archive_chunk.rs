//! The form of a chunk of archived output: lines as bytes, compressed with a checksum.
//!
//! Not for tables. Invariant: what [`decode`] gives is what [`encode`] got, to the letter, also times in texts of their own.

use crate::db::Moment;
use crate::db_time::DbTime;
use crate::error::StoreError;
use crate::{Result, row::Row};
use chrono::{DateTime, Utc};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use semaphore_model::{TaskId, TaskOutput, TaskStageId};
use std::io::{Read, Write};

/// First byte of a chunk.
const FORM: u8 = 1;

/// Longest chunk that is read, in bytes before compression: several of the longest lines.
const LONGEST: u64 = 64 << 20;

const CONTINUED: u8 = 1;
const STAGED: u8 = 2;
const TIME_AS_TEXT: u8 = 4;

/// One line as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredLine {
    pub(crate) id: i64,
    pub(crate) time: Moment,
    pub(crate) text: String,
    pub(crate) stage_id: Option<i32>,
    pub(crate) continued: bool,
}

impl StoredLine {
    pub(crate) fn from_row(row: &Row) -> Result<Self> {
        let stage_id = row.optional_long("stage_id")?;
        Ok(Self {
            id: row.long("id")?,
            time: row.moment("time")?.unwrap_or(Moment::Utc(semaphore_model::time::zero())),
            text: row.text("output")?,
            stage_id: stage_id.and_then(|id| i32::try_from(id).ok()),
            continued: false,
        })
    }

    /// The line as readers get it.
    pub(crate) fn into_output(self, task_id: TaskId) -> Result<TaskOutput> {
        let time = match self.time {
            Moment::Utc(time) => time,
            Moment::Text(text) => DbTime::decode_column("time", &text)?,
        };
        Ok(TaskOutput {
            id: self.id,
            task_id,
            time,
            output: self.text,
            stage_id: self.stage_id.map(TaskStageId),
            continued: self.continued,
        })
    }
}

/// The lines as the content of a chunk.
pub(crate) fn encode(lines: &[StoredLine]) -> std::io::Result<Vec<u8>> {
    let mut packed = ZlibEncoder::new(vec![FORM], Compression::default());
    let (mut last_id, mut last_time) = (0_i64, 0_i64);
    let mut head = Vec::new();
    for line in lines {
        head.clear();
        let nanoseconds = exact_nanoseconds(&line.time);
        let mut flags = if line.continued { CONTINUED } else { 0 };
        flags |= if line.stage_id.is_some() { STAGED } else { 0 };
        flags |= if nanoseconds.is_none() { TIME_AS_TEXT } else { 0 };
        head.push(flags);
        push_signed(&mut head, line.id.wrapping_sub(last_id));
        last_id = line.id;
        match (&line.time, nanoseconds) {
            (_, Some(time)) => {
                push_signed(&mut head, time.wrapping_sub(last_time));
                last_time = time;
            }
            (Moment::Text(text), None) => push_text(&mut head, text),
            (Moment::Utc(time), None) => push_text(&mut head, &DbTime(*time).encode()),
        }
        if let Some(stage) = line.stage_id {
            push_signed(&mut head, stage.into());
        }
        push_unsigned(&mut head, line.text.len() as u64);
        packed.write_all(&head)?;
        packed.write_all(line.text.as_bytes())?;
    }
    packed.finish()
}

/// The lines of a chunk; `as_text`: their times as SQLite has them.
pub(crate) fn decode(content: &[u8], as_text: bool) -> Result<Vec<StoredLine>> {
    let mut bytes = Vec::new();
    let unpacked = content
        .strip_prefix(&[FORM])
        .and_then(|packed| ZlibDecoder::new(packed).take(LONGEST).read_to_end(&mut bytes).ok());
    let mut place = Place { bytes: &bytes };
    let mut lines = Vec::new();
    let (mut id, mut time) = (0_i64, 0_i64);
    while unpacked.is_some() && !place.bytes.is_empty() {
        let Some(line) = place.line(&mut id, &mut time, as_text) else { return Err(damaged()) };
        lines.push(line);
    }
    if unpacked.is_some() { Ok(lines) } else { Err(damaged()) }
}

fn damaged() -> StoreError {
    StoreError::Unreadable {
        column: "content".to_owned(),
        value: "a chunk of archived output".to_owned(),
        expected: "as it was written",
    }
}

/// Nanoseconds since 1970, if nothing of the time as it is stored is lost by that.
fn exact_nanoseconds(time: &Moment) -> Option<i64> {
    match time {
        Moment::Utc(time) => time.timestamp_nanos_opt(),
        Moment::Text(text) => {
            let time = DbTime::decode(text).filter(|time| time.encode() == *text)?;
            time.0.timestamp_nanos_opt()
        }
    }
}

fn push_unsigned(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Small numbers of either sign take few bytes.
fn push_signed(bytes: &mut Vec<u8>, number: i64) {
    push_unsigned(bytes, ((number << 1) ^ (number >> 63)) as u64);
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    push_unsigned(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

/// What is left to read.
struct Place<'a> {
    bytes: &'a [u8],
}

impl Place<'_> {
    fn line(&mut self, id: &mut i64, time: &mut i64, as_text: bool) -> Option<StoredLine> {
        let (flags, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        *id = id.wrapping_add(self.signed()?);
        let moment = if flags & TIME_AS_TEXT == 0 {
            *time = time.wrapping_add(self.signed()?);
            let at = DateTime::<Utc>::from_timestamp_nanos(*time);
            if as_text { Moment::Text(DbTime(at).encode()) } else { Moment::Utc(at) }
        } else {
            let text = self.text()?;
            if as_text { Moment::Text(text) } else { Moment::Utc(DbTime::decode(&text)?.0) }
        };
        let stage_id = if flags & STAGED == 0 { None } else { Some(i32::try_from(self.signed()?).ok()?) };
        let text = self.text()?;
        Some(StoredLine { id: *id, time: moment, text, stage_id, continued: flags & CONTINUED != 0 })
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.unsigned()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.unsigned()?).ok()?;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_come_back_to_the_letter() {
        let texts = [
            "2026-11-22 00:31:12.123456 +0000 UTC",
            "2026-11-22T00:31:12Z",
            "2026-11-22 00:31:12 +0000 UTC",
            "2026-11-22 00:31:12.5 +0000 UTC m=+0.012345",
        ];
        let mut lines = Vec::new();
        for (number, text) in texts.iter().cycle().take(1_000).enumerate() {
            lines.push(StoredLine {
                id: if number == 7 { i64::MAX } else { 1_000_000 - number as i64 * 3 },
                time: Moment::Text((*text).to_owned()),
                text: format!("line {number} \u{1b}[31mwith a colour\u{1b}[0m and ☃"),
                stage_id: (number % 10 == 0).then_some(number as i32),
                continued: number % 100 == 0,
            });
        }
        let content = encode(&lines).unwrap();
        assert_eq!(decode(&content, true).unwrap(), lines);
        assert!(content.len() * 8 < 1_000 * 50, "{} bytes", content.len());
        assert!(decode(&encode(&[]).unwrap(), true).unwrap().is_empty());
        let utc = decode(&content, false).unwrap();
        let time = |line: &StoredLine| line.clone().into_output(TaskId(1)).unwrap().time;
        assert!(utc.iter().zip(&lines).all(|(one, other)| time(one) == time(other)));
    }

    #[test]
    fn a_damaged_chunk_is_an_error() {
        let line = StoredLine {
            id: 1,
            time: Moment::Text("2026-11-22 00:31:12 +0000 UTC".to_owned()),
            text: "a line".repeat(100),
            stage_id: None,
            continued: false,
        };
        let content = encode(&[line.clone(), line]).unwrap();
        for length in 0..content.len() {
            assert!(decode(&content[..length], true).is_err(), "{length} of {} bytes", content.len());
        }
        for place in 0..content.len() {
            let mut changed = content.clone();
            changed[place] ^= 0x10;
            // The two bytes before the data say how it was packed; not every change of them means something else.
            assert!(place == 2 || decode(&changed, true).is_err(), "byte {place}");
        }
    }
}
