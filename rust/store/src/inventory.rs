//! Inventories.

use crate::db::{FromRow, Param, Row, Transaction, params, writes};
use crate::list::ListOptions;
use crate::sql::and_in;
use crate::{Result, Store};
use semaphore_model::{Inventory, InventoryId, InventoryType, ProjectId, TemplateId};

/// Which inventories of a project are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InventoryFilter {
    /// Those of a template; none for those of no template.
    pub template_id: Option<TemplateId>,
    /// Those of every template and of none; `template_id` does not count then.
    pub any_template: bool,
    /// Those of these kinds; empty for all.
    pub types: Vec<InventoryType>,
}

impl FromRow for Inventory {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            name: row.text("name")?,
            project_id: row.id("project_id")?,
            inventory: row.text("inventory")?,
            ssh_key_id: row.optional_id("ssh_key_id")?,
            become_key_id: row.optional_id("become_key_id")?,
            r#type: row.word("type")?,
            template_id: row.optional_id("template_id")?,
            repository_id: row.optional_id("repository_id")?,
            runner_tag: row.optional_text("runner_tag")?,
        })
    }
}

impl Store {
    /// The inventory of the project.
    pub async fn get_inventory(&self, project_id: ProjectId, id: InventoryId) -> Result<Inventory> {
        self.fetch_one("select * from project__inventory where id = ? and project_id = ?", params![id, project_id])
            .await
    }

    /// Inventories of the project. Sortable by name.
    pub async fn list_inventories(
        &self,
        project_id: ProjectId,
        filter: &InventoryFilter,
        options: &ListOptions,
    ) -> Result<Vec<Inventory>> {
        let order = options.order(&[("name", "name")], "name")?;
        let page = options.page.clause()?;
        let mut values = params![project_id];
        let mut text = "select * from project__inventory where project_id = ?".to_owned();
        match filter.template_id {
            _ if filter.any_template => {}
            None => text.push_str(" and template_id is null"),
            Some(id) => {
                text.push_str(" and template_id = ?");
                values.push(id.into());
            }
        }
        if !filter.types.is_empty() {
            text.push_str(&and_in("type", filter.types.len()));
            values.extend(filter.types.iter().map(|kind| Param::from(kind.as_str())));
        }
        self.fetch(format!("{text}{order}{page}"), values).await
    }
}

writes! {
    /// Adds an inventory.
    insert_inventory(inventory: Inventory) -> Inventory;
    /// Changes an inventory of its project.
    update_inventory(inventory: &Inventory) -> ();
    /// Removes an inventory; one that a template uses is [`crate::StoreError::Referenced`].
    delete_inventory(project_id: ProjectId, id: InventoryId) -> ();
}

impl Transaction {
    /// Adds an inventory.
    pub async fn insert_inventory(&mut self, mut inventory: Inventory) -> Result<Inventory> {
        let text = "insert into project__inventory (project_id, name, type, ssh_key_id, inventory, become_key_id, \
             template_id, repository_id, runner_tag) values (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            inventory.project_id,
            &inventory.name,
            inventory.r#type.as_str(),
            inventory.ssh_key_id,
            &inventory.inventory,
            inventory.become_key_id,
            inventory.template_id,
            inventory.repository_id,
            inventory.runner_tag.as_deref()
        ];
        inventory.id = self.insert(text, values).await?;
        Ok(inventory)
    }

    /// Changes an inventory of its project.
    pub async fn update_inventory(&mut self, inventory: &Inventory) -> Result<()> {
        let text = "update project__inventory set name = ?, type = ?, runner_tag = ?, ssh_key_id = ?, inventory = ?, \
             become_key_id = ?, template_id = ?, repository_id = ? where id = ? and project_id = ?";
        let values = params![
            &inventory.name,
            inventory.r#type.as_str(),
            inventory.runner_tag.as_deref(),
            inventory.ssh_key_id,
            &inventory.inventory,
            inventory.become_key_id,
            inventory.template_id,
            inventory.repository_id,
            inventory.id,
            inventory.project_id
        ];
        self.change(text, values).await
    }

    /// Removes an inventory.
    pub async fn delete_inventory(&mut self, project_id: ProjectId, id: InventoryId) -> Result<()> {
        self.change("delete from project__inventory where id = ? and project_id = ?", params![id, project_id]).await
    }
}
