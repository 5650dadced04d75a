//! People who may use the server.

use crate::id::{UserEmailOtpId, UserId, UserTotpId};
use crate::role::ProjectRole;
use crate::secret::Secret;
use crate::time;
use crate::validation::ValidationError;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct User {
    /// Row of `user`.
    pub id: UserId,
    /// When the user was made, in whole seconds.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub created: DateTime<Utc>,
    /// Login name, unique.
    pub username: String,
    /// Name for people.
    pub name: String,
    /// E-mail address, unique.
    pub email: String,
    /// bcrypt hash of the password; empty for somebody without one. Never in JSON.
    #[serde(skip)]
    pub password: Secret,
    /// Administrator of the installation.
    pub admin: bool,
    /// Signs in through LDAP or OpenID Connect; has no password here.
    pub external: bool,
    /// Wants alerts by e-mail.
    pub alert: bool,
    /// Has a seat of a subscription.
    pub pro: bool,
    /// Second factor by time-based codes, if set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totp: Option<UserTotp>,
    /// The last code that was sent by e-mail. Never in JSON.
    #[serde(skip)]
    pub email_otp: Option<UserEmailOtp>,
}

impl Default for User {
    fn default() -> Self {
        Self {
            id: UserId::default(),
            created: time::zero(),
            username: String::new(),
            name: String::new(),
            email: String::new(),
            password: Secret::default(),
            admin: false,
            external: false,
            alert: false,
            pro: false,
            totp: None,
            email_otp: None,
        }
    }
}

impl User {
    /// Checks that login name, e-mail and name are there.
    pub fn validate(&self) -> Result<(), ValidationError> {
        let rules = [
            (&self.username, "Username cannot be empty"),
            (&self.email, "Email cannot be empty"),
            (&self.name, "Name cannot be empty"),
        ];
        rules.iter().find(|(text, _)| text.is_empty()).map_or(Ok(()), |(_, rule)| Err(ValidationError::new(*rule)))
    }

    /// What members and other users may see of the user.
    pub fn summary(&self) -> UserSummary {
        UserSummary { id: self.id, username: self.username.clone(), name: self.name.clone() }
    }
}

/// The second factor by time-based codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct UserTotp {
    /// Row of `user__totp`.
    pub id: UserTotpId,
    /// When it was set up.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub created: DateTime<Utc>,
    /// Whose it is.
    pub user_id: UserId,
    /// `otpauth://` address with the secret.
    pub url: Secret,
    /// bcrypt hash of the recovery code. Never in JSON.
    #[serde(skip)]
    pub recovery_hash: Secret,
    /// The recovery code; only in the answer that sets the factor up.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub recovery_code: Secret,
}

impl Default for UserTotp {
    fn default() -> Self {
        Self {
            id: UserTotpId::default(),
            created: time::zero(),
            user_id: UserId::default(),
            url: Secret::default(),
            recovery_hash: Secret::default(),
            recovery_code: Secret::default(),
        }
    }
}

/// A code that was sent by e-mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct UserEmailOtp {
    /// Row of `user__email_otp`.
    pub id: UserEmailOtpId,
    /// When it was sent.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub created: DateTime<Utc>,
    /// Whose it is.
    pub user_id: UserId,
    /// The code.
    pub code: Secret,
}

impl Default for UserEmailOtp {
    fn default() -> Self {
        Self {
            id: UserEmailOtpId::default(),
            created: time::zero(),
            user_id: UserId::default(),
            code: Secret::default(),
        }
    }
}

/// What everybody may see of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct UserSummary {
    /// Row of `user`.
    pub id: UserId,
    /// Login name.
    pub username: String,
    /// Name for people.
    pub name: String,
}

/// A member of a project with the role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserWithProjectRole {
    /// The role in the project asked about.
    pub role: ProjectRole,
    /// The user.
    #[serde(flatten)]
    pub user: User,
}

/// Body of the requests that create or change a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NewUser {
    /// Row of `user`; only read when the user is changed.
    pub id: UserId,
    /// Login name.
    pub username: String,
    /// Name for people.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Password as typed; empty leaves the old one.
    pub password: Secret,
    /// Administrator of the installation.
    pub admin: bool,
    /// Signs in elsewhere.
    pub external: bool,
    /// Wants alerts by e-mail.
    pub alert: bool,
    /// Has a seat of a subscription.
    pub pro: bool,
}

impl NewUser {
    /// The user this body describes, without a password hash.
    pub fn to_user(&self) -> User {
        User {
            id: self.id,
            username: self.username.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            admin: self.admin,
            external: self.external,
            alert: self.alert,
            pro: self.pro,
            ..User::default()
        }
    }
}
