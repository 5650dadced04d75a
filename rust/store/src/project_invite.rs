//! Invitations into projects.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::list::ListOptions;
use crate::{Result, Store, StoreError};
use semaphore_model::{ProjectId, ProjectInvite, ProjectInviteId, ProjectInviteWithUsers, Secret, User, UserId};

impl FromRow for ProjectInvite {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            project_id: row.id("project_id")?,
            user_id: row.optional_id("user_id")?,
            email: row.optional_text("email")?,
            role: row.word("role")?,
            status: row.word("status")?,
            token: Secret::from(row.text("token")?),
            inviter_user_id: row.id("inviter_user_id")?,
            created: row.time("created")?,
            expires_at: row.optional_time("expires_at")?,
            accepted_at: row.optional_time("accepted_at")?,
        })
    }
}

impl FromRow for ProjectInviteWithUsers {
    fn from_row(row: &Row) -> Result<Self> {
        let invite = ProjectInvite::from_row(row)?;
        let person = |id: UserId, name: &str, username: &str, email: &str| -> Result<User> {
            Ok(User {
                id,
                name: row.text(name)?,
                username: row.text(username)?,
                email: row.text(email)?,
                ..User::default()
            })
        };
        let inviter_user = person(invite.inviter_user_id, "inviter_name", "inviter_username", "inviter_email")?;
        let user = invite.user_id.map(|id| person(id, "user_name", "user_username", "user_email")).transpose()?;
        Ok(Self { invite, inviter_user, user })
    }
}

impl Store {
    /// The invitation into the project.
    pub async fn get_project_invite(&self, project_id: ProjectId, id: ProjectInviteId) -> Result<ProjectInvite> {
        self.fetch_one("select * from project__invite where project_id = ? and id = ?", params![project_id, id]).await
    }

    /// The invitation that this token belongs to.
    pub async fn get_project_invite_by_token(&self, token: &Secret) -> Result<ProjectInvite> {
        self.fetch_one("select * from project__invite where token = ?", params![token]).await
    }

    /// The user with this login name.
    pub async fn get_user_id_by_login(&self, login: &str) -> Result<UserId> {
        let row = self.db().fetch_optional("select id from `user` where username = ?", params![login]).await?;
        row.ok_or(StoreError::NotFound)?.id("id")
    }

    /// Invitations into the project with their people. Sortable by created, status and role; created is the default.
    pub async fn list_project_invites(
        &self,
        project_id: ProjectId,
        options: &ListOptions,
    ) -> Result<Vec<ProjectInviteWithUsers>> {
        let sortable = [("created", "i.created"), ("status", "i.status"), ("role", "i.role")];
        let order = options.order(&sortable, "i.created")?;
        let text = format!(
            "select i.*, b.name as inviter_name, b.username as inviter_username, b.email as inviter_email, \
             u.name as user_name, u.username as user_username, u.email as user_email from project__invite i \
             left join `user` b on b.id = i.inviter_user_id left join `user` u on u.id = i.user_id \
             where i.project_id = ?{order}, i.id"
        );
        self.fetch(text, params![project_id]).await
    }
}

writes! {
    /// Adds an invitation; a second one of the same user or address is [`crate::StoreError::Duplicate`].
    insert_project_invite(invite: ProjectInvite) -> ProjectInvite;
    /// Changes role, standing and time of acceptance of an invitation that waits; answers whether it did.
    change_pending_invite(invite: &ProjectInvite) -> bool;
    /// Removes an invitation.
    delete_project_invite(project_id: ProjectId, id: ProjectInviteId) -> ();
}

impl Transaction {
    /// Adds an invitation.
    pub async fn insert_project_invite(&mut self, mut invite: ProjectInvite) -> Result<ProjectInvite> {
        let text = "insert into project__invite (project_id, user_id, email, role, status, token, inviter_user_id, created, \
             expires_at, accepted_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            invite.project_id,
            invite.user_id,
            invite.email.as_deref(),
            invite.role.as_str(),
            invite.status.as_str(),
            &invite.token,
            invite.inviter_user_id,
            invite.created,
            invite.expires_at,
            invite.accepted_at
        ];
        invite.id = self.insert(text, values).await?;
        Ok(invite)
    }

    /// Changes role, standing and time of acceptance of an invitation that waits.
    pub async fn change_pending_invite(&mut self, invite: &ProjectInvite) -> Result<bool> {
        let text = "update project__invite set role = ?, status = ?, accepted_at = ? \
             where project_id = ? and id = ? and status = 'pending'";
        let values =
            params![invite.role.as_str(), invite.status.as_str(), invite.accepted_at, invite.project_id, invite.id];
        Ok(self.execute(text, values).await? > 0)
    }

    /// Removes an invitation.
    pub async fn delete_project_invite(&mut self, project_id: ProjectId, id: ProjectInviteId) -> Result<()> {
        self.change("delete from project__invite where project_id = ? and id = ?", params![project_id, id]).await
    }
}
