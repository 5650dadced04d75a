//! Signing in through an OpenID Connect provider: the way there, the way back, and whose account it is.
//!
//! One random secret per attempt lies in a cookie of the browser; the anti-forgery part of `state`, the nonce and the verifier of
//! PKCE are digests of it and of the provider's name, so nothing is kept on the server, and somebody who sees the address of the
//! way back can do nothing with it. Invariants: an identity (issuer, subject) belongs to one account; an e-mail address counts
//! only if the provider does not say that it is not verified; a way back leads to paths of this server only.
//!
//! Reference: `oidcLogin`, `oidcRedirect`; there `state` holds the cookie's own value, and there is neither nonce nor PKCE.

use base64::{
    Engine,
    engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD},
};
use chrono::Utc;
use rand::RngCore;
use semaphore_model::{Secret, User};
use semaphore_store::{OIDC_IDENTITY_CHARACTERS, OidcSubject, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::{
    claim::{self, ClaimNames, Claims},
    oidc_client::{Identity, Redemption},
};
use crate::{
    auth::{Client, Entry},
    error::{Error, Result},
    group_mapping::Source,
    services::Services,
};

/// A provider of the configuration. Reference: `util.OidcProvider`; `groups_claim` and `auto_redirect`
/// are ours.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OidcProvider {
    /// Who we are there.
    pub client_id: String,
    /// File that holds it instead.
    pub client_id_file: String,
    /// How we prove it; empty for a public client.
    pub client_secret: Secret,
    /// File that holds it instead.
    pub client_secret_file: String,
    /// Address that the provider sends browsers back to; made of `web_host` if it is empty.
    pub redirect_url: String,
    /// What is asked for; `openid`, `profile` and `email` if it is empty.
    pub scopes: Vec<String>,
    /// Name on the button.
    pub display_name: String,
    /// Colour of the button.
    pub color: String,
    /// Icon of the button.
    pub icon: String,
    /// Issuer whose addresses are read from its discovery document.
    pub provider_url: String,
    /// The addresses, where they are not discovered.
    pub endpoint: OidcEndpoint,
    /// Expression of the login name.
    pub username_claim: String,
    /// Expression of the name for people.
    pub name_claim: String,
    /// Expression of the e-mail address.
    pub email_claim: String,
    /// Claim that lists groups.
    pub groups_claim: String,
    /// Place among the buttons.
    pub order: i64,
    /// Whether the path to return to travels in `state`; otherwise at the end of the redirect address. Reference: its default
    /// is true, and it cannot be switched off.
    pub return_via_state: bool,
    /// Whether browsers without a session are sent here instead of being shown the log-in page. Ours.
    pub auto_redirect: bool,
}

impl Default for OidcProvider {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            client_id_file: String::new(),
            client_secret: Secret::default(),
            client_secret_file: String::new(),
            redirect_url: String::new(),
            scopes: Vec::new(),
            display_name: String::new(),
            color: String::new(),
            icon: String::new(),
            provider_url: String::new(),
            endpoint: OidcEndpoint::default(),
            username_claim: String::new(),
            name_claim: String::new(),
            email_claim: String::new(),
            groups_claim: String::new(),
            order: 0,
            return_via_state: true,
            auto_redirect: false,
        }
    }
}

/// Addresses of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OidcEndpoint {
    /// `iss` of its tokens.
    pub issuer: String,
    /// Where browsers are sent.
    pub auth: String,
    /// Where codes are redeemed.
    pub token: String,
    /// Where claims are read.
    pub userinfo: String,
    /// Where its keys are.
    pub jwks: String,
    /// Signatures that count; `RS256` if it is empty.
    pub algorithms: Vec<String>,
}

impl OidcProvider {
    /// The expressions, with the reference's defaults for those that are empty.
    fn claim_names(&self) -> ClaimNames {
        let or = |text: &str, default: &str| if text.is_empty() { default } else { text }.to_owned();
        ClaimNames {
            username: or(&self.username_claim, "preferred_username"),
            name: or(&self.name_claim, "preferred_username"),
            email: or(&self.email_claim, "email"),
        }
    }

    fn groups_claim(&self) -> &str {
        if self.groups_claim.is_empty() { "groups" } else { &self.groups_claim }
    }

    fn scope(&self) -> String {
        if self.scopes.is_empty() { "openid profile email".to_owned() } else { self.scopes.join(" ") }
    }
}

/// Where a browser is sent, and what it has to keep.
#[derive(Debug)]
pub struct Departure {
    /// Address at the provider.
    pub location: String,
    /// Value of the cookie.
    pub cookie: Secret,
}

/// What a browser brings back.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// `state` of the query.
    pub state: &'a str,
    /// `code` of the query.
    pub code: &'a str,
    /// `error` and `error_description` of the query; empty if there is none.
    pub refusal: &'a str,
    /// The path behind `redirect`, as it was sent.
    pub path: &'a str,
    /// Value of the cookie.
    pub cookie: &'a str,
}

