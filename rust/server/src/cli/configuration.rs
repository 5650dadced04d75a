//! `config check`, `config show`, `config docs`: the configuration as people and scripts look at it.
//!
//! Not for the health of an installation: that is `doctor`. Invariants: nothing is changed, not even the schema of the database;
//! secrets are masked.

use std::collections::BTreeMap;

use anyhow::Context;
use semaphore_model::error_chain;
use semaphore_service::crypto::{access_key::AccessKeyCipher, cookie::CookieCodec};
use serde_json::{Value, json};

use super::{
    configuration_docs,
    doctor::database::inspect,
    installation_arguments::{CheckConfiguration, ConfigurationCommand, ShowConfiguration},
    output::{note, say},
    runner,
    start::{self, ConfigSource, sources},
    write_file::write_file,
};
use crate::config::{Config, ConfigError, DIALECTS, Origin, Setting, settings, unknown_keys};

/// Exit code when a server would start, but not all of the configuration has an effect.
const EXIT_WITHOUT_EFFECT: u8 = 4;

/// That something is wrong with the configuration; everything was said already.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Findings {
    /// A server would not start.
    #[error("the configuration is refused")]
    Refused,
    /// A server would start, but something in it has no effect.
    #[error("not all of the configuration has an effect")]
    WithoutEffect,
}

impl Findings {
    pub(super) const fn exit_code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::WithoutEffect => EXIT_WITHOUT_EFFECT,
        }
    }
}

/// One thing that was found.
struct Finding {
    is_error: bool,
    /// Path of the key; empty if it is about more than one.
    key: String,
    message: String,
}

pub(super) fn run(source: &ConfigSource, command: &ConfigurationCommand) -> anyhow::Result<()> {
    match command {
        ConfigurationCommand::Check(arguments) => check(source, arguments),
        ConfigurationCommand::Show(arguments) => show(source, arguments),
        ConfigurationCommand::Docs(arguments) => {
            let text = configuration_docs::markdown();
            match &arguments.file {
                None => Ok(say(text.trim_end())?),
                Some(file) => {
                    write_file(file, text.as_bytes()).with_context(|| format!("cannot write {}", file.display()))
                }
            }
        }
    }
}

fn check(source: &ConfigSource, arguments: &CheckConfiguration) -> anyhow::Result<()> {
    let (file, found) = findings(source, arguments.runner);
    if arguments.json {
        let findings: Vec<Value> = found
            .iter()
            .map(|finding| {
                let level = if finding.is_error { "error" } else { "warning" };
                json!({"level": level, "key": finding.key, "message": finding.message})
            })
            .collect();
        say(&serde_json::to_string_pretty(&json!({"file": file, "findings": findings}))?)?;
    } else {
        for finding in &found {
            say(&format!("{}: {}", if finding.is_error { "error" } else { "warning" }, finding.message))?;
        }
        if found.is_empty() {
            let place = file.map_or_else(|| "The environment".to_owned(), |file| file.clone());
            say(&format!("{place}: nothing wrong was found"))?;
        }
    }
    if found.iter().any(|finding| finding.is_error) {
        return Err(Findings::Refused.into());
    }
    if found.is_empty() { Ok(()) } else { Err(Findings::WithoutEffect.into()) }
}

/// The file, and everything that is wrong with the configuration: all wrong values, not only the first.
fn findings(source: &ConfigSource, is_runner: bool) -> (Option<String>, Vec<Finding>) {
    let sources = sources(source);
    let (file, all) = match settings(&sources, &BTreeMap::new()) {
        Ok((file, all)) => (file.map(|file| file.display().to_string()), all),
        Err(error) => return (None, vec![refused("", &error)]),
    };
    let mut found = Vec::new();
    for setting in &all {
        if let Some(problem) = &setting.problem {
            found.push(Finding { is_error: true, key: setting.key.path.to_owned(), message: problem.clone() });
        }
    }
    // What concerns several keys can be said only once each of them is good.
    if found.is_empty() {
        let loaded = if is_runner { Config::load_for_runner(&sources) } else { Config::load(&sources) };
        match loaded {
            Ok(config) if is_runner => found.extend(runner::problems(&config).into_iter().map(of_runner)),
            Ok(config) => found.extend(whole(&config)),
            Err(error) => found.push(refused(key_of(&error), &error)),
        }
    }
    for key in unknown_keys(&sources).unwrap_or_default() {
        let meant = key.meant.map_or_else(String::new, |meant| format!(": did you mean {meant}?"));
        let message = format!("{} is not a key of the configuration{meant}", key.path);
        found.push(Finding { is_error: false, key: key.path, message });
    }
    let idle: Vec<&str> = all.iter().filter(|one| one.is_without_effect()).map(|one| one.key.path).collect();
    for key in &idle {
        let is_below = |above: &&str| key.strip_prefix(above).is_some_and(|rest| rest.starts_with('.'));
        if idle.iter().any(is_below) {
            continue;
        }
        found.push(Finding {
            is_error: false,
            key: (*key).to_owned(),
            message: format!("{key} has no effect in this build"),
        });
    }
    (file, found)
}

