//! Why a task waits, in words. Ours; the reference says `waiting` and no more.
//!
//! Any server can say it, not only the one that will run the task. Not for the decision: the pool and the store make it.

use schemars::JsonSchema;
use semaphore_model::{Task, TaskId};
use semaphore_store::WaitingFacts;
use serde::Serialize;

use super::placement::runners_hold;
use crate::{Result, Services};

/// Why a task waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WaitingReason {
    /// `template`, `inventory`, `project_limit`, `server_limit`, `runner_limit`, `runner_silent`, `no_server` or `turn`.
    pub code: &'static str,
    /// The same for a person.
    pub message: String,
    /// The task that it waits for, if it is a certain one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<TaskId>,
    /// How many tasks of the project wait for longer.
    pub ahead: i64,
}

impl Services {
    /// Why a waiting task of a project waits.
    pub(super) async fn waiting_reason(&self, task: &Task) -> Result<WaitingReason> {
        let Some(facts) = self.store.find_waiting_facts(task.id).await? else {
            let message = "no server has taken it up yet".to_owned();
            return Ok(WaitingReason { code: "no_server", message, task_id: None, ahead: 0 });
        };
        let template = self.store.get_plain_template(task.project_id, task.template_id).await?;
        let project = self.store.get_project(task.project_id).await?;
        let holder = match template.inventory_of(task.inventory_id) {
            Some(inventory) => self.store.find_inventory_holder(task.project_id, inventory, task.id).await?,
            None => None,
        };
        let reason = reason(&facts, holder, template.allow_parallel_tasks, i64::from(project.max_parallel_tasks));
        if reason.code != "turn" {
            return Ok(reason);
        }
        let Some(wish) = self.runner_wish(task.project_id, task.template_id, task.id).await? else { return Ok(reason) };
        let runners = self.store.list_candidates(task.project_id, &wish).await?;
        let hold = runners_hold(&runners, wish.heard_since);
        Ok(hold.map_or(reason, |(code, message)| WaitingReason { code, message, task_id: None, ahead: facts.ahead }))
    }
}

/// What a person can do something about comes first. `holder`: the task that has the inventory for itself.
fn reason(facts: &WaitingFacts, holder: Option<TaskId>, allow_parallel: bool, project_limit: i64) -> WaitingReason {
    let running = facts.of_template.filter(|_| !allow_parallel);
    let (code, message) = match (&facts.host, running.or(holder)) {
        (None, _) => ("no_server", "the server that was to run it is gone; another one takes it up".to_owned()),
        (_, Some(task)) if running.is_some() => {
            ("template", format!("it waits for task #{task} of the same template, whose tasks do not run in parallel"))
        }
        (_, Some(task)) => ("inventory", format!("it waits for task #{task}, which has the same inventory for itself")),
        _ if project_limit > 0 && facts.in_project >= project_limit => {
            ("project_limit", format!("the limit of the project, {}, is reached", tasks(project_limit)))
        }
        (Some(host), _) if facts.server_limit > 0 && facts.on_server >= facts.server_limit => {
            ("server_limit", format!("the limit of the server {host}, {}, is reached", tasks(facts.server_limit)))
        }
        _ => ("turn", "it is about to run".to_owned()),
    };
    WaitingReason {
        code,
        message,
        task_id: if facts.host.is_some() { running.or(holder) } else { None },
        ahead: facts.ahead,
    }
}

fn tasks(limit: i64) -> String {
    if limit == 1 { "1 running task".to_owned() } else { format!("{limit} running tasks") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_holds_the_task_back() {
        let facts = WaitingFacts {
            host: Some("one".to_owned()),
            server_limit: 2,
            on_server: 2,
            in_project: 1,
            of_template: Some(TaskId(7)),
            ahead: 3,
        };
        let check = |facts: &WaitingFacts, allow_parallel, limit, code, text: &str| {
            let reason = reason(facts, None, allow_parallel, limit);
            assert!(reason.code == code && reason.message.contains(text), "{reason:?}");
            assert_eq!(reason.task_id.is_some(), code == "template");
        };
        check(&facts, false, 1, "template", "task #7 of the same template");
        let held = reason(&facts, Some(TaskId(8)), true, 1);
        assert!(held.code == "inventory" && held.message.contains("#8") && held.task_id == Some(TaskId(8)), "{held:?}");
        assert_eq!(reason(&facts, Some(TaskId(8)), false, 1).task_id, Some(TaskId(7)), "the template comes first");
        check(&facts, true, 1, "project_limit", "1 running task,");
        check(&facts, true, 2, "server_limit", "server one, 2 running tasks,");
        check(&WaitingFacts { on_server: 1, ..facts.clone() }, true, 0, "turn", "about to run");
        check(&WaitingFacts { host: None, ..facts }, false, 1, "no_server", "another one");
    }
}
