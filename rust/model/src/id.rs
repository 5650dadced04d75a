//! Identifiers of rows as newtypes, so that a project id can never stand where a task id is meant.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
        #[serde(transparent)]
        pub struct $name(pub i32);

        impl From<i32> for $name {
            fn from(value: i32) -> Self { Self(value) }
        }

        impl From<$name> for i32 {
            fn from(value: $name) -> Self { value.0 }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> { text.parse().map(Self) }
        }
    )*};
}

ids! {
    /// A row of `user`.
    UserId;
    /// A row of `session`.
    SessionId;
    /// A row of `project`.
    ProjectId;
    /// A row of `access_key`.
    AccessKeyId;
    /// A row of `project__repository`.
    RepositoryId;
    /// A row of `project__inventory`.
    InventoryId;
    /// A row of `project__environment`.
    EnvironmentId;
    /// A row of `project__view`.
    ViewId;
    /// A row of `project__template`.
    TemplateId;
    /// A row of `task`.
    TaskId;
    /// A row of `event`.
    EventId;
    /// A row of `project__integration`.
    IntegrationId;
    /// A row of `project__schedule`.
    ScheduleId;
    /// A row of `project__secret_storage`.
    SecretStorageId;
    /// A row of `project__template_vault`.
    TemplateVaultId;
    /// A row of `task__stage`.
    TaskStageId;
    /// A row of `user__totp`.
    UserTotpId;
    /// A row of `user__email_otp`.
    UserEmailOtpId;
    /// A row of `project__task_params`.
    TaskParamsId;
    /// A row of `project__integration_matcher`.
    IntegrationMatcherId;
    /// A row of `project__integration_extract_value`.
    IntegrationExtractValueId;
    /// A row of `project__integration_alias`.
    IntegrationAliasId;
    /// A row of `rs_delivery`.
    DeliveryId;
    /// A row of `runner`.
    RunnerId;
    /// A row of `project__invite`.
    ProjectInviteId;
    /// A row of `project__template_role`.
    TemplateRoleId;
    /// A row of `project__terraform_inventory_state`.
    TerraformStateId;
}
