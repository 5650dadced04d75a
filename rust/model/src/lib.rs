//! Domain types of Semaphore: entities, the status state machine, permissions and validation.
//!
//! Not for IO, async, clocks or randomness: everything here is a pure function of its arguments, so that the server, the
//! runner and the C library share one set of rules.
//!
//! The JSON shape of an entity is the reference's: the same keys, the same null or omission of an empty value. Bodies of
//! requests are read with [`json::decode`], which matches keys as the reference does.

#![forbid(unsafe_code)]

mod open_enum;

pub mod access_key;
mod alert;
pub mod ansi;
pub mod environment;
mod error_chain;
pub mod event;
pub mod exchange;
pub mod id;
pub mod integration;
pub mod inventory;
mod inventory_policy;
pub mod json;
pub mod known_hosts;
pub mod project;
pub mod project_invite;
pub mod referrer;
pub mod remote;
pub mod repository;
pub mod retention;
mod role;
pub mod runner;
pub mod schedule;
mod schedule_policy;
pub mod secret;
pub mod secret_storage;
pub mod server_option;
pub mod session;
pub mod status;
pub mod task;
pub mod task_params;
pub mod template;
pub mod terraform_state;
pub mod time;
pub mod user;
pub mod validation;
pub mod view;

pub use access_key::{AccessKey, AccessKeyOwner, AccessKeySourceStorage, AccessKeyType, LoginPassword, SshKey};
pub use alert::{AlertChannel, AlertOccasion, AlertRule, AlertRules};
pub use environment::{Environment, EnvironmentSecret, EnvironmentSecretOperation, EnvironmentSecretType};
pub use error_chain::error_chain;
pub use event::{Event, EventObject};
pub use exchange::Exchange;
pub use id::{
    AccessKeyId, DeliveryId, EnvironmentId, EventId, IntegrationAliasId, IntegrationExtractValueId, IntegrationId,
    IntegrationMatcherId, InventoryId, ProjectId, ProjectInviteId, RepositoryId, RunnerId, ScheduleId, SecretStorageId,
    SessionId, TaskId, TaskParamsId, TaskStageId, TemplateId, TemplateRoleId, TemplateVaultId, TerraformStateId,
    UserEmailOtpId, UserId, UserTotpId, ViewId,
};
pub use integration::{
    DeliveryOutcome, Integration, IntegrationAlias, IntegrationAuthMethod, IntegrationBodyType,
    IntegrationExtractValue, IntegrationMatchMethod, IntegrationMatcher, IntegrationSource, IntegrationVariableType,
};
pub use inventory::{Inventory, InventoryType};
pub use inventory_policy::InventoryPolicy;
pub use known_hosts::{HostKeyMode, HostKeyPolicy};
pub use project::{Project, ProjectUser};
pub use project_invite::{ProjectInvite, ProjectInviteStatus, ProjectInviteWithUsers};
pub use referrer::{Referrer, Referrers};
pub use repository::{Repository, RepositoryType};
pub use retention::RetentionRule;
pub use role::{Permissions, ProjectRole, Role, TemplateRole};
pub use runner::{Runner, RunnerTag};
pub use schedule::{Schedule, ScheduleType, ScheduleWithTemplate};
pub use schedule_policy::{Misfire, Overlap, SchedulePolicy};
pub use secret::Secret;
pub use secret_storage::{SecretStorage, SecretStorageType};
pub use server_option::ServerOption;
pub use session::{ApiToken, Session, VerificationMethod};
pub use status::{Flavour, TaskStatus};
pub use task::{JobStage, NewTask, PlanSummary, Task, TaskOutput, TaskProblem, TaskStage, TaskWithTemplate, Unread};
pub use task_params::TaskParams;
pub use template::{
    SurveyVariable, SurveyVariableType, SurveyVariableValue, Template, TemplateApp, TemplateType, TemplateVault,
    TemplateVaultType, TemplateWithPermissions,
};
pub use terraform_state::{TerraformAlias, TerraformState};
pub use user::{NewUser, User, UserEmailOtp, UserSummary, UserTotp, UserWithProjectRole};
pub use validation::ValidationError;
pub use view::{View, ViewType};

/// A free-form JSON object, such as the parameters of a task.
pub type JsonMap = serde_json::Map<String, serde_json::Value>;
