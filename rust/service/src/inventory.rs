//! Inventories: the hosts a task works on, or the workspace of a Terraform-like tool.
//!
//! Invariants: keys, template and repository belong to the same project; the path of an inventory file stays inside the
//! repository.

use std::path::{Component, Path};

use semaphore_model::{
    AccessKey, EventObject, Inventory, InventoryType, ProjectId, Referrers, Repository, Template, TemplateApp,
    TemplateId, UserId,
};
use semaphore_store::{InventoryFilter, ListOptions};

use crate::{
    error::{Error, Result},
    event::event,
    owned::{Owned, in_use, other_project},
    services::Services,
};

impl Services {
    /// Inventories of a template, or without one those of no template; for an app only the kinds it can use. Sortable by name.
    ///
    /// Reference: an app without inventories of its own, also an unknown one, filters nothing; so does an unknown column sort.
    pub async fn inventories(
        &self,
        project: ProjectId,
        template: Option<TemplateId>,
        app: Option<&TemplateApp>,
        mut options: ListOptions,
    ) -> Result<Vec<Inventory>> {
        options.sort = options.sort.filter(|column| column == "name");
        let types = app.map_or(&[] as &[InventoryType], TemplateApp::inventory_types).to_vec();
        let filter = InventoryFilter { template_id: template, types, ..InventoryFilter::default() };
        Ok(self.store.list_inventories(project, &filter, &options).await?)
    }

    /// What uses an inventory.
    pub async fn inventory_referrers(&self, inventory: &Owned<Inventory>) -> Result<Referrers> {
        Ok(self.store.list_inventory_referrers(inventory.project_id, inventory.id).await?)
    }

    /// Adds an inventory. 404 for keys and a template the project does not have, 400 for such a repository.
    pub async fn create_inventory(&self, user: UserId, project: ProjectId, inventory: Inventory) -> Result<Inventory> {
        if inventory.project_id != project {
            return Err(other_project());
        }
        check_type(&inventory, || "Not supported inventory type".to_owned())?;
        self.check_inventory(&inventory).await?;
        let mut transaction = self.store.begin().await?;
        let inventory = transaction.insert_inventory(inventory).await?;
        let description = format!("Inventory {} created", inventory.name);
        transaction.insert_event(event(user, project, EventObject::Inventory, inventory.id, description)).await?;
        transaction.commit().await?;
        Ok(inventory)
    }

    /// Changes an inventory.
    pub async fn update_inventory(&self, user: UserId, old: &Owned<Inventory>, inventory: Inventory) -> Result<()> {
        if inventory.id != old.id {
            return Err(Error::invalid("Inventory ID in body and URL must be the same"));
        }
        if inventory.project_id != old.project_id {
            return Err(Error::invalid("project ID in body and URL must be the same"));
        }
        check_type(&inventory, || format!("unknown inventory type: {}", inventory.r#type))?;
        self.check_inventory(&inventory).await?;
        let mut transaction = self.store.begin().await?;
        transaction.update_inventory(&inventory).await?;
        let description = format!("Inventory {} updated", inventory.name);
        transaction.insert_event(event(user, old.project_id, EventObject::Inventory, old.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes an inventory; 400 while a template uses it.
    pub async fn delete_inventory(&self, user: UserId, inventory: &Owned<Inventory>) -> Result<()> {
        let project = inventory.project_id;
        let mut transaction = self.store.begin().await?;
        transaction.delete_inventory(project, inventory.id).await.map_err(|error| in_use(error, "inventory"))?;
        let description = format!("Inventory {} deleted", inventory.name);
        transaction.insert_event(event(user, project, EventObject::Inventory, inventory.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Checks what an inventory refers to, in the reference's order, and its name.
    async fn check_inventory(&self, inventory: &Inventory) -> Result<()> {
        let project = inventory.project_id;
        self.check::<AccessKey>(project, inventory.ssh_key_id).await?;
        self.check::<AccessKey>(project, inventory.become_key_id).await?;
        self.check::<Template>(project, inventory.template_id).await?;
        self.check_reference::<Repository>(project, inventory.repository_id).await?;
        if inventory.name.is_empty() {
            return Err(Error::invalid("inventory name can not be empty"));
        }
        Ok(())
    }
}

/// Checks the kind of an inventory, and the path of an inventory file. The reference checks the path only on a change.
fn check_type(inventory: &Inventory, refusal: impl FnOnce() -> String) -> Result<()> {
    match inventory.r#type {
        InventoryType::Static
        | InventoryType::StaticYaml
        | InventoryType::TerraformWorkspace
        | InventoryType::TofuWorkspace => Ok(()),
        InventoryType::File => check_path(inventory),
        // Reference: terragrunt workspaces are made by the server itself but not taken from a client.
        InventoryType::TerragruntWorkspace | InventoryType::Unset | InventoryType::Other(_) => {
            Err(Error::invalid(refusal()))
        }
    }
}

/// Checks the path of an inventory file; other inventories have none.
pub(crate) fn check_path(inventory: &Inventory) -> Result<()> {
    if inventory.r#type != InventoryType::File || is_inside_repository(&inventory.inventory) {
        return Ok(());
    }
    Err(Error::invalid("Invalid inventory file pathname. Must be: path/to/inventory."))
}

/// Whether a relative path stays below where it starts, by its text alone.
fn is_inside_repository(path: &str) -> bool {
    let mut depth = 0_usize;
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::Normal(_) => depth += 1,
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    !path.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_inventory_files_stay_in_the_repository() {
        for (path, inside) in [
            ("inventory/hosts", true),
            ("./hosts", true),
            ("a/../b", true),
            ("", true),
            ("a..b", true),
            ("..", false),
            ("../hosts", false),
            ("a/../../hosts", false),
            ("/etc/passwd", false),
            ("hosts\0", false),
        ] {
            assert_eq!(is_inside_repository(path), inside, "{path:?}");
        }
    }
}
