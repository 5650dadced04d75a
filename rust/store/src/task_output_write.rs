//! Adding lines to the output of a task: many in few statements, in the order of their numbers, each once.
//!
//! Invariants: a task has one writer at a time; no line is older than the one before it, so that the Go server's
//! `order by time, id` is the order of the lines; a line whose number is stored already is dropped.

use crate::db::{Param, Transaction, params};
use crate::error::StoreError;
use crate::sql::Dialect;
use crate::task_output_pack::{self, INSERT_ONE, INSERT_PACKED, Packing};
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::{TaskId, TaskOutput};
use std::fmt::Write as _;

/// Most lines of one statement for a server. The statement for so many stays prepared.
const CHUNK: usize = 250;

/// Bytes of text after which a statement gets no further line: a server refuses statements that are too long.
const STATEMENT_BYTES: usize = 1 << 20;

/// What became of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// At least one of them was new, or there was none.
    Stored,
    /// All of them were stored before, and with them whatever was given together with them.
    Known,
}

impl Store {
    /// Adds lines of one task in one transaction, in this order, behind all that are there; `id` and `task_id` of the lines
    /// do not count. A line older than the one before it gets that one's time.
    ///
    /// They survive the end of the process at once, and a crash of the machine after the next write of state (such as the
    /// status of the task).
    pub async fn append_task_output(&self, task_id: TaskId, lines: &[TaskOutput]) -> Result<()> {
        self.append_numbered_task_output(task_id, None, lines).await
    }

