//! `setup --non-interactive`: the answers come from a file, the environment and the command line, the last one wins.
//!
//! Invariant: everything is looked at before anything is written, and the database is made before the configuration.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use semaphore_model::Secret;
use semaphore_service::crypto::password::check_new;
use serde_json::{Map, Value};

use super::{
    Administrator, FILE_NAME, Unfinished, add, finish, welcome_back,
    wizard::{NoBolt, default_playbook_path, generate_keys, server_defaults},
    write,
};
use crate::{
    cli::{
        installation_arguments::Setup,
        output::say,
        password,
        start::{ConfigSource, runtime, sources, store},
    },
    config::{Config, DIALECTS, Sources, from_environment, parse_setting, unknown_in},
};

pub(super) fn run(source: &ConfigSource, arguments: &Setup, directory: &Path) -> anyhow::Result<()> {
    let path = source.path.clone().unwrap_or_else(|| directory.join(FILE_NAME));
    ensure!(
        arguments.replace || !path.exists(),
        "{} is there already, and its keys open the secrets in its database: with --replace it is kept under another name \
         and a new one with new keys is written; nothing was changed",
        path.display()
    );
    let sources = sources(source);
    let mut settings = answers(arguments)?;
    let person = settings.remove("admin");
    refuse_unknown(&settings)?;
    let administrator = administrator(arguments, person, &sources)?;
    collect(&mut settings, arguments, &sources)?;
    complete(&mut settings, directory)?;
    try_database(&settings)?;
    let config = write(&path, settings)?;
    finish(&path, &config, async |services| match administrator {
        None => {
            say("\n No administrator was named; `semaphore users add --admin` makes one.")?;
            Ok(String::new())
        }
        Some(administrator) => match welcome_back(&services, &administrator.login, &administrator.email).await? {
            Some(farewell) => Ok(farewell),
            None => add(&services, &administrator).await,
        },
    })
    .with_context(|| Unfinished { config: path.clone() })
}

/// Whoever runs this by a script runs it again after a failure, and finds no configuration that stands in the way.
fn try_database(settings: &Map<String, Value>) -> anyhow::Result<()> {
    let config = Config::check(&Value::Object(settings.clone())).context("nothing was written")?;
    runtime()?.block_on(async {
        let store = store(&config).await.context("no configuration was written")?;
        store.close().await;
        Ok(())
    })
}

/// The file of `--answers`.
fn answers(arguments: &Setup) -> anyhow::Result<Map<String, Value>> {
    let Some(path) = &arguments.answers else { return Ok(Map::new()) };
    let cannot = || format!("cannot read the answers in {}", path.display());
    let bytes = if path.as_os_str() == "-" {
        ensure!(!arguments.stdin_password, "--answers - and --stdin-password cannot both read the standard input");
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).with_context(cannot)?;
        bytes
    } else {
        std::fs::read(path).with_context(cannot)?
    };
    match serde_json::from_slice(&bytes).with_context(cannot)? {
        Value::Object(settings) => Ok(settings),
        _ => bail!("the answers in {} must be a JSON object", path.display()),
    }
}

fn refuse_unknown(settings: &Map<String, Value>) -> anyhow::Result<()> {
    let unknown = unknown_in(&Value::Object(settings.clone()));
    let Some(key) = unknown.first() else { return Ok(()) };
    let meant = key.meant.map_or_else(String::new, |meant| format!(": did you mean {meant}?"));
    bail!("{} is not a key of the configuration{meant}; nothing was written", key.path)
}

