//! What a user is in a project: the project, the role, the permissions.
//!
//! Invariant: whoever is not a member learns nothing, not even that the project exists (404). Reference: `ProjectMiddleware`.

use semaphore_model::{Permissions, Project, ProjectId, ProjectRole, TemplateId, User};

use crate::{
    error::{Error, Result},
    services::Services,
};

/// A user in a project.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The project.
    pub project: Project,
    /// The user's role; empty for an administrator who is not a member.
    pub role: ProjectRole,
    /// What the role allows, with what `template` adds.
    pub permissions: Permissions,
}

impl Services {
    /// What `user` is in a project; 404 for whoever is neither member nor administrator.
    pub async fn project_membership(
        &self,
        user: &User,
        project_id: ProjectId,
        template: Option<TemplateId>,
    ) -> Result<Membership> {
        let access = self.store.get_project_access(project_id, user.id).await?;
        if !access.is_member() && !user.admin {
            return Err(Error::not_found("project"));
        }
        let mut permissions = access.permissions;
        if let Some(template) = template {
            permissions |= self.store.get_template_permissions(project_id, template, user.id).await?;
        }
        Ok(Membership { project: access.project, role: access.role, permissions })
    }
}
