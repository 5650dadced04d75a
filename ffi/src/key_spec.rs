//! The document of `semaphore_key_install` and the secret bytes beside it, checked.

use std::sync::Arc;

use semaphore_engine::{
    job::{KeyKind, SecretRef},
    key::KeyRole,
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    failure::{Failure, check_version, parse_document},
    machine::Machine,
    runtime::Runtime,
};

/// The document of `semaphore_key_install`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyDocument {
    #[serde(default = "crate::failure::first_version")]
    version: u32,
    config: Machine,
    /// Names the socket.
    key_id: i32,
    /// In whose directory the socket lies.
    project_id: i32,
    #[serde(rename = "type")]
    kind: Type,
    role: Role,
    #[serde(default)]
    login: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    None,
    Ssh,
    LoginPassword,
    String,
}

/// Where a key is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// For a repository.
    Git,
    /// To log in at hosts.
    AnsibleUser,
    /// To become another user there.
    AnsibleBecomeUser,
    /// To open a vault.
    AnsiblePasswordVault,
}

impl From<Role> for KeyRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Git => Self::Git,
            Role::AnsibleUser => Self::AnsibleUser,
            Role::AnsibleBecomeUser => Self::AnsibleBecomeUser,
            Role::AnsiblePasswordVault => Self::AnsiblePasswordVault,
        }
    }
}

/// What is installed, checked.
pub struct PreparedKey {
    /// The machine.
    pub config: Arc<semaphore_engine::EngineConfig>,
    /// Names the socket.
    pub key_id: i32,
    /// In whose directory the socket lies.
    pub project_id: i32,
    /// Where it is used.
    pub role: Role,
    /// What it is; its references mean nothing.
    pub kind: KeyKind,
    /// Private key, password or text.
    pub secret: Zeroizing<Vec<u8>>,
    /// Passphrase of a private key.
    pub passphrase: Option<Zeroizing<Vec<u8>>>,
}

impl PreparedKey {
    /// Reads the document and the secret bytes beside it.
    pub fn parse(document: &[u8], secret: &[u8], passphrase: &[u8], runtime: &Runtime) -> Result<Self, Failure> {
        let document: KeyDocument = parse_document("specification of the key", document)?;
        check_version("key's specification", document.version)?;
        if document.kind != Type::Ssh && !passphrase.is_empty() {
            return Err(Failure::argument("a passphrase is for keys of type ssh only"));
        }
        if document.kind == Type::None && !secret.is_empty() {
            return Err(Failure::argument("a key of type none has no secret"));
        }
        let passphrase = (!passphrase.is_empty()).then(|| Zeroizing::new(passphrase.to_vec()));
        let reference = |name: &str| SecretRef { secret: name.to_owned() };
        let login = document.login;
        let kind = match document.kind {
            Type::None => KeyKind::None,
            Type::Ssh => KeyKind::Ssh {
                login,
                private_key: reference("key"),
                passphrase: passphrase.as_ref().map(|_| reference("passphrase")),
            },
            Type::LoginPassword => KeyKind::LoginPassword { login, password: reference("password") },
            Type::String => KeyKind::String { value: reference("value") },
        };
        Ok(Self {
            config: Arc::new(document.config.into_config(runtime)?),
            key_id: document.key_id,
            project_id: document.project_id,
            role: document.role,
            kind,
            secret: Zeroizing::new(secret.to_vec()),
            passphrase,
        })
    }
}
