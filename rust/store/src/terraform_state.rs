//! State of Terraform and the addresses it is reached by.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::list::Page;
use crate::{Result, Store};
use semaphore_model::{InventoryId, ProjectId, TerraformAlias, TerraformState, TerraformStateId};

impl FromRow for TerraformAlias {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            project_id: row.id("project_id")?,
            inventory_id: row.id("inventory_id")?,
            auth_key_id: row.id("auth_key_id")?,
            alias: row.text("alias")?,
        })
    }
}

impl FromRow for TerraformState {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            created: row.time("created")?,
            task_id: row.optional_id("task_id")?,
            project_id: row.id("project_id")?,
            inventory_id: row.id("inventory_id")?,
            state: row.text("state")?,
        })
    }
}

impl Store {
    /// Addresses of the state of an inventory, in their own order.
    pub async fn list_terraform_aliases(&self, project_id: ProjectId, id: InventoryId) -> Result<Vec<TerraformAlias>> {
        let text =
            "select * from project__terraform_inventory_alias where project_id = ? and inventory_id = ? order by alias";
        self.fetch(text, params![project_id, id]).await
    }

    /// Whose address this is.
    pub async fn get_terraform_alias(&self, alias: &str) -> Result<TerraformAlias> {
        self.fetch_one("select * from project__terraform_inventory_alias where alias = ?", params![alias]).await
    }

    /// Versions of the state of an inventory, the newest first.
    pub async fn list_terraform_states(
        &self,
        project_id: ProjectId,
        id: InventoryId,
        page: Page,
    ) -> Result<Vec<TerraformState>> {
        let page = page.clause()?;
        let text = format!(
            "select * from project__terraform_inventory_state where project_id = ? and inventory_id = ? order by id desc{page}"
        );
        self.fetch(text, params![project_id, id]).await
    }

    /// The same, all of them without their text, which may be large.
    pub async fn list_terraform_state_versions(
        &self,
        project_id: ProjectId,
        id: InventoryId,
    ) -> Result<Vec<TerraformState>> {
        let text = "select id, created, task_id, project_id, inventory_id, '' as state \
             from project__terraform_inventory_state where project_id = ? and inventory_id = ? order by id desc";
        self.fetch(text, params![project_id, id]).await
    }

    /// The newest version of the state of an inventory, if there is one.
    pub async fn get_latest_terraform_state(
        &self,
        project_id: ProjectId,
        id: InventoryId,
    ) -> Result<Option<TerraformState>> {
        Ok(self.list_terraform_states(project_id, id, Page::first(1)).await?.pop())
    }

    /// One version of the state of an inventory.
    pub async fn get_terraform_state(
        &self,
        project_id: ProjectId,
        inventory_id: InventoryId,
        id: TerraformStateId,
    ) -> Result<TerraformState> {
        let text =
            "select * from project__terraform_inventory_state where project_id = ? and inventory_id = ? and id = ?";
        self.fetch_one(text, params![project_id, inventory_id, id]).await
    }
}

writes! {
    /// Adds an address.
    insert_terraform_alias(alias: &TerraformAlias) -> ();
    /// Changes the key of an address.
    update_terraform_alias(alias: &TerraformAlias) -> ();
    /// Removes an address.
    delete_terraform_alias(project_id: ProjectId, inventory_id: InventoryId, alias: &str) -> ();
    /// Adds a version of the state.
    insert_terraform_state(state: TerraformState) -> TerraformState;
    /// Removes one version of the state.
    delete_terraform_state(project_id: ProjectId, inventory_id: InventoryId, id: TerraformStateId) -> ();
}

impl Transaction {
    /// Adds an address.
    pub async fn insert_terraform_alias(&mut self, alias: &TerraformAlias) -> Result<()> {
        let text = "insert into project__terraform_inventory_alias (alias, project_id, inventory_id, auth_key_id) \
             values (?, ?, ?, ?)";
        let values = params![&alias.alias, alias.project_id, alias.inventory_id, alias.auth_key_id];
        self.execute(text, values).await.map(drop)
    }

    /// Changes the key of an address.
    pub async fn update_terraform_alias(&mut self, alias: &TerraformAlias) -> Result<()> {
        let text = "update project__terraform_inventory_alias set auth_key_id = ? \
             where project_id = ? and inventory_id = ? and alias = ?";
        self.change(text, params![alias.auth_key_id, alias.project_id, alias.inventory_id, &alias.alias]).await
    }

    /// Removes an address.
    pub async fn delete_terraform_alias(
        &mut self,
        project_id: ProjectId,
        inventory_id: InventoryId,
        alias: &str,
    ) -> Result<()> {
        let text =
            "delete from project__terraform_inventory_alias where project_id = ? and inventory_id = ? and alias = ?";
        self.change(text, params![project_id, inventory_id, alias]).await
    }

    /// Adds a version of the state.
    pub async fn insert_terraform_state(&mut self, mut state: TerraformState) -> Result<TerraformState> {
        let text = "insert into project__terraform_inventory_state (project_id, inventory_id, state, created, task_id) \
             values (?, ?, ?, ?, ?)";
        let values = params![state.project_id, state.inventory_id, &state.state, state.created, state.task_id];
        state.id = self.insert(text, values).await?;
        Ok(state)
    }

    /// Removes one version of the state.
    pub async fn delete_terraform_state(
        &mut self,
        project_id: ProjectId,
        inventory_id: InventoryId,
        id: TerraformStateId,
    ) -> Result<()> {
        let text =
            "delete from project__terraform_inventory_state where project_id = ? and inventory_id = ? and id = ?";
        self.change(text, params![project_id, inventory_id, id]).await
    }
}
