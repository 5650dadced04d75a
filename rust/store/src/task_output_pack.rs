//! Many lines of output in few values, for SQLite: its driver hands every value of every row from one thread to another, which
//! costs more than storing or reading the row.
//!
//! On the way in a piece is one object of SQLite's binary JSON: each member has a time as its name and a text as its value. On
//! the way out SQLite joins ids, lengths, times and texts of a piece. The rows are the same as with one value a
//! column. Not for the servers, and not for single lines.

use crate::Result;
use crate::db::{Db, DbTimeParam, Moment, Param, params};
use crate::error::StoreError;
use crate::task_archive_chunk::StoredLine;
use chrono::{DateTime, Utc};
use semaphore_model::{TaskId, TaskOutput, TaskStageId};

/// Most bytes of text in one piece.
const PIECE_BYTES: usize = 1 << 20;

/// Most lines of one piece.
const PIECE_LINES: usize = 10_000;

/// The statement for any number of lines: it stays prepared. `json_each` tells the members in their order, also those of the
/// same name.
pub(crate) const INSERT_PACKED: &str = "insert into task__output (task_id, output, time, stage_id) \
     select ?1, value, key, ?3 from json_each(?2)";

/// The statement for one line of any length.
pub(crate) const INSERT_ONE: &str = "insert into task__output (task_id, output, time, stage_id) values (?, ?, ?, ?)";

/// How many of these lines are the next piece: as many as fit that belong to one stage.
pub(crate) fn piece_length(lines: &[TaskOutput]) -> usize {
    let stage = lines.first().and_then(|line| line.stage_id);
    let mut bytes = 0;
    let fits = |line: &&TaskOutput| {
        bytes += line.output.len();
        bytes <= PIECE_BYTES && line.stage_id == stage
    };
    lines.iter().take(PIECE_LINES).take_while(fits).count().max(1)
}

/// The values of [`INSERT_PACKED`], piece by piece.
#[derive(Default)]
pub(crate) struct Packing {
    formats: DbTimeParam,
    /// The members of the object, behind room for its own header.
    members: Vec<u8>,
}

/// Kinds of values of the binary JSON, as in its headers. Reference: sqlite.org/jsonb.html.
const RAW_TEXT: u8 = 10;
const OBJECT: u8 = 12;

/// Bytes of the header that has its length in four bytes.
const LONG_HEADER: usize = 5;

impl Packing {
    /// Adds a line of a piece that [`piece_length`] measured, with the time it gets.
    pub(crate) fn add(&mut self, output: &str, time: DateTime<Utc>) {
        if self.members.is_empty() {
            self.members.resize(LONG_HEADER, 0);
        }
        add_text(&mut self.members, self.formats.text(time));
        add_text(&mut self.members, output);
    }

    /// The values for the lines that were added; empty afterwards.
    pub(crate) fn take(&mut self, task_id: TaskId, stage_id: Option<TaskStageId>) -> Vec<Param> {
        let mut object = std::mem::take(&mut self.members);
        let length = object.len().saturating_sub(LONG_HEADER) as u32;
        if let Some(header) = object.first_chunk_mut::<LONG_HEADER>() {
            *header = long_header(OBJECT, length);
        }
        params![task_id, object, stage_id]
    }

    /// The values of [`INSERT_ONE`].
    pub(crate) fn single(&mut self, task_id: TaskId, line: &TaskOutput, time: DateTime<Utc>) -> Vec<Param> {
        let time = Moment::Text(self.formats.text(time).to_owned());
        params![task_id, &line.output, time, line.stage_id]
    }
}

/// The header of a value that is so many bytes long.
fn long_header(kind: u8, length: u32) -> [u8; LONG_HEADER] {
    let [a, b, c, d] = length.to_be_bytes();
    [0xe0 | kind, a, b, c, d]
}

/// Adds a text as it is: none of its bytes is escaped.
fn add_text(values: &mut Vec<u8>, text: &str) {
    // A piece has 1 MiB, and a line on its own does not come here.
    let length = text.len() as u32;
    match length {
        0..=11 => values.push((length as u8) << 4 | RAW_TEXT),
        12..=0xff => values.extend_from_slice(&[0xc0 | RAW_TEXT, length as u8]),
        0x100..=0xffff => values.extend_from_slice(&[0xd0 | RAW_TEXT, (length >> 8) as u8, length as u8]),
        _ => values.extend_from_slice(&long_header(RAW_TEXT, length)),
    }
    values.extend_from_slice(text.as_bytes());
}

/// How many rows after a row there are, `count` at most, and how many bytes their texts have. Reads no long text.
const MEASURE: &str = "select count(*) as number, coalesce(sum(length), 0) as bytes from \
     (select octet_length(output) as length from task__output where task_id = ? and id > ? order by id limit ?)";

