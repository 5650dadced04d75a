//! Keys and passwords a task uses.
//!
//! Only the shapes: encryption and the parsing of key material are elsewhere. `AccessKey::secret` is what the database
//! holds; the plain fields hold a secret only between a request and its encryption, or between decryption and use.

use crate::id::{AccessKeyId, EnvironmentId, ProjectId, SecretStorageId, UserId};
use crate::open_enum::open_enum;
use crate::secret::Secret;
use crate::validation::{ValidationError, is_false};
use serde::{Deserialize, Serialize};

open_enum! {
    /// What kind of secret a key holds.
    AccessKeyType {
        /// Nothing: for local repositories and inventories.
        None = "none",
        /// An SSH private key.
        Ssh = "ssh",
        /// A login with a password, or a password or token alone.
        LoginPassword = "login_password",
        /// One text.
        String = "string",
    }
}

open_enum! {
    /// What a key belongs to.
    AccessKeyOwner {
        /// Nothing in particular: it is in the project's list of keys.
        Shared = "",
        /// An environment, as a process variable.
        Environment = "environment",
        /// An environment, as an extra variable.
        Variable = "variable",
        /// A secret storage: its own credentials.
        SecretStorage = "vault",
    }
}

open_enum! {
    /// Where a key that is not in the database comes from.
    AccessKeySourceStorage {
        /// A secret storage.
        Vault = "vault",
        /// A variable of the server's environment.
        Environment = "env",
        /// A file on the server.
        File = "file",
    }
}

/// A login with a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct LoginPassword {
    /// Login name; empty when the password is a token.
    pub login: String,
    /// Password or token.
    pub password: Secret,
}

/// An SSH private key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SshKey {
    /// Login name on the remote side; may be empty.
    pub login: String,
    /// Passphrase of the key; may be empty.
    pub passphrase: Secret,
    /// The key as PEM or in OpenSSH's format.
    pub private_key: Secret,
}

/// A key or password of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AccessKey {
    /// Row of `access_key`.
    pub id: AccessKeyId,
    /// Name for people, or the name of the variable for a secret of an environment.
    pub name: String,
    /// What it holds.
    pub r#type: AccessKeyType,
    /// Its project; none after the project was deleted.
    pub project_id: Option<ProjectId>,
    /// The encrypted secret as stored. Never in JSON.
    #[serde(skip)]
    pub secret: Option<Secret>,
    /// A value that is not secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain: Option<String>,
    /// Plain secret of type `string`; empty in answers.
    pub string: Secret,
    /// Plain secret of type `login_password`; empty in answers.
    pub login_password: LoginPassword,
    /// Plain secret of type `ssh`; empty in answers.
    pub ssh: SshKey,
    /// Whether a change replaces type and secret; otherwise only the name changes.
    #[serde(skip_serializing_if = "is_false")]
    pub override_secret: bool,
    /// The secret storage whose credentials these are.
    #[serde(skip)]
    pub storage_id: Option<SecretStorageId>,
    /// The environment it belongs to.
    #[serde(skip)]
    pub environment_id: Option<EnvironmentId>,
    /// The user it belongs to.
    #[serde(skip)]
    pub user_id: Option<UserId>,
    /// Whether there is no secret although the type wants one; set in lists.
    #[serde(skip_serializing_if = "is_false")]
    pub empty: bool,
    /// What it belongs to.
    #[serde(skip_serializing_if = "is_shared")]
    pub owner: AccessKeyOwner,
    /// The secret storage its secret is kept in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_storage_id: Option<SecretStorageId>,
    /// Path in the storage, name of the variable, or path of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_storage_key: Option<String>,
    /// Where the secret comes from; none for the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_storage_type: Option<AccessKeySourceStorage>,
}

fn is_shared(owner: &AccessKeyOwner) -> bool {
    *owner == AccessKeyOwner::Shared
}

impl AccessKey {
    /// Checks the name.
    pub fn validate(&self) -> Result<(), ValidationError> {
        if self.name.is_empty() { Err(ValidationError::new("name can not be empty")) } else { Ok(()) }
    }

    /// Whether the secret comes from a place the server only reads: a file or a variable.
    pub fn is_natively_read_only(&self) -> bool {
        matches!(self.source_storage_type, Some(AccessKeySourceStorage::Environment | AccessKeySourceStorage::File))
    }

    /// Whether there is no secret although the type wants one.
    pub fn is_empty(&self) -> bool {
        if self.r#type == AccessKeyType::None {
            return false;
        }
        match &self.source_storage_type {
            Some(AccessKeySourceStorage::Environment | AccessKeySourceStorage::File) => {
                return self.source_storage_key.as_deref().is_none_or(str::is_empty);
            }
            Some(AccessKeySourceStorage::Vault) => return self.source_storage_id.is_none(),
            Some(AccessKeySourceStorage::Other(_)) => return true,
            None => {}
        }
        if self.secret.as_ref().is_some_and(|secret| !secret.is_empty()) {
            return false;
        }
        match self.r#type {
            AccessKeyType::String => self.string.is_empty(),
            AccessKeyType::Ssh => self.ssh.private_key.is_empty(),
            AccessKeyType::LoginPassword => self.login_password.password.is_empty(),
            AccessKeyType::None | AccessKeyType::Other(_) => true,
        }
    }

    /// Removes every plain secret, as answers need it.
    pub fn clear_plain_secrets(&mut self) {
        self.string = Secret::default();
        self.login_password = LoginPassword::default();
        self.ssh = SshKey::default();
    }
}
