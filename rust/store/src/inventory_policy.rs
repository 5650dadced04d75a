//! Inventories that one task at a time uses, in a table of our own.
//!
//! Not for making tasks wait: the step with which a task begins asks (`task_lease.rs`).

use crate::db::{FromRow, Transaction, params};
use crate::{Result, Store};
use semaphore_model::{InventoryId, InventoryPolicy, ProjectId, TaskId, Template};
use std::collections::HashSet;

const POLICY: &str = "select exclusive from rs_inventory_policy where inventory_id = ?";

/// The tasks of a project that run, each with the inventory that it chose for itself and its template.
const RUNNING: &str = "select t.id as running_task, t.inventory_id as chosen_inventory, p.* from rs_task_lease r \
    join task t on t.id = r.task_id join project__template p on p.id = t.template_id \
    where r.project_id = ? and r.running = 1 and r.task_id <> ? order by t.id";

impl Store {
    /// The rules of an inventory; the default ones if it has none.
    pub async fn get_inventory_policy(&self, id: InventoryId) -> Result<InventoryPolicy> {
        let rows = self.fetch_own(POLICY, params![id]).await?;
        let exclusive = rows.first().map(|row| row.boolean("exclusive")).transpose()?;
        Ok(InventoryPolicy { exclusive: exclusive.unwrap_or(false) })
    }

    /// The inventories that one task at a time uses.
    pub async fn list_exclusive_inventories(&self) -> Result<HashSet<InventoryId>> {
        let rows =
            self.fetch_own("select inventory_id from rs_inventory_policy where exclusive = 1", params![]).await?;
        rows.iter().map(|row| row.id("inventory_id")).collect()
    }

    /// The first task that runs and keeps others of its project from this inventory; none if several may use it.
    pub async fn find_inventory_holder(
        &self,
        project: ProjectId,
        inventory: InventoryId,
        waiting: TaskId,
    ) -> Result<Option<TaskId>> {
        if !self.get_inventory_policy(inventory).await?.exclusive {
            return Ok(None);
        }
        holder(self.fetch_own(RUNNING, params![project, waiting]).await?, inventory)
    }
}

impl Transaction {
    /// The same within a step of the waiting task.
    pub(crate) async fn find_inventory_holder(
        &mut self,
        project: ProjectId,
        inventory: InventoryId,
        waiting: TaskId,
    ) -> Result<Option<TaskId>> {
        let policy = self.fetch_optional(POLICY, params![inventory]).await?;
        if !policy.map_or(Ok(false), |row| row.boolean("exclusive"))? {
            return Ok(None);
        }
        holder(self.fetch_all(RUNNING, params![project, waiting]).await?, inventory)
    }

    /// Sets the rules of an inventory.
    ///
    /// Errors: [`crate::StoreError::OwnTableMissing`], for [`Store::make_own_tables`] and once more.
    pub async fn set_inventory_policy(&mut self, id: InventoryId, policy: InventoryPolicy) -> Result<()> {
        let values = params![i32::from(policy.exclusive), id];
        let text = "update rs_inventory_policy set exclusive = ? where inventory_id = ?";
        if self.execute(text, values.clone()).await? == 0 {
            let text = "insert into rs_inventory_policy (exclusive, inventory_id) values (?, ?)";
            self.execute(text, values).await?;
        }
        Ok(())
    }
}

fn holder(rows: Vec<crate::db::Row>, inventory: InventoryId) -> Result<Option<TaskId>> {
    for row in rows {
        let template = Template::from_row(&row)?;
        if template.inventory_of(row.optional_id("chosen_inventory")?) == Some(inventory) {
            return row.id("running_task").map(Some);
        }
    }
    Ok(None)
}
