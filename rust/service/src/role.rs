//! Custom roles, of all projects or of one, and what they add on single templates.
//!
//! Not for what a caller may do: that is `membership`. Invariants: a slug of a built-in role is never taken, because a row
//! with it would change what the built-in role allows; nobody gives or takes away a permission that they do not have
//! themselves; a role that somebody has is not removed.

use semaphore_model::{
    EventObject, Permissions, ProjectId, ProjectRole, Role, Template, TemplateRole, TemplateRoleId, UserId,
};
use semaphore_store::{StoreError, Transaction};

use crate::{
    error::{Error, Result},
    event::event,
    owned::{Owned, in_use},
    services::Services,
};

/// Longest slug and name in characters, as the columns hold them. A member's role has less room than the slug of a role.
const SLUG_CHARACTERS: usize = 50;
const NAME_CHARACTERS: usize = 100;

/// Somebody who changes roles: who, and what they may do themselves (everything for administrators).
#[derive(Clone, Copy, Debug)]
pub struct RoleEditor {
    /// Who.
    pub user: UserId,
    /// What they may do.
    pub permissions: Permissions,
}

impl RoleEditor {
    /// 403 if one of these permissions is not the editor's own.
    fn check_owns(self, permissions: Permissions) -> Result<()> {
        if self.permissions.contains(permissions) {
            return Ok(());
        }
        Err(Error::forbidden("a role with permissions that you do not have yourself is not yours to change"))
    }
}

impl Services {
    /// Roles of all projects, by name.
    pub async fn global_roles(&self) -> Result<Vec<Role>> {
        Ok(self.store.list_global_roles().await?)
    }

    /// Roles of one project by name, without those of all projects.
    pub async fn project_roles(&self, project: ProjectId) -> Result<Vec<Role>> {
        Ok(self.store.list_project_roles(project).await?)
    }

    /// The roles that members of a project can have beside the built-in ones, by name.
    pub async fn usable_roles(&self, project: ProjectId) -> Result<Vec<Role>> {
        Ok(self.store.list_usable_roles(project).await?)
    }

    /// A role of all projects.
    pub async fn global_role(&self, slug: &str) -> Result<Role> {
        self.store.get_role_of(None, slug).await.map_err(unknown)
    }

    /// A role of the project; those of all projects are not found by it.
    pub async fn project_role(&self, project: ProjectId, slug: &str) -> Result<Role> {
        self.store.get_role_of(Some(project), slug).await.map_err(unknown)
    }

    /// Adds a role of all projects.
    pub async fn create_global_role(&self, role: Role) -> Result<Role> {
        let role = Role { project_id: None, ..role };
        check(&role)?;
        self.store.insert_role(&role).await.map_err(taken)?;
        Ok(role)
    }

    /// Adds a role of one project.
    pub async fn create_project_role(&self, editor: RoleEditor, project: ProjectId, role: Role) -> Result<Role> {
        let role = Role { project_id: Some(project), ..role };
        check(&role)?;
        editor.check_owns(role.permissions)?;
        let mut transaction = self.store.begin().await?;
        transaction.insert_role(&role).await.map_err(taken)?;
        tell(&mut transaction, editor.user, project, format!("Role {} created", role.name)).await?;
        transaction.commit().await?;
        Ok(role)
    }

    /// Changes name and permissions of a role of all projects; the slug stays.
    pub async fn update_global_role(&self, old: &Role, role: Role) -> Result<()> {
        Ok(self.store.update_role(&changed(old, role)?).await?)
    }

