//! `setup`: asks what a new installation needs, writes its configuration, makes its database and its first administrator.
//!
//! Not for changing an installation. Invariants: nothing is written before every question about the configuration has a good
//! answer; a configuration file that is there is never lost, because its keys open the secrets in the database (the reference
//! overwrites it). Reference: `doSetup`.

pub(super) mod questions;
mod unattended;
mod wizard;

use std::path::{Path, PathBuf};

use anyhow::Context;
use semaphore_model::{NewUser, Secret};
use semaphore_service::{Services, crypto::password::check_new};
use semaphore_store::Store;
use serde_json::{Map, Value};

use super::{
    doctor::{Level, Report, database::check_secrets},
    installation_arguments::Setup,
    output::{note, say},
    start::{self, ConfigSource},
    write_file::{directory_of, write_and_keep_old, write_new_file},
};
use crate::config::Config;

/// Name of a configuration file.
const FILE_NAME: &str = "config.json";

/// What a setup that failed after it had written the configuration leaves to be done.
#[derive(Debug)]
pub(super) struct Unfinished {
    config: PathBuf,
}

impl std::fmt::Display for Unfinished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the configuration is in {}, but the setup is not complete", self.config.display())
    }
}

impl Unfinished {
    /// How to go on.
    pub(super) fn hint(&self) -> String {
        let config = self.config.display();
        format!(
            "when the cause is gone, run `semaphore migrate --config {config}` and then `semaphore users add --admin --login LOGIN \
             --name NAME --email ADDRESS --stdin-password --config {config}`"
        )
    }
}

/// Who administers a new installation.
struct Administrator {
    login: String,
    email: String,
    name: String,
    password: Secret,
}

pub(super) fn run(source: &ConfigSource, arguments: &Setup) -> anyhow::Result<()> {
    let directory = std::env::current_dir().context("cannot tell the working directory")?;
    if arguments.non_interactive {
        return unattended::run(source, arguments, &directory);
    }
    let settings = wizard::ask(&directory)?;
    let path = if let Some(path) = &source.path {
        path.clone()
    } else {
        let default = directory.to_string_lossy();
        Path::new(&questions::value("Config output directory", &default, |_| None)?).join(FILE_NAME)
    };
    let replace = !path.exists() || arguments.replace || may_replace(&path)?;
    anyhow::ensure!(replace, "{} is there already; nothing was changed", path.display());
    let config = write(&path, settings)?;
    finish(&path, &config, async |services| ask_administrator(services).await)
        .with_context(|| Unfinished { config: path.clone() })
}

fn may_replace(path: &Path) -> anyhow::Result<bool> {
    say(&format!(
        "{} is there already. Its keys open the secrets in its database: it will be kept under another name.",
        path.display()
    ))?;
    questions::is_wanted("Write a new configuration with new keys in its place?")
}

/// Writes the configuration after it has been looked at, and loads it. An old file is kept.
fn write(path: &Path, settings: Map<String, Value>) -> anyhow::Result<Config> {
    let settings = Value::Object(settings);
    Config::check(&settings).context("nothing was written")?;
    let directory = directory_of(path);
    say(&format!("Running: mkdir -p {}..", directory.display()))?;
    let cannot = || format!("cannot write {}", path.display());
    std::fs::create_dir_all(&directory).with_context(cannot)?;
    let text = serde_json::to_string_pretty(&settings)? + "\n";
    if path.exists() {
        let kept = write_and_keep_old(path, text.as_bytes()).with_context(cannot)?;
        note(&format!("The configuration that was there is in {}", kept.display()))?;
    } else {
        write_new_file(path, text.as_bytes()).with_context(cannot)?;
    }
    say(&format!("Configuration written to {}..", path.display()))?;
    start::config(&ConfigSource { path: Some(path.to_owned()), ..ConfigSource::default() })
}

/// Makes database and administrator. `who` is asked once the database can be used, and answers what to say and how to log in.
fn finish<F>(path: &Path, config: &Config, who: impl FnOnce(Services) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<String>>,
{
    start::runtime()?.block_on(async {
        say(" Pinging db..")?;
        say("Running db Migrations..")?;
        let store = start::store(config).await?;
        let done = async {
            warn_about_secrets(config, &store).await?;
            who(start::services(config, store.clone(), None).await?).await
        };
        let done = done.await;
        store.close().await;
        let farewell = done?;
        say(&format!(" Start the server with\n\nsemaphore server --config {}\n", path.display()))?;
        if !farewell.is_empty() {
            say(&farewell)?;
        }
        Ok(())
    })
}

/// A database that was filled with another key: its secrets are lost for this configuration.
async fn warn_about_secrets(config: &Config, store: &Store) -> anyhow::Result<()> {
    let mut report = Report::default();
    check_secrets(store, config, &mut report).await;
    if report.problems() > 0 {
        note("warning: the database holds secrets that the new access_key_encryption does not open:")?;
        for line in report.lines(Level::Problem) {
            note(&line)?;
        }
    }
    Ok(())
}

async fn ask_administrator(services: Services) -> anyhow::Result<String> {
    let login = questions::about_person("Username", "\n\n > Username: ")?.to_lowercase();
    let email = questions::about_person("Email", " > Email: ")?.to_lowercase();
    if let Some(farewell) = welcome_back(&services, &login, &email).await? {
        return Ok(farewell);
    }
    let name = questions::about_person("Your name", " > Your name: ")?;
    let complaint = |password: &str| check_new(password).err().map(|error| error.to_string());
    let password = questions::password(complaint)?;
    add(&services, &Administrator { login, email, name, password }).await
}

/// What to say if there is such a user already.
async fn welcome_back(services: &Services, login: &str, email: &str) -> anyhow::Result<Option<String>> {
    match services.find_user(login, email).await {
        Ok(user) => {
            say(&format!("\n Welcome back, {}! (a user with this username/email is already set up..)\n", user.name))?;
            Ok(Some(you_can_log_in(email, login)))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn add(services: &Services, administrator: &Administrator) -> anyhow::Result<String> {
    let Administrator { login, email, name, password } = administrator;
    let body = NewUser {
        username: login.clone(),
        email: email.clone(),
        name: name.clone(),
        password: password.clone(),
        admin: true,
        ..NewUser::default()
    };
    services.insert_user(&body).await.with_context(|| format!("cannot add the user {login}"))?;
    say(&format!("\n You are all setup {name}!"))?;
    Ok(you_can_log_in(email, login))
}

fn you_can_log_in(email: &str, login: &str) -> String {
    format!(" You can login with {email} or {login}.")
}
