//! From file and environment to checked values: finds the file, applies the table, collects what has no effect.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    ConfigError,
    sign_in::{OIDC_PROVIDERS, check_providers},
    table::{KEYS, Key, Kind, Support},
};

/// Where a configuration comes from. The caller reads command line and environment; tests pass their own.
pub struct Sources<'a> {
    /// `--config`.
    pub config_path: Option<PathBuf>,
    /// `--no-config`: no file at all.
    pub no_config: bool,
    /// Working directory, searched first.
    pub directory: PathBuf,
    /// Looks up an environment variable.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

/// Checked values by path of the table.
pub(super) struct Values {
    /// The file that was read.
    pub(super) file: Option<PathBuf>,
    values: BTreeMap<&'static str, Value>,
    /// Paths that are set but have no effect in this build.
    pub(super) without_effect: Vec<&'static str>,
    /// Options of the database that were left out because they are not good, each with the reason.
    pub(super) refused_options: Vec<String>,
}

/// Files searched when none is named, after `config.json` in the working directory. Reference: `loadConfigFile`.
const SEARCHED: [&str; 2] = ["/usr/local/etc/semaphore/config.json", "/etc/semaphore/config.json"];

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody gives one.
    Unset,
    /// The table of keys.
    Default,
    /// The configuration file.
    File,
    /// The environment.
    Environment,
    /// The options in the database.
    Database,
}

/// What counts for one key.
pub(super) struct Found {
    /// The value; none if it is not set, and then there is no default.
    pub(super) value: Option<Value>,
    /// Who gives it.
    pub(super) origin: Origin,
    /// Why an option of the database was left out.
    pub(super) refused_option: Option<String>,
}

/// Reads file and environment; `options` of the database win over both.
///
/// A bad option is left out, not an error: it came through the API, and a server that does not start has none.
pub(super) fn load(sources: &Sources<'_>, options: &BTreeMap<String, String>) -> Result<Values, ConfigError> {
    let (file, tree) = tree(sources)?;
    values(file, &tree, sources.environment, options)
}

/// The file of a configuration and what it holds; nothing without a file.
pub(super) fn tree(sources: &Sources<'_>) -> Result<(Option<PathBuf>, Value), ConfigError> {
    let file = find_file(sources)?;
    let tree = match &file {
        None => Value::Object(serde_json::Map::new()),
        Some(path) => read_file(path)?,
    };
    Ok((file, tree))
}

/// The checked values of a tree that came from `file`.
pub(super) fn values(
    file: Option<PathBuf>,
    tree: &Value,
    environment: &dyn Fn(&str) -> Option<String>,
    options: &BTreeMap<String, String>,
) -> Result<Values, ConfigError> {
    let mut values = BTreeMap::new();
    let mut without_effect = Vec::new();
    let mut refused_options = Vec::new();
    for key in KEYS {
        let found = find(key, tree, environment, options)?;
        refused_options.extend(found.refused_option.map(|complaint| format!("{} {complaint}", key.path)));
        let Some(value) = found.value else { continue };
        if key.support == Support::Yes {
            values.insert(key.path, value);
        } else if !without_effect.iter().any(|seen: &&str| is_below(key.path, seen)) {
            // An object that holds supported keys is announced by its unsupported ones only.
            without_effect.push(key.path);
        }
    }
    Ok(Values { file, values, without_effect, refused_options })
}

/// What counts for a key: the last of file, environment and options that says something, or else the default.
pub(super) fn find(
    key: &Key,
    tree: &Value,
    environment: &dyn Fn(&str) -> Option<String>,
    options: &BTreeMap<String, String>,
) -> Result<Found, ConfigError> {
    let mut value = look_up(tree, key.path).filter(|value| !value.is_null()).cloned();
    let mut origin = Origin::File;
    if let Some(value) = &value {
        check_kind(key, value)?;
    }
    if !key.env.is_empty()
        && let Some(text) = variable(key.env, environment)
    {
        // Reference: a list or object that is `null` is an empty one.
        let is_null = matches!(key.kind, Kind::List | Kind::Object) && text.trim() == "null";
        let read = if is_null { None } else { Some(from_text(key, &text)?) };
        (value, origin) = (read, Origin::Environment);
    }
    let mut refused_option = None;
    match option(key, value.as_ref(), options) {
        Ok(None) => {}
        Ok(overriding) => (value, origin) = (overriding, Origin::Database),
        Err(complaint) => refused_option = Some(complaint),
    }
    let (value, origin) = match value.take_if(|value| !is_zero(value)) {
        Some(value) => (value, origin),
        None if key.default.is_empty() || key.support == Support::NotYet => {
            return Ok(Found { value: None, origin: Origin::Unset, refused_option });
        }
        None => (from_text(key, key.default)?, Origin::Default),
    };
    if key.support == Support::Yes
        && let Some(complaint) = key.rule.complaint(&value)
    {
        return Err(ConfigError::Value { key: key.path, shown: shown(key, &value), complaint });
    }
    Ok(Found { value: Some(value), origin, refused_option })
}

