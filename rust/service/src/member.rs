//! Members of a project: who is in the team and in which role.
//!
//! Not for what a role allows: that is `membership`. Invariants: a stored role is one of the four or the slug of a role the
//! project can use; an owner who is no administrator neither leaves nor changes the own role, so a project is not orphaned by
//! mistake.

use schemars::JsonSchema;
use semaphore_model::{EventObject, ProjectId, ProjectRole, ProjectUser, User, UserId};
use semaphore_store::{ListOptions, StoreError};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    event::event,
    services::Services,
};

/// A member as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Member {
    /// The user.
    pub id: UserId,
    /// Login name.
    pub username: String,
    /// Name for people.
    pub name: String,
    /// Role in the project.
    pub role: ProjectRole,
}

/// Body of the request that adds a member.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NewMember {
    /// Who.
    pub user_id: UserId,
    /// In which role.
    pub role: ProjectRole,
}

/// Body of the request that changes the role of a member.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MemberRole {
    /// The new role.
    pub role: ProjectRole,
}

/// Who asks, and in which role: decides whether the own membership may be changed.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The caller.
    pub user: &'a User,
    /// The caller's role in the project.
    pub role: &'a ProjectRole,
}

impl Caller<'_> {
    fn is_bound_owner(&self, target: UserId) -> bool {
        !self.user.admin && self.user.id == target && *self.role == ProjectRole::Owner
    }
}

impl Services {
    /// Members with their roles; sortable by name, username, email and role.
    pub async fn members(&self, project: ProjectId, options: &ListOptions) -> Result<Vec<Member>> {
        let members = self.store.list_project_users(project, options).await?;
        Ok(members
            .into_iter()
            .map(|member| Member {
                id: member.user.id,
                username: member.user.username,
                name: member.user.name,
                role: member.role,
            })
            .collect())
    }

    /// The account of a member; 404 for somebody who is none.
    ///
    /// Reference: e-mail address and flags are shown to every member. The second factor's secret is not shown here.
    pub async fn member(&self, project: ProjectId, user: UserId) -> Result<User> {
        let missing = |error| match error {
            StoreError::NotFound => Error::not_found("member"),
            error => error.into(),
        };
        self.store.get_project_user(project, user).await.map_err(missing)?;
        let user = self.store.get_user(user).await.map_err(missing)?;
        Ok(User { totp: None, email_otp: None, ..user })
    }

    /// Adds a member. 400 for an unknown role, 409 for a member and for an unknown user.
    pub async fn add_member(&self, caller: Caller<'_>, project: ProjectId, body: &NewMember) -> Result<()> {
        self.check_role(project, &body.role).await?;
        let member = ProjectUser { project_id: project, user_id: body.user_id, role: body.role.clone() };
        let mut transaction = self.store.begin().await?;
        transaction.insert_project_user(&member).await.map_err(|error| match error {
            StoreError::Duplicate { .. } | StoreError::Referenced { .. } => {
                Error::conflict("the user is a member already, or does not exist").bare().with_source(error)
            }
            error => error.into(),
        })?;
        let description = format!("User ID {} added to team", body.user_id);
        transaction.insert_event(event(caller.user.id, project, EventObject::User, body.user_id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Changes the role of a member. 400 for an unknown role and for the own role of an owner.
    pub async fn update_member(
        &self,
        caller: Caller<'_>,
        project: ProjectId,
        target: UserId,
        body: &MemberRole,
    ) -> Result<()> {
        if caller.is_bound_owner(target) {
            return Err(Error::invalid("owner can not change his role in the project").bare());
        }
        self.check_role(project, &body.role).await?;
        let member = ProjectUser { project_id: project, user_id: target, role: body.role.clone() };
        let mut transaction = self.store.begin().await?;
        transaction.update_project_user(&member).await.map_err(|error| match error {
            StoreError::NotFound => Error::not_found("member"),
            error => error.into(),
        })?;
        let description = format!("Changed role for User ID {target}");
        transaction.insert_event(event(caller.user.id, project, EventObject::User, target, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes a member, also the caller. 400 for an owner who wants to leave.
    ///
    /// Reference: an administrator who is no member may leave as well; that changes nothing but is written down.
    pub async fn remove_member(&self, caller: Caller<'_>, project: ProjectId, target: UserId) -> Result<()> {
        if caller.is_bound_owner(target) {
            return Err(Error::invalid("owner can not left the project").bare());
        }
        let mut transaction = self.store.begin().await?;
        match transaction.delete_project_user(project, target).await {
            Ok(()) | Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        let description = format!("User ID {target} removed from team");
        transaction.insert_event(event(caller.user.id, project, EventObject::User, target, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Checks that a role is one the project can use; 400 otherwise.
    pub(crate) async fn check_role(&self, project: ProjectId, role: &ProjectRole) -> Result<()> {
        if role.is_built_in() {
            return Ok(());
        }
        self.store.get_role(project, role.as_str()).await.map(drop).map_err(|error| match error {
            StoreError::NotFound => {
                Error::invalid(format!("there is no role '{role}'; use owner, manager, task_runner or guest")).bare()
            }
            error => error.into(),
        })
    }
}
