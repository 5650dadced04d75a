//! Stages of tasks as the reference's own tables have them, read only: nothing here makes them. What a job did is in `job_stage`.

use crate::db::{FromRow, Row, params};
use crate::{Result, Store};
use semaphore_model::{ProjectId, TaskId, TaskStage};

impl FromRow for TaskStage {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            task_id: row.id("task_id")?,
            start: row.optional_time("start")?,
            end: row.optional_time("end")?,
            r#type: row.text("type")?,
            result: row.optional_text("json")?.and_then(|text| serde_json::from_str(&text).ok()),
            ..Self::default()
        })
    }
}

impl Store {
    /// Stages of a task of the project that have a result; not found if the task is not one of the project.
    pub async fn list_task_stages(&self, project_id: ProjectId, id: TaskId) -> Result<Vec<TaskStage>> {
        self.get_task(project_id, id).await?;
        let text = "select s.*, r.json from task__stage s join task__stage_result r on r.stage_id = s.id where r.task_id = ? \
             order by s.id";
        self.fetch(text, params![id]).await
    }
}
