//! What the jobs of tasks did from when to when, and what they planned, in tables of our own.

use crate::db::{FromRow, Row, Transaction, params};
use crate::{Result, Store};
use semaphore_model::{JobStage, PlanSummary, TaskId};

impl FromRow for JobStage {
    fn from_row(row: &Row) -> Result<Self> {
        let (stage, start, end) = (row.text("stage")?, row.time("started")?, row.optional_time("ended")?);
        Ok(Self { stage, start, end, plan: plan(row)? })
    }
}

/// A row without a plan has none of its numbers.
fn plan(row: &Row) -> Result<Option<PlanSummary>> {
    let count =
        |column| Ok::<_, crate::StoreError>(row.optional_long(column)?.and_then(|count| u32::try_from(count).ok()));
    let Some(add) = count("to_add")? else { return Ok(None) };
    let rest = |column| Ok::<_, crate::StoreError>(count(column)?.unwrap_or_default());
    Ok(Some(PlanSummary { add, change: rest("to_change")?, destroy: rest("to_destroy")?, import: rest("to_import")? }))
}

impl Store {
    /// The parts of a task's job, in order. The task must have been looked up together with its project.
    pub async fn list_job_stages(&self, id: TaskId) -> Result<Vec<JobStage>> {
        let text = "select s.stage, s.started, s.ended, p.to_add, p.to_change, p.to_destroy, p.to_import \
             from rs_task_stage s left join rs_task_plan p on p.task_id = s.task_id and p.number = s.number \
             where s.task_id = ? order by s.number";
        self.fetch_own(text, params![id]).await?.iter().map(JobStage::from_row).collect()
    }
}

impl Transaction {
    /// Sets the parts of a task's job; without our tables they are not kept.
    pub async fn replace_job_stages(&mut self, id: TaskId, stages: &[JobStage]) -> Result<()> {
        self.execute_own("delete from rs_task_stage where task_id = ?", params![id]).await?;
        self.execute_own("delete from rs_task_plan where task_id = ?", params![id]).await?;
        let text = "insert into rs_task_stage (task_id, number, stage, started, ended) values (?, ?, ?, ?, ?)";
        let plan_text = "insert into rs_task_plan (task_id, number, to_add, to_change, to_destroy, to_import) \
             values (?, ?, ?, ?, ?, ?)";
        for (number, stage) in (1_i32..).zip(stages) {
            self.execute_own(text, params![id, number, &stage.stage, stage.start, stage.end]).await?;
            if let Some(plan) = stage.plan {
                let [add, change, destroy, import] = [plan.add, plan.change, plan.destroy, plan.import].map(i64::from);
                self.execute_own(plan_text, params![id, number, add, change, destroy, import]).await?;
            }
        }
        Ok(())
    }
}
