//! Integrations. Their matchers and the values they take are in `integration_rule`, their addresses in `integration_alias`.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::list::ListOptions;
use crate::task_params::ParamsOwner;
use crate::{Result, Store};
use semaphore_model::{Integration, IntegrationId, ProjectId, TaskParamsId};

/// A row, and which parameters it refers to.
struct Stored {
    integration: Integration,
    params: Option<TaskParamsId>,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self> {
        let integration = Integration {
            id: row.id("id")?,
            name: row.text("name")?,
            project_id: row.id("project_id")?,
            template_id: row.id("template_id")?,
            auth_method: row.word("auth_method")?,
            auth_secret_id: row.optional_id("auth_secret_id")?,
            auth_header: row.text("auth_header")?,
            searchable: row.boolean("searchable")?,
            task_params: None,
        };
        Ok(Self { integration, params: row.optional_id("task_params_id")? })
    }
}

impl Store {
    /// The integration of the project, with the parameters of its tasks.
    pub async fn get_integration(&self, project_id: ProjectId, id: IntegrationId) -> Result<Integration> {
        let text = "select * from project__integration where project_id = ? and id = ?";
        let Stored { mut integration, params } = self.fetch_one(text, params![project_id, id]).await?;
        integration.task_params = self.get_task_params(project_id, params).await?;
        Ok(integration)
    }

    /// Integrations of the project, sortable by name; without parameters, as in the reference.
    pub async fn list_integrations(&self, project_id: ProjectId, options: &ListOptions) -> Result<Vec<Integration>> {
        let found = self.list_stored_integrations(project_id, options).await?;
        Ok(found.into_iter().map(|stored| stored.integration).collect())
    }

    /// As [`Store::list_integrations`], with the parameters of their tasks.
    pub async fn list_integrations_with_params(
        &self,
        project_id: ProjectId,
        options: &ListOptions,
    ) -> Result<Vec<Integration>> {
        let found = self.list_stored_integrations(project_id, options).await?;
        let mut known = self.map_task_params(ParamsOwner::Integration, project_id).await?;
        let with_params = |Stored { integration, params }| Integration {
            task_params: params.and_then(|id| known.remove(&id)),
            ..integration
        };
        Ok(found.into_iter().map(with_params).collect())
    }

    async fn list_stored_integrations(&self, project_id: ProjectId, options: &ListOptions) -> Result<Vec<Stored>> {
        let order = options.order(&[("name", "name")], "name")?;
        let page = options.page.clause()?;
        let text = format!("select * from project__integration where project_id = ?{order}{page}");
        self.fetch(text, params![project_id]).await
    }
}

writes! {
    /// Adds an integration with its parameters.
    insert_integration(integration: Integration) -> Integration;
    /// Changes an integration of its project and its parameters.
    update_integration(integration: &Integration) -> ();
    /// Removes an integration with its parameters, rules and addresses; its tasks stay.
    delete_integration(project_id: ProjectId, id: IntegrationId) -> ();
}

impl Transaction {
    /// Adds an integration with its parameters.
    pub async fn insert_integration(&mut self, mut integration: Integration) -> Result<Integration> {
        integration.validate()?;
        let wanted = integration.task_params.as_ref();
        let params = self.replace_task_params(integration.project_id, None, wanted).await?;
        let text = "insert into project__integration (project_id, name, template_id, auth_method, auth_secret_id, auth_header, \
             searchable, task_params_id) values (?, ?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            integration.project_id,
            &integration.name,
            integration.template_id,
            integration.auth_method.as_str(),
            integration.auth_secret_id,
            &integration.auth_header,
            integration.searchable,
            params
        ];
        integration.id = self.insert(text, values).await?;
        Ok(integration)
    }

    /// Changes an integration of its project and its parameters.
    pub async fn update_integration(&mut self, integration: &Integration) -> Result<()> {
        integration.validate()?;
        let project_id = integration.project_id;
        let current = self.current_task_params(ParamsOwner::Integration, project_id, integration.id.0).await?;
        let params = self.replace_task_params(project_id, current, integration.task_params.as_ref()).await?;
        let text = "update project__integration set name = ?, template_id = ?, auth_method = ?, auth_secret_id = ?, \
             auth_header = ?, searchable = ?, task_params_id = ? where project_id = ? and id = ?";
        let values = params![
            &integration.name,
            integration.template_id,
            integration.auth_method.as_str(),
            integration.auth_secret_id,
            &integration.auth_header,
            integration.searchable,
            params,
            project_id,
            integration.id
        ];
        self.change(text, values).await?;
        self.delete_task_params(project_id, current.filter(|_| params.is_none())).await
    }

    /// Removes an integration with its parameters, rules and addresses.
    pub async fn delete_integration(&mut self, project_id: ProjectId, id: IntegrationId) -> Result<()> {
        let current = self.current_task_params(ParamsOwner::Integration, project_id, id.0).await?;
        self.change("delete from project__integration where project_id = ? and id = ?", params![project_id, id])
            .await?;
        self.delete_task_params(project_id, current).await
    }
}
