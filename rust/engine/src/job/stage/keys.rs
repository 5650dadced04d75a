//! Stage 2: the keys of the job are at hand.

use std::path::Path;

use zeroize::Zeroizing;

use super::{StageError, Stages, workspace::Workspace};
use crate::{
    git::{Access, Credential},
    job::{KeyKind, KeySpec, SecretSet},
    key::SshOptions,
};

/// The keys of a job as programs use them. Agents end and files go when it is dropped.
pub(crate) struct Keys {
    /// What ssh is told.
    pub(crate) ssh: SshOptions,
}

impl Keys {
    /// How git unlocks a repository with this key.
    pub(crate) fn access(&self, secrets: &SecretSet, key: &KeySpec) -> Result<Access, StageError> {
        Ok(match &key.kind {
            KeyKind::Ssh { .. } => return Err(StageError::SshKey("repository's")),
            KeyKind::LoginPassword { login, password } => {
                let password = secrets.get(password).unwrap_or_default();
                Access::Password(Credential {
                    username: Zeroizing::new(login.clone()),
                    password: Zeroizing::new(String::from_utf8_lossy(password).into_owned()),
                })
            }
            // Reference: a key of type string is ignored by git.
            KeyKind::None | KeyKind::String { .. } => Access::None,
        })
    }

    /// The agent that holds the inventory's ssh key, for `SSH_AUTH_SOCK` of the app.
    pub(crate) fn inventory_agent(&self) -> Option<&Path> {
        None
    }

    /// Ends the agents and removes what the keys made.
    pub(crate) async fn remove(self) {}
}

pub(crate) async fn install(stages: &Stages<'_>, _workspace: &Workspace) -> Result<Keys, StageError> {
    let ssh = SshOptions {
        mode: stages.spec.host_keys.mode,
        known_hosts: None,
        config: stages.config.ssh_config_path.clone(),
    };
    Ok(Keys { ssh })
}
