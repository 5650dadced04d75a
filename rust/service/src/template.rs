//! Templates: what a task runs and how.
//!
//! Not for starting tasks: that is `task`. Invariants: every id in a template names an object of its project (the reference
//! lets the database check only that the object exists somewhere); a template is stored with all its parts or not at all.

use std::collections::HashSet;

use semaphore_model::{
    AccessKeyId, Environment, EventObject, Inventory, InventoryType, ProjectId, Referrers, Repository, Template,
    TemplateApp, TemplateId, TemplateType, TemplateVaultId, TemplateWithPermissions, UserId, View, ViewId,
};
use semaphore_store::{AccessKeyFilter, ListOptions, TemplateFilter};

use crate::{
    error::{Error, Result},
    event::event,
    owned::{Owned, in_use},
    services::Services,
};

/// Name and text of the workspace that a Terraform-like template without an inventory gets.
const DEFAULT_WORKSPACE: &str = "default";

impl Services {
    /// The template of the project with vaults and newest task; 404 if there is none.
    pub async fn template(&self, project: ProjectId, id: TemplateId) -> Result<Template> {
        Ok(self.find::<Template>(project, id).await?.into_inner())
    }

    /// Templates of a project with their newest tasks, of one app if given; sortable by name, playbook, inventory,
    /// environment and repository.
    pub async fn templates(
        &self,
        user: UserId,
        project: ProjectId,
        app: Option<TemplateApp>,
        options: &ListOptions,
    ) -> Result<Vec<TemplateWithPermissions>> {
        let filter = TemplateFilter { app, ..TemplateFilter::default() };
        Ok(self.store.list_templates(project, user, &filter, options).await?)
    }

    /// Templates of a view; sorted as the view says unless the caller sorts.
    pub async fn view_templates(
        &self,
        user: UserId,
        project: ProjectId,
        view: ViewId,
        options: &ListOptions,
    ) -> Result<Vec<TemplateWithPermissions>> {
        let filter = TemplateFilter { view_id: Some(view), ..TemplateFilter::default() };
        Ok(self.store.list_templates(project, user, &filter, options).await?)
    }

    /// What uses a template.
    pub async fn template_referrers(&self, template: &Owned<Template>) -> Result<Referrers> {
        Ok(self.store.list_template_referrers(template.project_id, template.id).await?)
    }

    /// Adds a template. A Terraform-like one takes over its inventory, or gets a workspace `default` of its own.
    ///
    /// Reference: the project of the body does not count; the answer shows the vaults as they were sent; the event says
    /// `schedule`.
    pub async fn create_template(&self, user: UserId, project: ProjectId, body: Template) -> Result<Template> {
        let sent_vaults = body.vaults.clone();
        let mut template =
            Template { id: TemplateId::default(), project_id: project, last_task: None, tasks: 0, ..body };
        for vault in &mut template.vaults {
            // A copied template brings the ids of the original's vaults; the reference would take those away from it.
            vault.id = TemplateVaultId::default();
        }
        template.validate()?;
        self.check_template(&template, &HashSet::new()).await?;
        self.check_app(&template.app)?;
        let attached = match template.inventory_id {
            Some(id) if template.app.is_terraform() => Some(self.find::<Inventory>(project, id).await?.into_inner()),
            _ => None,
        };
        let workspace = workspace_type(&template).filter(|_| template.inventory_id.is_none());

        let mut transaction = self.store.begin().await?;
        if let Some(kind) = workspace {
            // Template and workspace name each other, so the template is written twice, with its vaults at the end.
            let vaults = std::mem::take(&mut template.vaults);
            template = transaction.insert_template(template).await?;
            let inventory = transaction.insert_inventory(default_workspace(project, template.id, kind)).await?;
            template = Template { inventory_id: Some(inventory.id), vaults, ..template };
            transaction.update_template(&template).await?;
        } else {
            template = transaction.insert_template(template).await?;
        }
        if let Some(inventory) = attached {
            let inventory = Inventory { template_id: Some(template.id), ..inventory };
            transaction.update_inventory(&inventory).await?;
        }
        template.vaults = sent_vaults;
        let description = format!("Template ID {} created", template.id);
        transaction.insert_event(event(user, project, EventObject::Schedule, template.id, description)).await?;
        transaction.commit().await?;
        Ok(template)
    }

