//! Templates: what a task runs and how.

use crate::JsonMap;
use crate::id::{
    AccessKeyId, EnvironmentId, InventoryId, ProjectId, RepositoryId, TemplateId, TemplateVaultId, ViewId,
};
use crate::inventory::InventoryType;
use crate::open_enum::open_enum;
use crate::role::Permissions;
use crate::task::TaskWithTemplate;
use crate::validation::{ValidationError, is_false};
use serde::{Deserialize, Serialize};

open_enum! {
    /// What a template is for.
    TemplateType {
        /// Any task.
        Task = "",
        /// Makes a version that can be deployed.
        Build = "build",
        /// Deploys a version made by a build template.
        Deploy = "deploy",
    }
}

open_enum! {
    /// The program a template runs; a text outside the list is an app of the configuration.
    TemplateApp {
        /// Unset. Reference: refused by the API, found in old rows and run as Ansible.
        Unset = "",
        /// `ansible-playbook`.
        Ansible = "ansible",
        /// `terraform`.
        Terraform = "terraform",
        /// `tofu`.
        Tofu = "tofu",
        /// `terragrunt`.
        Terragrunt = "terragrunt",
        /// `bash`.
        Bash = "bash",
        /// `pwsh` or `powershell`.
        PowerShell = "powershell",
        /// `python3`.
        Python = "python",
        /// `pulumi`.
        Pulumi = "pulumi",
    }
}

impl TemplateApp {
    /// Whether the app works on a Terraform-like state.
    pub fn is_terraform(&self) -> bool {
        matches!(self, Self::Terraform | Self::Tofu | Self::Terragrunt)
    }

    /// Kinds of inventories the app can use.
    pub fn inventory_types(&self) -> &'static [InventoryType] {
        match self {
            Self::Ansible => &[InventoryType::Static, InventoryType::StaticYaml, InventoryType::File],
            Self::Terraform => &[InventoryType::TerraformWorkspace],
            Self::Tofu => &[InventoryType::TofuWorkspace],
            Self::Terragrunt => &[InventoryType::TerragruntWorkspace],
            _ => &[],
        }
    }
}

open_enum! {
    /// How a survey variable is asked for.
    SurveyVariableType {
        /// One line of text.
        Text = "",
        /// A whole number.
        Integer = "int",
        /// One of a list.
        Enumeration = "enum",
        /// A hidden text.
        Secret = "secret",
    }
}

open_enum! {
    /// How the password of an Ansible vault is given.
    TemplateVaultType {
        /// Unset.
        Unset = "",
        /// By a key.
        Password = "password",
        /// By a script.
        Script = "script",
    }
}

/// One choice of a survey variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SurveyVariableValue {
    /// Text for people.
    pub name: String,
    /// What the task gets.
    pub value: String,
}

/// A variable that is asked for before a task starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SurveyVariable {
    /// Name of the variable.
    pub name: String,
    /// Label for people.
    pub title: String,
    /// Whether it must be given.
    #[serde(skip_serializing_if = "is_false")]
    pub required: bool,
    /// How it is asked for.
    #[serde(skip_serializing_if = "is_text")]
    pub r#type: SurveyVariableType,
    /// Explanation for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Choices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<SurveyVariableValue>,
    /// What is filled in at first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub default_value: String,
}

fn is_text(kind: &SurveyVariableType) -> bool {
    *kind == SurveyVariableType::Text
}

/// An Ansible vault a template opens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TemplateVault {
    /// Row of `project__template_vault`; 0 for a new one.
    pub id: TemplateVaultId,
    /// Its project.
    pub project_id: ProjectId,
    /// Its template.
    pub template_id: TemplateId,
    /// Key with the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault_key_id: Option<AccessKeyId>,
    /// Vault id; none for the default vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How the password is given.
    pub r#type: TemplateVaultType,
    /// Script that prints the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

