//! What is asked of OpenID Connect providers: their addresses and keys, tokens for codes, claims.
//!
//! Addresses are kept for an hour, keys until one is asked for that is not among them. Invariants: answers are read up to a
//! limit and within a time; no redirection is followed; no code, token or secret is logged or put into an error.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use jsonwebtoken::jwk::JwkSet;
use semaphore_model::Secret;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    claim::Claims,
    oidc::{OidcEndpoint, OidcProvider},
    oidc_token::{self, Expected},
};
use crate::{
    error::{Error, Kind, Result},
    tls,
};

/// Time for one request.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 1 << 20;

/// How long addresses are kept.
const KEEP_METADATA: Duration = Duration::from_hours(1);

/// How often keys are fetched at most.
const KEYS_AT_MOST: Duration = Duration::from_secs(10);

/// The addresses of a provider.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(super) issuer: String,
    pub(super) auth: String,
    token: String,
    userinfo: String,
    jwks: String,
    algorithms: Vec<String>,
    /// Ways in which the token address takes our secret; empty if it does not say.
    secret_methods: Vec<String>,
}

/// Somebody as the provider describes them.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) issuer: String,
    /// Empty if the provider knows plain OAuth only and names nobody.
    pub(super) subject: String,
    pub(super) claims: Claims,
}

/// A code and what belongs to it.
#[derive(Clone, Copy)]
pub(super) struct Redemption<'a> {
    pub(super) code: &'a str,
    pub(super) redirect: &'a str,
    pub(super) verifier: &'a str,
    pub(super) nonce: &'a str,
}

struct Kept<T> {
    since: Instant,
    value: Arc<T>,
}

/// The client of all providers.
#[derive(Default)]
pub(crate) struct OidcClient {
    http: OnceLock<reqwest::Client>,
    metadata: Mutex<HashMap<String, Kept<Metadata>>>,
    keys: Mutex<HashMap<String, Kept<JwkSet>>>,
}

impl std::fmt::Debug for OidcClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OidcClient")
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    id_token_signing_alg_values_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenAnswer {
    access_token: Secret,
    id_token: Secret,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: String,
    error_description: String,
}

fn unreachable(what: &str, error: reqwest::Error) -> Error {
    // The address may hold what nobody needs to see.
    Error::unavailable(format!("the provider's {what} cannot be reached")).with_source(error.without_url())
}

fn refused(message: impl Into<String>) -> Error {
    Error::unauthenticated(message)
}

impl OidcProvider {
    /// Who we are at the provider.
    pub(super) async fn client_id(&self) -> Result<String> {
        if self.client_id_file.is_empty() {
            return Ok(self.client_id.clone());
        }
        Ok(read_file("client_id_file", &self.client_id_file).await?.into_inner())
    }

    async fn client_secret(&self) -> Result<Secret> {
        if self.client_secret_file.is_empty() {
            return Ok(self.client_secret.clone());
        }
        read_file("client_secret_file", &self.client_secret_file).await
    }
}

/// Reference: the file's content as it is, line feed included.
async fn read_file(key: &'static str, path: &str) -> Result<Secret> {
    let name = path.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(name)).await;
    let read = read.map_err(|error| Error::internal("read a file of the configuration", error))?;
    let text = read.map_err(|error| Error::internal(format!("cannot read {path} ({key})"), error))?;
    Ok(Secret::new(text.trim()))
}

