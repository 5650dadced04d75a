//! Reading and writing keys in HashiCorp Vault or OpenBao: the key-value engine, version 2.
//!
//! Not for their other engines, and not for logging in to them: the storage has a token. Invariants: nothing of a secret, nor of
//! an answer that may hold one, is in an error; answers are read up to a limit and within a time; no redirection is followed, so
//! that the token goes to the address of the storage only.

use std::{pin::Pin, sync::OnceLock, time::Duration};

use semaphore_model::{AccessKey, AccessKeyType, JsonMap, Secret, SecretStorage};
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use crate::{key::secret::escape_as_go, tls};

/// Time for one request.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Largest answer that is read, in bytes: what Vault keeps in one entry is smaller.
const LARGEST_ANSWER: usize = 2 << 20;
/// Where the engine is if the storage does not say.
const DEFAULT_MOUNT: &str = "secret";
/// The field of a plain text if the key names none.
const DEFAULT_FIELD: &str = "value";

/// An answer of the client. The HTTP client is large: boxed, it is not part of every caller's future.
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, VaultError>> + Send + 'a>>;

/// Why a key cannot be read from a storage, or written to it.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The storage's address is none.
    #[error("params.url must be the address of the server, such as https://vault.example.com:8200")]
    Address,
    /// The key does not say where in the storage.
    #[error("source_storage_key must be a path in the storage, such as apps/deploy or apps/deploy#password")]
    Path,
    /// The storage has no token.
    #[error("the storage has no token")]
    NoToken,
    /// No answer.
    #[error("{host} does not answer")]
    Unreachable {
        /// Host of the storage.
        host: String,
        /// Why, without the address.
        source: reqwest::Error,
    },
    /// TLS or HTTP cannot be set up here.
    #[error("a connection cannot be set up")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server says no.
    #[error("{host} answers {status} for {path}{}", hint(*status))]
    Refused {
        /// Host of the storage.
        host: String,
        /// Its answer.
        status: u16,
        /// What was asked for.
        path: String,
    },
    /// The answer is not one of this engine.
    #[error("what {host} answers for {path} is no entry of a key-value engine of version 2")]
    Unreadable {
        /// Host of the storage.
        host: String,
        /// What was asked for.
        path: String,
    },
    /// The entry lacks what the key needs.
    #[error("the entry {path} has no field {field}")]
    NoField {
        /// The entry.
        path: String,
        /// What is missing.
        field: String,
    },
}

const fn hint(status: u16) -> &'static str {
    match status {
        400 => ": is the engine of version 2?",
        403 => ": the token may not do this, or has ended",
        404 => ": there is no such entry",
        503 => ": it is sealed",
        _ => "",
    }
}

/// Where a key lies: the entry, and the field of it if one is named.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    mount: String,
    path: String,
    field: Option<String>,
}

impl Place {
    fn of(storage: &SecretStorage, source: &str) -> Result<Self, VaultError> {
        let (path, field) = match source.split_once('#') {
            Some((path, field)) if !field.is_empty() => (path, Some(field.to_owned())),
            Some(_) => return Err(VaultError::Path),
            None => (source, None),
        };
        let path = path.trim_matches('/');
        // As the engine itself names its entries: `mount/data/path`.
        let (mount, path) = match path.split_once("/data/") {
            Some((mount, path)) if !mount.contains('/') => (mount, path),
            _ => (text(storage, "mount").unwrap_or(DEFAULT_MOUNT).trim_matches('/'), path),
        };
        let is_good = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['?', '%', '\\']);
        if !path.split('/').chain(mount.split('/')).all(is_good) {
            return Err(VaultError::Path);
        }
        Ok(Self { mount: mount.to_owned(), path: path.to_owned(), field })
    }

    fn name(&self) -> String {
        format!("{}/{}", self.mount, self.path)
    }
}

fn text<'a>(storage: &'a SecretStorage, name: &str) -> Option<&'a str> {
    storage.params.as_ref()?.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// The client of all storages.
#[derive(Debug, Default)]
pub(crate) struct VaultClient(OnceLock<reqwest::Client>);

