//! The configuration as people look at it: every key with its value and where that comes from, and what is wrong with it.
//!
//! Not for running on it: that is [`super::Config`], which stops at the first mistake. Invariant: nothing that could be a
//! secret leaves this module.

use std::{collections::BTreeMap, path::PathBuf};

use semaphore_model::error_chain;
use serde_json::Value;

use super::{
    ConfigError, Sources,
    load::{Origin, find, from_text, tree},
    table::{KEYS, Key, Kind, Support},
    unknown_in, web_path,
};

/// Shown in place of a secret.
const HIDDEN: &str = "***";
/// Parts of names of members that hold secrets.
const SECRET_NAMES: &[&str] = &["secret", "token", "pass", "credential", "private", "key", "hash", "encryption"];

/// What counts for one key.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The row of the table.
    pub key: &'static Key,
    /// The value that counts, secrets as `***`; none if there is no value, or a wrong one.
    pub value: Option<Value>,
    /// Who gives it.
    pub origin: Origin,
    /// What is wrong with it, as a sentence.
    pub problem: Option<String>,
}

impl Setting {
    /// Whether somebody sets the key although it does nothing in this build.
    pub fn is_without_effect(&self) -> bool {
        self.key.support == Support::NotYet && self.value.is_some()
    }
}

/// All keys in the order of the table, and the file they were read from. `options` are those of the database.
///
/// # Errors
/// If the file is not there or cannot be read; what is wrong with a single key is told with it.
pub fn settings(
    sources: &Sources<'_>,
    options: &BTreeMap<String, String>,
) -> Result<(Option<PathBuf>, Vec<Setting>), ConfigError> {
    let (file, tree) = tree(sources)?;
    let look = |key: &'static Key| match find(key, &tree, sources.environment, options) {
        Ok(found) => Setting {
            key,
            value: found.value.map(|value| masked(key, value)),
            origin: found.origin,
            problem: found.refused_option.map(|why| format!("the option in the database is left out: it {why}")),
        },
        Err(error) => {
            let origin = match error {
                ConfigError::Environment { .. } => Origin::Environment,
                _ if sources.has(key) => Origin::Environment,
                _ => Origin::File,
            };
            Setting { key, value: None, origin, problem: Some(error_chain(&error)) }
        }
    };
    Ok((file, KEYS.iter().map(look).collect()))
}

impl Sources<'_> {
    /// Whether the environment says something about the key.
    fn has(&self, key: &Key) -> bool {
        !key.env.is_empty() && (self.environment)(key.env).is_some()
    }
}

/// The value without secrets. An object may hold them anywhere, and variables for tasks often are some.
fn masked(key: &Key, value: Value) -> Value {
    if key.secret {
        return Value::from(HIDDEN);
    }
    match value {
        Value::Object(entries) if key.path == "env_vars" => {
            entries.into_iter().map(|(name, _)| (name, Value::from(HIDDEN))).collect()
        }
        value => mask_members(value),
    }
}

fn mask_members(value: Value) -> Value {
    match value {
        Value::Object(entries) => entries
            .into_iter()
            .map(|(name, value)| {
                let lowered = name.to_ascii_lowercase();
                let is_secret = value.is_string() && SECRET_NAMES.iter().any(|part| lowered.contains(part));
                let value = if is_secret { Value::from(HIDDEN) } else { mask_members(value) };
                (name, value)
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(mask_members).collect(),
        value => value,
    }
}

/// What is wrong with a text as the value of a key; nothing if it is good, or empty, which means not set.
pub fn complaint_about(path: &str, text: &str) -> Option<String> {
    let key = KEYS.iter().find(|key| key.path == path).filter(|_| !text.is_empty())?;
    if path == "web_host" {
        return web_path(text).err().map(|_| "must be a URL such as https://example.com/semaphore".to_owned());
    }
    match from_text(key, text) {
        Ok(value) => key.rule.complaint(&value),
        Err(_) => Some("is not understood".to_owned()),
    }
}

/// Reads `KEY=VALUE` of a command line.
///
/// # Errors
/// With a sentence for people: an unknown key, a value of another kind, a secret, which must not stand on a command line.
pub fn parse_setting(text: &str) -> Result<(&'static Key, Value), String> {
    let (path, value) = text.split_once('=').ok_or_else(|| format!("{text:?} must have the form KEY=VALUE"))?;
    let Some(key) = KEYS.iter().find(|key| key.path == path) else {
        let mut document = Value::from(0);
        for name in path.rsplit('.') {
            document = Value::Object([(name.to_owned(), document)].into_iter().collect());
        }
        let meant = unknown_in(&document).into_iter().find_map(|unknown| unknown.meant);
        let meant = meant.map_or_else(String::new, |meant| format!(": did you mean {meant}?"));
        return Err(format!("{path} is not a key of the configuration{meant}"));
    };
    if key.secret {
        let elsewhere = if key.env.is_empty() { String::new() } else { format!(" or {} in the environment", key.env) };
        return Err(format!(
            "{path} is a secret, and every user of the machine can see a command line: use --answers{elsewhere}"
        ));
    }
    let value = from_text(key, value).map_err(|_| {
        let wanted = match key.kind {
            Kind::Integer => "a whole number",
            Kind::List => r#"a JSON array of texts such as ["a", "b"]"#,
            Kind::Object => "a JSON object",
            Kind::Text | Kind::Bool => "another value",
        };
        format!("{path} must be {wanted}")
    })?;
    Ok((key, value))
}

/// The keys that the environment sets to something.
///
/// # Errors
/// If a value is wrong; the error names the variable.
pub fn from_environment(sources: &Sources<'_>) -> Result<Vec<(&'static Key, Value)>, ConfigError> {
    let nothing = Value::Object(serde_json::Map::new());
    let mut set = Vec::new();
    for key in KEYS {
        let found = find(key, &nothing, sources.environment, &BTreeMap::new())?;
        if let Some(value) = found.value.filter(|_| found.origin == Origin::Environment) {
            set.push((key, value));
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_anywhere_in_an_object_are_masked() {
        let row = |path: &str| KEYS.iter().find(|key| key.path == path).unwrap();
        let options = json!({"a": {"client_id": "i", "sslPassword": "hunter2", "more": [{"api_token": "hunter2"}]}});
        let shown = masked(row("postgres.options"), options);
        assert_eq!(shown, json!({"a": {"client_id": "i", "sslPassword": "***", "more": [{"api_token": "***"}]}}));
        assert_eq!(masked(row("env_vars"), json!({"HARMLESS": "hunter2"})), json!({"HARMLESS": "***"}));
        assert_eq!(masked(row("cookie_hash"), json!("hunter2")), json!("***"));
        assert_eq!(masked(row("port"), json!(":3000")), json!(":3000"));
    }

    #[test]
    fn a_setting_on_the_command_line_is_checked_like_one_in_a_file() {
        let read = |text: &str| parse_setting(text).map(|(key, value)| (key.path, value));
        assert_eq!(read("sqlite.host=/a=b").unwrap(), ("sqlite.host", json!("/a=b")));
        assert_eq!(read("max_parallel_tasks=3").unwrap(), ("max_parallel_tasks", json!(3)));
        assert!(read("max_parallel_tasks=x").unwrap_err().contains("a whole number"));
        assert!(read("dialcet=sqlite").unwrap_err().contains("did you mean dialect?"));
        assert!(read("postgres.pass=x").unwrap_err().contains("is a secret"));
        assert!(read("port").unwrap_err().contains("KEY=VALUE"));
    }
}
