//! What roles add on single templates.
//!
//! Invariants: template and role belong to the project (or the role to all projects); a role adds once on a template.
//! Reference: a closed feature there, of which only the routes and the table are public.

use semaphore_model::{ProjectId, Template, TemplateRole, TemplateRoleId};
use semaphore_store::StoreError;

use crate::{
    error::{Error, Result},
    owned::Owned,
    services::Services,
};

impl Services {
    /// What roles add on a template, by id.
    pub async fn template_roles(&self, template: &Owned<Template>) -> Result<Vec<TemplateRole>> {
        Ok(self.store.list_template_roles(template.project_id, template.id).await?)
    }

    /// One of them; 404 if the template has none with this id.
    pub async fn template_role(&self, template: &Owned<Template>, id: TemplateRoleId) -> Result<TemplateRole> {
        self.store.get_template_role(template.project_id, template.id, id).await.map_err(absent)
    }

    /// Lets a role add permissions; 400 for a role the project does not have, 409 for one that adds already.
    pub async fn create_template_role(&self, template: &Owned<Template>, body: TemplateRole) -> Result<TemplateRole> {
        let project = template.project_id;
        self.check_role_of(project, &body.role_slug).await?;
        let role =
            TemplateRole { id: TemplateRoleId::default(), template_id: template.id, project_id: project, ..body };
        self.store.insert_template_role(role).await.map_err(|error| match error {
            StoreError::Duplicate { .. } => {
                Error::conflict("the role has permissions on this template already: change those").with_source(error)
            }
            error => error.into(),
        })
    }

    /// Changes the permissions; the role stays.
    pub async fn update_template_role(
        &self,
        template: &Owned<Template>,
        id: TemplateRoleId,
        body: TemplateRole,
    ) -> Result<()> {
        let old = self.template_role(template, id).await?;
        if !body.role_slug.is_empty() && body.role_slug != old.role_slug {
            return Err(Error::invalid("the role cannot be changed: delete the permission and create another"));
        }
        let role = TemplateRole { permissions: body.permissions, ..old };
        self.store.update_template_role(&role).await.map_err(absent)
    }

    /// Takes the permissions away.
    pub async fn delete_template_role(&self, template: &Owned<Template>, id: TemplateRoleId) -> Result<()> {
        self.store.delete_template_role(template.project_id, template.id, id).await.map_err(absent)
    }

    async fn check_role_of(&self, project: ProjectId, slug: &str) -> Result<()> {
        self.store.get_role(project, slug).await.map(drop).map_err(|error| match error {
            StoreError::NotFound => Error::invalid(format!("there is no role '{slug}' in this project")),
            error => error.into(),
        })
    }
}

fn absent(error: StoreError) -> Error {
    match error {
        StoreError::NotFound => Error::not_found("permission"),
        error => error.into(),
    }
}