    /// As [`Store::append_task_output`], for lines that may be given twice: `first` is the number of the first of them in its
    /// task, counted from 1. Lines whose numbers are stored already are dropped.
    pub async fn append_numbered_task_output(
        &self,
        task_id: TaskId,
        first: Option<i64>,
        lines: &[TaskOutput],
    ) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut marked = true;
        loop {
            let mut transaction = self.begin_output().await?;
            match transaction.append_task_output(task_id, first, lines, marked).await {
                Ok(_) => return transaction.commit().await,
                Err(StoreError::OwnTableMissing { source }) if marked => {
                    tracing::warn!(error = %source, "lines that are given twice are not noticed before the next start");
                    transaction.rollback().await?;
                    marked = false;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Transaction {
    /// Adds lines of one task, in this order; see [`Store::append_numbered_task_output`]. Not `marked`: without our table.
    pub(crate) async fn append_task_output(
        &mut self,
        task_id: TaskId,
        first: Option<i64>,
        lines: &[TaskOutput],
        marked: bool,
    ) -> Result<Appended> {
        if lines.is_empty() {
            return Ok(Appended::Stored);
        }
        if !marked {
            return self.insert_lines(task_id, lines, None).await.map(|()| Appended::Stored);
        }
        if let Some(first) = first
            && self.advance_output_mark(task_id, first, lines).await?
        {
            return self
                .insert_lines(task_id, lines, lines.first().map(|line| line.time))
                .await
                .map(|()| Appended::Stored);
        }
        let mut mark = self.output_mark(task_id).await?;
        let known = first.map_or(0, |first| usize::try_from(mark.number + 1 - first).unwrap_or(0));
        let Some(new) = lines.get(known..).filter(|new| !new.is_empty()) else { return Ok(Appended::Known) };
        // Lines without a number do not count: their writer does not know of the others.
        mark.number = first.map_or(mark.number, |first| first + lines.len() as i64 - 1);
        mark.bytes += new.iter().map(|line| line.output.len() as i64).sum::<i64>();
        let earliest = mark.time;
        mark.time = new.iter().map(|line| line.time).fold(earliest, DateTime::max);
        self.insert_lines(task_id, new, Some(earliest)).await?;
        self.set_output_mark(task_id, &mark).await?;
        Ok(Appended::Stored)
    }

    /// Inserts lines, none older than `earliest` and than the one before it; without `earliest` each has its own time.
    async fn insert_lines(
        &mut self,
        task_id: TaskId,
        mut lines: &[TaskOutput],
        earliest: Option<DateTime<Utc>>,
    ) -> Result<()> {
        let mut last = earliest;
        let mut time = |line: &TaskOutput| {
            last = last.map(|last| last.max(line.time));
            last.unwrap_or(line.time)
        };
        let mut packing = Packing::default();
        while !lines.is_empty() {
            let length = match self.dialect() {
                Dialect::Sqlite => task_output_pack::piece_length(lines),
                Dialect::Postgres | Dialect::MySql => piece_length(lines),
            };
            let (piece, rest) = lines.split_at(length);
            match (self.dialect(), piece) {
                (Dialect::Sqlite, [line]) => {
                    let values = packing.single(task_id, line, time(line));
                    self.execute(INSERT_ONE, values).await?;
                }
                (Dialect::Sqlite, piece) => {
                    for line in piece {
                        packing.add(&line.output, time(line));
                    }
                    let values = packing.take(task_id, piece.first().and_then(|line| line.stage_id));
                    self.execute(INSERT_PACKED, values).await?;
                }
                (dialect, piece) => self.insert_rows(dialect, task_id, piece, &mut time).await?,
            }
            if piece.iter().any(|line| line.continued) {
                self.mark_parts(task_id, piece).await?;
            }
            lines = rest;
        }
        Ok(())
    }

    /// Inserts lines with one value a column, for a server.
    async fn insert_rows(
        &mut self,
        dialect: Dialect,
        task_id: TaskId,
        piece: &[TaskOutput],
        time: &mut (impl FnMut(&TaskOutput) -> DateTime<Utc> + Send),
    ) -> Result<()> {
        let staged = piece.iter().any(|line| line.stage_id.is_some());
        let mut values = Vec::with_capacity(1 + piece.len() * 4);
        if dialect == Dialect::Postgres {
            values.push(Param::from(task_id));
        }
        for line in piece {
            if dialect == Dialect::MySql {
                values.push(Param::from(task_id));
            }
            values.push(Param::from(line.output.as_str()));
            values.push(Param::from(time(line)));
            if staged {
                values.push(Param::from(line.stage_id));
            }
        }
        let text = insert_text(dialect, piece.len(), staged);
        if piece.len() == CHUNK {
            self.execute(text, values).await.map(drop)
        } else {
            self.execute_once(text, values).await.map(drop)
        }
    }

    /// Remembers which of the lines that were just added go on in the next one.
    async fn mark_parts(&mut self, task_id: TaskId, piece: &[TaskOutput]) -> Result<()> {
        let count = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        // Only this transaction adds lines to the task.
        let newest = "select id from task__output where task_id = ? order by id desc limit ?";
        let rows = self.fetch_all(newest, params![task_id, count]).await?;
        for (line, row) in piece.iter().rev().zip(&rows) {
            if line.continued {
                let text = "insert into rs_task_output_part (output_id) values (?)";
                self.execute_own(text, params![row.long("id")?]).await?;
            }
        }
        Ok(())
    }
}

/// How many of these lines go into the next statement for a server.
fn piece_length(lines: &[TaskOutput]) -> usize {
    let mut bytes = 0;
    let fits = |line: &&TaskOutput| {
        bytes += line.output.len();
        bytes <= STATEMENT_BYTES
    };
    lines.iter().take(CHUNK).take_while(fits).count().max(1)
}

const INSERT: &str = "insert into task__output (task_id, output, time, stage_id) values ";

/// The statement for so many rows. The task is bound once where the server knows numbers of values.
fn insert_text(dialect: Dialect, rows: usize, staged: bool) -> String {
    let mut text = INSERT.to_owned();
    if dialect == Dialect::MySql {
        text.push_str(&if staged { "(?, ?, ?, ?), " } else { "(?, ?, ?, null), " }.repeat(rows));
    } else {
        let values = if staged { 3 } else { 2 };
        for output in (2..).step_by(values).take(rows) {
            let (time, stage) = (output + 1, output + 2);
            let stage = if staged { format!("${stage}") } else { "null".to_owned() };
            // Writing to a text cannot fail.
            let _ = write!(text, "($1, ${output}, ${time}, {stage}), ");
        }
    }
    text.truncate(text.len() - 2);
    text
}
