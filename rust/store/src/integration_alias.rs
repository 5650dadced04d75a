//! Addresses of integrations.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::{Result, Store};
use semaphore_model::{IntegrationAlias, IntegrationAliasId, IntegrationId, ProjectId};

impl FromRow for IntegrationAlias {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            alias: row.text("alias")?,
            project_id: row.id("project_id")?,
            integration_id: row.optional_id("integration_id")?,
        })
    }
}

impl Store {
    /// Addresses of one integration, or those of the project itself, by id.
    pub async fn list_integration_aliases(
        &self,
        project_id: ProjectId,
        id: Option<IntegrationId>,
    ) -> Result<Vec<IntegrationAlias>> {
        let Some(id) = id else {
            let text =
                "select * from project__integration_alias where project_id = ? and integration_id is null order by id";
            return self.fetch(text, params![project_id]).await;
        };
        let text = "select * from project__integration_alias where project_id = ? and integration_id = ? order by id";
        self.fetch(text, params![project_id, id]).await
    }

    /// Whose address this is.
    pub async fn get_integration_alias(&self, alias: &str) -> Result<IntegrationAlias> {
        self.fetch_one("select * from project__integration_alias where alias = ?", params![alias]).await
    }
}

writes! {
    /// Adds an address; one that exists is [`crate::StoreError::Duplicate`].
    insert_integration_alias(alias: IntegrationAlias) -> IntegrationAlias;
    /// Removes an address of the project.
    delete_integration_alias(project_id: ProjectId, id: IntegrationAliasId) -> ();
}

impl Transaction {
    /// Adds an address.
    pub async fn insert_integration_alias(&mut self, mut alias: IntegrationAlias) -> Result<IntegrationAlias> {
        let text = "insert into project__integration_alias (project_id, integration_id, alias) values (?, ?, ?)";
        alias.id = self.insert(text, params![alias.project_id, alias.integration_id, &alias.alias]).await?;
        Ok(alias)
    }

    /// Removes an address of the project.
    pub async fn delete_integration_alias(&mut self, project_id: ProjectId, id: IntegrationAliasId) -> Result<()> {
        let text = "delete from project__integration_alias where project_id = ? and id = ?";
        self.change(text, params![project_id, id]).await
    }
}
