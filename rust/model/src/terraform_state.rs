//! State of Terraform that is kept here, and the addresses it is reached by.

use crate::id::{AccessKeyId, InventoryId, ProjectId, TaskId, TerraformStateId};
use crate::time;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The secret end of an address by which Terraform reads and writes the state of an inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TerraformAlias {
    /// Its project.
    pub project_id: ProjectId,
    /// Whose state it is.
    pub inventory_id: InventoryId,
    /// The key with login and password that Terraform sends.
    pub auth_key_id: AccessKeyId,
    /// The end of the address; key of `project__terraform_inventory_alias`.
    pub alias: String,
}

/// One version of the state of an inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TerraformState {
    /// Row of `project__terraform_inventory_state`.
    pub id: TerraformStateId,
    /// Since when.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub created: DateTime<Utc>,
    /// The task that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<TaskId>,
    /// Its project.
    pub project_id: ProjectId,
    /// Whose state it is.
    pub inventory_id: InventoryId,
    /// The state as Terraform wrote it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
}

impl Default for TerraformState {
    fn default() -> Self {
        Self {
            id: TerraformStateId::default(),
            created: time::zero(),
            task_id: None,
            project_id: ProjectId::default(),
            inventory_id: InventoryId::default(),
            state: String::new(),
        }
    }
}
