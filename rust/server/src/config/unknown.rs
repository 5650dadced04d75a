//! Keys of a configuration file that nobody reads: mostly a typing error.
//!
//! Not for keys that are known but without effect in this build; those are in [`super::Config::without_effect`]. Reference:
//! unknown keys are passed over without a word.

use super::{ConfigError, Sources, load::tree, table::KEYS};
use serde_json::Value;

/// Keys that the reference reads and the table of keys does not name; those that are objects stand for what is in them, too.
const OF_THE_REFERENCE: &[&str] = &[
    "mysql",
    "bolt.host",
    "bolt.user",
    "bolt.pass",
    "bolt.name",
    "bolt.options",
    "postgres",
    "sqlite",
    "sqlite.pass",
    "tls",
    "auth",
    "auth.totp",
    "auth.email.allow_login_as_external_user",
    "auth.email.allow_create_external_user",
    "auth.email.allowed_domains",
    "auth.email.disable_for_oidc",
    "email_sender",
    "email_host",
    "email_port",
    "email_username",
    "email_password",
    "email_secure",
    "email_tls",
    "email_tls_min_version",
    "ldap_binddn",
    "ldap_bindpassword",
    "ldap_server",
    "ldap_searchdn",
    "ldap_searchfilter",
    "ldap_mappings",
    "ldap_mappings.dn",
    "ldap_mappings.mail",
    "ldap_mappings.uid",
    "ldap_mappings.cn",
    "ldap_needtls",
    "telegram_chat",
    "telegram_token",
    "slack_url",
    "rocketchat_url",
    "microsoft_teams_url",
    "dingtalk_url",
    "gotify_url",
    "gotify_token",
    "teams",
    "syslog",
    "log",
    "log.events",
    "log.tasks",
    "process",
    "schedule",
    "debugging.api_delay",
    "debugging.pprof_dump_dir",
    "ha.node_id",
    "ha.redis",
    "ha.redis.addr",
    "ha.redis.db",
    "ha.redis.pass",
    "ha.redis.user",
    "ha.redis.tls",
    "ha.redis.tls_skip_verify",
    "subscription_key_file",
    "dirs.repos_path",
];

/// Objects whose keys are names that people choose, or options of a driver.
const FREE: &[&str] =
    &["apps", "env_vars", "oidc_providers", "bolt.options", "sqlite.options", "postgres.options", "mysql.options"];

/// Largest number of letters by which a key may differ from the one that was probably meant.
const NEAR: usize = 2;

/// A key that nobody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// Its path in the file, segments separated by dots.
    pub path: String,
    /// The key that was probably meant.
    pub meant: Option<&'static str>,
}

/// The keys of the configuration file that nobody reads; none without a file.
pub fn unknown_keys(sources: &Sources<'_>) -> Result<Vec<UnknownKey>, ConfigError> {
    Ok(unknown_in(&tree(sources)?.1))
}

/// The keys of a document that nobody reads.
pub fn unknown_in(document: &Value) -> Vec<UnknownKey> {
    let mut unknown = Vec::new();
    collect(document, "", &mut unknown);
    unknown
}

fn known() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.path).chain(OF_THE_REFERENCE.iter().copied())
}

fn collect(tree: &Value, above: &str, unknown: &mut Vec<UnknownKey>) {
    let Value::Object(entries) = tree else { return };
    for (name, value) in entries {
        let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        // The reference's decoder looks past the case of letters, and so does ours.
        let lowered = path.to_ascii_lowercase();
        let below = format!("{lowered}.");
        if FREE.contains(&lowered.as_str()) {
            continue;
        }
        let is_parent = known().any(|key| key.starts_with(&below));
        if is_parent {
            collect(value, &path, unknown);
        } else if !known().any(|key| key == lowered) {
            let nearest = known().map(|key| (distance(key, &lowered), key)).min();
            let meant = nearest.filter(|(distance, _)| *distance <= NEAR).map(|(_, key)| key);
            unknown.push(UnknownKey { path, meant });
        }
    }
}

/// How many letters must be put in, taken out or changed to make one text the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, letter) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for (column, candidate) in other.bytes().enumerate() {
            let change = diagonal + usize::from(letter != candidate);
            diagonal = row[column + 1];
            row[column + 1] = change.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(file: &str, expected: &[(&str, Option<&str>)]) {
        let mut unknown = Vec::new();
        collect(&serde_json::from_str(file).unwrap(), "", &mut unknown);
        let found: Vec<_> = unknown.iter().map(|key| (key.path.as_str(), key.meant)).collect();
        assert_eq!(found, expected, "{file}");
    }

    #[test]
    fn keys_that_nobody_reads_are_named_with_what_was_meant() {
        check(
            r#"{"dialect": "sqlite", "Port": "3000", "apps": {"mine": {"path": "/x"}}, "mysql": {"options": {"a": "b"}}}"#,
            &[],
        );
        check(r#"{"cookie_hsah": "x"}"#, &[("cookie_hsah", Some("cookie_hash"))]);
        check(r#"{"tls": {"enabled": true, "cert": "x"}}"#, &[("tls.cert", None)]);
        check(
            r#"{"log": {"events": {"logger": {"filname": "x"}}}}"#,
            &[("log.events.logger.filname", Some("log.events.logger.filename"))],
        );
        check(r#"{"some": {"thing": 1}}"#, &[("some", None)]);
    }
}