impl VaultClient {
    fn http(&self) -> Result<&reqwest::Client, VaultError> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let tls = tls::client_config(None).map_err(|error| VaultError::Setup(error.into()))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| VaultError::Setup(error.into()))?;
        Ok(self.0.get_or_init(|| client))
    }

    /// The plain text of a key, as it would be stored here.
    pub(crate) fn read<'a>(
        &'a self,
        storage: &'a SecretStorage,
        token: &'a Secret,
        key: &'a AccessKey,
    ) -> Answer<'a, Zeroizing<String>> {
        Box::pin(async move {
            let place = Place::of(storage, key.source_storage_key.as_deref().unwrap_or_default())?;
            let body = self.ask(storage, token, &place, None).await?;
            let unreadable = || VaultError::Unreadable { host: host(storage), path: place.name() };
            let mut answer: Value = serde_json::from_slice(&body).map_err(|_| unreadable())?;
            match answer.pointer_mut("/data/data").map(Value::take) {
                Some(Value::Object(entry)) => plaintext(&entry, &place, &key.r#type),
                _ => Err(unreadable()),
            }
        })
    }

    /// Writes the plain secret of a key; the other fields of the entry, if the key names one of them, stay.
    pub(crate) fn write<'a>(
        &'a self,
        storage: &'a SecretStorage,
        token: &'a Secret,
        key: &'a AccessKey,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let place = Place::of(storage, key.source_storage_key.as_deref().unwrap_or_default())?;
            let mut entry = match place.field {
                Some(_) => self.entry(storage, token, &place).await?,
                None => JsonMap::new(),
            };
            match (&place.field, &key.r#type) {
                (None, AccessKeyType::LoginPassword) => fields(&mut entry, &key.login_password),
                (None, AccessKeyType::Ssh) => fields(&mut entry, &key.ssh),
                (field, kind) => {
                    let text = match kind {
                        AccessKeyType::LoginPassword => serde_json::to_string(&key.login_password).unwrap_or_default(),
                        AccessKeyType::Ssh => serde_json::to_string(&key.ssh).unwrap_or_default(),
                        _ => key.string.expose().to_owned(),
                    };
                    entry.insert(field.clone().unwrap_or_else(|| DEFAULT_FIELD.to_owned()), Value::String(text));
                }
            }
            self.ask(storage, token, &place, Some(json!({ "data": entry }))).await.map(drop)
        })
    }

    /// The fields of an entry; none if it is not there.
    async fn entry(&self, storage: &SecretStorage, token: &Secret, place: &Place) -> Result<JsonMap, VaultError> {
        let body = match self.ask(storage, token, place, None).await {
            Err(VaultError::Refused { status: 404, .. }) => return Ok(JsonMap::new()),
            body => body?,
        };
        let answer: Option<Value> = serde_json::from_slice(&body).ok();
        match answer.and_then(|mut answer| answer.pointer_mut("/data/data").map(Value::take)) {
            Some(Value::Object(entry)) => Ok(entry),
            _ => Err(VaultError::Unreadable { host: host(storage), path: place.name() }),
        }
    }

    async fn ask(
        &self,
        storage: &SecretStorage,
        token: &Secret,
        place: &Place,
        body: Option<Value>,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        if token.is_empty() {
            return Err(VaultError::NoToken);
        }
        let url = address(storage, place)?;
        let unreachable =
            |error: reqwest::Error| VaultError::Unreachable { host: host(storage), source: error.without_url() };
        let client = self.http()?;
        let request = match &body {
            None => client.get(url),
            Some(body) => client.post(url).json(body),
        };
        let mut request = request.header("X-Vault-Token", token.expose().trim()).header("X-Vault-Request", "true");
        if let Some(namespace) = text(storage, "namespace") {
            request = request.header("X-Vault-Namespace", namespace);
        }
        let mut response = request.send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            return Err(VaultError::Refused { host: host(storage), status, path: place.name() });
        }
        let mut answer = Zeroizing::new(Vec::new());
        while let Some(part) = response.chunk().await.map_err(unreachable)? {
            if answer.len() + part.len() > LARGEST_ANSWER {
                return Err(VaultError::Unreadable { host: host(storage), path: place.name() });
            }
            answer.extend_from_slice(&part);
        }
        Ok(answer)
    }
}

/// The address of an entry.
fn address(storage: &SecretStorage, place: &Place) -> Result<Url, VaultError> {
    let base = text(storage, "url").ok_or(VaultError::Address)?;
    let mut url = Url::parse(base).map_err(|_| VaultError::Address)?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(VaultError::Address);
    }
    url.set_query(None);
    url.set_fragment(None);
    let parts = ["v1"].into_iter().chain(place.mount.split('/')).chain(["data"]).chain(place.path.split('/'));
    url.path_segments_mut().map_err(|()| VaultError::Address)?.pop_if_empty().extend(parts);
    Ok(url)
}

