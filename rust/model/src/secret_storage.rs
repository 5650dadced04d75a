//! Secret storages: other places that keys come from.

use crate::JsonMap;
use crate::access_key::AccessKeySourceStorage;
use crate::id::{ProjectId, SecretStorageId};
use crate::open_enum::open_enum;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};

open_enum! {
    /// What kind of storage it is.
    SecretStorageType {
        /// Not yet said.
        Unset = "",
        /// The database of this installation.
        Local = "local",
        /// `HashiCorp` Vault or `OpenBao`.
        Vault = "vault",
        /// Devolutions Server.
        Dvls = "dvls",
    }
}

/// A place outside the database that keys come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SecretStorage {
    /// Row of `project__secret_storage`.
    pub id: SecretStorageId,
    /// Its project.
    pub project_id: ProjectId,
    /// Name for people.
    pub name: String,
    /// What kind of storage it is.
    pub r#type: SecretStorageType,
    /// Address and the like, free-form. Reference: null when none were stored.
    pub params: Option<JsonMap>,
    /// Whether keys are only read from it.
    pub readonly: bool,
    /// Where its own credentials come from. Not a column: it is of the key that holds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_storage_type: Option<AccessKeySourceStorage>,
    /// Its own credentials, the name of a variable or the path of a file, on the way in. Not a column.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub secret: Secret,
}
