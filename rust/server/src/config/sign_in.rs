//! Signing in: the keys `ldap_*`, `oidc_providers` and those below `auth`.

use std::{collections::BTreeMap, path::PathBuf};

use semaphore_service::auth::EmailCodeSettings;
use semaphore_service::sign_in::{LdapSettings, OidcProvider, SignInSettings, claim::ClaimNames};

use super::{ConfigError, load::Values};

pub(super) fn sign_in(values: &Values) -> Result<SignInSettings, ConfigError> {
    Ok(SignInSettings {
        ldap: values.bool("ldap_enable").then(|| ldap(values)),
        oidc_providers: oidc_providers(values)?,
        // Ours: a misspelt key is refused, for it would give less or more than was meant.
        group_roles: values.decode("auth.group_roles")?,
        email: EmailCodeSettings {
            enabled: values.bool("auth.email.enabled"),
            allow_login_as_external_user: values.bool("auth.email.allow_login_as_external_user"),
            allow_create_external_user: values.bool("auth.email.allow_create_external_user"),
            allowed_domains: values.decode("auth.email.allowed_domains")?,
            disable_for_oidc: values.bool("auth.email.disable_for_oidc"),
        },
        hashed_api_tokens: values.text("auth.api_tokens") == "hashed",
        totp_app_name: values.text("auth.totp.app_name").to_owned(),
    })
}

/// The key of the providers.
pub(super) const OIDC_PROVIDERS: &str = "oidc_providers";

/// Whether these are providers; the error says why not.
pub(super) fn check_providers(providers: &serde_json::Map<String, serde_json::Value>) -> Result<(), String> {
    let check = |provider: &serde_json::Value| semaphore_model::json::from_value::<OidcProvider>(provider.clone());
    providers
        .values()
        .try_for_each(|provider| check(provider).map(drop).map_err(|error| format!("is not understood: {error}")))
}

fn oidc_providers(values: &Values) -> Result<BTreeMap<String, OidcProvider>, ConfigError> {
    const KEY: &str = OIDC_PROVIDERS;
    let entries: BTreeMap<String, serde_json::Value> = values.decode(KEY)?;
    // Reference: names of keys match without regard to case.
    let decode = |(name, value)| {
        let decoded = semaphore_model::json::from_value(value);
        decoded.map(|value| (name, value)).map_err(|error| ConfigError::Value {
            key: KEY,
            shown: String::new(),
            complaint: format!("is not understood: {error}"),
        })
    };
    entries.into_iter().map(decode).collect()
}

fn ldap(values: &Values) -> LdapSettings {
    let text = |key| values.text(key).to_owned();
    LdapSettings {
        server: text("ldap_server"),
        tls: values.bool("ldap_needtls"),
        ca_file: values.set_text("ldap_ca_file").map(PathBuf::from),
        tls_skip_verify: values.bool("ldap_tls_skip_verify"),
        bind_dn: text("ldap_binddn"),
        bind_password: values.text("ldap_bindpassword").into(),
        search_dn: text("ldap_searchdn"),
        search_filter: text("ldap_searchfilter"),
        mappings: ClaimNames {
            username: text("ldap_mappings.uid"),
            name: text("ldap_mappings.cn"),
            email: text("ldap_mappings.mail"),
        },
        group_attribute: text("ldap_group_attribute"),
        group_search_dn: text("ldap_group_searchdn"),
        group_search_filter: text("ldap_group_searchfilter"),
    }
}
