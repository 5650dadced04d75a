//! What a key gives in each place where a job uses one.

use super::KeyError;
use crate::job::{KeyKind, SecretRef};

/// Where a key is used. Reference: `db.AccessKeyRole`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// For a repository.
    Git,
    /// To log in at the hosts of an inventory.
    AnsibleUser,
    /// To become another user there.
    AnsibleBecomeUser,
    /// To open an Ansible vault.
    AnsiblePasswordVault,
}

/// What a key gives. Empty for a key of type none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Installation<'a> {
    /// User name; may be empty.
    pub login: &'a str,
    /// Password.
    pub password: Option<&'a SecretRef>,
    /// A private key for an [agent](super::Agent), with its passphrase.
    pub agent: Option<(&'a SecretRef, Option<&'a SecretRef>)>,
}

/// What a key of this kind gives in this place.
///
/// Reference: `KeyInstaller.Install`, with its texts. There a key of type login with password gives git nothing here, because
/// its parts are put into the address.
///
/// # Errors
/// [`KeyError::Type`] if a key of this kind cannot be used there.
pub fn install(role: KeyRole, kind: &KeyKind) -> Result<Installation<'_>, KeyError> {
    let nothing = Installation::default();
    match (role, kind) {
        (KeyRole::Git | KeyRole::AnsibleUser, KeyKind::Ssh { login, private_key, passphrase }) => {
            Ok(Installation { login, agent: Some((private_key, passphrase.as_ref())), ..nothing })
        }
        (KeyRole::AnsiblePasswordVault, KeyKind::LoginPassword { password, .. }) => {
            Ok(Installation { password: Some(password), ..nothing })
        }
        (_, KeyKind::LoginPassword { login, password }) => {
            Ok(Installation { login, password: Some(password), ..nothing })
        }
        // Reference: a key of type string is ignored by git.
        (KeyRole::Git, KeyKind::None | KeyKind::String { .. }) | (KeyRole::AnsibleUser, KeyKind::None) => Ok(nothing),
        (KeyRole::AnsibleUser, KeyKind::String { .. }) => Err(KeyError::Type("ansible user")),
        (KeyRole::AnsibleBecomeUser, _) => Err(KeyError::Type("ansible become user")),
        (KeyRole::AnsiblePasswordVault, _) => Err(KeyError::Type("ansible password vault")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_role_takes_what_the_reference_takes() {
        let secret = |name: &str| SecretRef { secret: name.to_owned() };
        let kinds = [
            KeyKind::None,
            KeyKind::Ssh { login: "l".into(), private_key: secret("k"), passphrase: Some(secret("p")) },
            KeyKind::LoginPassword { login: "l".into(), password: secret("w") },
            KeyKind::String { value: secret("s") },
        ];
        let shown = |role| {
            kinds.each_ref().map(|kind| match install(role, kind) {
                Ok(given) => {
                    format!("{} {} {}", given.login, given.password.is_some(), given.agent.is_some()).trim().to_owned()
                }
                Err(error) => error.to_string(),
            })
        };
        let refused = |place: &str| format!("access key type not supported for {place}");
        assert_eq!(shown(KeyRole::Git), ["false false", "l false true", "l true false", "false false"]);
        let user = refused("ansible user");
        assert_eq!(shown(KeyRole::AnsibleUser), ["false false", "l false true", "l true false", &user]);
        let other = refused("ansible become user");
        assert_eq!(shown(KeyRole::AnsibleBecomeUser), [&other, &other, "l true false", &other]);
        let vault = refused("ansible password vault");
        assert_eq!(shown(KeyRole::AnsiblePasswordVault), [&vault, &vault, "true false", &vault]);
    }
}
