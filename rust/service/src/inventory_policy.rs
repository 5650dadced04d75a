//! Whether tasks share an inventory or wait for each other.

use semaphore_model::{EventObject, Inventory, InventoryPolicy, UserId};
use semaphore_store::StoreError;

use crate::{error::Result, event::event, owned::Owned, services::Services, task::TaskPorts};

impl Services {
    /// The rules of an inventory.
    pub async fn inventory_policy(&self, inventory: &Owned<Inventory>) -> Result<InventoryPolicy> {
        Ok(self.store.get_inventory_policy(inventory.id).await?)
    }

    /// Sets the rules of an inventory. They hold for tasks that begin from now on, on whichever server; those that waited for
    /// it here are looked at again.
    pub async fn set_inventory_policy(
        &self,
        ports: &TaskPorts,
        user: UserId,
        inventory: &Owned<Inventory>,
        policy: InventoryPolicy,
    ) -> Result<()> {
        match self.write_inventory_policy(user, inventory, policy).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.store.make_own_tables().await?;
                self.write_inventory_policy(user, inventory, policy).await?;
            }
            written => written?,
        }
        let pool = ports.pool()?;
        pool.replace_exclusive(self.store.list_exclusive_inventories().await?);
        pool.look_again();
        Ok(())
    }

    async fn write_inventory_policy(
        &self,
        user: UserId,
        inventory: &Inventory,
        policy: InventoryPolicy,
    ) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.set_inventory_policy(inventory.id, policy).await?;
        let rule = if policy.exclusive { "one task at a time" } else { "tasks at the same time" };
        let description = format!("Inventory {}: {rule}", inventory.name);
        let told = event(user, inventory.project_id, EventObject::Inventory, inventory.id, description);
        transaction.insert_event(told).await?;
        transaction.commit().await
    }
}
