//! Invitations into projects: a secret that makes whoever was invited a member, once and for a limited time.
//!
//! One to an address is sent by e-mail if this server can; otherwise, and to users, its secret is in the answer that makes the
//! invitation, for its sender to hand on. Invariants: the
//! database holds a digest of the secret only; an invitation is accepted at most once, by the user or the owner of the
//! address it names, and not after its end.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use semaphore_model::{
    EventObject, ProjectId, ProjectInvite, ProjectInviteStatus, ProjectInviteWithUsers, ProjectRole, ProjectUser,
    Secret, User, UserId, error_chain, time,
};
use semaphore_store::{ListOptions, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    crypto::token,
    error::{Error, Result},
    event::event,
    mail::{Mail, Mailer, Paragraph, is_address},
    owned::Owned,
    services::Services,
};

/// How long an invitation counts if nothing else is said.
const DAYS: i64 = 7;

/// Body of the request that invites.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NewInvite {
    /// Who is invited, by number,
    pub user_id: Option<UserId>,
    /// by login name,
    pub username: Option<String>,
    /// or by e-mail address.
    pub email: Option<String>,
    /// In which role.
    pub role: ProjectRole,
    /// Until when; a week if nothing is said.
    #[serde(with = "time::rfc3339_option")]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Body of the request that changes an invitation.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct InviteChange {
    /// Where it stands: declined or expired, or pending to leave it as it is.
    pub status: Option<ProjectInviteStatus>,
    /// The role that is offered.
    pub role: Option<ProjectRole>,
}

/// An invitation with its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SentInvite {
    /// The invitation.
    #[serde(flatten)]
    pub invite: ProjectInvite,
    /// What proves that one is invited. Shown once, and not at all if it was sent by e-mail.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub token: Secret,
    /// Address of the page that accepts it; as the token.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub url: Secret,
}

/// What an accepted invitation opened.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AcceptedInvite {
    /// The project.
    pub project_id: ProjectId,
}

impl Services {
    /// Invitations into a project with their people; sortable by created, status and role.
    pub async fn invites(&self, project: ProjectId, options: &ListOptions) -> Result<Vec<ProjectInviteWithUsers>> {
        let now = Utc::now();
        let mut invites = self.store.list_project_invites(project, options).await?;
        for entry in &mut invites {
            entry.invite.status = status_at(&entry.invite, now);
        }
        Ok(invites)
    }

    /// The invitation as it stands now.
    pub fn invite_now(invite: Owned<ProjectInvite>) -> ProjectInvite {
        let invite = invite.into_inner();
        ProjectInvite { status: status_at(&invite, Utc::now()), ..invite }
    }