/// The storage's host, for people.
fn host(storage: &SecretStorage) -> String {
    let url = text(storage, "url").and_then(|url| Url::parse(url).ok());
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// Puts the fields of a login or an SSH key into an entry.
fn fields(entry: &mut JsonMap, part: &impl serde::Serialize) {
    if let Ok(Value::Object(part)) = serde_json::to_value(part) {
        entry.extend(part);
    }
}

/// What would be stored here for an entry: a text, or the JSON of a login or an SSH key.
fn plaintext(entry: &JsonMap, place: &Place, kind: &AccessKeyType) -> Result<Zeroizing<String>, VaultError> {
    let missing = |field: &str| VaultError::NoField { path: place.name(), field: field.to_owned() };
    let field = |name: &str| entry.get(name).and_then(Value::as_str);
    let named = match &place.field {
        Some(name) => Some(field(name).ok_or_else(|| missing(name))?),
        None => field(DEFAULT_FIELD),
    };
    let first = |names: &[&str]| names.iter().find_map(|name| field(name));
    match kind {
        AccessKeyType::LoginPassword => {
            // A whole key as the reference serialises it, or a password alone.
            if let Some(text) = named {
                let is_whole = serde_json::from_str::<JsonMap>(text).is_ok();
                return Ok(if is_whole { Zeroizing::new(text.to_owned()) } else { object(&[("password", text)]) });
            }
            let password = first(&["password"]).ok_or_else(|| missing("password"))?;
            Ok(object(&[("login", first(&["login", "username"]).unwrap_or_default()), ("password", password)]))
        }
        AccessKeyType::Ssh => {
            if let Some(text) = named {
                let is_whole = serde_json::from_str::<JsonMap>(text).is_ok();
                return Ok(if is_whole { Zeroizing::new(text.to_owned()) } else { object(&[("private_key", text)]) });
            }
            let private_key = first(&["private_key"]).ok_or_else(|| missing("private_key"))?;
            let login = first(&["login", "username"]).unwrap_or_default();
            let passphrase = first(&["passphrase"]).unwrap_or_default();
            Ok(object(&[("login", login), ("passphrase", passphrase), ("private_key", private_key)]))
        }
        _ => {
            let mut only = entry.values().filter_map(Value::as_str);
            let text = named.or_else(|| only.next().filter(|_| entry.len() == 1));
            text.map(|text| Zeroizing::new(text.to_owned())).ok_or_else(|| missing(DEFAULT_FIELD))
        }
    }
}

/// A JSON object of texts.
fn object(pairs: &[(&str, &str)]) -> Zeroizing<String> {
    let map: JsonMap = pairs.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let text = Zeroizing::new(serde_json::to_string(&map).unwrap_or_default());
    let mut escaped = Zeroizing::new(String::with_capacity(text.len() + 16));
    escape_as_go(&text, &mut escaped);
    escaped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn storage(params: Value) -> SecretStorage {
        let Value::Object(params) = params else { return SecretStorage::default() };
        SecretStorage { params: Some(params), ..SecretStorage::default() }
    }

    #[test]
    fn a_key_says_where_it_lies() {
        let place = |params: Value, source: &str| {
            let storage = storage(params);
            Place::of(&storage, source).and_then(|place| address(&storage, &place)).map(|url| url.to_string()).ok()
        };
        let url = |text: &str| json!({ "url": text });
        let expected = |text: &str| Some(text.to_owned());
        let base = "https://vault.example.com:8200";
        assert_eq!(
            place(url(base), "apps/deploy"),
            expected("https://vault.example.com:8200/v1/secret/data/apps/deploy")
        );
        assert_eq!(place(url("https://a/below/"), "x#f"), expected("https://a/below/v1/secret/data/x"));
        assert_eq!(place(url("https://a"), "kv/data/x y"), expected("https://a/v1/kv/data/x%20y"));
        assert_eq!(
            place(json!({"url": "https://a", "mount": "team/kv"}), "/x/"),
            expected("https://a/v1/team/kv/data/x")
        );
        for bad in ["", "#f", "x#", "a/../../sys/raw", "a//b", "a?b", "a%2e"] {
            assert_eq!(place(url(base), bad), None, "{bad}");
        }
        for bad in ["", "vault.example.com", "file:///etc", "ftp://a"] {
            assert_eq!(place(url(bad), "x"), None, "{bad}");
        }
    }

    #[test]
    fn entries_are_read_as_what_the_key_is() {
        let read = |entry: Value, source: &str, kind: AccessKeyType| {
            let Value::Object(entry) = entry else { return None };
            let place = Place::of(&storage(json!({})), source).unwrap();
            plaintext(&entry, &place, &kind).map(|text| text.to_string()).ok()
        };
        let (text, login, ssh) = (AccessKeyType::String, AccessKeyType::LoginPassword, AccessKeyType::Ssh);
        assert_eq!(read(json!({"token": "t"}), "x", text.clone()), Some("t".to_owned()));
        assert_eq!(read(json!({"token": "t", "value": "v"}), "x", text.clone()), Some("v".to_owned()));
        assert_eq!(read(json!({"token": "t", "other": "o"}), "x#other", text.clone()), Some("o".to_owned()));
        assert_eq!(read(json!({"token": "t", "other": "o"}), "x", text), None);
        let whole = Some(r#"{"login":"bob","password":"p"}"#.to_owned());
        assert_eq!(read(json!({"username": "bob", "password": "p"}), "x", login.clone()), whole);
        assert_eq!(read(json!({"value": whole.clone()}), "x", login.clone()), whole);
        assert_eq!(read(json!({"p": "only"}), "x#p", login.clone()), Some(r#"{"password":"only"}"#.to_owned()));
        assert_eq!(read(json!({"login": "bob"}), "x", login), None);
        let key = read(json!({"private_key": "-----BEGIN\n"}), "x", ssh);
        assert_eq!(key.as_deref(), Some(r#"{"login":"","passphrase":"","private_key":"-----BEGIN\n"}"#));
    }
}
