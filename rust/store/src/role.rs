//! Custom roles, and what they add on single templates.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::{Result, Store, StoreError};
use semaphore_model::{Permissions, ProjectId, Role, TemplateId, TemplateRole, TemplateRoleId};

impl FromRow for Role {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            slug: row.text("slug")?,
            name: row.text("name")?,
            permissions: Permissions(row.long("permissions")?),
            project_id: row.optional_id("project_id")?,
        })
    }
}

impl FromRow for TemplateRole {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            role_slug: row.text("role_slug")?,
            template_id: row.id("template_id")?,
            project_id: row.id("project_id")?,
            permissions: Permissions(row.long("permissions")?),
        })
    }
}

impl Store {
    /// The role with this slug, of the project or of all projects.
    pub async fn get_role(&self, project_id: ProjectId, slug: &str) -> Result<Role> {
        let text = "select * from role where slug = ? and (project_id is null or project_id = ?)";
        self.fetch_one(text, params![slug, project_id]).await
    }

    /// Roles of all projects, by name.
    pub async fn list_global_roles(&self) -> Result<Vec<Role>> {
        self.fetch("select * from role where project_id is null order by name", Vec::new()).await
    }

    /// Roles of one project, by name.
    pub async fn list_project_roles(&self, project_id: ProjectId) -> Result<Vec<Role>> {
        self.fetch("select * from role where project_id = ? order by name", params![project_id]).await
    }

    /// Roles that members of the project can have: its own and those of all projects, by name.
    pub async fn list_usable_roles(&self, project_id: ProjectId) -> Result<Vec<Role>> {
        let text = "select * from role where project_id is null or project_id = ? order by name";
        self.fetch(text, params![project_id]).await
    }

    /// The role with this slug of exactly this project, or with none of all projects.
    pub async fn get_role_of(&self, project_id: Option<ProjectId>, slug: &str) -> Result<Role> {
        match project_id {
            Some(id) => self.fetch_one("select * from role where slug = ? and project_id = ?", params![slug, id]).await,
            None => self.fetch_one("select * from role where slug = ? and project_id is null", params![slug]).await,
        }
    }

    /// How many memberships, in whichever project, have the role with this slug.
    pub async fn count_members_with_role(&self, slug: &str) -> Result<i64> {
        let text = "select count(*) as number from project__user where role = ?";
        let row = self.db().fetch_optional(text, params![slug]).await?;
        row.ok_or(StoreError::NotFound)?.long("number")
    }

    /// What roles add on a template, by id.
    pub async fn list_template_roles(&self, project_id: ProjectId, id: TemplateId) -> Result<Vec<TemplateRole>> {
        let text = "select * from project__template_role where project_id = ? and template_id = ? order by id";
        self.fetch(text, params![project_id, id]).await
    }

    /// What one role adds on a template.
    pub async fn get_template_role(
        &self,
        project_id: ProjectId,
        template_id: TemplateId,
        id: TemplateRoleId,
    ) -> Result<TemplateRole> {
        let text = "select * from project__template_role where project_id = ? and template_id = ? and id = ?";
        self.fetch_one(text, params![project_id, template_id, id]).await
    }
}

writes! {
    /// Adds a role; a slug that exists is [`crate::StoreError::Duplicate`].
    insert_role(role: &Role) -> ();
    /// Changes name and permissions of the role with this slug.
    update_role(role: &Role) -> ();
    /// Removes a role with what it adds on templates; members that have it keep its slug and lose its permissions.
    delete_role(slug: &str) -> ();
    /// Adds what a role gives on a template, which must be one of the project; a second row of the same role is
    /// [`crate::StoreError::Duplicate`].
    insert_template_role(role: TemplateRole) -> TemplateRole;
    /// Changes the permissions.
    update_template_role(role: &TemplateRole) -> ();
    /// Takes them away.
    delete_template_role(project_id: ProjectId, template_id: TemplateId, id: TemplateRoleId) -> ();
}

impl Transaction {
    /// Adds a role.
    pub async fn insert_role(&mut self, role: &Role) -> Result<()> {
        role.validate()?;
        let text = "insert into `role` (slug, name, permissions, project_id) values (?, ?, ?, ?)";
        self.execute(text, params![&role.slug, &role.name, role.permissions.0, role.project_id]).await.map(drop)
    }

    /// Changes name and permissions of the role with this slug.
    pub async fn update_role(&mut self, role: &Role) -> Result<()> {
        role.validate()?;
        let text = "update `role` set name = ?, permissions = ? where slug = ?";
        self.change(text, params![&role.name, role.permissions.0, &role.slug]).await
    }

    /// Removes a role.
    pub async fn delete_role(&mut self, slug: &str) -> Result<()> {
        self.change("delete from `role` where slug = ?", params![slug]).await
    }

    /// Adds what a role gives on a template.
    pub async fn insert_template_role(&mut self, mut role: TemplateRole) -> Result<TemplateRole> {
        let text = "select id from project__template where id = ? and project_id = ?";
        let template = self.fetch_optional(text, params![role.template_id, role.project_id]).await?;
        template.ok_or(StoreError::NotFound)?;
        let text =
            "insert into project__template_role (project_id, template_id, role_slug, permissions) values (?, ?, ?, ?)";
        let values = params![role.project_id, role.template_id, &role.role_slug, role.permissions.0];
        role.id = self.insert(text, values).await?;
        Ok(role)
    }

    /// Changes the permissions.
    pub async fn update_template_role(&mut self, role: &TemplateRole) -> Result<()> {
        let text =
            "update project__template_role set permissions = ? where project_id = ? and template_id = ? and id = ?";
        self.change(text, params![role.permissions.0, role.project_id, role.template_id, role.id]).await
    }

    /// Takes them away.
    pub async fn delete_template_role(
        &mut self,
        project_id: ProjectId,
        template_id: TemplateId,
        id: TemplateRoleId,
    ) -> Result<()> {
        let text = "delete from project__template_role where project_id = ? and template_id = ? and id = ?";
        self.change(text, params![project_id, template_id, id]).await
    }
}
