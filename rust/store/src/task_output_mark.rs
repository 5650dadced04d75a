//! How far the output of each task is stored: the number of its last line, that line's time, the bytes of all its texts.
//!
//! The row changes in the transaction that adds the lines, so it never says more or less than is there. Not for the lines
//! themselves. Without our table lines are stored all the same, but nobody notices those that are given twice.

use crate::db::{Row, Transaction, params};
use crate::error::StoreError;
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::{TaskId, TaskOutput};

/// Whether a line of the task is older than the one inserted before it.
pub(crate) const IS_UNORDERED: &str = "select exists (select 1 from (select time, lag(time) over (order by id) as earlier \
     from task__output where task_id = ?) as walked where time < earlier) as unordered";

const SELECT: &str = "select number, bytes, time, in_order from rs_task_output_mark where task_id = ?";

/// How far the output of a task is stored.
#[derive(Clone, Debug)]
pub(crate) struct OutputMark {
    /// Highest number of a line given with numbers; 0 without one.
    pub(crate) number: i64,
    /// Bytes of all texts; characters for lines the Go server wrote.
    pub(crate) bytes: i64,
    /// Time of the last line.
    pub(crate) time: DateTime<Utc>,
    /// No line is older than the one inserted before it.
    pub(crate) in_order: bool,
    /// The number that the row in the table had, if it is there.
    stored: Option<i64>,
}

impl OutputMark {
    fn from_row(row: &Row) -> Result<Self> {
        let number = row.long("number")?;
        Ok(Self {
            number,
            bytes: row.long("bytes")?,
            time: row.time("time")?,
            in_order: row.boolean("in_order")?,
            stored: Some(number),
        })
    }
}

impl Store {
    /// The highest number of a line of the task that is stored; 0 without lines, and without our table. A writer that goes on
    /// after a crash begins behind it.
    pub async fn task_output_number(&self, id: TaskId) -> Result<i64> {
        let rows = self.fetch_own(SELECT, params![id]).await?;
        rows.first().map_or(Ok(0), |row| Ok(OutputMark::from_row(row)?.number))
    }

    /// Time of the last line of the task that is stored; the beginning of all time without lines or without our table.
    pub async fn task_output_time(&self, id: TaskId) -> Result<DateTime<Utc>> {
        let rows = self.fetch_own(SELECT, params![id]).await?;
        rows.first().map_or(Ok(DateTime::UNIX_EPOCH), |row| Ok(OutputMark::from_row(row)?.time))
    }

    /// Whether it is known that the order of insertion is the order of time.
    pub(crate) async fn is_output_in_order(&self, id: TaskId) -> Result<bool> {
        let rows = self.fetch_own(SELECT, params![id]).await?;
        if let Some(row) = rows.first() {
            return Ok(OutputMark::from_row(row)?.in_order);
        }
        let row = self.db().fetch_optional(IS_UNORDERED, params![id]).await?;
        Ok(!row.map_or(Ok(false), |row| row.boolean("unordered"))?)
    }
}

impl Transaction {
    /// The mark of a task. Without a row it is made of the lines that are there.
    pub(crate) async fn output_mark(&mut self, id: TaskId) -> Result<OutputMark> {
        // Not locked: MySQL would lock the gap in which the marks of other tasks belong.
        if let Some(row) = self.fetch_optional(SELECT, params![id]).await? {
            return OutputMark::from_row(&row);
        }
        let (bytes, time, in_order) = self.measured_output(id).await?;
        Ok(OutputMark { number: 0, bytes, time, in_order, stored: None })
    }

    /// Counts lines that follow those that are stored, none of them older, in one statement: what nearly all lines do. Answers
    /// false, and changes nothing, if they are anything else. `first` is the number of the first one.
    pub(crate) async fn advance_output_mark(&mut self, id: TaskId, first: i64, lines: &[TaskOutput]) -> Result<bool> {
        let Some(earliest) = lines.first().map(|line| line.time) else { return Ok(false) };
        let time = lines.iter().map(|line| line.time).fold(earliest, DateTime::max);
        let bytes: i64 = lines.iter().map(|line| line.output.len() as i64).sum();
        let text = "update rs_task_output_mark set number = ?, bytes = bytes + ?, time = ? \
             where task_id = ? and number = ? and time <= ?";
        let values = params![first + lines.len() as i64 - 1, bytes, time, id, first - 1, earliest];
        Ok(self.execute(text, values).await? > 0)
    }

    /// Bytes, time of the last line, and order of the lines that are there.
    async fn measured_output(&mut self, id: TaskId) -> Result<(i64, DateTime<Utc>, bool)> {
        let last = "select time from task__output where task_id = ? order by id desc limit 1";
        let Some(last) = self.fetch_optional(last, params![id]).await? else {
            return Ok((0, DateTime::UNIX_EPOCH, true));
        };
        // A decimal number for MySQL and a big one for PostgreSQL without the cast.
        let size = match self.dialect() {
            crate::sql::Dialect::MySql => "cast(coalesce(sum(length(output)), 0) as signed)",
            _ => "cast(coalesce(sum(length(output)), 0) as bigint)",
        };
        let text = format!("select {size} as bytes from task__output where task_id = ?");
        let bytes = self.fetch_optional(text, params![id]).await?.map_or(Ok(0), |row| row.long("bytes"))?;
        let unordered = self.fetch_optional(IS_UNORDERED, params![id]).await?;
        let in_order = !unordered.map_or(Ok(false), |row| row.boolean("unordered"))?;
        Ok((bytes, last.time("time")?, in_order))
    }

    /// Stores the mark; an error that may pass if another writer was faster, so that no number is given to two lines.
    pub(crate) async fn set_output_mark(&mut self, id: TaskId, mark: &OutputMark) -> Result<()> {
        let mut values = params![mark.number, mark.bytes, mark.time];
        let Some(stored) = mark.stored else {
            values.extend(params![i64::from(mark.in_order), id]);
            let text =
                "insert into rs_task_output_mark (number, bytes, time, in_order, task_id) values (?, ?, ?, ?, ?)";
            return self.execute(text, values).await.map(drop);
        };
        values.extend(params![id, stored]);
        let text = "update rs_task_output_mark set number = ?, bytes = ?, time = ? where task_id = ? and number = ?";
        if self.execute(text, values).await? == 0 {
            let source = sqlx::Error::Protocol(format!("another writer adds to the output of task {id}"));
            return Err(StoreError::Busy { source });
        }
        Ok(())
    }
}
