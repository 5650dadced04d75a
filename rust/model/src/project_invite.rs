//! Invitations into a project.

use crate::id::{ProjectId, ProjectInviteId, UserId};
use crate::open_enum::open_enum;
use crate::role::ProjectRole;
use crate::secret::Secret;
use crate::time;
use crate::user::User;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

open_enum! {
    /// Where an invitation stands.
    ProjectInviteStatus {
        /// It waits for an answer.
        Pending = "pending",
        /// It was accepted.
        Accepted = "accepted",
        /// It was declined.
        Declined = "declined",
        /// Its time is over.
        Expired = "expired",
    }
}

/// An invitation of a user, or of somebody with an e-mail address, into a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ProjectInvite {
    /// Row of `project__invite`.
    pub id: ProjectInviteId,
    /// Into which project.
    pub project_id: ProjectId,
    /// Who is invited; none for an e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Where the invitation goes; none for a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The role that is offered.
    pub role: ProjectRole,
    /// Where it stands.
    pub status: ProjectInviteStatus,
    /// What proves that one is invited. Never in answers.
    #[serde(skip)]
    pub token: Secret,
    /// Who invites.
    pub inviter_user_id: UserId,
    /// Since when.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub created: DateTime<Utc>,
    /// Until when; none for ever.
    #[serde(with = "time::rfc3339_option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was accepted.
    #[serde(with = "time::rfc3339_option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub accepted_at: Option<DateTime<Utc>>,
}

impl Default for ProjectInvite {
    fn default() -> Self {
        Self {
            id: ProjectInviteId::default(),
            project_id: ProjectId::default(),
            user_id: None,
            email: None,
            role: ProjectRole::default(),
            status: ProjectInviteStatus::default(),
            token: Secret::default(),
            inviter_user_id: UserId::default(),
            created: time::zero(),
            expires_at: None,
            accepted_at: None,
        }
    }
}

/// An invitation with its people, as lists show it. Reference: of a user only id and names are set, the rest is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProjectInviteWithUsers {
    /// The invitation.
    #[serde(flatten)]
    pub invite: ProjectInvite,
    /// Who invites.
    pub inviter_user: User,
    /// Who is invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
}