    /// Changes name and permissions of a role of the project; the slug stays.
    pub async fn update_project_role(
        &self,
        editor: RoleEditor,
        project: ProjectId,
        old: &Role,
        role: Role,
    ) -> Result<()> {
        let role = changed(old, role)?;
        editor.check_owns(old.permissions | role.permissions)?;
        let mut transaction = self.store.begin().await?;
        transaction.update_role(&role).await?;
        tell(&mut transaction, editor.user, project, format!("Role {} updated", role.name)).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes a role of all projects; 400 while a member has it.
    pub async fn delete_global_role(&self, role: &Role) -> Result<()> {
        self.check_unused(role).await?;
        Ok(self.store.delete_role(&role.slug).await?)
    }

    /// Removes a role of the project; 400 while a member has it.
    pub async fn delete_project_role(&self, editor: RoleEditor, project: ProjectId, role: &Role) -> Result<()> {
        editor.check_owns(role.permissions)?;
        self.check_unused(role).await?;
        let mut transaction = self.store.begin().await?;
        transaction.delete_role(&role.slug).await?;
        tell(&mut transaction, editor.user, project, format!("Role {} deleted", role.name)).await?;
        Ok(transaction.commit().await?)
    }

    async fn check_unused(&self, role: &Role) -> Result<()> {
        match self.store.count_members_with_role(&role.slug).await? {
            0 => Ok(()),
            members => {
                Err(Error::invalid(format!("the role is that of {members} member(s); give them another one first")))
            }
        }
    }

    /// What roles add on a template, by id.
    pub async fn template_roles(&self, template: &Owned<Template>) -> Result<Vec<TemplateRole>> {
        Ok(self.store.list_template_roles(template.project_id, template.id).await?)
    }

    /// What one role adds on a template.
    pub async fn template_role(&self, template: &Owned<Template>, id: TemplateRoleId) -> Result<TemplateRole> {
        self.store.get_template_role(template.project_id, template.id, id).await.map_err(unknown)
    }

    /// Lets a role do more on a template than elsewhere. Project and template of the body are not looked at.
    ///
    /// 400 for a slug that is no custom role the project can use, and for a role that has such a row.
    pub async fn create_template_role(
        &self,
        editor: RoleEditor,
        template: &Owned<Template>,
        role: TemplateRole,
    ) -> Result<TemplateRole> {
        let role = TemplateRole {
            id: TemplateRoleId::default(),
            template_id: template.id,
            project_id: template.project_id,
            ..role
        };
        check_permissions(role.permissions)?;
        self.store.get_role(template.project_id, &role.role_slug).await.map_err(|error| match error {
            StoreError::NotFound => {
                Error::invalid(format!("there is no custom role {:?} that this project can use", role.role_slug)).bare()
            }
            error => error.into(),
        })?;
        editor.check_owns(role.permissions)?;
        Ok(self.store.insert_template_role(role).await?)
    }

    /// Changes what a role adds on a template. 404 for an unknown id, where the reference answers 204 and changes nothing.
    pub async fn update_template_role(
        &self,
        editor: RoleEditor,
        template: &Owned<Template>,
        id: TemplateRoleId,
        role: TemplateRole,
    ) -> Result<()> {
        let old = self.template_role(template, id).await?;
        check_permissions(role.permissions)?;
        editor.check_owns(old.permissions | role.permissions)?;
        let role = TemplateRole { permissions: role.permissions, ..old };
        self.store.update_template_role(&role).await.map_err(unknown)
    }

    /// Takes away what a role adds on a template. 404 for an unknown id.
    pub async fn delete_template_role(
        &self,
        editor: RoleEditor,
        template: &Owned<Template>,
        id: TemplateRoleId,
    ) -> Result<()> {
        let old = self.template_role(template, id).await?;
        editor.check_owns(old.permissions)?;
        self.store.delete_template_role(template.project_id, template.id, id).await.map_err(unknown)
    }
}

async fn tell(transaction: &mut Transaction, user: UserId, project: ProjectId, description: String) -> Result<()> {
    // A role has no number of its own: its key is its slug.
    transaction.insert_event(event(user, project, EventObject::from("role"), 0, description)).await?;
    Ok(())
}

fn unknown(error: StoreError) -> Error {
    in_use(error, "role")
}

fn taken(error: StoreError) -> Error {
    match error {
        StoreError::Duplicate { .. } => {
            Error::invalid("a role with this slug exists already, perhaps in another project; choose another slug")
                .with_source(error)
        }
        error => error.into(),
    }
}

/// The role as it will be: with the slug and the project it had.
fn changed(old: &Role, role: Role) -> Result<Role> {
    if !role.slug.is_empty() && role.slug != old.slug {
        return Err(Error::invalid("the slug of a role cannot change"));
    }
    let role = Role { slug: old.slug.clone(), project_id: old.project_id, ..role };
    check_rest(&role)?;
    Ok(role)
}

fn check(role: &Role) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    if role.slug.is_empty() || role.slug.len() > SLUG_CHARACTERS || !role.slug.bytes().all(allowed) {
        return Err(Error::invalid(format!(
            "the slug of a role is made of 1 to {SLUG_CHARACTERS} small letters, digits, underscores and hyphens"
        )));
    }
    if ProjectRole::from(role.slug.as_str()).is_built_in() || role.slug == "all" {
        return Err(Error::invalid(format!("the slug {:?} is taken by the server; choose another one", role.slug)));
    }
    check_rest(role)
}

fn check_rest(role: &Role) -> Result<()> {
    role.validate()?;
    if role.name.chars().count() > NAME_CHARACTERS {
        return Err(Error::invalid(format!("the name of a role has at most {NAME_CHARACTERS} characters")));
    }
    check_permissions(role.permissions)
}

fn check_permissions(permissions: Permissions) -> Result<()> {
    if Permissions::ALL.contains(permissions) {
        return Ok(());
    }
    Err(Error::invalid("permissions are the sum of 1 (run), 2 (project), 4 (resources) and 8 (members)"))
}
