//! The document of a backup: the reference's, so that copies go from either server to the other.
//!
//! Objects refer to each other by name. Members stand in the order of their names, as there. What the reference leaves out of
//! its document although a whole copy needs it is in members of ours, which only an extended backup has and the reference
//! passes over.

use schemars::JsonSchema;
use semaphore_model::{
    AccessKeyOwner, AccessKeySourceStorage, AccessKeyType, IntegrationAuthMethod, IntegrationBodyType,
    IntegrationMatchMethod, IntegrationSource, IntegrationVariableType, InventoryType, JsonMap, Permissions, ProjectId,
    ScheduleType, SecretStorageType, SurveyVariableType, TemplateApp, TemplateType, TemplateVaultType, ViewType,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Declares the parts; each is read with defaults for what is missing.
macro_rules! parts {
    ($($(#[$doc:meta])* $vis:vis struct $name:ident { $($(#[$meta:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default)]
        $vis struct $name { $($(#[$meta])* pub(super) $field: $kind,)* }
    )*};
}

parts! {
    /// A whole project, without secrets and without history.
    pub struct Backup {
        environments: Vec<EnvironmentPart>,
        integration_aliases: Vec<String>,
        integrations: Vec<IntegrationPart>,
        inventories: Vec<InventoryPart>,
        keys: Vec<KeyPart>,
        meta: Meta,
        repositories: Vec<RepositoryPart>,
        roles: Vec<RolePart>,
        schedules: Vec<SchedulePart>,
        secret_storages: Vec<StoragePart>,
        templates: Vec<TemplatePart>,
        views: Vec<ViewPart>,
    }
    /// The project itself.
    pub(super) struct Meta {
        alert: bool,
        #[serde(skip_serializing_if = "Option::is_none")] alert_chat: Option<String>,
        max_parallel_tasks: i32,
        name: String,
        r#type: String,
    }
    /// An environment; its secrets are among the keys.
    pub(super) struct EnvironmentPart {
        #[serde(skip_serializing_if = "Option::is_none")] env: Option<String>,
        json: String,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")] password: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] secret_storage_key_prefix: Option<String>,
    }
    /// An integration.
    pub(super) struct IntegrationPart {
        aliases: Vec<String>,
        auth_header: String,
        auth_method: IntegrationAuthMethod,
        #[serde(skip_serializing_if = "Option::is_none")] auth_secret: Option<String>,
        extract_values: Vec<ValuePart>,
        matchers: Vec<MatcherPart>,
        name: String,
        searchable: bool,
        #[serde(skip_serializing_if = "Option::is_none")] task_params: Option<ParamsPart>,
        template: String,
    }
    /// What is taken from a request.
    pub(super) struct ValuePart {
        body_data_type: IntegrationBodyType,
        key: String,
        name: String,
        value_source: IntegrationSource,
        variable: String,
        variable_type: IntegrationVariableType,
    }
    /// What a request must contain.
    pub(super) struct MatcherPart {
        body_data_type: IntegrationBodyType,
        key: String,
        match_type: IntegrationSource,
        method: IntegrationMatchMethod,
        name: String,
        value: String,
    }
    /// What a schedule or an integration gives to its tasks.
    pub(super) struct ParamsPart {
        #[serde(skip_serializing_if = "Option::is_none")] arguments: Option<String>,
        environment: String,
        #[serde(skip_serializing_if = "Option::is_none")] git_branch: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] inventory_name: Option<String>,
        message: String,
        params: JsonMap,
        #[serde(skip_serializing_if = "Option::is_none")] version: Option<String>,
    }
    /// An inventory.
    pub(super) struct InventoryPart {
        #[serde(skip_serializing_if = "Option::is_none")] become_key: Option<String>,
        inventory: String,
        name: String,
        /// Ours.
        #[serde(skip_serializing_if = "Option::is_none")] repository: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] runner_tag: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] ssh_key: Option<String>,
        /// Ours.
        #[serde(skip_serializing_if = "Option::is_none")] template: Option<String>,
        r#type: InventoryType,
    }
    /// A key without its secret.
    pub(super) struct KeyPart {
        /// Ours.
        #[serde(skip_serializing_if = "Option::is_none")] environment: Option<String>,
        name: String,
        owner: AccessKeyOwner,
        #[serde(skip_serializing_if = "Option::is_none")] plain: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] source_storage: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] source_storage_key: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] source_storage_type: Option<AccessKeySourceStorage>,
        #[serde(skip_serializing_if = "Option::is_none")] storage: Option<String>,
        r#type: AccessKeyType,
    }
    /// A repository.
    pub(super) struct RepositoryPart {
        git_branch: String,
        git_url: String,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")] ssh_key: Option<String>,
    }
    /// A role of the project.
    pub(super) struct RolePart {
        name: String,
        permissions: Permissions,
        #[serde(skip_serializing_if = "Option::is_none")] project_id: Option<ProjectId>,
    }
    /// A schedule.
    pub(super) struct SchedulePart {
        active: bool,
        #[serde(skip_serializing_if = "Option::is_none")] checkable_repository: Option<String>,
        cron_format: String,
        delete_after_run: bool,
        name: String,
        /// Reference: an empty object where there is a time; the time itself is lost.
        #[serde(skip_serializing_if = "Option::is_none")] run_at: Option<Value>,
        /// Ours: the time.
        #[serde(skip_serializing_if = "Option::is_none")] run_at_time: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] task_params: Option<ParamsPart>,
        template: String,
        r#type: ScheduleType,
    }
    /// A secret storage without its credentials.
    pub(super) struct StoragePart {
        name: String,
        params: JsonMap,
        readonly: bool,
        r#type: SecretStorageType,
    }
    /// A template.
    pub(super) struct TemplatePart {
        allow_override_args_in_task: bool,
        allow_override_branch_in_task: bool,
        allow_parallel_tasks: bool,
        app: TemplateApp,
        #[serde(skip_serializing_if = "Option::is_none")] arguments: Option<String>,
        /// Reference: always false in its own backups, but read.
        autorun: bool,
        #[serde(skip_serializing_if = "Option::is_none")] build_template: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] description: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] environment: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] git_branch: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] inventory: Option<String>,
        name: String,
        playbook: String,
        repository: String,
        roles: Vec<TemplateRolePart>,
        #[serde(skip_serializing_if = "Option::is_none")] runner_tag: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] start_version: Option<String>,
        /// As `autorun`.
        suppress_success_alerts: bool,
        survey_vars: Vec<SurveyPart>,
        task_params: JsonMap,
        r#type: TemplateType,
        vaults: Vec<VaultPart>,
        #[serde(skip_serializing_if = "Option::is_none")] view: Option<String>,
    }
    /// What a role adds on a template.
    pub(super) struct TemplateRolePart {
        is_global: bool,
        permissions: Permissions,
        role: String,
    }
    /// A variable that is asked for.
    pub(super) struct SurveyPart {
        default_value: String,
        description: String,
        name: String,
        required: bool,
        title: String,
        r#type: SurveyVariableType,
        values: Vec<ChoicePart>,
    }
    /// A choice of such a variable.
    pub(super) struct ChoicePart {
        name: String,
        value: String,
    }
    /// A vault of a template.
    pub(super) struct VaultPart {
        #[serde(skip_serializing_if = "Option::is_none")] name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] script: Option<String>,
        r#type: TemplateVaultType,
        #[serde(skip_serializing_if = "Option::is_none")] vault_key: Option<String>,
    }
    /// A view.
    pub(super) struct ViewPart {
        #[serde(skip_serializing_if = "Option::is_none")] filter: Option<JsonMap>,
        hidden: bool,
        position: i32,
        #[serde(skip_serializing_if = "Option::is_none")] sort_column: Option<String>,
        sort_reverse: bool,
        title: String,
        r#type: ViewType,
    }
}
