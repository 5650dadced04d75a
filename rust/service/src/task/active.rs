//! The administrator's list of unfinished tasks, on whichever server they are.

use std::collections::{HashMap, HashSet};

use semaphore_model::RunnerId;
use semaphore_task::{ActiveTask, Location, Pool};

use crate::{Result, Services};

/// An unfinished task, and the remote runner that has it, with its name.
#[derive(Clone, Debug)]
pub struct ListedTask {
    /// The task.
    pub task: ActiveTask,
    /// Its runner.
    pub runner: Option<(RunnerId, String)>,
}

impl Services {
    /// The unfinished tasks of all servers on the database: first those of this one, as its pool knows them. Reference: only
    /// those of the server that is asked.
    pub async fn active_tasks(&self, pool: &Pool) -> Result<Vec<ListedTask>> {
        let foreign = self.store.list_tasks_of_other_servers(&self.server_id).await?;
        let runners = self.store.list_runners_at_work().await?.into_iter();
        let mut runners: HashMap<_, _> = runners.map(|(task, runner, name)| (task, (runner, name))).collect();
        let mut tasks = pool.active();
        let own: HashSet<_> = tasks.iter().map(|task| task.id).collect();
        // One may have been taken over since the rows were read.
        tasks.extend(foreign.into_iter().filter(|task| !own.contains(&task.id)).map(|task| ActiveTask {
            id: task.id,
            project_id: task.project_id,
            username: task.username,
            status: task.status,
            location: if task.is_running { Location::Running } else { Location::Queue },
        }));
        Ok(tasks.into_iter().map(|task| ListedTask { runner: runners.remove(&task.id), task }).collect())
    }
}