/// What a variable says. Reference: `SEMAPHORE_DB_NAME` counts more than `SEMAPHORE_DB`.
fn variable(name: &str, environment: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let first = if name == "SEMAPHORE_DB" { environment("SEMAPHORE_DB_NAME") } else { None };
    first.filter(|text| !text.is_empty()).or_else(|| environment(name))
}

/// The value that the options of the database give a key; none if they say nothing about it.
///
/// Reference: `FillConfigFromDB`. Where the data lies is known before, and apps have their own way.
fn option(key: &Key, value: Option<&Value>, options: &BTreeMap<String, String>) -> Result<Option<Value>, String> {
    let first = key.path.split('.').next().unwrap_or_default();
    if ["dialect", "sqlite", "postgres", "mysql", "bolt", "tmp_path", "apps"].contains(&first) {
        return Ok(None);
    }
    if let Some(text) = options.get(key.path) {
        let read = match (key.kind, from_text(key, text)) {
            // Reference: a text that is no list is one with a single entry.
            (Kind::List, Err(_)) => Value::from(vec![text.as_str()]),
            (_, Ok(read)) => read,
            (_, Err(_)) => {
                return Err(match key.kind {
                    Kind::Integer => "must be a whole number".to_owned(),
                    _ => "must be JSON".to_owned(),
                });
            }
        };
        return match key.rule.complaint(&read).filter(|_| !is_zero(&read)) {
            None => Ok(Some(read)),
            Some(complaint) => Err(complaint),
        };
    }
    if key.kind != Kind::Object || key.support != Support::Yes {
        return Ok(None);
    }
    // `env_vars.NAME` is one entry of the object.
    let below = options.iter().filter_map(|(path, text)| {
        let name = path.strip_prefix(key.path)?.strip_prefix('.')?;
        Some((name.to_owned(), Value::from(text.as_str())))
    });
    let entries: Vec<_> = below.collect();
    if entries.is_empty() {
        return Ok(None);
    }
    let mut object = value.and_then(Value::as_object).cloned().unwrap_or_default();
    if key.path == OIDC_PROVIDERS {
        // `oidc_providers.NAME.client_id` is one entry of an entry.
        for (path, text) in entries {
            insert_below(&mut object, &path, text);
        }
        check_providers(&object)?;
    } else {
        object.extend(entries);
    }
    Ok(Some(Value::Object(object)))
}

/// Puts a value where a path with dots leads, through objects that are made if they are not there.
fn insert_below(object: &mut serde_json::Map<String, Value>, path: &str, value: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        object.insert(path.to_owned(), value);
        return;
    };
    let below = object.entry(first).or_insert(Value::Null);
    if !below.is_object() {
        *below = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(below) = below {
        insert_below(below, rest, value);
    }
}

