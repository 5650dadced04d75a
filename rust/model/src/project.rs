//! Projects and their members.

use crate::id::{ProjectId, SecretStorageId, UserId};
use crate::role::ProjectRole;
use crate::time;
use crate::validation::{is_false, is_zero};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The top-level structure: everything but users and runners belongs to a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Project {
    /// Row of `project`.
    pub id: ProjectId,
    /// Name for people. Reference: may be empty.
    pub name: String,
    /// When it was made.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub created: DateTime<Utc>,
    /// Whether alerts are sent.
    #[serde(skip_serializing_if = "is_false")]
    pub alert: bool,
    /// Telegram chat for the alerts, in place of the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_chat: Option<String>,
    /// How many tasks may run at once; 0 for no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_parallel_tasks: i32,
    /// Kind of project; empty for an ordinary one.
    pub r#type: String,
    /// Where new secrets go; none for the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_secret_storage_id: Option<SecretStorageId>,
}

impl Default for Project {
    fn default() -> Self {
        Self {
            id: ProjectId::default(),
            name: String::new(),
            created: time::zero(),
            alert: false,
            alert_chat: None,
            max_parallel_tasks: 0,
            r#type: String::new(),
            default_secret_storage_id: None,
        }
    }
}

/// A membership.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ProjectUser {
    /// The project.
    pub project_id: ProjectId,
    /// The member.
    pub user_id: UserId,
    /// What the member may do.
    pub role: ProjectRole,
}
