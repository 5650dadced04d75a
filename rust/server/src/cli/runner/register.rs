//! `runner register` and `runner unregister`.
//!
//! Invariants: what the server gives is kept before anything else happens; a key that is there is used, never overwritten (the
//! reference makes a new one, also if the server then refuses); a key that was made for a registration which the server refused
//! is removed again.

use std::{
    fs,
    io::{ErrorKind, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use anyhow::{Context, ensure};
use semaphore_model::{Secret, remote::Registration};
use semaphore_service::{
    crypto::runner_key::{self, RunnerPrivateKey},
    runner_client::{RunnerClient, RunnerClientError},
};
use serde_json::{Map, Value};

use super::Register;
use crate::{
    cli::{
        start::{self, ConfigSource},
        write_file::{write_file, write_new_file},
    },
    config::Config,
};

/// Parallel tasks of a runner that does not say how many. Reference: the same.
const DEFAULT_PARALLEL_TASKS: u32 = 1;

pub(super) fn register(source: &ConfigSource, arguments: &Register) -> anyhow::Result<()> {
    let mut config = start::runner_config(source)?;
    if arguments.stdin_registration_token {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).context("cannot read the registration token")?;
        let token = Secret::new(text.trim());
        drop(Secret::new(text));
        ensure!(!token.is_empty(), "Empty token");
        config.runner_registration_token = token;
    }
    start::runtime()?.block_on(register_with(&config)).context("runner registration failed")
}

/// Registers the runner of a configuration, and keeps its token.
pub(super) async fn register_with(config: &Config) -> anyhow::Result<()> {
    tracing::info!("Registering a new runner");
    ensure!(!config.runner_registration_token.is_empty(), "registration token cannot be empty");
    ensure!(
        config.runner.token_file.is_some() || config.file.is_some(),
        "there is no place for the runner's token: name a configuration file or runner.token_file"
    );
    let client = RunnerClient::new(&config.web_host)?;
    let key = config.runner.private_key_file.as_deref().map(Key::of).transpose()?;
    let registration = Registration {
        registration_token: config.runner_registration_token.clone(),
        webhook: config.runner.webhook.clone(),
        max_parallel_tasks: config
            .runner
            .max_parallel_tasks
            .unwrap_or(DEFAULT_PARALLEL_TASKS)
            .try_into()
            .unwrap_or(i32::MAX),
        // Reference: an empty text, with which no poll of the runner succeeds.
        public_key: key.as_ref().map(|key| key.public.clone()),
    };
    let token = match client.register(&registration).await {
        Ok(token) => token,
        Err(error) => {
            if let Some(key) = key {
                key.take_back();
            }
            return Err(error.into());
        }
    };
    keep(config, Some(&token)).context("the runner is registered, but its token cannot be kept")
}

/// The key of a runner in its file.
struct Key<'a> {
    path: &'a Path,
    public: String,
    is_new: bool,
}

impl<'a> Key<'a> {
    /// The key in the file, or a new one that is written there.
    fn of(path: &'a Path) -> anyhow::Result<Self> {
        match private_key(path) {
            Ok(key) => return Ok(Self { path, public: key.public()?, is_new: false }),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error),
        }
        let pair = runner_key::generate()?;
        write_new_file(path, pair.private.expose().as_bytes())
            .with_context(|| format!("can not generate private key file {}", path.display()))?;
        Ok(Self { path, public: pair.public, is_new: true })
    }

    fn take_back(self) {
        if self.is_new
            && let Err(error) = fs::remove_file(self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a key that is of no use cannot be removed");
        }
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

/// The key in a file.
pub(super) fn private_key(path: &Path) -> anyhow::Result<RunnerPrivateKey> {
    let text = fs::read_to_string(path).with_context(|| format!("can not read private key {}", path.display()))?;
    let text = Secret::new(text);
    RunnerPrivateKey::read(text.expose()).with_context(|| path.display().to_string())
}

/// The token of the runner; empty if it is not registered. Reference: a file that cannot be read is passed over.
pub(super) fn token(config: &Config) -> anyhow::Result<Secret> {
    let Some(path) = &config.runner.token_file else { return Ok(config.runner.token.clone()) };
    match fs::read_to_string(path) {
        Ok(text) => {
            let text = Secret::new(text);
            Ok(Secret::new(text.expose().trim()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(config.runner.token.clone()),
        Err(error) => Err(error).with_context(|| format!("cannot read the token in {}", path.display())),
    }
}

/// Writes the token where the configuration wants it, or removes it from there; readable by its owner only.
fn keep(config: &Config, token: Option<&Secret>) -> anyhow::Result<()> {
    if let Some(path) = &config.runner.token_file {
        return match token {
            Some(token) => write_private(path, token.expose().as_bytes()),
            None => match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    Err(error).with_context(|| format!("cannot remove {}", path.display()))
                }
                _ => Ok(()),
            },
        };
    }
    let Some(path) = &config.file else { return Ok(()) };
    let cannot = || format!("cannot change {}", path.display());
    let mut document: Map<String, Value> =
        serde_json::from_slice(&fs::read(path).with_context(cannot)?).with_context(cannot)?;
    // Names match without regard to case when the file is read.
    let name = document.keys().find(|name| name.eq_ignore_ascii_case("runner")).cloned();
    let runner = document.entry(name.unwrap_or_else(|| "runner".to_owned())).or_insert_with(|| Map::new().into());
    if !runner.is_object() {
        *runner = Map::new().into();
    }
    if let Some(members) = runner.as_object_mut() {
        let had = members.keys().any(|name| name.eq_ignore_ascii_case("token"));
        members.retain(|name, _| !name.eq_ignore_ascii_case("token"));
        match token {
            Some(token) => drop(members.insert("token".to_owned(), token.expose().into())),
            None if !had => return Ok(()),
            None => {}
        }
    }
    write_private(path, (serde_json::to_string_pretty(&document)? + "\n").as_bytes())
}

fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let written = write_file(path, bytes).and_then(|()| {
        let found = fs::metadata(path)?;
        if found.is_file() { fs::set_permissions(path, fs::Permissions::from_mode(0o600)) } else { Ok(()) }
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

pub(super) fn unregister(source: &ConfigSource) -> anyhow::Result<()> {
    let config = start::runner_config(source)?;
    let token = token(&config)?;
    ensure!(!token.is_empty(), "runner is not registered");
    let client = RunnerClient::new(&config.web_host)?;
    match start::runtime()?.block_on(client.unregister(&token)) {
        // Nobody knows it any more: that is what was wanted.
        Ok(()) | Err(RunnerClientError::Refused { status: 404, .. }) => {}
        Err(error) => return Err(error).context("encountered error while unregistering runner"),
    }
    keep(&config, None)
}