    /// Changes a template. What does not fit its type is dropped: a build template for all but deployments, a first version
    /// for all but builds.
    pub async fn update_template(&self, user: UserId, old: &Owned<Template>, mut template: Template) -> Result<()> {
        self.check_app(&template.app)?;
        if template.id != old.id {
            return Err(Error::invalid("template id in URL and in body must be the same"));
        }
        if template.project_id != old.project_id {
            return Err(Error::invalid("You can not move template to other project"));
        }
        template.arguments = template.arguments.filter(|text| !text.is_empty());
        if template.r#type != TemplateType::Deploy {
            template.build_template_id = None;
        }
        if template.r#type != TemplateType::Build {
            template.start_version = None;
        }
        template.validate()?;
        let vaults = old.vaults.iter().map(|vault| vault.id.0).collect();
        self.check_template(&template, &vaults).await?;
        let mut transaction = self.store.begin().await?;
        transaction.update_template(&template).await?;
        let description = format!("Template ID {} updated", template.id);
        transaction.insert_event(event(user, old.project_id, EventObject::Template, old.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Changes the description alone.
    pub async fn update_template_description(
        &self,
        user: UserId,
        template: &Owned<Template>,
        text: &str,
    ) -> Result<()> {
        let project = template.project_id;
        let mut transaction = self.store.begin().await?;
        transaction.update_template_description(project, template.id, text).await?;
        let description = format!("Template ID {} description updated", template.id);
        transaction.insert_event(event(user, project, EventObject::Template, template.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes a template with its tasks; 400 while a deploy template uses its builds.
    pub async fn delete_template(&self, user: UserId, template: &Owned<Template>) -> Result<()> {
        let project = template.project_id;
        let mut transaction = self.store.begin().await?;
        transaction.delete_template(project, template.id).await.map_err(|error| in_use(error, "template"))?;
        let description = format!("Template ID {} deleted", template.id);
        transaction.insert_event(event(user, project, EventObject::Template, template.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Makes an inventory the one of a template. Reference: no event.
    pub async fn set_template_inventory(&self, template: Owned<Template>, inventory: &Owned<Inventory>) -> Result<()> {
        check_inventory_type(&template.app, inventory)?;
        if template.app.is_terraform() && inventory.template_id != Some(template.id) {
            return Err(not_attached());
        }
        let template = Template { inventory_id: Some(inventory.id), ..template.into_inner() };
        Ok(self.store.update_template(&template).await?)
    }

    /// Gives a free inventory to a template. Reference: no event.
    pub async fn attach_inventory(&self, template: &Owned<Template>, inventory: Owned<Inventory>) -> Result<()> {
        if inventory.template_id.is_some() {
            return Err(Error::invalid("Inventory is already attached to another template"));
        }
        check_inventory_type(&template.app, &inventory)?;
        let inventory = Inventory { template_id: Some(template.id), ..inventory.into_inner() };
        Ok(self.store.update_inventory(&inventory).await?)
    }

    /// Takes an inventory away from its template. Reference: no event.
    pub async fn detach_inventory(&self, template: &Owned<Template>, inventory: Owned<Inventory>) -> Result<()> {
        if inventory.template_id != Some(template.id) {
            return Err(not_attached());
        }
        let inventory = Inventory { template_id: None, ..inventory.into_inner() };
        Ok(self.store.update_inventory(&inventory).await?)
    }

    fn check_app(&self, app: &TemplateApp) -> Result<()> {
        if self.apps.contains(app.as_str()) { Ok(()) } else { Err(Error::invalid(format!("Invalid app id: {app}"))) }
    }

    /// Checks that everything a template names is in its project; `vaults` are the rows it has already.
    async fn check_template(&self, template: &Template, vaults: &HashSet<i32>) -> Result<()> {
        let project = template.project_id;
        self.check_reference::<Repository>(project, Some(template.repository_id)).await?;
        self.check_reference::<Inventory>(project, template.inventory_id).await?;
        self.check_reference::<Environment>(project, template.environment_id).await?;
        self.check_reference::<Template>(project, template.build_template_id).await?;
        self.check_reference::<View>(project, template.view_id).await?;
        if template.vaults.iter().any(|vault| vault.id.0 != 0 && !vaults.contains(&vault.id.0)) {
            return Err(Error::invalid("there is no such vault in this template").bare());
        }
        let keys: Vec<AccessKeyId> = template.vaults.iter().filter_map(|vault| vault.vault_key_id).collect();
        if !keys.is_empty() {
            let present = self.store.list_access_keys(project, AccessKeyFilter::All, &ListOptions::default()).await?;
            let present: HashSet<AccessKeyId> = present.into_iter().map(|key| key.id).collect();
            if keys.iter().any(|key| !present.contains(key)) {
                return Err(Error::invalid("there is no such key in this project").bare());
            }
        }
        Ok(())
    }
}

/// The kind of workspace a Terraform-like template works on.
fn workspace_type(template: &Template) -> Option<InventoryType> {
    template.app.is_terraform().then(|| template.app.inventory_types().first().cloned()).flatten()
}

fn default_workspace(project: ProjectId, template: TemplateId, kind: InventoryType) -> Inventory {
    Inventory {
        name: DEFAULT_WORKSPACE.to_owned(),
        project_id: project,
        inventory: DEFAULT_WORKSPACE.to_owned(),
        r#type: kind,
        template_id: Some(template),
        ..Inventory::default()
    }
}

fn check_inventory_type(app: &TemplateApp, inventory: &Inventory) -> Result<()> {
    if app.inventory_types().contains(&inventory.r#type) {
        Ok(())
    } else {
        Err(Error::invalid("Inventory type is not supported for this template"))
    }
}

fn not_attached() -> Error {
    Error::invalid("Inventory is not attached to this template")
}
