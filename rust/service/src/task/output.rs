//! Parts of the output of a task, and looking for a text in it. Ours; the reference gives the whole output only.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use semaphore_model::{ProjectId, TaskId, TaskOutput, time};
use semaphore_store::{OutputRange, OutputSearch};
use serde::Serialize;

use crate::{Error, Result, Services};

/// Lines of a part, and hits of a search, if nothing is said.
pub const DEFAULT_LINES: u32 = 1_000;

/// Most lines of a part, and most hits of a search.
pub const MOST_LINES: u32 = 10_000;

/// Longest text that is looked for, in bytes.
const LONGEST_TEXT: usize = 1_000;

/// A line that has the text that was looked for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FoundLine {
    /// Its number in the output, counted from 1.
    pub line: i64,
    /// Id of its row, for a part that begins behind it.
    pub id: i64,
    /// When it was read.
    #[serde(with = "time::rfc3339")]
    #[schemars(with = "DateTime<Utc>")]
    pub time: DateTime<Utc>,
    /// Its text without colours; of a line over 4 KiB the part around the place.
    pub output: String,
}

/// What a search found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FoundLines {
    /// In the order of the output.
    pub hits: Vec<FoundLine>,
    /// Number of the last line that was looked at: a search goes on behind it.
    pub last_line: i64,
    /// Whether that was the end of the output.
    pub complete: bool,
}

impl Services {
    /// A part of the output of a task of the project; the lines carry the ids of their rows.
    pub async fn task_output_range(
        &self,
        project: ProjectId,
        task: TaskId,
        range: OutputRange,
    ) -> Result<Vec<TaskOutput>> {
        if range.limit == 0 || range.limit > MOST_LINES {
            return Err(Error::invalid(format!("limit and tail must be numbers from 1 to {MOST_LINES}")));
        }
        let task = self.task(project, task).await?;
        Ok(self.store.list_task_output_range(task.id, range).await?)
    }

    /// Looks for a text in the output of a task of the project. Dropping the future ends the search.
    pub async fn search_task_output(
        &self,
        project: ProjectId,
        task: TaskId,
        search: OutputSearch,
    ) -> Result<FoundLines> {
        if search.text.is_empty() || search.text.len() > LONGEST_TEXT || search.text.contains('\n') {
            return Err(Error::invalid(format!("q must be a text of one line with at most {LONGEST_TEXT} bytes")));
        }
        if search.limit == 0 || search.limit > MOST_LINES {
            return Err(Error::invalid(format!("limit must be a number from 1 to {MOST_LINES}")));
        }
        let task = self.task(project, task).await?;
        let found = self.store.search_task_output(task.id, &search).await?;
        let hits = found.hits.into_iter();
        let hits = hits.map(|hit| FoundLine { line: hit.line, id: hit.id, time: hit.time, output: hit.output });
        Ok(FoundLines { hits: hits.collect(), last_line: found.last_line, complete: found.complete })
    }
}
