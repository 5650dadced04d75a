//! The LDAP directory: finding somebody's entry, checking their password there, reading their groups.
//!
//! Not for accounts: that is `directory`. Invariants: user input is escaped in filters; an empty password never reaches a bind,
//! which a directory would take for an anonymous one; every step has a time limit; the connection ends with the call.

use std::{collections::HashSet, path::PathBuf, sync::Arc, time::Duration};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, ldap_escape};
use semaphore_model::Secret;
use serde_json::Value;

use super::{
    Person,
    claim::{self, ClaimNames, Claims},
};
use crate::tls;

/// Time that connecting and the TLS handshake may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Time that one operation may take.
const OPERATION: Duration = Duration::from_secs(10);

/// What the configuration says about the directory. Reference: the keys `ldap_*`.
#[derive(Clone, Debug)]
pub struct LdapSettings {
    /// `host:port`.
    pub server: String,
    /// Whether the connection begins with TLS.
    pub tls: bool,
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether any certificate is taken.
    pub tls_skip_verify: bool,
    /// Who searches; empty for nobody in particular.
    pub bind_dn: String,
    /// Their password.
    pub bind_password: Secret,
    /// Where people are searched.
    pub search_dn: String,
    /// How somebody is searched; `%s` stands for the login name.
    pub search_filter: String,
    /// Which attributes make a person.
    pub mappings: ClaimNames,
    /// Attribute of a person's entry that lists groups.
    pub group_attribute: String,
    /// Where groups are searched besides; empty for nowhere.
    pub group_search_dn: String,
    /// How the groups of somebody are searched; `%s` stands for the name (DN) of their entry.
    pub group_search_filter: String,
}

/// Why the directory gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The certificate is not trusted.
    #[error(
        "the certificate of {server} is not accepted: name the file with its authority in ldap_ca_file, or accept any with ldap_tls_skip_verify"
    )]
    Certificate {
        /// `host:port`.
        server: String,
        /// What is wrong with it.
        source: Box<LdapError>,
    },
    /// The connection could not be made.
    #[error("cannot connect to {server}")]
    Connect {
        /// `host:port`.
        server: String,
        /// Why.
        source: Box<LdapError>,
    },
    /// The file of authorities is no good.
    #[error(transparent)]
    Authorities(#[from] tls::TlsError),
    /// The account that searches is refused.
    #[error("the directory refuses ldap_binddn {bind_dn:?} with its password")]
    Bind {
        /// Who.
        bind_dn: String,
        /// Why.
        source: Box<LdapError>,
    },
    /// The search failed.
    #[error("the search in {base:?} failed: see ldap_searchdn and ldap_searchfilter")]
    Search {
        /// Where.
        base: String,
        /// Why.
        source: Box<LdapError>,
    },
    /// The filter would find the same entries for everybody.
    #[error("ldap_searchfilter has no %s for the login name, such as (uid=%s)")]
    Filter,
    /// More than one entry fits a login name.
    #[error("several entries fit the login name: make ldap_searchfilter stricter")]
    Ambiguous,
    /// The connection broke off while the password was checked.
    #[error("the directory did not answer while the password was checked")]
    Check(#[source] LdapError),
    /// An entry lacks what an account needs.
    #[error("the entry {dn:?} is not complete: {reason} (ldap_mappings)")]
    Incomplete {
        /// The entry.
        dn: String,
        /// What is missing.
        reason: String,
    },
}

/// The person with this login name and password; `None` if there is no such entry or the password is another.
pub(super) async fn sign_in(
    settings: &LdapSettings,
    login: &str,
    password: &str,
) -> Result<Option<Person>, DirectoryError> {
    if password.is_empty() || login.is_empty() {
        return Ok(None);
    }
    let mut ldap = connect(settings).await?;
    let found = async {
        let Some(entry) = find(settings, &mut ldap, login).await? else { return Ok(None) };
        let groups = groups(settings, &mut ldap, &entry).await?;
        let bound = ldap.with_timeout(OPERATION).simple_bind(&entry.dn, password).await;
        let result = bound.map_err(DirectoryError::Check)?;
        if result.rc != 0 {
            tracing::debug!(code = result.rc, entry = entry.dn, "the directory refuses the password");
            return Ok(None);
        }
        person(settings, entry, groups).map(Some)
    };
    let found = found.await;
    let _ = ldap.with_timeout(OPERATION).unbind().await;
    found
}

/// The person with this login name, without a password; `None` if there is none.
pub(super) async fn look_up(settings: &LdapSettings, login: &str) -> Result<Option<Person>, DirectoryError> {
    let mut ldap = connect(settings).await?;
    let found = async {
        let Some(entry) = find(settings, &mut ldap, login).await? else { return Ok(None) };
        let groups = groups(settings, &mut ldap, &entry).await?;
        person(settings, entry, groups).map(Some)
    };
    let found = found.await;
    let _ = ldap.with_timeout(OPERATION).unbind().await;
    found
}

/// A connection on which the searching account has signed in.
async fn connect(settings: &LdapSettings) -> Result<Ldap, DirectoryError> {
    let server = settings.server.clone();
    let mut options = LdapConnSettings::new().set_conn_timeout(CONNECT);
    if settings.tls {
        options = if settings.tls_skip_verify {
            options.set_no_tls_verify(true)
        } else {
            options.set_config(Arc::new(tls::client_config(settings.ca_file.as_deref())?))
        };
    }
    let address = format!("{}://{server}", if settings.tls { "ldaps" } else { "ldap" });
    let opened = LdapConnAsync::with_settings(options, &address).await;
    let (connection, mut ldap) = opened.map_err(|source| {
        if tls::is_certificate_failure(&source) {
            DirectoryError::Certificate { server: server.clone(), source: Box::new(source) }
        } else {
            DirectoryError::Connect { server: server.clone(), source: Box::new(source) }
        }
    })?;
    tokio::spawn(async move {
        if let Err(error) = connection.drive().await {
            tracing::debug!(%error, "the connection to the directory broke off");
        }
    });
    if !settings.bind_dn.is_empty() {
        let bound = ldap.with_timeout(OPERATION).simple_bind(&settings.bind_dn, settings.bind_password.expose()).await;
        let refused = |source| match source {
            LdapError::LdapResult { .. } => {
                DirectoryError::Bind { bind_dn: settings.bind_dn.clone(), source: Box::new(source) }
            }
            source => DirectoryError::Connect { server: server.clone(), source: Box::new(source) },
        };
        bound.and_then(ldap3::LdapResult::success).map_err(refused)?;
    }
    Ok(ldap)
}

async fn find(settings: &LdapSettings, ldap: &mut Ldap, login: &str) -> Result<Option<SearchEntry>, DirectoryError> {
    if !settings.search_filter.contains("%s") {
        return Err(DirectoryError::Filter);
    }
    let filter = settings.search_filter.replace("%s", &ldap_escape(login));
    let mappings = &settings.mappings;
    let mut attributes: HashSet<String> =
        [&mappings.username, &mappings.name, &mappings.email].into_iter().flat_map(|text| claim::names(text)).collect();
    if !settings.group_attribute.is_empty() {
        attributes.insert(settings.group_attribute.clone());
    }
    let mut entries = search(ldap, &settings.search_dn, &filter, attributes.into_iter().collect()).await?;
    if entries.len() > 1 {
        return Err(DirectoryError::Ambiguous);
    }
    Ok(entries.pop())
}

async fn search(
    ldap: &mut Ldap,
    base: &str,
    filter: &str,
    attributes: Vec<String>,
) -> Result<Vec<SearchEntry>, DirectoryError> {
    let failed = |source| DirectoryError::Search { base: base.to_owned(), source: Box::new(source) };
    let found = ldap.with_timeout(OPERATION).search(base, Scope::Subtree, filter, attributes).await.map_err(failed)?;
    let (entries, _) = found.success().map_err(failed)?;
    Ok(entries
        .into_iter()
        .filter(|entry| !entry.is_ref() && !entry.is_intermediate())
        .map(SearchEntry::construct)
        .collect())
}

/// The names (DNs) of the groups of an entry: those it lists itself, and those that list it.
async fn groups(settings: &LdapSettings, ldap: &mut Ldap, entry: &SearchEntry) -> Result<Vec<String>, DirectoryError> {
    let listed = entry.attrs.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&settings.group_attribute));
    let mut groups: Vec<String> = listed.flat_map(|(_, values)| values.clone()).collect();
    if !settings.group_search_dn.is_empty() {
        let filter = settings.group_search_filter.replace("%s", &ldap_escape(entry.dn.as_str()));
        let found = search(ldap, &settings.group_search_dn, &filter, vec!["1.1".to_owned()]).await?;
        groups.extend(found.into_iter().map(|group| group.dn));
    }
    groups.sort();
    groups.dedup();
    Ok(groups)
}

