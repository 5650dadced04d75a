//! Parameters of tasks to come. Each belongs to one schedule or one integration and is read, written and removed with it.

use crate::db::{FromRow, Param, Row, Transaction, json_param, params};
use crate::{Result, Store};
use semaphore_model::{ProjectId, TaskParams, TaskParamsId};
use std::collections::HashMap;

impl FromRow for TaskParams {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            project_id: row.id("project_id")?,
            environment: row.text("environment")?,
            arguments: row.optional_text("arguments")?,
            git_branch: row.optional_text("git_branch")?,
            message: row.text("message")?,
            version: row.optional_text("version")?,
            inventory_id: row.optional_id("inventory_id")?,
            params: row.json("params")?,
        })
    }
}

/// The entities that have parameters.
#[derive(Clone, Copy)]
pub(crate) enum ParamsOwner {
    Schedule,
    Integration,
}

impl ParamsOwner {
    const fn table(self) -> &'static str {
        match self {
            Self::Schedule => "project__schedule",
            Self::Integration => "project__integration",
        }
    }
}

impl Store {
    /// The parameters of one row.
    pub(crate) async fn get_task_params(
        &self,
        project_id: ProjectId,
        id: Option<TaskParamsId>,
    ) -> Result<Option<TaskParams>> {
        let Some(id) = id else { return Ok(None) };
        let text = "select * from project__task_params where id = ? and project_id = ?";
        let row = self.db().fetch_optional(text, params![id, project_id]).await?;
        row.map(|row| TaskParams::from_row(&row)).transpose()
    }

    /// All parameters that the project's rows of this kind have.
    pub(crate) async fn map_task_params(
        &self,
        owner: ParamsOwner,
        project_id: ProjectId,
    ) -> Result<HashMap<TaskParamsId, TaskParams>> {
        let text = format!(
            "select * from project__task_params where project_id = ? and id in \
             (select task_params_id from {} where project_id = ?)",
            owner.table()
        );
        let found: Vec<TaskParams> = self.fetch(text, params![project_id, project_id]).await?;
        Ok(found.into_iter().map(|params| (params.id, params)).collect())
    }
}

impl Transaction {
    /// Stores new parameters.
    pub(crate) async fn insert_task_params(
        &mut self,
        project_id: ProjectId,
        wanted: &TaskParams,
    ) -> Result<TaskParamsId> {
        let text = "insert into project__task_params \
             (environment, arguments, git_branch, message, version, inventory_id, params, project_id) \
             values (?, ?, ?, ?, ?, ?, ?, ?)";
        self.insert(text, values(project_id, wanted)).await
    }

    /// Makes the parameters of a row `wanted`, in the row that is there or a new one; answers what the owner refers to from
    /// now on. The row of parameters that are no longer wanted is removed with [`Transaction::delete_task_params`] when the
    /// owner does not refer to it any more (the reference leaves it behind).
    pub(crate) async fn replace_task_params(
        &mut self,
        project_id: ProjectId,
        current: Option<TaskParamsId>,
        wanted: Option<&TaskParams>,
    ) -> Result<Option<TaskParamsId>> {
        let Some(wanted) = wanted else { return Ok(None) };
        let Some(id) = current else { return self.insert_task_params(project_id, wanted).await.map(Some) };
        let text = "update project__task_params set environment = ?, arguments = ?, git_branch = ?, message = ?, \
             version = ?, inventory_id = ?, params = ? where project_id = ? and id = ?";
        let mut values = values(project_id, wanted);
        values.push(id.into());
        self.execute(text, values).await?;
        Ok(Some(id))
    }

    /// What the row of this kind refers to, locked; not found if there is no such row.
    pub(crate) async fn current_task_params(
        &mut self,
        owner: ParamsOwner,
        project_id: ProjectId,
        id: i32,
    ) -> Result<Option<TaskParamsId>> {
        let lock = self.dialect().for_update();
        let text = format!("select task_params_id from {} where id = ? and project_id = ?{lock}", owner.table());
        let row = self.fetch_optional(text, params![id, project_id]).await?;
        row.ok_or(crate::StoreError::NotFound)?.optional_id("task_params_id")
    }

    /// Removes parameters that nothing refers to any more.
    pub(crate) async fn delete_task_params(&mut self, project_id: ProjectId, id: Option<TaskParamsId>) -> Result<()> {
        let Some(id) = id else { return Ok(()) };
        let text = "delete from project__task_params where id = ? and project_id = ?";
        self.execute(text, params![id, project_id]).await.map(drop)
    }
}

fn values(project_id: ProjectId, wanted: &TaskParams) -> Vec<Param> {
    params![
        &wanted.environment,
        wanted.arguments.as_deref(),
        wanted.git_branch.as_deref(),
        &wanted.message,
        wanted.version.as_deref(),
        wanted.inventory_id,
        json_param(&wanted.params, true),
        project_id
    ]
}