fn refused(key: &str, error: &ConfigError) -> Finding {
    Finding { is_error: true, key: key.to_owned(), message: error_chain(error) }
}

const fn key_of(error: &ConfigError) -> &'static str {
    match error {
        ConfigError::Value { key, .. } | ConfigError::Environment { key, .. } => key,
        ConfigError::NoDatabase => "dialect",
        _ => "",
    }
}

fn of_runner((key, message): (&str, String)) -> Finding {
    Finding { is_error: true, key: key.to_owned(), message: format!("{key}: {message}") }
}

/// What is wrong although each value is good for itself.
fn whole(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Err(error) = AccessKeyCipher::new(config.access_key_encryption.expose()) {
        let message = format!("access_key_encryption: {}", error_chain(&error));
        found.push(Finding { is_error: true, key: "access_key_encryption".to_owned(), message });
    }
    if !config.cookie_hash.is_empty()
        && let Err(error) = CookieCodec::new(config.cookie_hash.expose(), config.cookie_encryption.expose())
    {
        let message = format!("cookie_hash and cookie_encryption: {}", error_chain(&error));
        found.push(Finding { is_error: true, key: "cookie_hash".to_owned(), message });
    }
    for message in &config.alerts_in_vain {
        found.push(Finding {
            is_error: false,
            key: message.split([' ', ':']).next().unwrap_or_default().to_owned(),
            message: format!("alerts that are asked for cannot be sent: {message}"),
        });
    }
    found
}

fn show(source: &ConfigSource, arguments: &ShowConfiguration) -> anyhow::Result<()> {
    let sources = sources(source);
    let options = if arguments.without_database { BTreeMap::new() } else { options(source)? };
    let (file, all) = settings(&sources, &options)?;
    let dialect = all.iter().find(|one| one.key.path == "dialect").and_then(|one| one.value.as_ref()?.as_str());
    let shown = all.iter().filter(|setting| {
        // One variable sets the host of every dialect, and each has defaults.
        let section = setting.key.path.split_once('.').map(|(section, _)| section);
        let is_of_other = section.is_some_and(|section| DIALECTS.contains(&section) && Some(section) != dialect);
        arguments.all || setting.problem.is_some() || (setting.value.is_some() && !is_of_other)
    });
    if arguments.json {
        let rows: Vec<Value> = shown.map(row).collect();
        let file = file.map(|file| file.display().to_string());
        return Ok(say(&serde_json::to_string_pretty(&json!({"file": file, "settings": rows}))?)?);
    }
    for setting in shown {
        say(&line(setting))?;
    }
    Ok(())
}

/// The options that the database has; none, with a note, if it cannot be looked into.
fn options(source: &ConfigSource) -> anyhow::Result<BTreeMap<String, String>> {
    // A configuration that is refused names no database that could be trusted; its problems are shown with its keys.
    let Ok(config) = Config::load(&sources(source)) else { return Ok(BTreeMap::new()) };
    let read = start::runtime()?.block_on(async {
        let store = inspect(&config.database).await?;
        let options = store.list_options("").await;
        store.close().await;
        options
    });
    match read {
        Ok(options) => Ok(options.into_iter().map(|option| (option.key, option.value)).collect()),
        Err(error) => {
            note(&format!("note: options in the database are not shown: {}", error_chain(&error)))?;
            Ok(BTreeMap::new())
        }
    }
}

const fn origin(setting: &Setting) -> &'static str {
    match setting.origin {
        Origin::Unset => "unset",
        Origin::Default => "default",
        Origin::File => "file",
        Origin::Environment => "environment",
        Origin::Database => "database",
    }
}

fn row(setting: &Setting) -> Value {
    json!({
        "key": setting.key.path,
        "value": setting.value,
        "source": origin(setting),
        "variable": setting.key.env,
        "secret": setting.key.secret,
        "has_effect": !setting.is_without_effect(),
        "problem": setting.problem,
    })
}

fn line(setting: &Setting) -> String {
    let value = setting.value.as_ref().map_or_else(|| "-".to_owned(), Value::to_string);
    let source = match setting.origin {
        Origin::Environment => format!("environment, {}", setting.key.env),
        _ => origin(setting).to_owned(),
    };
    let without_effect = if setting.is_without_effect() { ", without effect in this build" } else { "" };
    let problem = setting.problem.as_ref().map_or_else(String::new, |problem| format!("  # {problem}"));
    format!("{} = {value}  ({source}{without_effect}){problem}", setting.key.path)
}
