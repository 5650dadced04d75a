//! What the plaintext of a stored key means: a text, a login with a password, or an SSH key.
//!
//! Not the cipher itself (`crypto::access_key`) and not a rule about who may see a key. Invariants: a key that comes out
//! of [`open`] is the only place where plain secrets exist, intermediate texts are overwritten on drop, and no error
//! carries a byte of a secret.

use super::record::KeyRecord;
use crate::crypto::access_key::{AccessKeyCipher, AccessKeyError};
use crate::secret_storage::vault::VaultError;
use semaphore_model::{AccessKey, AccessKeySourceStorage, AccessKeyType, LoginPassword, Secret, SshKey};
use semaphore_store::StoreError;
use std::path::{Component, Path, PathBuf};
use zeroize::Zeroizing;

/// Why a key's secret could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// An SSH key with a login or a passphrase but without the key itself.
    #[error("an ssh key needs a private key")]
    MissingPrivateKey,
    /// A login without a password.
    #[error("a login needs a password")]
    MissingPassword,
    /// A type of key nobody knows.
    #[error("unknown key type '{0}'")]
    UnknownType(String),
    /// The plaintext is not what the type of the key says.
    #[error("the stored secret of {0} is not readable, perhaps access_key_encryption was changed")]
    Malformed(String),
    /// The key names no variable, file or path.
    #[error("key '{0}' does not say where its secret is kept")]
    MissingSource(String),
    /// The file is outside the directory of secrets, or its path is relative or climbs.
    #[error("secret file of key '{0}' must be an absolute path below dirs.secrets_path")]
    OutsideDirectory(String),
    /// The file could not be read.
    #[error("secret file of key '{name}' cannot be read")]
    File {
        /// Name of the key.
        name: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The secret is in a storage that is not there, or that this server has no client for.
    #[error("key '{0}' names no secret storage of the project that this server can read: HashiCorp Vault or OpenBao")]
    Storage(String),
    /// Nothing may be written to the storage.
    #[error("the secret storage '{0}' is read only: leave the secret of the key empty")]
    ReadOnly(String),
    /// The variable is one of the server's own settings.
    #[error("key '{0}' names a variable that holds a secret of this server")]
    OwnVariable(String),
    /// The storage does not give the secret, or does not take it.
    #[error("key '{name}' is kept in the secret storage '{storage}': {source}")]
    Elsewhere {
        /// Name of the key.
        name: String,
        /// Name of the storage.
        storage: String,
        /// Why; holds nothing secret.
        source: Box<VaultError>,
    },
    /// Where the secret is could not be read from the database.
    #[error("the secret storage of key '{name}' cannot be looked up")]
    Store {
        /// Name of the key.
        name: String,
        /// The cause.
        source: Box<StoreError>,
    },
    /// The cipher refused.
    #[error("{record}")]
    Cipher {
        /// Which secret, in words.
        record: String,
        /// Why.
        source: AccessKeyError,
    },
}

/// Where keys that are not in the database come from.
#[derive(Clone, Debug, Default)]
pub struct SecretSources {
    /// `dirs.secrets_path` of the configuration: files outside are refused; none refuses all.
    pub directory: Option<PathBuf>,
    /// Variables that no key may name: they hold secrets of the server.
    pub own_variables: Vec<&'static str>,
}

/// The text to store for the plain secret in `key`; none when there is nothing to store.
///
/// Reference: an empty secret is stored as NULL, but a login without a password (or an SSH login or passphrase without a
/// key) is refused.
pub fn seal(key: &AccessKey, cipher: &AccessKeyCipher) -> Result<Option<Secret>, SecretError> {
    let plaintext = match &key.r#type {
        AccessKeyType::None => return Ok(None),
        AccessKeyType::String if key.string.is_empty() => return Ok(None),
        AccessKeyType::String => Zeroizing::new(key.string.expose().to_owned()),
        AccessKeyType::Ssh if key.ssh.private_key.is_empty() => {
            if key.ssh.login.is_empty() && key.ssh.passphrase.is_empty() {
                return Ok(None);
            }
            return Err(SecretError::MissingPrivateKey);
        }
        AccessKeyType::Ssh => go_json(&key.ssh, &key.name)?,
        AccessKeyType::LoginPassword if key.login_password.password.is_empty() => {
            if key.login_password.login.is_empty() {
                return Ok(None);
            }
            return Err(SecretError::MissingPassword);
        }
        AccessKeyType::LoginPassword => go_json(&key.login_password, &key.name)?,
        AccessKeyType::Other(text) => return Err(SecretError::UnknownType(text.clone())),
    };
    let sealed = cipher.encrypt(plaintext.as_bytes());
    Ok(Some(Secret::new(sealed.map_err(|source| SecretError::Cipher { record: record(key), source })?)))
}

