//! Members of projects, and what somebody may do in one.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::list::ListOptions;
use crate::{Result, Store, StoreError};
use semaphore_model::{
    Permissions, Project, ProjectId, ProjectRole, ProjectUser, TemplateId, User, UserId, UserWithProjectRole,
};

/// A project as one user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectAccess {
    /// The project.
    pub project: Project,
    /// The user's role; [`ProjectRole::None`] for somebody who is not a member.
    pub role: ProjectRole,
    /// What the role allows, from its `role` row if there is one, otherwise the built-in set.
    pub permissions: Permissions,
}

impl ProjectAccess {
    /// Whether the user is a member.
    pub fn is_member(&self) -> bool {
        self.role != ProjectRole::None
    }
}

impl FromRow for ProjectUser {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { project_id: row.id("project_id")?, user_id: row.id("user_id")?, role: row.word("role")? })
    }
}

impl FromRow for UserWithProjectRole {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { role: row.word("role")?, user: User::from_row(row)? })
    }
}

impl FromRow for ProjectAccess {
    fn from_row(row: &Row) -> Result<Self> {
        let role: ProjectRole = row.word("member_role")?;
        let permissions = match row.optional_long("role_permissions")? {
            Some(bits) => Permissions(bits),
            None => role.permissions(),
        };
        Ok(Self { project: Project::from_row(row)?, role, permissions })
    }
}

impl Store {
    /// Ids of the projects a user is a member of.
    pub async fn list_project_ids_of_user(&self, user_id: UserId) -> Result<Vec<ProjectId>> {
        let rows =
            self.db().fetch_all("select project_id from project__user where user_id = ?", params![user_id]).await?;
        rows.iter().map(|row| row.id("project_id")).collect()
    }

    /// All memberships of a user.
    pub async fn list_memberships_of_user(&self, user_id: UserId) -> Result<Vec<ProjectUser>> {
        self.fetch("select * from project__user where user_id = ?", params![user_id]).await
    }

    /// The project with what the user may do in it, in one query; not found only if there is no such project.
    pub async fn get_project_access(&self, project_id: ProjectId, user_id: UserId) -> Result<ProjectAccess> {
        let text = "select p.*, pu.role as member_role, r.permissions as role_permissions from project p \
             left join project__user pu on pu.project_id = p.id and pu.user_id = ? \
             left join role r on r.slug = pu.role and (r.project_id is null or r.project_id = p.id) where p.id = ?";
        self.fetch_one(text, params![user_id, project_id]).await
    }

    /// What the user's role adds on one template: the rows of `project__template_role`.
    ///
    /// Reference: only custom roles (those with a `role` row) can have such rows.
    pub async fn get_template_permissions(
        &self,
        project_id: ProjectId,
        template_id: TemplateId,
        user_id: UserId,
    ) -> Result<Permissions> {
        let text = "select tr.permissions from project__template_role tr \
             join project__user pu on pu.project_id = tr.project_id and pu.role = tr.role_slug \
             where tr.project_id = ? and tr.template_id = ? and pu.user_id = ?";
        let row = self.db().fetch_optional(text, params![project_id, template_id, user_id]).await?;
        row.map_or(Ok(Permissions::NONE), |row| row.long("permissions").map(Permissions))
    }

    /// What a member's role adds on templates of the project, by template.
    pub async fn list_template_permissions(
        &self,
        project_id: ProjectId,
        user_id: UserId,
    ) -> Result<Vec<(TemplateId, Permissions)>> {
        let text = "select tr.template_id, tr.permissions from project__template_role tr \
             join project__user pu on pu.project_id = tr.project_id and pu.role = tr.role_slug \
             where tr.project_id = ? and pu.user_id = ?";
        let rows = self.db().fetch_all(text, params![project_id, user_id]).await?;
        rows.iter().map(|row| Ok((row.id("template_id")?, row.long("permissions").map(Permissions)?))).collect()
    }

    /// The membership.
    pub async fn get_project_user(&self, project_id: ProjectId, user_id: UserId) -> Result<ProjectUser> {
        self.fetch_one("select * from project__user where project_id = ? and user_id = ?", params![project_id, user_id])
            .await
    }

    /// Members with their roles. Sortable by name, username, email and role.
    pub async fn list_project_users(
        &self,
        project_id: ProjectId,
        options: &ListOptions,
    ) -> Result<Vec<UserWithProjectRole>> {
        let sortable = [("name", "u.name"), ("username", "u.username"), ("email", "u.email"), ("role", "pu.role")];
        let order = options.order(&sortable, "u.name")?;
        let text = format!(
            "select u.*, pu.role from project__user pu join `user` u on u.id = pu.user_id where pu.project_id = ?{order}"
        );
        self.fetch(text, params![project_id]).await
    }

    /// How many members have a role.
    pub async fn count_project_users_with_role(&self, project_id: ProjectId, role: &ProjectRole) -> Result<i64> {
        let text = "select count(*) as number from project__user where project_id = ? and role = ?";
        let row = self.db().fetch_optional(text, params![project_id, role.as_str()]).await?;
        row.ok_or(StoreError::NotFound)?.long("number")
    }
}

writes! {
    /// Adds a member; somebody who is one already is a duplicate.
    insert_project_user(member: &ProjectUser) -> ();
    /// Changes the role of a member.
    update_project_user(member: &ProjectUser) -> ();
    /// Removes a member.
    delete_project_user(project_id: ProjectId, user_id: UserId) -> ();
}

impl Transaction {
    /// Adds a member.
    pub async fn insert_project_user(&mut self, member: &ProjectUser) -> Result<()> {
        let text = "insert into project__user (project_id, user_id, role) values (?, ?, ?)";
        self.execute(text, params![member.project_id, member.user_id, member.role.as_str()]).await.map(drop)
    }

    /// Changes the role of a member.
    pub async fn update_project_user(&mut self, member: &ProjectUser) -> Result<()> {
        let text = "update project__user set role = ? where user_id = ? and project_id = ?";
        self.change(text, params![member.role.as_str(), member.user_id, member.project_id]).await
    }

    /// Removes a member.
    pub async fn delete_project_user(&mut self, project_id: ProjectId, user_id: UserId) -> Result<()> {
        let text = "delete from project__user where user_id = ? and project_id = ?";
        self.change(text, params![user_id, project_id]).await
    }
}
