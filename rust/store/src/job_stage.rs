//! What the jobs of tasks did from when to when, in a table of our own.

use crate::db::{FromRow, Row, Transaction, params};
use crate::{Result, Store};
use semaphore_model::{JobStage, TaskId};

impl FromRow for JobStage {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { stage: row.text("stage")?, start: row.time("started")?, end: row.optional_time("ended")? })
    }
}

impl Store {
    /// The parts of a task's job, in order. The task must have been looked up together with its project.
    pub async fn list_job_stages(&self, id: TaskId) -> Result<Vec<JobStage>> {
        let text = "select stage, started, ended from rs_task_stage where task_id = ? order by number";
        self.fetch_own(text, params![id]).await?.iter().map(JobStage::from_row).collect()
    }
}

impl Transaction {
    /// Sets the parts of a task's job; without our table they are not kept.
    pub async fn replace_job_stages(&mut self, id: TaskId, stages: &[JobStage]) -> Result<()> {
        self.execute_own("delete from rs_task_stage where task_id = ?", params![id]).await?;
        let text = "insert into rs_task_stage (task_id, number, stage, started, ended) values (?, ?, ?, ?, ?)";
        for (number, stage) in (1_i32..).zip(stages) {
            self.execute_own(text, params![id, number, &stage.stage, stage.start, stage.end]).await?;
        }
        Ok(())
    }
}