impl OidcClient {
    fn http(&self) -> Result<&reqwest::Client> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let tls = tls::client_config(None).map_err(|error| Error::internal("set up TLS", error))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| Error::internal("set up HTTP", error))?;
        Ok(self.http.get_or_init(|| client))
    }

    /// The addresses of a provider: from its discovery document, or from the configuration.
    pub(super) async fn metadata(&self, name: &str, provider: &OidcProvider) -> Result<Arc<Metadata>> {
        if provider.provider_url.is_empty() {
            let OidcEndpoint { issuer, auth, token, userinfo, jwks, algorithms } = provider.endpoint.clone();
            return Ok(Arc::new(Metadata {
                issuer,
                auth,
                token,
                userinfo,
                jwks,
                algorithms,
                secret_methods: Vec::new(),
            }));
        }
        if let Some(kept) = kept(&self.metadata, name, KEEP_METADATA) {
            return Ok(kept);
        }
        let issuer = &provider.provider_url;
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let request = self.http()?.get(address);
        let found: Discovery = answer("discovery document", request).await?;
        if found.issuer != *issuer {
            let text = format!("provider_url is {issuer:?}, but the provider calls itself {:?}", found.issuer);
            return Err(refused(text));
        }
        let metadata = Arc::new(Metadata {
            issuer: found.issuer,
            auth: found.authorization_endpoint,
            token: found.token_endpoint,
            userinfo: found.userinfo_endpoint,
            jwks: found.jwks_uri,
            algorithms: found.id_token_signing_alg_values_supported,
            secret_methods: found.token_endpoint_auth_methods_supported,
        });
        keep(&self.metadata, name, &metadata);
        Ok(metadata)
    }

    /// Redeems a code and reads who it is. Without an ID token (plain OAuth) the claims are those of the userinfo address.
    pub(super) async fn redeem(&self, name: &str, provider: &OidcProvider, code: Redemption<'_>) -> Result<Identity> {
        let metadata = self.metadata(name, provider).await?;
        let client_id = provider.client_id().await?;
        let tokens = self.tokens(provider, &metadata, &client_id, code).await?;
        if tokens.id_token.is_empty() {
            let claims = self.userinfo(&metadata, &tokens.access_token).await?;
            let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
            return Ok(Identity { issuer: metadata.issuer.clone(), subject, claims });
        }
        let expected = Expected {
            issuer: &metadata.issuer,
            client_id: &client_id,
            nonce: code.nonce,
            algorithms: &metadata.algorithms,
        };
        let id_token = tokens.id_token.expose();
        let header = oidc_token::header(id_token, &expected)?;
        let key = self.key(name, &metadata, header.kid.as_deref()).await?;
        let (subject, mut claims) = oidc_token::verify(id_token, &header, &key, &expected)?;
        // Small ID tokens leave e-mail address and groups to the userinfo address.
        if !metadata.userinfo.is_empty() && !tokens.access_token.is_empty() {
            let more = self.userinfo(&metadata, &tokens.access_token).await;
            match more {
                Ok(more) if more.get("sub").and_then(Value::as_str) == Some(subject.as_str()) => {
                    for (claim, value) in more {
                        claims.entry(claim).or_insert(value);
                    }
                }
                Ok(_) => {
                    tracing::warn!(provider = name, "the userinfo address describes somebody else and is left out");
                }
                Err(error) => tracing::warn!(provider = name, %error, "only the claims of the ID token count"),
            }
        }
        Ok(Identity { issuer: metadata.issuer.clone(), subject, claims })
    }

    /// Reference: the secret is tried in the header first and then in the body; here too where the provider does not say.
    async fn tokens(
        &self,
        provider: &OidcProvider,
        metadata: &Metadata,
        client_id: &str,
        code: Redemption<'_>,
    ) -> Result<TokenAnswer> {
        let secret = provider.client_secret().await?;
        let takes = |method: &str| metadata.secret_methods.iter().any(|known| known == method);
        let says = !metadata.secret_methods.is_empty();
        let mut in_header = !secret.is_empty() && (!says || takes("client_secret_basic"));
        loop {
            let mut form = vec![
                ("grant_type", "authorization_code"),
                ("code", code.code),
                ("redirect_uri", code.redirect),
                ("code_verifier", code.verifier),
            ];
            let mut request = self.http()?.post(&metadata.token);
            if in_header {
                let escape = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                request = request.basic_auth(escape(client_id), Some(escape(secret.expose())));
            } else {
                form.push(("client_id", client_id));
                if !secret.is_empty() {
                    form.push(("client_secret", secret.expose()));
                }
            }
            let answered = answer("token address", request.form(&form)).await;
            match answered {
                Err(error) if in_header && !says && error.kind == Kind::Unauthenticated => in_header = false,
                answered => return answered,
            }
        }
    }

    async fn userinfo(&self, metadata: &Metadata, access_token: &Secret) -> Result<Claims> {
        if metadata.userinfo.is_empty() {
            return Err(refused("the provider sent no ID token and has no userinfo address"));
        }
        answer("userinfo address", self.http()?.get(&metadata.userinfo).bearer_auth(access_token.expose())).await
    }

    /// The keys among which the one of a token is. Fetched again if it is not among those that are known.
    async fn key(&self, name: &str, metadata: &Metadata, key_id: Option<&str>) -> Result<Arc<JwkSet>> {
        let known: Option<Arc<JwkSet>> = kept(&self.keys, name, KEEP_METADATA);
        if let Some(keys) = known
            && (key_id.is_some_and(|id| keys.find(id).is_some()) || kept(&self.keys, name, KEYS_AT_MOST).is_some())
        {
            return Ok(keys);
        }
        let found: Value = answer("keys", self.http()?.get(&metadata.jwks)).await?;
        // A key of a kind that we do not know must not take the others with it.
        let keys = found.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
        let keys = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        let keys = Arc::new(JwkSet { keys });
        keep(&self.keys, name, &keys);
        Ok(keys)
    }
}

fn kept<T>(map: &Mutex<HashMap<String, Kept<T>>>, name: &str, age: Duration) -> Option<Arc<T>> {
    let map = map.lock().unwrap_or_else(PoisonError::into_inner);
    map.get(name).filter(|kept| kept.since.elapsed() < age).map(|kept| Arc::clone(&kept.value))
}

fn keep<T>(map: &Mutex<HashMap<String, Kept<T>>>, name: &str, value: &Arc<T>) {
    let kept = Kept { since: Instant::now(), value: Arc::clone(value) };
    map.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), kept);
}

/// Sends a request and reads a JSON answer. What the provider refuses is 401 with its own words.
async fn answer<T: DeserializeOwned>(what: &str, request: reqwest::RequestBuilder) -> Result<T> {
    let sent = request.header(reqwest::header::ACCEPT, "application/json").send().await;
    let mut response = sent.map_err(|error| unreachable(what, error))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(what, error))? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(refused(format!("the provider's {what} answers more than 1 MiB")));
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        let Refusal { error, error_description } = serde_json::from_slice(&body).unwrap_or_default();
        return Err(refused(format!("the provider's {what} answers {status}: {error} {error_description}").trim_end()));
    }
    serde_json::from_slice(&body)
        .map_err(|error| refused(format!("the provider's {what} is not understood")).with_source(error))
}