/// The rows after a row, by id, as five values.
const READ: &str = "select json_group_array(id) as ids, json_group_array(octet_length(output)) as lengths, \
     group_concat(time, char(10)) as times, cast(group_concat(output, '') as blob) as texts, count(stage_id) as staged \
     from (select id, time, output, stage_id from task__output where task_id = ? and id > ? order by id limit ?)";

/// The next rows after the row `after`, by id: at most `count`, fewer if their texts have more than `most_bytes`. `None`: the
/// rows are better read one by one, because their texts are long or they belong to stages. Only for SQLite.
pub(crate) async fn read_after(
    db: &Db,
    id: TaskId,
    after: i64,
    count: u32,
    most_bytes: usize,
) -> Result<Option<Vec<StoredLine>>> {
    let mut count = i64::from(count);
    // Lines of very different lengths may not fit the second time either.
    for _ in 0..3 {
        let Some(row) = db.fetch_optional(MEASURE, params![id, after, count]).await? else { return Ok(None) };
        let (number, bytes) = (row.long("number")?, row.long("bytes")?);
        if number == 0 {
            return Ok(Some(Vec::new()));
        }
        let most_bytes = i64::try_from(most_bytes).unwrap_or(i64::MAX);
        if bytes <= most_bytes {
            let Some(row) = db.fetch_optional(READ, params![id, after, number]).await? else { return Ok(None) };
            if row.long("staged")? > 0 {
                return Ok(None);
            }
            let lines = unpack(row.bytes("ids")?, row.bytes("lengths")?, &row.text("times")?, row.bytes("texts")?);
            return lines.map(Some).ok_or_else(|| StoreError::Unreadable {
                column: "output".to_owned(),
                value: format!("{number} lines after {after}"),
                expected: "the joined lines of a task",
            });
        }
        count = number.saturating_mul(most_bytes) / bytes;
        if count < 16 {
            break;
        }
    }
    Ok(None)
}

/// The lines of the values that [`READ`] answers.
fn unpack(ids: &[u8], lengths: &[u8], times: &str, mut texts: &[u8]) -> Option<Vec<StoredLine>> {
    let ids: Vec<i64> = serde_json::from_slice(ids).ok()?;
    let lengths: Vec<usize> = serde_json::from_slice(lengths).ok()?;
    let mut times = times.split('\n');
    if ids.len() != lengths.len() {
        return None;
    }
    let mut lines = Vec::with_capacity(ids.len());
    for (id, length) in ids.into_iter().zip(lengths) {
        let (text, rest) = texts.split_at_checked(length)?;
        texts = rest;
        lines.push(StoredLine {
            id,
            time: Moment::Text(times.next()?.to_owned()),
            text: String::from_utf8_lossy(text).into_owned(),
            stage_id: None,
            continued: false,
        });
    }
    (texts.is_empty() && (lines.is_empty() || times.next().is_none())).then_some(lines)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn joined_values_are_taken_apart() {
        let lines =
            unpack(b"[7,9,12]", b"[3,0,2]", "2026-11-22 00:31:12 +0000 UTC\n\nyesterday", b"a\nb\xff\0").unwrap();
        let found: Vec<_> = lines.iter().map(|line| (line.id, line.text.as_str())).collect();
        assert_eq!(found, [(7, "a\nb"), (9, ""), (12, "\u{fffd}\0")]);
        assert_eq!(lines[2].time, Moment::Text("yesterday".to_owned()));
        assert!(unpack(b"[]", b"[]", "", b"").unwrap().is_empty());
        for (ids, lengths, times, texts) in [
            ("[7]", "[3]", "now", "ab"),
            ("[7]", "[1]", "now", "ab"),
            ("[7,8]", "[2]", "now\nnow", "ab"),
            ("[7]", "[2]", "now\nnow", "ab"),
            ("[7,8]", "[1,1]", "now", "ab"),
            ("", "[]", "", ""),
        ] {
            let found = unpack(ids.as_bytes(), lengths.as_bytes(), times, texts.as_bytes());
            assert!(found.is_none(), "{ids} {lengths} {times} {texts}");
        }
    }

    #[test]
    fn a_piece_ends_at_its_bytes_and_at_another_stage() {
        let line = |length: usize, stage: Option<i32>| TaskOutput {
            output: "x".repeat(length),
            stage_id: stage.map(TaskStageId),
            ..TaskOutput::default()
        };
        let long = PIECE_BYTES;
        assert_eq!(piece_length(&[line(long + 1, None), line(1, None)]), 1);
        assert_eq!(piece_length(&[line(1, None), line(long, None)]), 1);
        assert_eq!(piece_length(&[line(long - 1, None), line(1, None), line(1, None)]), 2);
        assert_eq!(piece_length(&[line(1, Some(1)), line(1, Some(1)), line(1, None)]), 2);
        assert_eq!(piece_length(&vec![TaskOutput::default(); PIECE_LINES + 1]), PIECE_LINES);
    }
}