/// Decrypts the stored secret of `key` into its plain fields. A key without a secret stays empty.
///
/// Reads a file or a variable of this process's environment when the key says so. Errors: see [`SecretError`].
pub fn open(key: &mut AccessKey, cipher: &AccessKeyCipher, sources: &SecretSources) -> Result<(), SecretError> {
    let plaintext = match &key.source_storage_type {
        None => stored_plaintext(key, cipher)?,
        Some(AccessKeySourceStorage::Environment) => {
            let variable = key.source_storage_key.as_deref();
            let variable = variable.ok_or_else(|| SecretError::MissingSource(key.name.clone()))?;
            if sources.own_variables.contains(&variable) {
                return Err(SecretError::OwnVariable(key.name.clone()));
            }
            // Reference: an unset variable is an empty secret.
            Zeroizing::new(std::env::var(variable).unwrap_or_default())
        }
        Some(AccessKeySourceStorage::File) => file_plaintext(key, sources)?,
        Some(AccessKeySourceStorage::Vault | AccessKeySourceStorage::Other(_)) => {
            return Err(SecretError::Storage(key.name.clone()));
        }
    };
    fill(key, &plaintext)
}

/// Puts the plain text of a key into its fields. An empty one leaves them as they are, unless the key is a text.
pub(crate) fn fill(key: &mut AccessKey, plaintext: &str) -> Result<(), SecretError> {
    let malformed = |_| SecretError::Malformed(record(key));
    match key.r#type {
        AccessKeyType::String => key.string = Secret::new(plaintext),
        AccessKeyType::Ssh if !plaintext.is_empty() => {
            key.ssh = serde_json::from_str::<SshKey>(plaintext).map_err(malformed)?;
        }
        AccessKeyType::LoginPassword if !plaintext.is_empty() => {
            key.login_password = serde_json::from_str::<LoginPassword>(plaintext).map_err(malformed)?;
        }
        _ => {}
    }
    Ok(())
}

fn stored_plaintext(key: &AccessKey, cipher: &AccessKeyCipher) -> Result<Zeroizing<String>, SecretError> {
    let stored = key.secret.as_ref().map_or("", Secret::expose);
    if stored.ends_with('\n') {
        // Reference: very old databases hold private keys in clear; they end in a newline, base64 never does.
        if key.r#type != AccessKeyType::Ssh {
            return Err(SecretError::Malformed(record(key)));
        }
        return go_json(&SshKey { private_key: Secret::new(stored), ..SshKey::default() }, &key.name);
    }
    let bytes = cipher.decrypt(stored).map_err(|source| SecretError::Cipher { record: record(key), source })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| SecretError::Malformed(record(key)))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The bytes that are stored for a key, for whoever stores them again. Without encryption, where every text can be decoded,
/// they must also be what the type of the key says.
pub(super) fn raw(key: &AccessKey, cipher: &AccessKeyCipher) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let stored = key.secret.as_ref().map_or("", Secret::expose);
    if !cipher.is_encrypting() || stored.ends_with('\n') {
        let mut copy = AccessKey { source_storage_type: None, ..key.clone() };
        open(&mut copy, cipher, &SecretSources::default())?;
        return stored_plaintext(&copy, cipher).map(|text| Zeroizing::new(text.as_bytes().to_vec()));
    }
    cipher.decrypt(stored).map_err(|source| SecretError::Cipher { record: record(key), source })
}

/// The same for a text of a table of ours, which is JSON or another text.
pub(super) fn raw_text(
    record: &str,
    stored: &str,
    cipher: &AccessKeyCipher,
) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let opened = cipher.decrypt(stored).map_err(|source| SecretError::Cipher { record: record.to_owned(), source })?;
    if !cipher.is_encrypting() && std::str::from_utf8(&opened).is_err() {
        return Err(SecretError::Malformed(record.to_owned()));
    }
    Ok(opened)
}

fn record(key: &AccessKey) -> String {
    KeyRecord::from(key).to_string()
}

fn file_plaintext(key: &AccessKey, sources: &SecretSources) -> Result<Zeroizing<String>, SecretError> {
    let path = key.source_storage_key.as_deref().ok_or_else(|| SecretError::MissingSource(key.name.clone()))?;
    let path = Path::new(path);
    let inside =
        sources.directory.as_deref().is_some_and(|directory| directory.is_absolute() && path.starts_with(directory));
    if !inside || !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        return Err(SecretError::OutsideDirectory(key.name.clone()));
    }
    let text = std::fs::read_to_string(path).map_err(|source| SecretError::File { name: key.name.clone(), source })?;
    Ok(Zeroizing::new(text))
}

/// The JSON text Go's encoder writes.
fn go_json(value: &impl serde::Serialize, name: &str) -> Result<Zeroizing<String>, SecretError> {
    let text = serde_json::to_string(value).map_err(|_| SecretError::Malformed(name.to_owned()))?;
    let text = Zeroizing::new(text);
    let mut escaped = Zeroizing::new(String::with_capacity(text.len() + text.len() / 8));
    escape_as_go(&text, &mut escaped);
    Ok(escaped)
}

