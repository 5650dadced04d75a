//! The administrator's list of unfinished tasks, on whichever server they are.

use std::collections::HashSet;

use semaphore_task::{ActiveTask, Location, Pool};

use crate::{Result, Services};

impl Services {
    /// The unfinished tasks of all servers on the database: first those of this one, as its pool knows them. Reference: only
    /// those of the server that is asked.
    pub async fn active_tasks(&self, pool: &Pool) -> Result<Vec<ActiveTask>> {
        let foreign = self.store.list_tasks_of_other_servers(&self.server_id).await?;
        let mut tasks = pool.active();
        let own: HashSet<_> = tasks.iter().map(|task| task.id).collect();
        for task in foreign {
            // One may have been taken over since the rows were read.
            if !own.contains(&task.id) {
                tasks.push(ActiveTask {
                    id: task.id,
                    project_id: task.project_id,
                    username: task.username,
                    status: task.status,
                    location: if task.is_running { Location::Running } else { Location::Queue },
                });
            }
        }
        Ok(tasks)
    }
}
