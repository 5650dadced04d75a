//! Output of finished tasks in compressed chunks: rows become chunks, chunks become the same rows again.
//!
//! The row in `rs_task_archive` says what counts. `writing`: chunks are made, the rows count. `clearing`: the chunks count, the
//! rows go. `archived`: the rows are gone. `restoring`: rows come back, the chunks count until all are there. Each change is
//! a durable commit of its own, so that a crash leaves a task in one of these states, and the next attempt goes on.
//! Not for the decision which tasks are archived, nor for the form of a chunk (`task_archive_chunk.rs`).
//!
//! Invariants: rows that a stage names stay; the newest row of the table stays, so that no database gives its id twice; restored
//! rows have the ids, times and stages they had.

use crate::db::{Row, Transaction, params};
use crate::error::StoreError;
use crate::own_table::nothing_if_missing;
use crate::sql::{Dialect, and_in};
use crate::task_archive_chunk::{StoredLine, decode, encode};
use crate::task_output::PIECE_BYTES;
use crate::{OutputCursor, Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::{TaskId, TaskOutput};
use std::collections::HashSet;

/// Most lines of a chunk.
const CHUNK_LINES: u32 = 4_000;

/// Bytes of text after which a chunk gets no further line.
const CHUNK_BYTES: usize = 512 * 1024;

/// Rows that one transaction removes or restores: others who write wait that long.
pub(crate) const ROWS_AT_ONCE: u32 = 2_000;

/// Rows of one inserting statement.
const ROWS_PER_STATEMENT: usize = 200;

/// What counts: rows or chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Writing,
    Clearing,
    Archived,
    Restoring,
}

impl State {
    const ALL: [Self; 4] = [Self::Writing, Self::Clearing, Self::Archived, Self::Restoring];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Writing => "writing",
            Self::Clearing => "clearing",
            Self::Archived => "archived",
            Self::Restoring => "restoring",
        }
    }
}

/// The row of an archive.
pub(crate) struct Archive {
    state: State,
    pub(crate) lines: i64,
}

impl Archive {
    fn from_row(row: &Row) -> Result<Self> {
        let state = row.text("state")?;
        let known = State::ALL.into_iter().find(|known| known.as_str() == state);
        let state = known.ok_or_else(|| StoreError::Unreadable {
            column: "state".to_owned(),
            value: state,
            expected: "the state of an archive",
        })?;
        Ok(Self { state, lines: row.long("number_of_lines")? })
    }
}

const SELECT: &str = "select state, number_of_lines from rs_task_archive where task_id = ?";

/// What became of the output of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archived {
    /// It lies in the archive now.
    Yes {
        /// Lines in the archive.
        lines: i64,
    },
    /// Nothing was done: the task has not ended, has no output, or its output is being restored.
    No,
}

impl Store {
    /// The archive of a task if its chunks count.
    pub(crate) async fn readable_archive(&self, id: TaskId) -> Result<Option<Archive>> {
        let rows = self.fetch_own(SELECT, params![id]).await?;
        let archive = rows.first().map(Archive::from_row).transpose()?;
        Ok(archive.filter(|archive| archive.state != State::Writing))
    }

    /// The next lines after so many, as [`Store::read_task_output`] gives them.
    pub(crate) async fn read_archived_piece(
        &self,
        id: TaskId,
        mut after: OutputCursor,
        count: u32,
    ) -> Result<(Vec<TaskOutput>, OutputCursor)> {
        let mut lines = Vec::new();
        let mut bytes = 0_usize;
        let first = after.lines;
        self.walk_archive(id, first, false, |number, line| {
            if number <= first {
                return Ok(false);
            }
            (after.id, after.time, after.lines) = (line.id, Some(line.time.clone()), number);
            bytes = bytes.saturating_add(line.text.len());
            lines.push(line.into_output(id)?);
            Ok(lines.len() >= count as usize || bytes >= PIECE_BYTES)
        })
        .await?;
        Ok((lines, after))
    }