/// Appends a JSON text with the letters escaped that Go's encoder escapes: `<`, `>`, `&` and the two line separators.
pub(crate) fn escape_as_go(text: &str, escaped: &mut String) {
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn cipher() -> AccessKeyCipher {
        AccessKeyCipher::new("MDEyMzQ1Njc4OWFiY2RlZg==").unwrap()
    }

    fn round_trip(mut key: AccessKey) -> AccessKey {
        key.secret = seal(&key, &cipher()).unwrap();
        key.clear_plain_secrets();
        open(&mut key, &cipher(), &SecretSources::default()).unwrap();
        key
    }

    #[test]
    fn secrets_survive_storing_and_reading() {
        let login = LoginPassword { login: "bob".into(), password: "a<b>&\u{2028}".into() };
        let key =
            AccessKey { r#type: AccessKeyType::LoginPassword, login_password: login.clone(), ..AccessKey::default() };
        assert_eq!(round_trip(key).login_password, login);
        let ssh = SshKey { login: "git".into(), passphrase: "p".into(), private_key: "-----BEGIN\n".into() };
        let key = AccessKey { r#type: AccessKeyType::Ssh, ssh: ssh.clone(), ..AccessKey::default() };
        assert_eq!(round_trip(key).ssh, ssh);
        let key = AccessKey { r#type: AccessKeyType::String, string: "žluťoučký".into(), ..AccessKey::default() };
        assert_eq!(round_trip(key).string.expose(), "žluťoučký");
    }

    #[test]
    fn plaintext_has_the_bytes_go_writes() {
        let login = LoginPassword { login: "<b>".into(), password: "&\u{2028}\n".into() };
        let text = go_json(&login, "x").unwrap();
        assert_eq!(text.as_str(), "{\"login\":\"\\u003cb\\u003e\",\"password\":\"\\u0026\\u2028\\n\"}");
    }

    #[test]
    fn half_secrets_are_refused_and_empty_ones_stored_as_nothing() {
        let half = LoginPassword { login: "bob".into(), ..LoginPassword::default() };
        let key = AccessKey { r#type: AccessKeyType::LoginPassword, login_password: half, ..AccessKey::default() };
        assert!(matches!(seal(&key, &cipher()), Err(SecretError::MissingPassword)));
        let half = SshKey { passphrase: "p".into(), ..SshKey::default() };
        let key = AccessKey { r#type: AccessKeyType::Ssh, ssh: half, ..AccessKey::default() };
        assert!(matches!(seal(&key, &cipher()), Err(SecretError::MissingPrivateKey)));
        for kind in [AccessKeyType::None, AccessKeyType::String, AccessKeyType::Ssh, AccessKeyType::LoginPassword] {
            let key = AccessKey { r#type: kind, ..AccessKey::default() };
            assert!(seal(&key, &cipher()).unwrap().is_none());
        }
        let key = AccessKey { r#type: AccessKeyType::Other("x".into()), ..AccessKey::default() };
        assert!(matches!(seal(&key, &cipher()), Err(SecretError::UnknownType(_))));
    }

    #[test]
    fn a_legacy_private_key_in_clear_is_read_for_ssh_only() {
        let stored = Some(Secret::new("-----BEGIN KEY-----\n"));
        let mut key = AccessKey { r#type: AccessKeyType::Ssh, secret: stored.clone(), ..AccessKey::default() };
        open(&mut key, &cipher(), &SecretSources::default()).unwrap();
        assert_eq!(key.ssh.private_key.expose(), "-----BEGIN KEY-----\n");
        let mut key = AccessKey { r#type: AccessKeyType::String, secret: stored, ..AccessKey::default() };
        assert!(open(&mut key, &cipher(), &SecretSources::default()).is_err());
    }

    #[test]
    fn secret_files_stay_inside_their_directory() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("token"), "value").unwrap();
        let sources = SecretSources { directory: Some(directory.path().to_owned()), ..SecretSources::default() };
        let key = |path: String| AccessKey {
            r#type: AccessKeyType::String,
            source_storage_type: Some(AccessKeySourceStorage::File),
            source_storage_key: Some(path),
            ..AccessKey::default()
        };
        let root = directory.path().display();
        let mut good = key(format!("{root}/token"));
        open(&mut good, &cipher(), &sources).unwrap();
        assert_eq!(good.string.expose(), "value");
        for path in [format!("{root}/../{root}/token"), "/etc/hostname".to_owned(), "token".to_owned()] {
            let refused = open(&mut key(path.clone()), &cipher(), &sources);
            assert!(matches!(refused, Err(SecretError::OutsideDirectory(_))), "{path}");
        }
    }
}