/// The first administrator; none if nobody says anything about one. Reference: the variables of its container.
fn administrator(
    arguments: &Setup,
    person: Option<Value>,
    sources: &Sources<'_>,
) -> anyhow::Result<Option<Administrator>> {
    let person = match person {
        None => Map::new(),
        Some(Value::Object(person)) => person,
        Some(_) => bail!("\"admin\" in the answers must be an object"),
    };
    if let Some(name) = person.keys().find(|name| !["login", "name", "email", "password"].contains(&name.as_str())) {
        bail!("\"admin\" in the answers has no {name:?}: use login, name, email and password");
    }
    let look = |flag: Option<&String>, variable: &str, member: &str| -> Option<String> {
        let found = flag.cloned().or_else(|| (sources.environment)(variable));
        found.or_else(|| person.get(member)?.as_str().map(str::to_owned)).filter(|text| !text.trim().is_empty())
    };
    let login = look(arguments.admin_login.as_ref(), "SEMAPHORE_ADMIN", "login");
    let email = look(arguments.admin_email.as_ref(), "SEMAPHORE_ADMIN_EMAIL", "email");
    let name = look(arguments.admin_name.as_ref(), "SEMAPHORE_ADMIN_NAME", "name");
    let password = if arguments.stdin_password {
        Some(password::read().context("cannot read the password from the standard input")?)
    } else {
        look(None, "SEMAPHORE_ADMIN_PASSWORD", "password").map(Secret::from)
    };
    if login.is_none() && email.is_none() && name.is_none() && password.is_none() {
        return Ok(None);
    }
    let missing = |what: &str| format!("the administrator has no {what}; nothing was written");
    let login = login.with_context(|| missing("login: give --admin-login or SEMAPHORE_ADMIN"))?.to_lowercase();
    let email = email.with_context(|| missing("e-mail address: give --admin-email or SEMAPHORE_ADMIN_EMAIL"))?;
    let password = password.with_context(|| missing("password: give --stdin-password or SEMAPHORE_ADMIN_PASSWORD"))?;
    check_new(password.expose()).context("the password of the administrator; nothing was written")?;
    let name = name.unwrap_or_else(|| login.clone());
    Ok(Some(Administrator { login, email: email.to_lowercase(), name, password }))
}

/// Lays environment and command line over the answers.
fn collect(settings: &mut Map<String, Value>, arguments: &Setup, sources: &Sources<'_>) -> anyhow::Result<()> {
    let mut over = from_environment(sources).context("nothing was written")?;
    for text in &arguments.set {
        over.push(parse_setting(text).map_err(|complaint| anyhow::anyhow!("--set: {complaint}; nothing was written"))?);
    }
    // One variable names the host of every dialect: only that of the chosen one counts.
    let named = over.iter().rev().find(|(key, _)| key.path == "dialect").map(|(_, value)| value);
    let dialect = named.or_else(|| settings.get("dialect")).and_then(Value::as_str).unwrap_or_default().to_owned();
    for (key, value) in over {
        let section = key.path.split('.').next().unwrap_or_default();
        if !DIALECTS.contains(&section) || section == dialect {
            put(settings, key.path, value)?;
        }
    }
    Ok(())
}

fn put(settings: &mut Map<String, Value>, path: &str, value: Value) -> anyhow::Result<()> {
    let Some((section, rest)) = path.split_once('.') else {
        settings.insert(path.to_owned(), value);
        return Ok(());
    };
    let below = settings.entry(section).or_insert_with(|| Value::Object(Map::new()));
    let below = below.as_object_mut().with_context(|| format!("{section} in the answers must be an object"))?;
    put(below, rest, value)
}

/// Puts in what the wizard would have proposed, and the generated keys.
fn complete(settings: &mut Map<String, Value>, directory: &Path) -> anyhow::Result<()> {
    let dialect = settings.get("dialect").and_then(Value::as_str).unwrap_or_default().to_owned();
    match dialect.as_str() {
        "bolt" => return Err(NoBolt.into()),
        "sqlite" => propose(settings, "sqlite", "host", &directory.join("database.sqlite"))?,
        "postgres" | "mysql" => {
            for (member, proposal) in server_defaults(&dialect) {
                propose(settings, &dialect, member, &PathBuf::from(proposal))?;
            }
        }
        _ => bail!(
            "no database was chosen: set dialect to sqlite, postgres or mysql in --answers, with SEMAPHORE_DB_DIALECT or with \
             --set dialect=...; nothing was written"
        ),
    }
    settings.entry("tmp_path").or_insert_with(|| default_playbook_path().into());
    generate_keys(settings);
    Ok(())
}

fn propose(settings: &mut Map<String, Value>, section: &str, member: &str, proposal: &Path) -> anyhow::Result<()> {
    let is_set = settings.get(section).and_then(|section| section.get(member)).is_some();
    if is_set { Ok(()) } else { put(settings, &format!("{section}.{member}"), proposal.to_string_lossy().into()) }
}