/// Somebody who has signed in.
#[derive(Debug)]
pub struct Welcome {
    /// Value of the session cookie.
    pub session: String,
    /// Where to go on.
    pub location: String,
}

/// Content of `state`. Reference: the same shape.
#[derive(Serialize, Deserialize)]
struct State {
    csrf: String,
    #[serde(rename = "return", default)]
    return_path: String,
}

/// What is derived from the secret of an attempt.
struct Attempt {
    csrf: String,
    nonce: String,
    verifier: String,
}

impl Attempt {
    fn new(provider: &str, secret: &str) -> Self {
        let digest = |purpose: &str| {
            let mut hash = Sha256::new();
            for part in [purpose, provider, secret] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
            hash.finalize()
        };
        Self {
            csrf: URL_SAFE.encode(digest("state")),
            nonce: URL_SAFE.encode(digest("nonce")),
            verifier: URL_SAFE_NO_PAD.encode(digest("verifier")),
        }
    }

    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier))
    }
}

/// The path if it stays on this server, otherwise none.
pub fn local_path(path: &str) -> Option<&str> {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && !path.chars().any(|letter| letter == '\\' || letter.is_control());
    is_local.then_some(path)
}

fn failed(message: impl Into<String>) -> Error {
    Error::unauthenticated(message)
}

impl Services {
    fn oidc_provider(&self, name: &str) -> Result<&OidcProvider> {
        let found = self.settings.sign_in.oidc_providers.get(name);
        found.ok_or_else(|| Error::not_found("OpenID Connect provider"))
    }

