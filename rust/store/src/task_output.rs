//! Reading the output of tasks, by time and, within one time, in the order of insertion.
//!
//! Which lines go on in the next one stands in a table of our own, `rs_task_output_part`; without it each part is a line, as it
//! is for the reference. Output may lie in an archive (`task_archive.rs`): then it is read from there, with the same answers.
//! Not for writing: `task_output_write.rs`.

use crate::db::{FromRow, Moment, Row, params};
use crate::list::Page;
use crate::sql::Dialect;
use crate::task_archive_chunk::StoredLine;
use crate::{Result, Store, task_output_pack};
use semaphore_model::{ProjectId, TaskId, TaskOutput};
use std::collections::HashSet;

/// Bytes of text after which [`Store::read_task_output`] ends a piece: a line can have a megabyte.
pub(crate) const PIECE_BYTES: usize = 2 << 20;

/// A place in the output of a task: everything up to and including one line was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputCursor {
    pub(crate) time: Option<Moment>,
    pub(crate) id: i64,
    /// How many lines were read.
    pub(crate) lines: i64,
    order: Order,
}

impl OutputCursor {
    /// The place behind a line that has `lines - 1` lines before it.
    pub(crate) fn behind(line: &TaskOutput, lines: i64) -> Self {
        Self { time: Some(Moment::Utc(line.time)), id: line.id, lines, order: Order::Unknown }
    }

    /// A place behind which there is nothing.
    pub(crate) fn end() -> Self {
        Self { time: None, id: i64::MAX, lines: i64::MAX - 1, order: Order::ById }
    }
}

/// How the lines of a task are walked through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    /// Not yet known.
    #[default]
    Unknown,
    /// The order of insertion is the order of time: each piece costs only itself.
    ById,
    /// Some line is older than one before it (the Go server wrote from several threads): each piece sorts the whole.
    ByTime,
}

const READ_BY_ID: &str =
    "select id, time, output, stage_id from task__output where task_id = ? and id > ? order by id limit ?";
const READ_BY_TIME: &str = "select id, time, output, stage_id from task__output \
     where task_id = ? and (time > ? or (time = ? and id > ?)) order by time, id limit ?";

impl FromRow for TaskOutput {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            task_id: row.id("task_id")?,
            time: row.time("time")?,
            output: row.text("output")?,
            ..Self::default()
        })
    }
}

impl Store {
    /// Output of a task of the project; not found if the task is not one of the project.
    ///
    /// A task can have a great many lines: use [`Store::read_task_output`] to send them in pieces. Archived output is not in it.
    pub async fn list_task_output(&self, project_id: ProjectId, id: TaskId, page: Page) -> Result<Vec<TaskOutput>> {
        self.get_task(project_id, id).await?;
        let text = format!(
            "select task_id, time, output from task__output where task_id = ? order by time, id{}",
            page.clause()?
        );
        self.fetch(text, params![id]).await
    }

    /// The next at most `count` lines after a place, fewer if they are long (2 MiB end a piece) but at least one if there
    /// is one; [`OutputCursor::default`] is the beginning. The answer's cursor is the place after them; without lines it is
    /// the place given. Reference: the lines carry neither the row's id nor its stage.
    pub async fn read_task_output(
        &self,
        id: TaskId,
        after: OutputCursor,
        count: u32,
    ) -> Result<(Vec<TaskOutput>, OutputCursor)> {
        let (mut lines, place) = self.read_output_piece(id, after, count).await?;
        for line in &mut lines {
            (line.id, line.stage_id) = (0, None);
        }
        Ok((lines, place))
    }

    /// As [`Store::read_task_output`], with the ids of the rows.
    pub(crate) async fn read_output_piece(
        &self,
        id: TaskId,
        after: OutputCursor,
        count: u32,
    ) -> Result<(Vec<TaskOutput>, OutputCursor)> {
        loop {
            let archive = self.readable_archive(id).await?;
            let found = if archive.is_some() {
                self.read_archived_piece(id, after.clone(), count).await?
            } else {
                let (lines, place) = self.read_stored_rows(id, after.clone(), count, PIECE_BYTES).await?;
                let lines = lines.into_iter().map(|line| line.into_output(id));
                (lines.collect::<Result<_>>()?, place)
            };
            // Rows give way to the archive, and the archive to rows, while we read: what was read then has gaps.
            if self.readable_archive(id).await?.is_some() == archive.is_some() {
                return Ok(found);
            }
        }
    }

    /// The next rows after a place, at most `count`, fewer if their texts have `most_bytes`.
    pub(crate) async fn read_stored_rows(
        &self,
        id: TaskId,
        mut after: OutputCursor,
        count: u32,
        most_bytes: usize,
    ) -> Result<(Vec<StoredLine>, OutputCursor)> {
        if after.order == Order::Unknown {
            after.order = if self.is_output_in_order(id).await? { Order::ById } else { Order::ByTime };
        }
        if after.order == Order::ById
            && count > 1
            && self.db().dialect() == Dialect::Sqlite
            && let Some(mut lines) = task_output_pack::read_after(self.db(), id, after.id, count, most_bytes).await?
        {
            if let Some(last) = lines.last() {
                (after.id, after.time) = (last.id, Some(last.time.clone()));
                after.lines += lines.len() as i64;
            }
            self.mark_continued(&mut lines).await?;
            return Ok((lines, after));
        }
        let (text, values) = if after.order == Order::ById {
            (READ_BY_ID, params![id, after.id, count])
        } else {
            let time = after.time.clone().unwrap_or(Moment::Utc(semaphore_model::time::zero()));
            (READ_BY_TIME, params![id, time.clone(), time, after.id, count])
        };
        let mut lines = Vec::new();
        let mut bytes = 0_usize;
        let take = |row: &Row| {
            let line = StoredLine::from_row(row)?;
            (after.id, after.time, after.lines) = (line.id, Some(line.time.clone()), after.lines + 1);
            bytes = bytes.saturating_add(line.text.len());
            lines.push(line);
            Ok(bytes >= most_bytes)
        };
        self.db().fetch_until(text, values, take).await?;
        self.mark_continued(&mut lines).await?;
        Ok((lines, after))
    }

    /// Finds out which of these lines go on in the next one.
    pub(crate) async fn mark_continued(&self, lines: &mut [StoredLine]) -> Result<()> {
        let ids = || lines.iter().map(|line| line.id);
        let (Some(lowest), Some(highest)) = (ids().min(), ids().max()) else { return Ok(()) };
        let text = "select output_id from rs_task_output_part where output_id >= ? and output_id <= ?";
        let parts = self.fetch_own(text, params![lowest, highest]).await?;
        let parts = parts.iter().map(|row| row.long("output_id")).collect::<Result<HashSet<_>>>()?;
        if !parts.is_empty() {
            for line in lines {
                line.continued = parts.contains(&line.id);
            }
        }
        Ok(())
    }
}