/// A template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Template {
    /// Row of `project__template`.
    pub id: TemplateId,
    /// Its project.
    pub project_id: ProjectId,
    /// Inventory its tasks use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory_id: Option<InventoryId>,
    /// Repository its tasks use.
    pub repository_id: RepositoryId,
    /// Environment its tasks use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_id: Option<EnvironmentId>,
    /// Name for people.
    pub name: String,
    /// Path in the repository: playbook, script or directory.
    pub playbook: String,
    /// Additional arguments: a JSON array as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// Whether a task may bring its own arguments.
    #[serde(skip_serializing_if = "is_false")]
    pub allow_override_args_in_task: bool,
    /// Text for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Ansible vaults.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vaults: Vec<TemplateVault>,
    /// What it is for.
    #[serde(skip_serializing_if = "is_plain_task")]
    pub r#type: TemplateType,
    /// First version of a build template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_version: Option<String>,
    /// Build template of a deploy template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_template_id: Option<TemplateId>,
    /// View it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view_id: Option<ViewId>,
    /// Its newest task; ignored in requests.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub last_task: Option<Box<TaskWithTemplate>>,
    /// Whether a finished build starts it.
    #[serde(skip_serializing_if = "is_false")]
    pub autorun: bool,
    /// Branch in place of the repository's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_branch: Option<String>,
    /// Variables that are asked for before a task starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub survey_vars: Vec<SurveyVariable>,
    /// Whether a success raises no alert.
    #[serde(skip_serializing_if = "is_false")]
    pub suppress_success_alerts: bool,
    /// The program it runs.
    #[serde(skip_serializing_if = "is_unset")]
    pub app: TemplateApp,
    /// How many tasks it has.
    pub tasks: i32,
    /// Parameters of the app, free-form.
    #[serde(skip_serializing_if = "JsonMap::is_empty")]
    pub task_params: JsonMap,
    /// Tag of the runners its tasks go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_tag: Option<String>,
    /// Whether a task may name its own branch.
    #[serde(skip_serializing_if = "is_false")]
    pub allow_override_branch_in_task: bool,
    /// Whether its tasks may run at the same time.
    #[serde(skip_serializing_if = "is_false")]
    pub allow_parallel_tasks: bool,
}

pub(crate) fn is_plain_task(kind: &TemplateType) -> bool {
    *kind == TemplateType::Task
}

pub(crate) fn is_unset(app: &TemplateApp) -> bool {
    *app == TemplateApp::Unset
}

impl Template {
    /// Checks runner tag, inventory, name, playbook and arguments, in this order.
    pub fn validate(&self) -> Result<(), ValidationError> {
        let rule = if self.runner_tag.as_deref() == Some("") {
            "template runner tag can not be empty"
        } else if self.app == TemplateApp::Ansible && self.inventory_id.is_none() {
            "template inventory can not be empty"
        } else if self.name.is_empty() {
            "template name can not be empty"
        } else if !self.app.is_terraform() && self.playbook.is_empty() {
            "template playbook can not be empty"
        } else if self.arguments.as_deref().is_some_and(|text| !is_json(text)) {
            "template arguments must be valid JSON"
        } else {
            return Ok(());
        };
        Err(ValidationError::new(rule))
    }

    /// Whether a task may name its own inventory: a parameter of Ansible templates.
    pub fn allows_override_of_inventory(&self) -> bool {
        matches!(self.app, TemplateApp::Ansible | TemplateApp::Unset)
            && self.task_params.get("allow_override_inventory").and_then(serde_json::Value::as_bool).unwrap_or(false)
    }
}

impl Template {
    /// The inventory that a task of the template uses, which chose this one for itself.
    pub fn inventory_of(&self, chosen: Option<InventoryId>) -> Option<InventoryId> {
        chosen.filter(|_| self.allows_override_of_inventory()).or(self.inventory_id)
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// A template with what the asking user may do with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TemplateWithPermissions {
    /// The template.
    #[serde(flatten)]
    pub template: Template,
    /// In lists the additional permissions of the user's role on the template, or null; for one template all permissions.
    pub permissions: Option<Permissions>,
}