/// Reference: the first value of each attribute counts, and the login name is lowered.
fn person(settings: &LdapSettings, entry: SearchEntry, groups: Vec<String>) -> Result<Person, DirectoryError> {
    let first = |values: Vec<String>| values.into_iter().next().map(Value::from);
    let claims: Claims = entry.attrs.into_iter().filter_map(|(name, values)| Some((name, first(values)?))).collect();
    let made = claim::person(&settings.mappings, &claims);
    let person = made.map_err(|reason| DirectoryError::Incomplete { dn: entry.dn, reason })?;
    Ok(Person { username: person.username.to_lowercase(), groups, ..person })
}

/// Whether a group of the directory is the one that a rule names: by its whole name (DN) or by the value of the first part of it.
pub(crate) fn is_group(group: &str, named: &str) -> bool {
    if group.eq_ignore_ascii_case(named) {
        return true;
    }
    let value = group.split_once('=').map(|(_, rest)| first_value(rest)).unwrap_or_default();
    !named.is_empty() && value.eq_ignore_ascii_case(named.as_bytes())
}

/// The value at the beginning of a name, up to the first comma or plus sign that is not escaped. RFC 4514.
fn first_value(name: &str) -> Vec<u8> {
    let mut value = Vec::new();
    let mut bytes = name.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        match byte {
            b',' | b'+' => break,
            b'\\' => {
                let hexadecimal = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                if let Some(code) = hexadecimal.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    value.push(code);
                    bytes = rest.get(2..).unwrap_or_default();
                } else if let Some((&escaped, after)) = rest.split_first() {
                    value.push(escaped);
                    bytes = after;
                }
            }
            byte => value.push(byte),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::is_group;

    #[test]
    fn a_group_is_named_by_its_dn_or_its_own_name() {
        for (group, named, same) in [
            ("cn=Dev,ou=groups,dc=x", "cn=dev,ou=groups,dc=x", true),
            ("cn=Dev,ou=groups,dc=x", "dev", true),
            ("cn=Dev\\, all,ou=groups", "dev, all", true),
            ("cn=Dev\\2C all,ou=groups", "dev, all", true),
            ("cn=Dev2,ou=groups,dc=x", "dev", false),
            ("cn=Dev", "dev", true),
            ("cn=,ou=x", "", false),
            ("cn=a,ou=dev", "dev", false),
        ] {
            assert_eq!(is_group(group, named), same, "{group} {named}");
        }
    }
}
