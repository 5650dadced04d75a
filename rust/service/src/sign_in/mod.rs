//! Signing in with an account that lives elsewhere: an LDAP directory or an OpenID Connect provider.
//!
//! What both have in common: the settings, who somebody is ([`Person`]), and which account of ours belongs to them. Not for
//! sessions (`auth`) nor for what groups give (`group_mapping`). Invariants: an account with a password here is never signed in
//! to from elsewhere; no password or token is logged.

pub mod claim;
mod claim_template;
mod directory;
pub mod ldap;
pub mod oidc;
mod oidc_client;
mod oidc_token;

use std::collections::BTreeMap;

use semaphore_model::User;
use semaphore_store::StoreError;

pub(crate) use self::oidc_client::OidcClient;
pub use self::{ldap::LdapSettings, oidc::OidcProvider};
use crate::{
    auth::EmailCodeSettings,
    error::{Error, Result},
    group_mapping::GroupRule,
    services::Services,
};

/// What the configuration says about signing in from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct SignInSettings {
    /// The directory, if one is switched on.
    pub ldap: Option<LdapSettings>,
    /// Providers by the name that stands in addresses.
    pub oidc_providers: BTreeMap<String, OidcProvider>,
    /// What groups give, by group.
    pub group_roles: BTreeMap<String, GroupRule>,
    /// Codes by e-mail.
    pub email: EmailCodeSettings,
    /// Whether new API tokens are stored as digests only.
    pub hashed_api_tokens: bool,
    /// Name of the installation in authenticator apps; empty for `Semaphore`.
    pub totp_app_name: String,
}

/// Somebody as a directory or provider describes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Login name.
    pub username: String,
    /// Name for people.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Groups, as the source names them.
    pub groups: Vec<String>,
}

impl Services {
    /// Makes the account of somebody who signs in for the first time. 401 if the login name or e-mail address is taken.
    async fn create_external_user(&self, person: &Person, pro: bool) -> Result<User> {
        let user = User {
            username: person.username.clone(),
            name: person.name.clone(),
            email: person.email.clone(),
            external: true,
            pro,
            ..User::default()
        };
        user.validate().map_err(|error| Error::unauthenticated(error.to_string()))?;
        let made = self.store.insert_user(user).await;
        made.map_err(|error| match error {
            StoreError::Duplicate { .. } => {
                Error::unauthenticated("an account with this login name or e-mail address exists already")
                    .with_source(error)
            }
            error => error.into(),
        })
    }
}
