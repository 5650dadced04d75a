//! Output of tasks: many lines in few statements, read back by time and, within one time, in the order of insertion.
//!
//! Which lines go on in the next one stands in a table of our own, `rs_task_output_part`; without it each part is a line, as it
//! is for the reference.

use crate::db::{DbTimeParam, FromRow, Moment, Param, Row, Transaction, params};
use crate::list::Page;
use crate::{Result, Store};
use semaphore_model::{ProjectId, TaskId, TaskOutput};
use std::collections::HashSet;

/// Lines per statement. The statement for a full chunk stays prepared.
const CHUNK: usize = 250;

/// Bytes of text after which [`Store::read_task_output`] ends a piece: a line can have a megabyte.
pub(crate) const PIECE_BYTES: usize = 2 << 20;

/// A place in the output of a task: everything up to and including one line was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputCursor {
    time: Option<Moment>,
    id: i64,
    order: Order,
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

/// Whether a line of the task is older than the one inserted before it.
const IS_UNORDERED: &str = "select exists (select 1 from (select time, lag(time) over (order by id) as earlier \
     from task__output where task_id = ?) as walked where time < earlier) as unordered";
const READ_BY_ID: &str =
    "select id, task_id, time, output from task__output where task_id = ? and id > ? order by id limit ?";
const READ_BY_TIME: &str = "select id, task_id, time, output from task__output \
     where task_id = ? and (time > ? or (time = ? and id > ?)) order by time, id limit ?";

impl FromRow for TaskOutput {
    /// Reference: lists of output carry neither the row's id nor its stage.
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
    /// Adds lines of one task in one transaction, in this order; `id` and `task_id` of the lines do not count.
    ///
    /// They survive the end of the process at once, and a crash of the machine after the next write of state (such as the
    /// status of the task).
    pub async fn append_task_output(&self, task_id: TaskId, lines: &[TaskOutput]) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin_output().await?;
        transaction.append_task_output(task_id, lines).await?;
        transaction.commit().await
    }

    /// Output of a task of the project; not found if the task is not one of the project.
    ///
    /// A task can have a great many lines: use [`Store::read_task_output`] to send them in pieces.
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
    /// the place given.
    pub async fn read_task_output(
        &self,
        id: TaskId,
        mut after: OutputCursor,
        count: u32,
    ) -> Result<(Vec<TaskOutput>, OutputCursor)> {
        if after.order == Order::Unknown {
            let row = self.db().fetch_optional(IS_UNORDERED, params![id]).await?;
            let unordered = row.map_or(Ok(false), |row| row.boolean("unordered"))?;
            after.order = if unordered { Order::ByTime } else { Order::ById };
        }
        let (text, values) = if after.order == Order::ById {
            (READ_BY_ID, params![id, after.id, count])
        } else {
            let time = after.time.clone().unwrap_or(Moment::Utc(semaphore_model::time::zero()));
            (READ_BY_TIME, params![id, time.clone(), time, after.id, count])
        };
        let (mut lines, mut ids) = (Vec::new(), Vec::new());
        let mut bytes = 0_usize;
        let take = |row: &Row| {
            after.time = row.moment("time")?;
            after.id = row.long("id")?;
            ids.push(after.id);
            let line = TaskOutput::from_row(row)?;
            bytes = bytes.saturating_add(line.output.len());
            lines.push(line);
            Ok(bytes >= PIECE_BYTES)
        };
        self.db().fetch_until(text, values, take).await?;
        self.mark_continued(&mut lines, &ids).await?;
        Ok((lines, after))
    }

    /// Finds out which of these lines go on in the next one.
    async fn mark_continued(&self, lines: &mut [TaskOutput], ids: &[i64]) -> Result<()> {
        let (Some(&lowest), Some(&highest)) = (ids.iter().min(), ids.iter().max()) else { return Ok(()) };
        let text = "select output_id from rs_task_output_part where output_id >= ? and output_id <= ?";
        let parts = self.fetch_own(text, params![lowest, highest]).await?;
        let parts = parts.iter().map(|row| row.long("output_id")).collect::<Result<HashSet<_>>>()?;
        if !parts.is_empty() {
            for (line, id) in lines.iter_mut().zip(ids) {
                line.continued = parts.contains(id);
            }
        }
        Ok(())
    }
}

impl Transaction {
    /// Adds lines of one task, in this order; for a use case that writes state in the same transaction.
    pub async fn append_task_output(&mut self, task_id: TaskId, lines: &[TaskOutput]) -> Result<()> {
        let mut times = DbTimeParam::default();
        for chunk in lines.chunks(CHUNK) {
            let mut values = Vec::with_capacity(chunk.len() * 4);
            for line in chunk {
                values.push(Param::from(task_id));
                values.push(Param::from(line.output.as_str()));
                values.push(times.param(self.dialect(), line.time));
                values.push(Param::from(line.stage_id));
            }
            let text = insert_text(chunk.len());
            if chunk.len() == CHUNK {
                self.execute(text, values).await?;
            } else {
                self.execute_once(text, values).await?;
            }
            if chunk.iter().any(|line| line.continued) {
                self.mark_parts(task_id, chunk).await?;
            }
        }
        Ok(())
    }

    /// Remembers which of the lines that were just added go on in the next one.
    async fn mark_parts(&mut self, task_id: TaskId, chunk: &[TaskOutput]) -> Result<()> {
        let count = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        // Only this transaction adds lines to the task.
        let newest = "select id from task__output where task_id = ? order by id desc limit ?";
        let rows = self.fetch_all(newest, params![task_id, count]).await?;
        for (line, row) in chunk.iter().rev().zip(&rows) {
            if line.continued {
                let text = "insert into rs_task_output_part (output_id) values (?)";
                self.execute_own(text, params![row.long("id")?]).await?;
            }
        }
        Ok(())
    }
}

fn insert_text(rows: usize) -> String {
    let mut text = "insert into task__output (task_id, output, time, stage_id) values ".to_owned();
    text.push_str(&"(?, ?, ?, ?), ".repeat(rows));
    text.truncate(text.len() - 2);
    text
}
