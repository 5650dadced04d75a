//! What somebody needs who follows the output of a task by the numbers of its lines: where a number lies, how many lines
//! there are, whose task it is. Not for reading the lines: `task_output.rs`.

use crate::db::params;
use crate::{OutputCursor, OutputRange, Result, Store};
use semaphore_model::{ProjectId, TaskId};

impl OutputCursor {
    /// Number of the last line before the place, counted from 1; 0 at the beginning.
    pub const fn lines(&self) -> i64 {
        self.lines
    }
}

impl Store {
    /// The place behind the line with this number. A number that no line has is the end: ask
    /// [`Store::task_output_length`] first.
    pub async fn task_output_place(&self, id: TaskId, line: i64) -> Result<OutputCursor> {
        let Some(offset) = line.checked_sub(1).and_then(|offset| u32::try_from(offset).ok()) else {
            return Ok(if line <= 0 { OutputCursor::default() } else { OutputCursor::end() });
        };
        let range = OutputRange { offset, limit: 1, ..OutputRange::default() };
        let last = self.list_task_output_range(id, range).await?.pop();
        Ok(last.map_or_else(OutputCursor::end, |last| OutputCursor::behind(&last, line)))
    }

    /// How many lines of the task are stored.
    pub async fn task_output_length(&self, id: TaskId) -> Result<i64> {
        loop {
            let archive = self.readable_archive(id).await?;
            let length = if let Some(archive) = &archive {
                archive.lines
            } else {
                let text = "select count(*) as lines from task__output where task_id = ?";
                let row = self.db().fetch_optional(text, params![id]).await?;
                row.map_or(Ok(0), |row| row.long("lines"))?
            };
            // Rows and archive may change places in between.
            if self.readable_archive(id).await?.is_some() == archive.is_some() {
                return Ok(length);
            }
        }
    }

    /// The project of a task; `None` if there is no such task.
    pub async fn find_project_of_task(&self, id: TaskId) -> Result<Option<ProjectId>> {
        let text =
            "select tpl.project_id from task t join project__template tpl on tpl.id = t.template_id where t.id = ?";
        self.db().fetch_optional(text, params![id]).await?.map(|row| row.id("project_id")).transpose()
    }
}