    /// Invites somebody by number or login name, or an e-mail address, as `teams.invite_type` allows.
    ///
    /// 400 for an unknown role or person and for a time that is over, 409 for a member and for a second invitation, 503 if it
    /// cannot be sent (there is no invitation then).
    pub async fn create_invite(&self, user: &User, project: ProjectId, body: NewInvite) -> Result<SentInvite> {
        let now = Utc::now();
        let expires_at = body.expires_at.unwrap_or(now + TimeDelta::days(DAYS));
        if expires_at <= now {
            return Err(Error::invalid("expires_at must lie in the future"));
        }
        self.check_role(project, &body.role).await?;
        let (user_id, email) = self.invited(&body).await?;
        if let Some(invited) = user_id {
            match self.store.get_project_user(project, invited).await {
                Ok(_) => return Err(Error::conflict("the user is a member of the project already")),
                Err(StoreError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let token = token::generate();
        let invite = ProjectInvite {
            project_id: project,
            user_id,
            email,
            role: body.role,
            status: ProjectInviteStatus::Pending,
            token: digest(&token),
            inviter_user_id: user.id,
            created: now,
            expires_at: Some(expires_at),
            ..ProjectInvite::default()
        };
        let mut transaction = self.store.begin().await?;
        let invite = transaction.insert_project_invite(invite).await.map_err(|error| match error {
            StoreError::Duplicate { .. } => {
                Error::conflict("there is an invitation for this person; remove it first").with_source(error)
            }
            error => error.into(),
        })?;
        let description = format!("Invitation {} created", invite.id);
        transaction.insert_event(event(user.id, project, EventObject::User, invite.id, description)).await?;
        transaction.commit().await?;
        let url = format!("{}/accept-invite/{token}", self.settings.public_address.trim_end_matches('/'));
        if let (Some(mailer), Some(address)) = (self.mailer(), &invite.email) {
            if let Err(error) = self.mail_invite(mailer, user, &invite, address, &url).await {
                // Whoever was invited will never know: as if it had not been asked for.
                self.store.delete_project_invite(project, invite.id).await?;
                return Err(error);
            }
            return Ok(SentInvite { invite, token: Secret::default(), url: Secret::default() });
        }
        Ok(SentInvite { invite, token: token.into(), url: url.into() })
    }

    async fn mail_invite(
        &self,
        mailer: Mailer<'_>,
        from: &User,
        invite: &ProjectInvite,
        address: &str,
        url: &str,
    ) -> Result<()> {
        let project = self.store.get_project(invite.project_id).await?;
        let until = invite.expires_at.map(|end| end.format("%d %B %Y, %H:%M UTC").to_string()).unwrap_or_default();
        let content = [
            Paragraph::Words(&format!("{} invites you into the project {}.", from.name, project.name)),
            Paragraph::Words("Open this address and sign in with this e-mail address to accept:"),
            Paragraph::Link(url),
            Paragraph::Words(&format!("It counts for one time, until {until}.")),
        ];
        let mail = Mail::new(address, &format!("Invitation into the project {}", project.name), &content);
        mailer.send(mail).await.map_err(|error| {
            tracing::warn!(error = %error_chain(&error), "an invitation could not be sent");
            Error::unavailable("the invitation could not be sent by e-mail, the reason is in the server's log")
                .with_source(error)
        })
    }

    /// Who is meant: a user, or an address. An address that is a user's stays an address: its owner proves it by log-in.
    async fn invited(&self, body: &NewInvite) -> Result<(Option<UserId>, Option<String>)> {
        let email = body.email.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let username = body.username.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let named = [body.user_id.is_some(), username.is_some(), email.is_some()];
        if named.into_iter().filter(|named| *named).count() != 1 {
            return Err(Error::invalid("name whom you invite by exactly one of user_id, username and email"));
        }
        let kind = if email.is_some() { "email" } else { "username" };
        let allowed = self.settings.team_invite_type.as_str();
        if allowed != "both" && allowed != kind {
            return Err(Error::invalid(format!(
                "this server invites by {allowed} only (teams.invite_type in the configuration)"
            )));
        }
        if let Some(email) = email {
            if !is_address(email) {
                return Err(Error::invalid("email must be an address such as somebody@example.com"));
            }
            return Ok((None, Some(email.to_lowercase())));
        }
        let found = match (body.user_id, username) {
            (Some(id), _) => self.store.get_user(id).await.map(|user| user.id),
            (None, Some(name)) => self.store.get_user_id_by_login(name).await,
            (None, None) => Err(StoreError::NotFound),
        };
        match found {
            Ok(id) => Ok((Some(id), None)),
            Err(StoreError::NotFound) => Err(Error::invalid("there is no such user")),
            Err(error) => Err(error.into()),
        }
    }

    /// Declines a waiting invitation, ends it, or changes the role it offers. 400 for one that is over.
    pub async fn update_invite(&self, user: UserId, old: &Owned<ProjectInvite>, change: InviteChange) -> Result<()> {
        if status_at(old, Utc::now()) != ProjectInviteStatus::Pending {
            return Err(Error::invalid("the invitation is over; remove it and send a new one"));
        }
        let status = change.status.unwrap_or(ProjectInviteStatus::Pending);
        match status {
            ProjectInviteStatus::Pending | ProjectInviteStatus::Declined | ProjectInviteStatus::Expired => {}
            _ => return Err(Error::invalid("status must be pending, declined or expired")),
        }
        let role = change.role.unwrap_or_else(|| old.role.clone());
        self.check_role(old.project_id, &role).await?;
        let mut transaction = self.store.begin().await?;
        let invite = ProjectInvite { status, role, ..(**old).clone() };
        if !transaction.change_pending_invite(&invite).await? {
            return Err(Error::invalid("the invitation was answered in the meantime"));
        }
        let description = format!("Invitation {} updated", old.id);
        transaction.insert_event(event(user, old.project_id, EventObject::User, old.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Takes an invitation back.
    pub async fn delete_invite(&self, user: UserId, invite: &Owned<ProjectInvite>) -> Result<()> {
        let mut transaction = self.store.begin().await?;
        transaction.delete_project_invite(invite.project_id, invite.id).await?;
        let description = format!("Invitation {} deleted", invite.id);
        transaction.insert_event(event(user, invite.project_id, EventObject::User, invite.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Makes the caller a member. 404 for an unknown secret, 403 for somebody else, 400 for an invitation that is over.
    pub async fn accept_invite(&self, user: &User, token: &Secret) -> Result<AcceptedInvite> {
        let now = Utc::now();
        let invite = self.store.get_project_invite_by_token(&digest(token.expose())).await;
        let invite = invite.map_err(|error| match error {
            StoreError::NotFound => Error::not_found("invitation"),
            error => error.into(),
        })?;
        let is_meant = match (&invite.user_id, &invite.email) {
            (Some(id), _) => *id == user.id,
            (None, Some(email)) => user.email.eq_ignore_ascii_case(email),
            (None, None) => false,
        };
        if !is_meant {
            return Err(Error::forbidden("the invitation is for somebody else; log in as the one who was invited"));
        }
        match status_at(&invite, now) {
            ProjectInviteStatus::Pending => {}
            ProjectInviteStatus::Accepted => return Err(Error::invalid("the invitation was accepted already")),
            ProjectInviteStatus::Expired => {
                return Err(Error::invalid("the invitation has expired; ask for a new one"));
            }
            _ => return Err(Error::invalid("the invitation was declined; ask for a new one")),
        }
        self.check_role(invite.project_id, &invite.role).await?;
        let project_id = invite.project_id;
        let member = ProjectUser { project_id, user_id: user.id, role: invite.role.clone() };
        let accepted = ProjectInvite { status: ProjectInviteStatus::Accepted, accepted_at: Some(now), ..invite };
        let mut transaction = self.store.begin().await?;
        // Two requests with the same secret: only one of them finds it waiting.
        if !transaction.change_pending_invite(&accepted).await? {
            return Err(Error::invalid("the invitation was accepted already"));
        }
        transaction.insert_project_user(&member).await.map_err(|error| match error {
            StoreError::Duplicate { .. } => {
                Error::invalid("you are a member of the project already").with_source(error)
            }
            error => error.into(),
        })?;
        let description = format!("Invitation {} accepted", accepted.id);
        transaction.insert_event(event(user.id, project_id, EventObject::User, user.id, description)).await?;
        transaction.commit().await?;
        Ok(AcceptedInvite { project_id })
    }
}

/// Where an invitation stands: one whose time is over has expired, also when nobody has written it down.
fn status_at(invite: &ProjectInvite, now: DateTime<Utc>) -> ProjectInviteStatus {
    let is_over = invite.expires_at.is_some_and(|end| end <= now);
    match &invite.status {
        ProjectInviteStatus::Pending if is_over => ProjectInviteStatus::Expired,
        status => status.clone(),
    }
}

/// What is stored of a secret.
fn digest(token: &str) -> Secret {
    Secret::new(format!("{:x}", Sha256::digest(token.as_bytes())))
}