    /// Address of a page of ours for a browser: `web_host` and a path.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.settings.web_host.trim_end_matches('/'))
    }

    fn redirect_address(&self, name: &str, provider: &OidcProvider) -> String {
        if provider.redirect_url.is_empty() {
            return self.page(&format!("/api/auth/oidc/{name}/redirect"));
        }
        provider.redirect_url.clone()
    }

    /// Name of the provider that browsers without a session are sent to: of those that want it the one whose button is first.
    pub fn automatic_provider(&self) -> Option<&str> {
        let providers = self.settings.sign_in.oidc_providers.iter().filter(|(_, provider)| provider.auto_redirect);
        providers.min_by_key(|(_, provider)| provider.order).map(|(name, _)| name.as_str())
    }

    /// The way to a provider. `return_path` is where the browser wants to be afterwards; a foreign one is left out.
    pub async fn depart_to_provider(&self, name: &str, return_path: &str) -> Result<Departure> {
        let provider = self.oidc_provider(name)?;
        let metadata = self.oidc.metadata(name, provider).await?;
        if metadata.auth.is_empty() {
            return Err(failed("the provider needs provider_url, or endpoint with auth and token"));
        }
        let mut bytes = [0_u8; 32];
        rand::rng().fill_bytes(&mut bytes);
        let cookie = URL_SAFE_NO_PAD.encode(bytes);
        let attempt = Attempt::new(name, &cookie);
        let return_path = local_path(return_path).unwrap_or_default();
        let mut redirect = self.redirect_address(name, provider);
        let mut state = State { csrf: attempt.csrf.clone(), return_path: String::new() };
        if provider.return_via_state {
            return_path.clone_into(&mut state.return_path);
        } else {
            // The provider compares the whole address: only a path can be told from what it adds itself.
            let path = return_path.split(['?', '#']).next().unwrap_or_default();
            redirect = format!("{}{}", redirect.trim_end_matches('/'), path.trim_end_matches('/'));
        }
        let state = serde_json::to_vec(&state).map_err(|error| Error::internal("encode the state", error))?;
        let client_id = provider.client_id().await?;
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &client_id)
            .append_pair("redirect_uri", &redirect)
            .append_pair("response_type", "code")
            .append_pair("scope", &provider.scope())
            .append_pair("state", &URL_SAFE.encode(state))
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256")
            .append_pair("nonce", &attempt.nonce)
            .finish();
        let separator = if metadata.auth.contains('?') { '&' } else { '?' };
        Ok(Departure { location: format!("{}{separator}{query}", metadata.auth), cookie: cookie.into() })
    }

    /// The way back: checks everything, finds or makes the account, and starts a session.
    pub async fn arrive_from_provider(&self, name: &str, arrival: Arrival<'_>, client: Client<'_>) -> Result<Welcome> {
        let provider = self.oidc_provider(name)?;
        let state = URL_SAFE.decode(arrival.state).ok().and_then(|bytes| serde_json::from_slice::<State>(&bytes).ok());
        let state = state.ok_or_else(|| failed("the state is not one of ours"))?;
        let attempt = Attempt::new(name, arrival.cookie);
        if arrival.cookie.is_empty() || state.csrf != attempt.csrf {
            return Err(failed("the state belongs to another browser or to another attempt: begin again"));
        }
        if !arrival.refusal.is_empty() {
            return Err(failed(format!("the provider refuses: {}", arrival.refusal)));
        }
        if arrival.code.is_empty() {
            return Err(failed("the provider sent no code"));
        }
        let mut redirect = self.redirect_address(name, provider);
        let mut return_path = state.return_path;
        if !provider.return_via_state {
            redirect = format!("{}{}", redirect.trim_end_matches('/'), arrival.path);
            arrival.path.clone_into(&mut return_path);
        }
        let redemption =
            Redemption { code: arrival.code, redirect: &redirect, verifier: &attempt.verifier, nonce: &attempt.nonce };
        let identity = self.oidc.redeem(name, provider, redemption).await?;
        let user = self.oidc_user(name, provider, &identity).await?;
        let groups = claim::texts(provider.groups_claim(), &identity.claims);
        self.apply_group_mapping(user.id, &Source::Oidc(name.to_owned()), &groups).await?;
        // What the groups gave is part of the account.
        let user = self.store.get_user(user.id).await?;
        tracing::info!(user = user.username, provider = name, "signed in by OpenID Connect");
        let session = self.start_session(&user, client, Entry::Provider).await?;
        Ok(Welcome { session, location: self.page(local_path(&return_path).unwrap_or("/")) })
    }

    async fn oidc_user(&self, name: &str, provider: &OidcProvider, identity: &Identity) -> Result<User> {
        let (issuer, subject) = (&identity.issuer, &identity.subject);
        let has_identity = !subject.is_empty();
        if [issuer, subject].iter().any(|text| text.chars().count() > OIDC_IDENTITY_CHARACTERS) {
            return Err(failed("the provider's issuer or subject is longer than 255 characters"));
        }
        let known = if has_identity { self.store.find_oidc_user(issuer, subject).await? } else { None };
        let user = match known {
            Some(id) => self.store.get_user(id).await?,
            None => self.first_oidc_user(provider, identity).await?,
        };
        if !user.external {
            return Err(failed(format!("OIDC user '{}' conflicts with local user", user.username)));
        }
        if has_identity {
            let subject = OidcSubject {
                issuer: issuer.clone(),
                subject: subject.clone(),
                user_id: user.id,
                provider: name.chars().take(64).collect(),
            };
            match self.note_oidc_sign_in(&subject).await {
                Err(StoreError::OwnTableMissing { .. }) => {
                    self.store.make_own_tables().await?;
                    self.note_oidc_sign_in(&subject).await?;
                }
                noted => noted?,
            }
        }
        Ok(user)
    }

    async fn note_oidc_sign_in(&self, subject: &OidcSubject) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.note_oidc_sign_in(subject, Utc::now()).await?;
        transaction.commit().await
    }

    /// The account of an identity that was never here: the one with its e-mail address, or a new one.
    async fn first_oidc_user(&self, provider: &OidcProvider, identity: &Identity) -> Result<User> {
        let person = claim::person(&provider.claim_names(), &identity.claims).map_err(failed)?;
        if is_unverified(&identity.claims) {
            return Err(failed(format!("the provider says that the e-mail address {} is not verified", person.email)));
        }
        let Some(user) = self.store.find_user_by_email(&person.email).await? else {
            return self.create_external_user(&person, true).await;
        };
        let identities = self.store.list_oidc_subjects(user.id).await?;
        if !identity.subject.is_empty() && identities.iter().any(|known| known.issuer == identity.issuer) {
            // An address that went to somebody else.
            return Err(failed(format!(
                "the account with the e-mail address {} belongs to another identity of this provider",
                person.email
            )));
        }
        Ok(user)
    }
}

/// Whether the provider says that the address is not verified; some say it as a text.
fn is_unverified(claims: &Claims) -> bool {
    match claims.get("email_verified") {
        Some(serde_json::Value::Bool(verified)) => !verified,
        Some(serde_json::Value::String(text)) => text.eq_ignore_ascii_case("false"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_returned_to() {
        for (path, local) in [
            ("/", true),
            ("/project/1?tab=2#x", true),
            ("", false),
            ("project", false),
            ("//evil.example", false),
            ("/\\evil.example", false),
            ("/\t/evil.example", false),
            ("https://evil.example/", false),
            (".evil.example", false),
        ] {
            assert_eq!(local_path(path).is_some(), local, "{path:?}");
        }
    }

    #[test]
    fn what_is_derived_differs_by_provider_and_purpose() {
        let (one, other) = (Attempt::new("one", "secret"), Attempt::new("other", "secret"));
        assert_ne!(one.csrf, other.csrf);
        assert_ne!(one.verifier, one.csrf);
        // RFC 7636 wants 43 to 128 characters.
        assert_eq!(one.verifier.len(), 43);
        assert!(one.nonce.ends_with('='));
    }
}
