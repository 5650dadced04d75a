//! Signing in with accounts that live elsewhere: the keys `ldap_*`, `oidc_providers` and `auth.group_roles`.

use std::{collections::BTreeMap, path::PathBuf};

use semaphore_service::sign_in::{LdapSettings, OidcProvider, SignInSettings, claim::ClaimNames};
use serde::de::DeserializeOwned;

use super::{ConfigError, load::Values};

/// Names of providers stand in addresses.
fn is_address_part(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
}

fn bad(key: &'static str, complaint: impl Into<String>) -> ConfigError {
    ConfigError::Value { key, shown: String::new(), complaint: complaint.into() }
}

pub(super) fn sign_in(values: &Values) -> Result<SignInSettings, ConfigError> {
    Ok(SignInSettings {
        ldap: if values.bool("ldap_enable") { Some(ldap(values)?) } else { None },
        oidc_providers: oidc_providers(values)?,
        group_roles: objects(values, "auth.group_roles")?,
    })
}

/// An object of objects. Reference: names of keys match without regard to case.
fn objects<T: DeserializeOwned>(values: &Values, key: &'static str) -> Result<BTreeMap<String, T>, ConfigError> {
    let entries: BTreeMap<String, serde_json::Value> = values.decode(key)?;
    let decode = |(name, value)| {
        let decoded = semaphore_model::json::from_value(value);
        decoded.map(|value| (name, value)).map_err(|error| bad(key, format!("is not understood: {error}")))
    };
    entries.into_iter().map(decode).collect()
}

fn oidc_providers(values: &Values) -> Result<BTreeMap<String, OidcProvider>, ConfigError> {
    const KEY: &str = "oidc_providers";
    let providers: BTreeMap<String, OidcProvider> = objects(values, KEY)?;
    for (name, provider) in &providers {
        if !is_address_part(name) {
            let text = format!("has a provider {name:?}: names may have letters, digits, dots, dashes and underscores");
            return Err(bad(KEY, text));
        }
        if provider.provider_url.is_empty() && provider.endpoint.auth.is_empty() {
            return Err(bad(KEY, format!("{name:?} needs provider_url, or endpoint with auth and token")));
        }
    }
    Ok(providers)
}

fn ldap(values: &Values) -> Result<LdapSettings, ConfigError> {
    let text = |key| values.text(key).to_owned();
    let settings = LdapSettings {
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
    };
    if settings.server.is_empty() {
        return Err(bad("ldap_server", "is needed with ldap_enable: host and port, such as ldap.example.com:389"));
    }
    if !settings.search_filter.contains("%s") {
        return Err(bad("ldap_searchfilter", "must hold %s for the login name, such as (uid=%s)"));
    }
    Ok(settings)
}
