//! A part of the output of a task: from a line on, after a row, or its end.

use crate::db::{Param, Row, params};
use crate::task_archive_chunk::StoredLine;
use crate::{Result, Store};
use semaphore_model::{TaskId, TaskOutput};

/// Bytes of text after which a part ends: a line can have a megabyte.
const RANGE_BYTES: usize = 8 << 20;

/// Which part of the output is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputRange {
    /// Only lines whose row has a greater id.
    pub since_id: Option<i64>,
    /// How many of those to leave out, at the side from which is counted.
    pub offset: u32,
    /// How many lines at most.
    pub limit: u32,
    /// Count from the end. The lines come in their usual order all the same.
    pub from_end: bool,
}

impl Store {
    /// Lines of a part with the ids of their rows, in the order of reading; fewer than `limit` if they are long (8 MiB end a
    /// part), but at least one if there is one. The caller has checked that the task is one of the project.
    pub async fn list_task_output_range(&self, id: TaskId, range: OutputRange) -> Result<Vec<TaskOutput>> {
        loop {
            let archive = self.readable_archive(id).await?.is_some();
            let mut lines =
                if archive { self.range_of_archive(id, range).await? } else { self.range_of_rows(id, range).await? };
            // As for pieces: rows and archive may change places while we read.
            if self.readable_archive(id).await?.is_some() != archive {
                continue;
            }
            if range.from_end {
                lines.reverse();
            }
            if !archive {
                self.mark_continued(&mut lines).await?;
            }
            return lines.into_iter().map(|line| line.into_output(id)).collect();
        }
    }

    async fn range_of_rows(&self, id: TaskId, range: OutputRange) -> Result<Vec<StoredLine>> {
        let order = match (self.is_output_in_order(id).await?, range.from_end) {
            (true, false) => "id",
            (true, true) => "id desc",
            (false, false) => "time, id",
            (false, true) => "time desc, id desc",
        };
        let mut values = params![id];
        let since = if range.since_id.is_some() { " and id > ?" } else { "" };
        values.extend(range.since_id.map(Param::from));
        let text = format!(
            "select id, time, output, stage_id from task__output where task_id = ?{since} order by {order} limit ? offset ?"
        );
        values.extend(params![range.limit, range.offset]);
        let mut taken = Taken::new(range.limit);
        self.db().fetch_until(text, values, |row: &Row| Ok(taken.take(StoredLine::from_row(row)?))).await?;
        Ok(taken.lines)
    }

    async fn range_of_archive(&self, id: TaskId, range: OutputRange) -> Result<Vec<StoredLine>> {
        let mut taken = Taken::new(range.limit);
        let mut left_out = 0;
        // Without a row to begin after, the chunks before the part need not be read.
        let skipped = if range.since_id.is_none() && !range.from_end { range.offset } else { 0 };
        self.walk_archive(id, skipped.into(), range.from_end, |number, line| {
            if range.since_id.is_some_and(|since| line.id <= since) || number <= i64::from(skipped) {
                return Ok(false);
            }
            if left_out < range.offset - skipped {
                left_out += 1;
                return Ok(false);
            }
            Ok(taken.take(line))
        })
        .await?;
        Ok(taken.lines)
    }
}

/// Lines up to a limit.
struct Taken {
    lines: Vec<StoredLine>,
    limit: usize,
    bytes: usize,
}

impl Taken {
    const fn new(limit: u32) -> Self {
        Self { lines: Vec::new(), limit: limit as usize, bytes: 0 }
    }

    /// Takes a line; answers whether it was the last.
    fn take(&mut self, line: StoredLine) -> bool {
        if self.lines.len() < self.limit {
            self.bytes += line.text.len();
            self.lines.push(line);
        }
        self.lines.len() >= self.limit || self.bytes >= RANGE_BYTES
    }
}
