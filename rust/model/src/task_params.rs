//! What a schedule or an integration gives to the task that it starts.

use crate::JsonMap;
use crate::id::{InventoryId, ProjectId, TaskParamsId};
use serde::{Deserialize, Serialize};

/// Parameters of a task to come; each absent one leaves the template's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TaskParams {
    /// Row of `project__task_params`.
    #[serde(skip)]
    pub id: TaskParamsId,
    /// Its project.
    #[serde(skip)]
    pub project_id: ProjectId,
    /// Variables: a JSON object as text; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub environment: String,
    /// Arguments: a JSON array as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// Branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_branch: Option<String>,
    /// Text for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Version that a build task makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory_id: Option<InventoryId>,
    /// Parameters of the app, free-form.
    #[serde(skip_serializing_if = "JsonMap::is_empty")]
    pub params: JsonMap,
}
