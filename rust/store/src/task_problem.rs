//! Why a task does not do well, in a table of our own.

use crate::db::{FromRow, Row, Transaction, params};
use crate::{Result, Store};
use semaphore_model::{TaskId, TaskProblem};

impl FromRow for TaskProblem {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { code: row.text("code")?, message: row.text("message")?, time: row.time("time")? })
    }
}

impl Store {
    /// What was found about a task, in order. The task must have been looked up together with its project.
    pub async fn list_task_problems(&self, id: TaskId) -> Result<Vec<TaskProblem>> {
        let text = "select code, message, time from rs_task_problem where task_id = ? order by number";
        self.fetch_own(text, params![id]).await?.iter().map(TaskProblem::from_row).collect()
    }
}

impl Transaction {
    /// Adds what was found about a task; without our table it is not kept.
    pub async fn insert_task_problem(&mut self, id: TaskId, problem: &TaskProblem) -> Result<()> {
        // Two that come at the same time get different numbers.
        let lock = format!("select id from task where id = ?{}", self.dialect().for_update());
        self.fetch_optional(lock, params![id]).await?;
        let text = "insert into rs_task_problem (task_id, number, code, message, time) \
             select ?, coalesce(max(number), 0) + 1, ?, ?, ? from rs_task_problem where task_id = ?";
        let values = params![id, &problem.code, &problem.message, problem.time, id];
        self.execute_own(text, values).await.map(drop)
    }
}
