//! What the Go server would not see or do if it took this database over, and the end of the tasks it would leave hanging.
//!
//! Our tables stay where they are: the Go server does not look at them, and nothing in them hinders it. Not for the schema:
//! a database at the newest version has the Go server's own (see the tests).

use crate::db::params;
use crate::{NamedToken, Result, Store};
use chrono::Utc;
use semaphore_model::{Event, EventObject, ProjectId, TaskId, TaskStatus};

/// A table of ours that holds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRows {
    /// The table.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// What that means for whoever goes back.
    pub meaning: &'static str,
}

/// A task that is waiting or under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedTask {
    /// The task.
    pub id: TaskId,
    /// Its project.
    pub project_id: ProjectId,
    /// Its status, as stored.
    pub status: String,
}

/// What the Go server would not see or do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReturnCheck {
    /// Tasks it would leave as they are for ever.
    pub tasks: Vec<UnfinishedTask>,
    /// What lies in our tables only.
    pub own_rows: Vec<OwnRows>,
    /// The hashed API tokens, which it does not know.
    pub hashed_tokens: Vec<NamedToken>,
}

/// What a table of ours means for the way back.
const MEANINGS: &[(&str, &str)] = &[
    ("rs_alert_outbox", "alerts that are not sent yet will not be sent"),
    ("rs_alert_rule", "alert rules do not count: the alert settings of projects and users alone decide"),
    ("rs_api_token", "these hashed API tokens stop working: their owners need new ones"),
    ("rs_audit_outbox", "these audit records are not delivered, and no new ones are made"),
    ("rs_audit_teller", "nothing is lost: which server delivers audit records"),
    ("rs_delivery", "the log of webhook deliveries is not shown, and nothing in it can be replayed"),
    ("rs_delivery_verdict", "what became of webhook deliveries is not shown"),
    ("rs_event_detail", "addresses and actions of the activity are not shown"),
    ("rs_host_key_policy", "the keys of git hosts are not checked any more"),
    ("rs_import_map", "session cookies from before the import of a Bolt file stop working: people log in again"),
    ("rs_inventory_policy", "tasks that wait for each other because of their inventory run at the same time"),
    ("rs_jwt_key", "signed tokens are not issued and not accepted"),
    ("rs_login_throttle", "failed sign-ins are not slowed down"),
    ("rs_mapped_admin", "administrators made by a group mapping stay administrators until somebody changes that"),
    ("rs_mapped_role", "memberships made by a group mapping stay until somebody removes them"),
    ("rs_oidc_subject", "OpenID Connect accounts are found by their e-mail address or name instead of their subject"),
    ("rs_retention_rule", "retention rules do not count: only max_tasks_per_template does"),
    ("rs_runner_report", "reports of remote runners that were on their way to another server do not arrive"),
    ("rs_runner_room", "nothing is lost: how many more tasks remote runners would begin"),
    ("rs_schedule_fire", "which due times were served is not known: a schedule fires at its next one"),
    ("rs_schedule_policy", "missed and overlapping runs of schedules are treated as the Go server does"),
    ("rs_server", "servers on one database do not know of each other"),
    ("rs_task_archive", "the archived output of these tasks is not shown: run `semaphore task unarchive --all` first"),
    ("rs_task_command", "stops that were on their way to another server do not arrive"),
    ("rs_task_host", "processes of tasks that run are not found again"),
    ("rs_task_lease", "tasks have no owner"),
    ("rs_task_output_mark", "nothing is lost: the marks are for going on after a crash"),
    ("rs_task_output_part", "pieces of very long lines are shown as lines"),
    ("rs_task_plan", "the numbers of Terraform plans are not shown"),
    ("rs_task_problem", "the reasons of failed tasks are shown only where the log has them"),
    ("rs_task_runner", "tasks that remote runners have are not known to be theirs"),
    ("rs_task_secret", "secret values of waiting tasks are lost: such a task has to be started again"),
    ("rs_task_stage", "the stages of tasks are not shown"),
    ("rs_terraform_lock", "locks of Terraform states do not hold"),
    ("rs_transfer", "nothing is lost: how an import or a copy went"),
];

/// What ended a task that was not finished.
const LAST_LINE: &str = "The task was ended because this installation goes back to another server.";

const FINISHED: &str = "'success', 'error', 'stopped'";

impl Store {
    /// Lists what the Go server would not see or do. Nothing is changed.
    pub async fn check_return(&self) -> Result<ReturnCheck> {
        let mut check = ReturnCheck {
            tasks: self.list_hanging_tasks().await?,
            own_rows: Vec::new(),
            hashed_tokens: self.list_hashed_token_names().await?,
        };
        let mut tables = super::tables(self.db()).await?;
        tables.sort_unstable();
        for table in tables {
            // Bookkeeping of our own history says nothing to anybody.
            if !table.starts_with("rs_") || table.starts_with("rs_migration") || !is_plain(&table) {
                continue;
            }
            let counted = self.db().fetch_all(format!("select count(*) as amount from {table}"), params![]).await?;
            let rows = counted.first().map_or(Ok(0), |row| row.long("amount"))?;
            if rows > 0 {
                let meaning = MEANINGS.iter().find(|(name, _)| *name == table);
                let meaning = meaning.map_or("it is not looked at", |(_, meaning)| meaning);
                check.own_rows.push(OwnRows { table, rows: rows.unsigned_abs(), meaning });
            }
        }
        Ok(check)
    }

    async fn list_hanging_tasks(&self) -> Result<Vec<UnfinishedTask>> {
        let text = format!(
            "select task.id, tpl.project_id, task.status from task join project__template tpl on tpl.id = task.template_id \
             where task.status not in ({FINISHED}) order by task.id"
        );
        let rows = self.db().fetch_all(text, params![]).await?;
        rows.iter()
            .map(|row| {
                Ok(UnfinishedTask { id: row.id("id")?, project_id: row.id("project_id")?, status: row.text("status")? })
            })
            .collect()
    }

    /// Ends every task that is not finished: a waiting one as `stopped`, one under way as `error`, each with a last line and
    /// an activity. All of them or none; answers which.
    ///
    /// Only while no server works on the database.
    pub async fn end_unfinished_tasks(&self) -> Result<Vec<UnfinishedTask>> {
        let tasks = self.list_hanging_tasks().await?;
        let mut transaction = self.begin().await?;
        for task in &tasks {
            let now = Utc::now();
            let status =
                if task.status == TaskStatus::Waiting.as_str() { TaskStatus::Stopped } else { TaskStatus::Error };
            let text = "insert into task__output (task_id, time, output) values (?, ?, ?)";
            transaction.execute(text, params![task.id, now, LAST_LINE]).await?;
            let text = "update task set status = ?, `end` = ? where id = ?";
            transaction.change(text, params![status.as_str(), now, task.id]).await?;
            let description = format!("Task ID {} finished with status {}", task.id, status.as_str().to_uppercase());
            let event = Event {
                project_id: Some(task.project_id),
                object_id: Some(task.id.0),
                object_type: Some(EventObject::Task),
                description: Some(description),
                ..Event::default()
            };
            transaction.insert_event(event).await?;
        }
        transaction.commit().await?;
        Ok(tasks)
    }
}

/// Whether the name can be put into a text as it is.
fn is_plain(table: &str) -> bool {
    table.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
