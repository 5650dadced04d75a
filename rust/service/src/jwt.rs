//! JSON Web Tokens of ours: short-lived proof of who somebody is, tied to the session or API token it was made with.
//!
//! Not for tokens of providers: those are in `sign_in`. Invariants: a token lives a quarter of an hour at most and never longer
//! than its session or API token (those of tasks: `task`); only ES256 with a key of ours and `aud=api` counts; a private key is stored encrypted as
//! secrets are. Keys sign for 30 days; the next one is published a day before it is needed and stays published a day longer.

mod task;

use std::sync::{Mutex, PoisonError};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, jwk::Jwk};
use p256::pkcs8::EncodePrivateKey;
use rand::RngCore;
use schemars::JsonSchema;
use semaphore_model::{Secret, SessionId, UserId};
use semaphore_store::{Identity, JwtKey, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;

use crate::{
    auth::{Caller, Credentials},
    crypto::{hexadecimal, token},
    error::{Error, Result},
    services::Services,
};

pub use self::task::TaskTokens;

/// Who may read our own tokens: our API.
const AUDIENCE: &str = "api";

const MAX_AGE: TimeDelta = TimeDelta::minutes(15);
const SIGNS: TimeDelta = TimeDelta::days(30);
const OVERLAP: TimeDelta = TimeDelta::days(1);

/// A token that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IssuedToken {
    /// The token.
    pub token: Secret,
    /// `Bearer`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// When it ends.
    pub expires: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    /// What it is tied to: `session:` and its number, or `token:` and the SHA-256 of the API token.
    sid: String,
    jti: String,
    iat: i64,
    exp: i64,
}

/// The keys as they were last read.
#[derive(Default)]
pub(crate) struct JwtKeys(Mutex<Vec<JwtKey>>);

impl std::fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JwtKeys")
    }
}

fn refused() -> Error {
    Error::unauthenticated("the token is not valid (any more), ask for a new one")
}

