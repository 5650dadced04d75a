//! What a waiting task waits for, as far as the tables tell: any server can answer, not only the one it belongs to.
//!
//! Not for the words: the service makes them.

use crate::db::params;
use crate::{Result, Store};
use semaphore_model::TaskId;

/// What is known about a task that waits and belongs to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingFacts {
    /// Machine of the server that it belongs to; none if that server is gone.
    pub host: Option<String>,
    /// How many tasks that server runs at the same time; 0 = no limit.
    pub server_limit: i64,
    /// How many it runs.
    pub on_server: i64,
    /// How many tasks of the project run, on whichever server.
    pub in_project: i64,
    /// The first task of the same template that runs.
    pub of_template: Option<TaskId>,
    /// How many tasks of the project wait for longer.
    pub ahead: i64,
}

impl Store {
    /// What is known about a waiting task; none if it belongs to no server. The task must have been looked up together with
    /// its project.
    pub async fn find_waiting_facts(&self, id: TaskId) -> Result<Option<WaitingFacts>> {
        let text = "select s.host, s.max_parallel_tasks, \
             (select count(*) from rs_task_lease r where r.owner = l.owner and r.running = 1) as on_server, \
             (select count(*) from rs_task_lease r where r.project_id = l.project_id and r.running = 1) as in_project, \
             (select min(r.task_id) from rs_task_lease r where r.project_id = l.project_id and r.running = 1 \
                 and r.template_id = l.template_id) as of_template, \
             (select count(*) from rs_task_lease r where r.project_id = l.project_id and r.running = 0 \
                 and r.task_id < l.task_id) as ahead \
             from rs_task_lease l left join rs_server s on s.id = l.owner where l.task_id = ?";
        let rows = self.fetch_own(text, params![id]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(WaitingFacts {
            host: row.optional_text("host")?,
            server_limit: row.long("max_parallel_tasks")?,
            on_server: row.long("on_server")?,
            in_project: row.long("in_project")?,
            of_template: row.optional_id("of_template")?,
            ahead: row.long("ahead")?,
        }))
    }
}
