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

    /// The templates of a project whose tasks a member may run, stop and confirm although the member's role does not say so
    /// for all of them. Reference: `GetTaskPermissionsMiddleware`.
    pub async fn runnable_templates(&self, user: &User, project_id: ProjectId) -> Result<Vec<TemplateId>> {
        let added = self.store.list_template_permissions(project_id, user.id).await?;
        let runs = |(template, permissions): (TemplateId, Permissions)| {
            permissions.contains(Permissions::RUN_TASKS).then_some(template)
        };
        Ok(added.into_iter().filter_map(runs).collect())
    }
}
