//! The hosts a task works on, or the workspace of a Terraform-like tool.

use crate::id::{AccessKeyId, InventoryId, ProjectId, RepositoryId, TemplateId};
use crate::open_enum::open_enum;
use crate::validation::ValidationError;
use serde::{Deserialize, Serialize};

open_enum! {
    /// What the text of an inventory means.
    InventoryType {
        /// Unset. Reference: stored by programs that send no type.
        Unset = "",
        /// Hosts in INI format.
        Static = "static",
        /// Hosts in YAML.
        StaticYaml = "static-yaml",
        /// Path of an inventory file, in the repository or absolute.
        File = "file",
        /// Name of a Terraform workspace.
        TerraformWorkspace = "terraform-workspace",
        /// Name of an OpenTofu workspace.
        TofuWorkspace = "tofu-workspace",
        /// Name of a Terragrunt workspace.
        TerragruntWorkspace = "terragrunt-workspace",
    }
}

impl InventoryType {
    /// Whether the text itself is the inventory.
    pub fn is_static(&self) -> bool {
        matches!(self, Self::Static | Self::StaticYaml)
    }
}

/// An inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Inventory {
    /// Row of `project__inventory`.
    pub id: InventoryId,
    /// Name for people.
    pub name: String,
    /// Its project.
    pub project_id: ProjectId,
    /// Hosts, path or workspace name.
    pub inventory: String,
    /// Key to reach the hosts with.
    pub ssh_key_id: Option<AccessKeyId>,
    /// Key to become another user with.
    pub become_key_id: Option<AccessKeyId>,
    /// What `inventory` means.
    pub r#type: InventoryType,
    /// The template it belongs to.
    pub template_id: Option<TemplateId>,
    /// Repository of an inventory file; none for the template's.
    pub repository_id: Option<RepositoryId>,
    /// Tag of the runners its tasks go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_tag: Option<String>,
}

impl Inventory {
    /// Checks the tag of the runners.
    pub fn validate(&self) -> Result<(), ValidationError> {
        if self.runner_tag.as_deref() == Some("") {
            return Err(ValidationError::new("template runner tag can not be empty"));
        }
        Ok(())
    }
}
