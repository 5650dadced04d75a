//! ID tokens: whether one is genuine, for us, fresh, and of this attempt.
//!
//! Pure but for the clock. Invariants: only asymmetric signatures count, whatever a token or provider says; a token without
//! `exp`, `iss`, `aud` or `sub` is none.

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Header, Validation, jwk::JwkSet};
use serde_json::Value;

use super::claim::Claims;
use crate::error::{Error, Result};

/// Seconds that clocks may differ.
const LEEWAY_SECONDS: u64 = 60;

/// What a token has to say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    /// Names of signatures; `RS256` if there is none.
    pub(super) algorithms: &'a [String],
}

fn refused(message: &str) -> Error {
    Error::unauthenticated(message)
}

/// The header of a token whose kind of signature is accepted.
pub(super) fn header(token: &str, expected: &Expected<'_>) -> Result<Header> {
    let header = jsonwebtoken::decode_header(token);
    let header = header.map_err(|error| refused("the provider's ID token is none").with_source(error))?;
    let named = expected.algorithms.iter().filter_map(|name| name.parse::<Algorithm>().ok());
    let mut accepted: Vec<_> = named.filter(|algorithm| algorithm.family() != AlgorithmFamily::Hmac).collect();
    if accepted.is_empty() {
        accepted.push(Algorithm::RS256);
    }
    if !accepted.contains(&header.alg) {
        let text = format!(
            "the provider's ID token is signed with {:?}, which is not accepted (endpoint.algorithms)",
            header.alg
        );
        return Err(refused(&text));
    }
    Ok(header)
}

/// The subject and all claims of a genuine token.
pub(super) fn verify(token: &str, header: &Header, keys: &JwkSet, expected: &Expected<'_>) -> Result<(String, Claims)> {
    let mut validation = Validation::new(header.alg);
    validation.leeway = LEEWAY_SECONDS;
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_audience(&[expected.client_id]);
    // Reference: Google's tokens leave the scheme out.
    match expected.issuer {
        "https://accounts.google.com" => validation.set_issuer(&[expected.issuer, "accounts.google.com"]),
        issuer => validation.set_issuer(&[issuer]),
    }
    let fits = |key: &&jsonwebtoken::jwk::Jwk| header.kid.is_none() || key.common.key_id == header.kid;
    let mut cause = None;
    for key in keys.keys.iter().filter(fits) {
        let claims =
            DecodingKey::from_jwk(key).and_then(|key| jsonwebtoken::decode::<Claims>(token, &key, &validation));
        match claims {
            Ok(data) => return check(data.claims, expected),
            Err(error) => cause = Some(error),
        }
    }
    let error = refused("the provider's ID token is not genuine, not for us or too old");
    Err(match cause {
        Some(cause) => error.with_source(cause),
        None => error.with_source("the provider has no key with the number of the token"),
    })
}

fn check(claims: Claims, expected: &Expected<'_>) -> Result<(String, Claims)> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("nonce") != expected.nonce {
        return Err(refused("the provider's ID token belongs to another attempt"));
    }
    let has_several = claims.get("aud").and_then(Value::as_array).is_some_and(|list| list.len() > 1);
    if has_several && text("azp") != expected.client_id {
        return Err(refused("the provider's ID token was made for another client"));
    }
    let subject = text("sub").to_owned();
    if subject.is_empty() {
        return Err(refused("the provider's ID token names nobody"));
    }
    Ok((subject, claims))
}