impl Values {
    /// A text; empty when it is not set.
    pub(super) fn text(&self, path: &'static str) -> &str {
        self.get(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// A text, if it is set.
    pub(super) fn set_text(&self, path: &'static str) -> Option<&str> {
        Some(self.text(path)).filter(|text| !text.is_empty())
    }

    /// A number that its rule keeps in range, if it is set.
    pub(super) fn set_integer(&self, path: &'static str) -> Option<u32> {
        self.get(path).and_then(Value::as_i64).and_then(|number| u32::try_from(number).ok())
    }

    /// A number; 0 when it is not set.
    pub(super) fn integer(&self, path: &'static str) -> i64 {
        self.get(path).and_then(Value::as_i64).unwrap_or_default()
    }

    /// A truth value; `false` when it is not set.
    pub(super) fn bool(&self, path: &'static str) -> bool {
        self.get(path).and_then(Value::as_bool).unwrap_or_default()
    }

    /// An object or list, decoded.
    pub(super) fn decode<T: serde::de::DeserializeOwned + Default>(
        &self,
        path: &'static str,
    ) -> Result<T, ConfigError> {
        let Some(value) = self.get(path) else { return Ok(T::default()) };
        serde_json::from_value(value.clone()).map_err(|error| ConfigError::Value {
            key: path,
            shown: String::new(),
            complaint: format!("is not understood: {error}"),
        })
    }

    fn get(&self, path: &'static str) -> Option<&Value> {
        debug_assert!(
            KEYS.iter().any(|key| key.path == path && key.support == Support::Yes),
            "{path} is not in the table"
        );
        self.values.get(path)
    }
}

fn find_file(sources: &Sources<'_>) -> Result<Option<PathBuf>, ConfigError> {
    if sources.no_config {
        return Ok(None);
    }
    let named = sources
        .config_path
        .clone()
        .or_else(|| (sources.environment)("SEMAPHORE_CONFIG_PATH").map(PathBuf::from))
        .filter(|path| !path.as_os_str().is_empty());
    if let Some(path) = named {
        return if path.is_file() { Ok(Some(path)) } else { Err(ConfigError::NoFile) };
    }
    std::iter::once(sources.directory.join("config.json"))
        .chain(SEARCHED.map(PathBuf::from))
        .find(|path| path.is_file())
        .map(Some)
        .ok_or(ConfigError::NoFile)
}

fn read_file(path: &Path) -> Result<Value, ConfigError> {
    let bytes = std::fs::read(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    // Reference: only the first JSON value of the file is read.
    let first = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>().next();
    match first {
        Some(Ok(tree @ Value::Object(_))) => Ok(tree),
        Some(Err(source)) => Err(ConfigError::Json { path: path.to_owned(), source }),
        Some(Ok(_)) | None => Err(ConfigError::NoObject { path: path.to_owned() }),
    }
}

/// The value at a dotted path; names match without regard to case, as the reference's decoder matches them.
fn look_up<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(tree, |value, name| {
        let object = value.as_object()?;
        object
            .get(name)
            .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
    })
}

fn check_kind(key: &Key, value: &Value) -> Result<(), ConfigError> {
    let (good, wanted) = match key.kind {
        Kind::Text => (value.is_string(), "must be a text in quotes"),
        Kind::Integer => (value.is_i64(), "must be a whole number without quotes"),
        Kind::Bool => (value.is_boolean(), "must be true or false without quotes"),
        Kind::List => {
            let texts = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
            (texts, "must be a list of texts")
        }
        Kind::Object => (value.is_object(), "must be an object"),
    };
    if good {
        return Ok(());
    }
    Err(ConfigError::Value { key: key.path, shown: shown(key, value), complaint: wanted.to_owned() })
}

/// The value that a text in the environment's notation means.
pub(super) fn from_text(key: &Key, text: &str) -> Result<Value, ConfigError> {
    let bad = |complaint: &str| ConfigError::Environment {
        key: key.path,
        variable: key.env,
        complaint: complaint.to_owned(),
    };
    let value = match key.kind {
        Kind::Text => Value::from(text),
        Kind::Integer => Value::from(text.parse::<i64>().map_err(|_| bad("must be a whole number"))?),
        Kind::Bool => Value::from(text == "1" || text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("yes")),
        Kind::List | Kind::Object => serde_json::from_str(text).map_err(|_| bad("must be JSON"))?,
    };
    check_kind(key, &value)?;
    Ok(value)
}

/// Reference: a value that is empty, zero or false cannot be told from one that is absent.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_i64() == Some(0),
        Value::String(value) => value.is_empty(),
        Value::Array(value) => value.is_empty(),
        // `{"enabled": false}` asks for nothing either.
        Value::Object(value) => value.values().all(is_zero),
    }
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'))
}

fn shown(key: &Key, value: &Value) -> String {
    // What should have been an object may hold variables for tasks, and so secrets.
    if key.secret || key.kind == Kind::Object { "***".to_owned() } else { value.to_string() }
}