fn random_text() -> String {
    let mut bytes = [0_u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Which session or API token an identity was recognised by.
fn tie(identity: &Identity) -> Option<String> {
    if let Some(session) = &identity.session {
        return Some(format!("session:{}", session.id));
    }
    identity.token.as_ref().map(|found| format!("token:{}", digest(found.id.expose())))
}

fn digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

impl Services {
    /// Makes a token for a caller who is signed in by a session or an API token; 403 for one who came with such a token.
    pub async fn issue_token(&self, caller: &Caller, credentials: &Credentials<'_>) -> Result<IssuedToken> {
        let tie = tie(caller.identity()).filter(|_| token::jwt_from_header(credentials.authorization).is_none());
        let Some(sid) = tie else {
            return Err(Error::forbidden("a token of this kind makes no other: use the session or an API token"));
        };
        let now = Utc::now();
        let (key, signing) = self.signing_key(now).await?;
        let expires = now + MAX_AGE;
        let claims = Claims {
            iss: self.settings.public_address.clone(),
            aud: AUDIENCE.to_owned(),
            sub: caller.id.to_string(),
            sid,
            jti: random_text(),
            iat: now.timestamp(),
            exp: expires.timestamp(),
        };
        let header = Header { kid: Some(key.key_id), ..Header::new(Algorithm::ES256) };
        let token = jsonwebtoken::encode(&header, &claims, &signing);
        let token = token.map_err(|error| Error::internal("sign a token", error))?;
        Ok(IssuedToken { token: token.into(), kind: "Bearer", expires })
    }

    /// The public halves of all keys whose signatures count, as a JSON Web Key Set.
    pub async fn public_keys(&self) -> Result<serde_json::Value> {
        self.signing_key(Utc::now()).await?;
        let keys = self.store.list_jwt_keys(Utc::now()).await?;
        let keys: Vec<serde_json::Value> =
            keys.iter().filter_map(|key| serde_json::from_str(&key.public_jwk).ok()).collect();
        Ok(serde_json::json!({ "keys": keys }))
    }

    /// Who a token belongs to, if it and what it is tied to still count.
    pub(crate) async fn recognise_jwt(&self, text: &str) -> Result<Arc<Identity>> {
        let header = jsonwebtoken::decode_header(text).map_err(|error| refused().with_source(error))?;
        let key_id = header.kid.filter(|_| header.alg == Algorithm::ES256).ok_or_else(refused)?;
        let key = self.verifying_key(&key_id).await?.ok_or_else(refused)?;
        let mut validation = Validation::new(Algorithm::ES256);
        // Our own clock made it.
        validation.leeway = 0;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[&self.settings.public_address]);
        let claims = jsonwebtoken::decode::<Claims>(text, &key, &validation);
        let claims = claims.map_err(|error| refused().with_source(error))?.claims;
        let user = UserId(claims.sub.parse().map_err(|_| refused())?);
        self.tied_identity(user, &claims.sid).await
    }

    async fn tied_identity(&self, user: UserId, sid: &str) -> Result<Arc<Identity>> {
        let missing = |error: StoreError| if error.is_not_found() { refused() } else { error.into() };
        match sid.split_once(':') {
            Some(("session", id)) => {
                let id = SessionId(id.parse().map_err(|_| refused())?);
                let identity = self.store.get_session_identity(user, id).await.map_err(missing)?;
                let session = identity.session.as_ref().ok_or_else(refused)?;
                if !session.is_verified() || Self::is_idle(session, Utc::now()) {
                    return Err(refused());
                }
                Ok(identity)
            }
            Some(("token", wanted)) => {
                let tokens = self.store.list_api_tokens(user).await?;
                let found = tokens.iter().find(|token| !token.expired && digest(token.id.expose()) == wanted);
                let Some(found) = found else { return self.hashed_identity(user, wanted).await };
                self.store.get_token_identity(&found.id).await.map_err(missing)
            }
            _ => Err(refused()),
        }
    }

    /// The identity of an API token that is stored as its digest.
    async fn hashed_identity(&self, user: UserId, wanted: &str) -> Result<Arc<Identity>> {
        let bytes = URL_SAFE_NO_PAD.decode(wanted).map_err(|_| refused())?;
        // The token itself is not known here; the digest stands for it.
        let found = self.store.get_hashed_token_identity(&hexadecimal::encode(&bytes), &Secret::new(wanted)).await;
        let identity = found.map_err(|error| if error.is_not_found() { refused() } else { error.into() })?;
        if identity.user.id == user { Ok(identity) } else { Err(refused()) }
    }

    /// The key that signs now. The oldest one that still does: the next one must be known to readers before it is used.
    async fn signing_key(&self, now: DateTime<Utc>) -> Result<(JwtKey, EncodingKey)> {
        let known = self.jwt_keys.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(found) = self.usable_key(&known, now) {
            return Ok(found);
        }
        let mut keys = self.store.list_jwt_keys(now).await?;
        if self.usable_key(&keys, now).is_none() {
            keys.push(self.make_key(now).await?);
        }
        let found = self.usable_key(&keys, now);
        *self.jwt_keys.0.lock().unwrap_or_else(PoisonError::into_inner) = keys;
        found.ok_or_else(|| Error::internal("make a key for tokens", "the new key cannot be used"))
    }

    /// The key to sign with, if the next one is there already or not needed yet.
    fn usable_key(&self, keys: &[JwtKey], now: DateTime<Utc>) -> Option<(JwtKey, EncodingKey)> {
        let open = |key: &JwtKey| {
            let pem = self.access_key_cipher.decrypt(key.sealed.expose()).ok()?;
            Some((key.clone(), EncodingKey::from_ec_pem(&pem).ok()?))
        };
        let mut usable = keys.iter().filter(|key| key.signs_until > now).filter_map(open).collect::<Vec<_>>();
        let is_prepared = usable.iter().any(|(key, _)| key.signs_until > now + OVERLAP);
        (is_prepared && !usable.is_empty()).then(|| usable.swap_remove(0))
    }

    async fn make_key(&self, now: DateTime<Utc>) -> Result<JwtKey> {
        let failed = |error: String| Error::internal("make a key for tokens", error);
        let private = p256::SecretKey::random(&mut p256::elliptic_curve::rand_core::OsRng);
        let pem = private.to_pkcs8_pem(p256::pkcs8::LineEnding::LF).map_err(|error| failed(error.to_string()))?;
        let signing = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(|error| failed(error.to_string()))?;
        let mut public =
            Jwk::from_encoding_key(&signing, Algorithm::ES256).map_err(|error| failed(error.to_string()))?;
        let key_id = random_text();
        public.common.key_id = Some(key_id.clone());
        public.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
        let sealed = self.access_key_cipher.encrypt(pem.as_bytes()).map_err(|error| failed(error.to_string()))?;
        let key = JwtKey {
            key_id,
            algorithm: "ES256".to_owned(),
            sealed: sealed.into(),
            public_jwk: serde_json::to_string(&public).map_err(|error| failed(error.to_string()))?,
            created: now,
            signs_until: now + SIGNS,
            verifies_until: now + SIGNS + OVERLAP,
        };
        match self.store.insert_jwt_key(&key).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.store.make_own_tables().await?;
                self.store.insert_jwt_key(&key).await?;
            }
            inserted => inserted?,
        }
        tracing::info!(key = key.key_id, "a new key signs tokens");
        Ok(key)
    }

    /// The public half of a key of ours, also of one that another server made.
    async fn verifying_key(&self, key_id: &str) -> Result<Option<DecodingKey>> {
        let now = Utc::now();
        let find = |keys: &[JwtKey]| {
            let key = keys.iter().find(|key| key.key_id == key_id && key.verifies_until > now)?;
            DecodingKey::from_jwk(&serde_json::from_str::<Jwk>(&key.public_jwk).ok()?).ok()
        };
        let known = find(&self.jwt_keys.0.lock().unwrap_or_else(PoisonError::into_inner));
        if known.is_some() {
            return Ok(known);
        }
        let keys = self.store.list_jwt_keys(now).await?;
        let found = find(&keys);
        if found.is_some() {
            *self.jwt_keys.0.lock().unwrap_or_else(PoisonError::into_inner) = keys;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
