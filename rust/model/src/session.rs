//! Proofs of identity: sessions of browsers and tokens of programs.

use crate::id::{SessionId, UserId};
use crate::secret::Secret;
use crate::time;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Which second factor a session needs, stored as a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerificationMethod {
    /// None: the password is enough.
    #[default]
    None,
    /// A time-based code.
    Totp,
    /// A code sent by e-mail.
    Email,
}

impl VerificationMethod {
    /// The stored number.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The method with this number. An unknown number asks for a code nobody can give, so it locks rather than opens.
    pub const fn from_number(number: i32) -> Self {
        match number {
            0 => Self::None,
            2 => Self::Email,
            _ => Self::Totp,
        }
    }
}

impl Serialize for VerificationMethod {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.number().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for VerificationMethod {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i32::deserialize(deserializer).map(Self::from_number)
    }
}

/// A signed-in browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// Row of `session`.
    pub id: SessionId,
    /// Whose session it is.
    pub user_id: UserId,
    /// When the user signed in.
    #[serde(with = "time::rfc3339")]
    pub created: DateTime<Utc>,
    /// When it was last used; a session unused for seven days ends.
    #[serde(with = "time::rfc3339")]
    pub last_active: DateTime<Utc>,
    /// Address of the client at sign-in, as text.
    pub ip: String,
    /// `User-Agent` of the client at sign-in.
    pub user_agent: String,
    /// Whether it was ended.
    pub expired: bool,
    /// Which second factor it needs.
    pub verification_method: VerificationMethod,
    /// Whether the second factor was given.
    pub verified: bool,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            id: SessionId::default(),
            user_id: UserId::default(),
            created: time::zero(),
            last_active: time::zero(),
            ip: String::new(),
            user_agent: String::new(),
            expired: false,
            verification_method: VerificationMethod::None,
            verified: false,
        }
    }
}

impl Session {
    /// Whether nothing but the password is needed or the second factor was given.
    pub fn is_verified(&self) -> bool {
        self.verification_method == VerificationMethod::None || self.verified
    }
}

/// A token that lets a program act as a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ApiToken {
    /// The token itself: 44 characters of base64.
    pub id: Secret,
    /// When it was made, in whole seconds.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub created: DateTime<Utc>,
    /// Whether it was taken back.
    pub expired: bool,
    /// As whom it acts.
    pub user_id: UserId,
}

impl Default for ApiToken {
    fn default() -> Self {
        Self { id: Secret::default(), created: time::zero(), expired: false, user_id: UserId::default() }
    }
}
