//! Tasks, one at a time. Lists are in `task_list`, output in `task_output`.

use crate::db::{FromRow, Row, Transaction, json_param, params, writes};
use crate::error::StoreError;
use crate::{Result, Store};
use chrono::Utc;
use semaphore_model::{ProjectId, Task, TaskId, TaskStatus};

impl FromRow for Task {
    fn from_row(row: &Row) -> Result<Self> {
        let status = row.text("status")?;
        let status = TaskStatus::parse(&status).ok_or_else(|| StoreError::Unreadable {
            column: "status".to_owned(),
            value: status,
            expected: "the status of a task",
        })?;
        Ok(Self {
            id: row.id("id")?,
            template_id: row.id("template_id")?,
            project_id: row.id("project_id")?,
            status,
            playbook: row.text("playbook")?,
            environment: row.text("environment")?,
            arguments: row.optional_text("arguments")?,
            git_branch: row.optional_text("git_branch")?,
            user_id: row.optional_id("user_id")?,
            integration_id: row.optional_id("integration_id")?,
            schedule_id: row.optional_id("schedule_id")?,
            created: row.time("created")?,
            start: row.optional_time("start")?,
            end: row.optional_time("end")?,
            message: row.text("message")?,
            commit_hash: row.optional_text("commit_hash")?,
            commit_message: row.text("commit_message")?,
            build_task_id: row.optional_id("build_task_id")?,
            version: row.optional_text("version")?,
            inventory_id: row.optional_id("inventory_id")?,
            params: row.json("params")?,
            ..Self::default()
        })
    }
}

impl Store {
    /// The task, if its template is one of the project.
    pub async fn get_task(&self, project_id: ProjectId, id: TaskId) -> Result<Task> {
        let text = "select t.* from task t join project__template tpl on tpl.id = t.template_id \
             where tpl.project_id = ? and t.id = ?";
        self.fetch_one(text, params![project_id, id]).await
    }
}

writes! {
    /// Adds a task and counts it in its template; see [`Transaction::insert_task`].
    insert_task(task: Task) -> Task;
    /// Changes status, times and, if there is one, the commit. On disk when this returns, with all output before it.
    update_task(task: &Task) -> ();
    /// Removes a task of the project with its output.
    delete_task(project_id: ProjectId, id: TaskId) -> ();
}

impl Transaction {
    /// Adds a task and counts it in its template.
    ///
    /// `limit` moves into `params`; a missing `created` becomes now.
    pub async fn insert_task(&mut self, mut task: Task) -> Result<Task> {
        task.move_limit_into_params();
        if task.created == semaphore_model::time::zero() {
            task.created = Utc::now();
        }
        let text = "insert into task (template_id, project_id, status, playbook, environment, arguments, git_branch, user_id, \
             integration_id, schedule_id, created, start, `end`, message, commit_hash, commit_message, build_task_id, \
             version, inventory_id, params) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let mut values = params![
            task.template_id,
            task.project_id,
            task.status.as_str(),
            &task.playbook,
            &task.environment,
            task.arguments.as_deref(),
            task.git_branch.as_deref(),
            task.user_id,
            task.integration_id,
            task.schedule_id,
            task.created,
            task.start,
            task.end,
            &task.message,
            task.commit_hash.as_deref(),
            &task.commit_message,
            task.build_task_id,
            task.version.as_deref(),
            task.inventory_id
        ];
        values.push(json_param(&task.params, false));
        task.id = self.insert(text, values).await?;
        let text = "update project__template set tasks = tasks + 1 where project_id = ? and id = ?";
        self.change(text, params![task.project_id, task.template_id]).await?;
        Ok(task)
    }

    /// Changes status, times and, if there is one, the commit.
    pub async fn update_task(&mut self, task: &Task) -> Result<()> {
        if let Some(hash) = &task.commit_hash {
            let text =
                "update task set status = ?, start = ?, `end` = ?, commit_hash = ?, commit_message = ? where id = ?";
            let values = params![task.status.as_str(), task.start, task.end, hash, &task.commit_message, task.id];
            return self.change(text, values).await;
        }
        let text = "update task set status = ?, start = ?, `end` = ? where id = ?";
        self.change(text, params![task.status.as_str(), task.start, task.end, task.id]).await
    }

    /// Removes a task of the project with its output. Reference: the template's count stays.
    pub async fn delete_task(&mut self, project_id: ProjectId, id: TaskId) -> Result<()> {
        let text = "delete from task where id = ? and template_id in \
             (select tpl.id from project__template tpl where tpl.project_id = ?)";
        self.change(text, params![id, project_id]).await
    }
}