    /// Hands over the lines of an archive with their numbers until `take` has enough: from the chunk that has the line behind
    /// `after` on, or from the last line backwards.
    pub(crate) async fn walk_archive(
        &self,
        id: TaskId,
        after: i64,
        backwards: bool,
        mut take: impl FnMut(i64, StoredLine) -> Result<bool>,
    ) -> Result<()> {
        let order = if backwards { "desc" } else { "asc" };
        let text = format!(
            "select first_line, content from rs_task_archive_chunk where task_id = ? and first_line + number_of_lines > ? \
             order by number {order}"
        );
        let as_text = self.db().dialect() == Dialect::Sqlite;
        let each = |row: &Row| {
            let first = row.long("first_line")?;
            let lines = decode(row.bytes("content")?, as_text)?;
            let mut numbered: Vec<_> = (first..).zip(lines).collect();
            if backwards {
                numbered.reverse();
            }
            for (number, line) in numbered {
                if take(number, line)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        nothing_if_missing(self.db().fetch_until(text, params![id, after + 1], each).await)
    }

    /// The next finished tasks after one, in the order of their ids, that ended before a time and whose output lies in rows, or half
    /// in an archive. Fewer than `count` are the last ones.
    pub async fn list_tasks_to_archive(
        &self,
        ended_before: DateTime<Utc>,
        after: TaskId,
        count: u32,
    ) -> Result<Vec<TaskId>> {
        let text = "select t.id from task t left join rs_task_archive a on a.task_id = t.id \
             where t.id > ? and t.status in ('success', 'error', 'stopped') and coalesce(t.`end`, t.created) < ? \
             and (a.state is null or a.state in ('writing', 'clearing')) \
             and exists (select 1 from task__output o where o.task_id = t.id and o.stage_id is null) order by t.id limit ?";
        self.fetch_own(text, params![after, ended_before, count]).await?.iter().map(|row| row.id("id")).collect()
    }

    /// Tasks with an archive in any state, in order.
    pub async fn list_archived_tasks(&self) -> Result<Vec<TaskId>> {
        let rows = self.fetch_own("select task_id from rs_task_archive order by task_id", params![]).await?;
        rows.iter().map(|row| row.id("task_id")).collect()
    }

    /// Moves the output of a finished task from rows to an archive; goes on where an earlier attempt stopped.
    ///
    /// Errors leave either the rows or the archive complete. The output is read in the same order before, after and meanwhile.
    pub async fn archive_task_output(&self, id: TaskId) -> Result<Archived> {
        let Some(state) = self.begin_archive(id).await? else { return Ok(Archived::No) };
        if state == State::Writing {
            let lines = self.write_archive(id).await?;
            self.finish_archive(id, lines).await?;
        }
        let newest = self.db().fetch_optional("select max(id) as id from task__output", params![]).await?;
        let newest = newest.map_or(Ok(0), |row| row.long("id"))?;
        while self.remove_rows(id, Some(newest)).await? {}
        let mut transaction = self.begin().await?;
        transaction.set_archive_state(id, State::Clearing, State::Archived).await?;
        let archive = transaction.archive(id).await?;
        transaction.commit().await?;
        Ok(archive.map_or(Archived::No, |archive| Archived::Yes { lines: archive.lines }))
    }

    /// Removes the chunks of an attempt that did not come to its end; answers what is to be done, nothing for a task that has
    /// nothing to archive.
    async fn begin_archive(&self, id: TaskId) -> Result<Option<State>> {
        let mut transaction = self.begin().await?;
        let state = transaction.archive(id).await?.map(|archive| archive.state);
        if matches!(state, Some(State::Clearing)) {
            return Ok(state);
        }
        if matches!(state, Some(State::Archived | State::Restoring)) {
            return Ok(None);
        }
        let text = "select 1 as found from task t where t.id = ? and t.status in ('success', 'error', 'stopped') \
             and exists (select 1 from task__output o where o.task_id = t.id)";
        if transaction.fetch_optional(text, params![id]).await?.is_none() {
            return Ok(None);
        }
        transaction.execute("delete from rs_task_archive_chunk where task_id = ?", params![id]).await?;
        if state.is_none() {
            let text = "insert into rs_task_archive (task_id, state, number_of_lines, changed) values (?, ?, 0, ?)";
            transaction.execute(text, params![id, State::Writing.as_str(), Utc::now()]).await?;
        }
        transaction.commit().await?;
        Ok(Some(State::Writing))
    }

    /// Writes all lines into chunks; answers how many they are.
    async fn write_archive(&self, id: TaskId) -> Result<i64> {
        let mut place = OutputCursor::default();
        let (mut number, mut first_line) = (1_i32, 1_i64);
        loop {
            let (lines, next) = self.read_stored_rows(id, place, CHUNK_LINES, CHUNK_BYTES).await?;
            place = next;
            if lines.is_empty() {
                return Ok(first_line - 1);
            }
            let count = lines.len() as i64;
            let last_id = lines.iter().map(|line| line.id).max().unwrap_or_default();
            let as_text = self.db().dialect() == Dialect::Sqlite;
            let packed = tokio::task::spawn_blocking(move || {
                let content = encode(&lines).ok()?;
                (decode(&content, as_text).ok()? == lines).then_some(content)
            });
            let content = packed.await.ok().flatten().ok_or_else(|| StoreError::Unreadable {
                column: "output".to_owned(),
                value: format!("lines from {first_line} on of task {id}"),
                expected: "something that a chunk of an archive can hold",
            })?;
            let mut transaction = self.begin_output().await?;
            let text = "insert into rs_task_archive_chunk (task_id, number, first_line, number_of_lines, last_id, content) \
                 values (?, ?, ?, ?, ?, ?)";
            transaction.execute(text, params![id, number, first_line, count, last_id, content]).await?;
            transaction.commit().await?;
            number += 1;
            first_line += count;
        }
    }

    /// Lets the chunks count if they have all lines, each once.
    async fn finish_archive(&self, id: TaskId, lines: i64) -> Result<()> {
        let mut transaction = self.begin().await?;
        let archive = transaction.archive(id).await?;
        let text = "select count(*) as number from task__output where task_id = ?";
        let rows = transaction.fetch_optional(text, params![id]).await?.map_or(Ok(0), |row| row.long("number"))?;
        let text = "select first_line, number_of_lines from rs_task_archive_chunk where task_id = ? order by number";
        let mut next = 1;
        for chunk in transaction.fetch_all(text, params![id]).await? {
            if chunk.long("first_line")? != next {
                return Err(changed_meanwhile(id));
            }
            next += chunk.long("number_of_lines")?;
        }
        let is_writing = archive.is_some_and(|archive| archive.state == State::Writing);
        if !is_writing || rows != lines || next != lines + 1 {
            return Err(changed_meanwhile(id));
        }
        let text = "update rs_task_archive set state = ?, number_of_lines = ?, changed = ? where task_id = ?";
        transaction.execute(text, params![State::Clearing.as_str(), lines, Utc::now(), id]).await?;
        transaction.commit().await
    }

    /// Removes some rows of a task's output; answers whether there may be more. With `newest`, rows that a stage names and the
    /// row of that id stay.
    pub(crate) async fn remove_rows(&self, id: TaskId, newest: Option<i64>) -> Result<bool> {
        let kept = if newest.is_some() { " and stage_id is null and id <> ?" } else { "" };
        let values = |last: Option<i64>| {
            let mut values = params![id];
            values.extend(newest.map(Into::into));
            values.extend(last.map(Into::into));
            values
        };
        let text = format!(
            "select id from task__output where task_id = ?{kept} order by id limit 1 offset {}",
            ROWS_AT_ONCE - 1
        );
        let last = self.db().fetch_optional(text, values(None)).await?.map(|row| row.long("id")).transpose()?;
        let bound = if last.is_some() { " and id <= ?" } else { "" };
        let mut transaction = self.begin_output().await?;
        let text = format!("delete from task__output where task_id = ?{kept}{bound}");
        let clock = std::time::Instant::now();
        transaction.execute(text, values(last)).await?;
        transaction.commit().await?;
        // Whoever waits for the database goes first.
        tokio::time::sleep(clock.elapsed()).await;
        Ok(last.is_some())
    }

    /// Brings the output of a task back into rows and removes its archive; answers how many lines it has, nothing if there was
    /// no archive. May be called again after an error or a crash.
    pub async fn unarchive_task_output(&self, id: TaskId) -> Result<Option<i64>> {
        let mut transaction = self.begin().await?;
        let Some(archive) = transaction.archive(id).await? else { return Ok(None) };
        if archive.state == State::Writing {
            transaction.delete_archive(id).await?;
            transaction.commit().await?;
            return Ok(None);
        }
        transaction.set_archive_state(id, archive.state, State::Restoring).await?;
        transaction.commit().await?;
        let mut after = 0;
        while after < archive.lines {
            let mut lines = Vec::with_capacity(ROWS_AT_ONCE as usize);
            let mut bytes = 0;
            self.walk_archive(id, after, false, |number, line| {
                if number > after {
                    bytes += line.text.len();
                    lines.push(line);
                }
                Ok(lines.len() >= ROWS_AT_ONCE as usize || bytes >= PIECE_BYTES)
            })
            .await?;
            if lines.is_empty() {
                return Err(changed_meanwhile(id));
            }
            after += lines.len() as i64;
            let mut transaction = self.begin_output().await?;
            transaction.restore_lines(id, lines).await?;
            transaction.commit().await?;
        }
        let mut transaction = self.begin().await?;
        transaction.archive(id).await?;
        let text = "select count(*) as number from task__output where task_id = ?";
        let rows = transaction.fetch_optional(text, params![id]).await?.map_or(Ok(0), |row| row.long("number"))?;
        if rows < archive.lines {
            return Err(changed_meanwhile(id));
        }
        transaction.delete_archive(id).await?;
        transaction.commit().await?;
        Ok(Some(archive.lines))
    }
}

fn changed_meanwhile(id: TaskId) -> StoreError {
    StoreError::Unreadable {
        column: "number_of_lines".to_owned(),
        value: format!("the output of task {id}"),
        expected: "unchanged while it is moved; run the same again",
    }
}

impl Transaction {
    async fn archive(&mut self, id: TaskId) -> Result<Option<Archive>> {
        let text = format!("{SELECT}{}", self.dialect().for_update());
        self.fetch_optional(text, params![id]).await?.as_ref().map(Archive::from_row).transpose()
    }

    async fn set_archive_state(&mut self, id: TaskId, from: State, to: State) -> Result<()> {
        let text = "update rs_task_archive set state = ?, changed = ? where task_id = ? and state = ?";
        self.execute(text, params![to.as_str(), Utc::now(), id, from.as_str()]).await.map(drop)
    }

    async fn delete_archive(&mut self, id: TaskId) -> Result<()> {
        self.execute("delete from rs_task_archive_chunk where task_id = ?", params![id]).await?;
        self.execute("delete from rs_task_archive where task_id = ?", params![id]).await.map(drop)
    }

    /// Inserts those of these lines whose rows are not there.
    async fn restore_lines(&mut self, id: TaskId, mut lines: Vec<StoredLine>) -> Result<()> {
        for ids in lines.iter().map(|line| line.id).collect::<Vec<_>>().chunks(ROWS_PER_STATEMENT) {
            let text = format!("select id from task__output where task_id = ?{}", and_in("id", ids.len()));
            let mut values = params![id];
            values.extend(ids.iter().copied().map(Into::into));
            let there = self.fetch_all(text, values).await?;
            let there = there.iter().map(|row| row.long("id")).collect::<Result<HashSet<_>>>()?;
            lines.retain(|line| !there.contains(&line.id));
        }
        for lines in lines.chunks(ROWS_PER_STATEMENT) {
            let mut text = "insert into task__output (id, task_id, time, output, stage_id) values ".to_owned();
            text.push_str(&"(?, ?, ?, ?, ?), ".repeat(lines.len()));
            text.truncate(text.len() - 2);
            let mut values = Vec::with_capacity(lines.len() * 5);
            for line in lines {
                values.extend(params![line.id, id, line.time.clone(), &line.text, line.stage_id]);
            }
            self.execute_once(text, values).await?;
            for line in lines.iter().filter(|line| line.continued) {
                let text = "insert into rs_task_output_part (output_id) values (?)";
                self.execute_own(text, params![line.id]).await?;
            }
        }
        Ok(())
    }
}
