//! What somebody wants of a task that belongs to another server, in a table of our own: the owner reads it there.
//!
//! Not for carrying it out. A command belongs to a task, not to a server: whoever takes the task over finds it.

use crate::db::params;
use crate::error::StoreError;
use crate::task_lease::leased;
use crate::{Result, Store};
use chrono::Utc;
use semaphore_model::{ProjectId, TaskId, TemplateId};

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskCommand {
    /// End it in order.
    Stop,
    /// End it at once.
    ForceStop,
    /// Accept its plan.
    Confirm,
    /// Refuse its plan.
    Reject,
}

impl TaskCommand {
    const ALL: [Self; 4] = [Self::Stop, Self::ForceStop, Self::Confirm, Self::Reject];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::ForceStop => "force",
            Self::Confirm => "confirm",
            Self::Reject => "reject",
        }
    }
}

impl Store {
    /// Leaves a command for the owner of a task. Answers false if the task belongs to nobody or to `own`.
    pub async fn send_task_command(&self, own: &str, id: TaskId, command: TaskCommand) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let text = "insert into rs_task_command (task_id, action, created) \
             select task_id, ?, ? from rs_task_lease where task_id = ? and owner <> ?";
        let sent = transaction.execute_own(text, params![command.as_str(), Utc::now(), id, own]).await?;
        transaction.commit().await?;
        Ok(sent > 0)
    }

    /// Leaves a command for the owners of all tasks of a template that do not belong to `own`; answers how many there are.
    pub async fn send_template_command(
        &self,
        own: &str,
        project: ProjectId,
        template: TemplateId,
        command: TaskCommand,
    ) -> Result<u64> {
        let mut transaction = self.begin().await?;
        let text = "insert into rs_task_command (task_id, action, created) \
             select task_id, ?, ? from rs_task_lease where project_id = ? and template_id = ? and owner <> ?";
        let values = params![command.as_str(), Utc::now(), project, template, own];
        let sent = transaction.execute_own(text, values).await?;
        transaction.commit().await?;
        Ok(sent)
    }

    /// The commands for the tasks of a server, each with its number, in the order in which they came. They stay until they are
    /// removed: a server that dies, or cannot store what it does, leaves them to the next look.
    pub async fn list_task_commands(&self, own: &str) -> Result<Vec<(i64, ProjectId, TaskId, TaskCommand)>> {
        let text = "select c.id, c.action, l.task_id, l.project_id from rs_task_command c \
             join rs_task_lease l on l.task_id = c.task_id where l.owner = ? order by c.id";
        let mut commands = Vec::new();
        for row in self.fetch_own(text, params![own]).await? {
            let action = row.text("action")?;
            let (project, task) = leased(&row)?;
            let command = TaskCommand::ALL.into_iter().find(|known| known.as_str() == action);
            commands.push((row.long("id")?, project, task, command.ok_or_else(|| unknown(action))?));
        }
        Ok(commands)
    }

    /// Removes a command that was carried out, by its number; one that is gone already is no error.
    pub async fn remove_task_command(&self, number: i64) -> Result<()> {
        let mut transaction = self.begin_output().await?;
        transaction.execute_own("delete from rs_task_command where id = ?", params![number]).await?;
        transaction.commit().await
    }
}

fn unknown(action: String) -> StoreError {
    StoreError::Unreadable { column: "action".to_owned(), value: action, expected: "a command for a task" }
}
