//! Following a task by the numbers of its lines, for clients that go on where they stopped. Who may see the task is the
//! caller's to check.

use semaphore_model::{ProjectId, Task, TaskId, TaskOutput};
use semaphore_store::OutputCursor;

use crate::{Result, Services};

impl Services {
    /// The project of a task; `None` if there is no such task.
    pub async fn find_project_of_task(&self, task: TaskId) -> Result<Option<ProjectId>> {
        Ok(self.store.find_project_of_task(task).await?)
    }

    /// A task of a project as its row is now; `None` if it is there no longer.
    pub async fn find_task(&self, project: ProjectId, task: TaskId) -> Result<Option<Task>> {
        match self.store.get_task(project, task).await {
            Ok(task) => Ok(Some(task)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// How many lines of a task are stored.
    pub async fn task_output_length(&self, task: TaskId) -> Result<i64> {
        Ok(self.store.task_output_length(task).await?)
    }

    /// The place behind the line with this number, which must be there.
    pub async fn task_output_place(&self, task: TaskId, line: i64) -> Result<OutputCursor> {
        Ok(self.store.task_output_place(task, line).await?)
    }

    /// The next lines after a place, `count` at most; fewer if they are long.
    pub async fn task_output_piece(
        &self,
        task: TaskId,
        after: OutputCursor,
        count: u32,
    ) -> Result<(Vec<TaskOutput>, OutputCursor)> {
        Ok(self.store.read_task_output(task, after, count).await?)
    }
}
