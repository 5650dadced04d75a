//! What every command does first: logging, configuration, database.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use semaphore_engine::config::GitClientKind;
use semaphore_service::{
    Services, Settings,
    crypto::{access_key::AccessKeyCipher, cookie::CookieCodec},
    services::Parts,
};
use semaphore_store::{Store, StoreError, bolt::BoltError, migration::Target, transfer::TransferError};
use tracing_subscriber::filter::LevelFilter;

use super::{bolt_import, output::announce};
use crate::{
    config::{Config, Database, Sources},
    telemetry,
    version::version,
};

/// Where the command line says that the configuration is.
#[derive(Clone, Debug, Default)]
pub(super) struct ConfigSource {
    /// `--config`.
    pub(super) path: Option<PathBuf>,
    /// `--no-config`.
    pub(super) none: bool,
    /// `--accept-bolt-import`.
    pub(super) accept_bolt_import: bool,
}

/// The level of `--log-level` or `SEMAPHORE_LOG_LEVEL`; announced on stdout as the reference does.
pub(super) fn log_level(argument: Option<&str>) -> anyhow::Result<Option<LevelFilter>> {
    let from_environment = || std::env::var("SEMAPHORE_LOG_LEVEL").ok();
    let Some(text) = argument.map(str::to_owned).or_else(from_environment).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let (name, level) = parse_level(&text)
        .with_context(|| format!("{text:?} is not a log level: use DEBUG, INFO, WARN, ERROR, FATAL or PANIC"))?;
    announce(&format!("Log level set to {name}"))?;
    Ok(Some(level))
}

/// The reference's levels; its two highest end the program, so they log errors only here.
pub(super) fn parse_level(text: &str) -> Option<(&'static str, LevelFilter)> {
    Some(match text.to_ascii_lowercase().as_str() {
        "panic" => ("panic", LevelFilter::ERROR),
        "fatal" => ("fatal", LevelFilter::ERROR),
        "error" => ("error", LevelFilter::ERROR),
        "warn" | "warning" => ("warning", LevelFilter::WARN),
        "info" => ("info", LevelFilter::INFO),
        "debug" => ("debug", LevelFilter::DEBUG),
        "trace" => ("trace", LevelFilter::TRACE),
        _ => return None,
    })
}

/// Starts logging to stderr. The default is `info`; `SEMAPHORE_LOG_FORMAT` counts from the first line on, `log.format` when it was read.
pub(super) fn log(level: Option<LevelFilter>) {
    let json = std::env::var("SEMAPHORE_LOG_FORMAT").is_ok_and(|format| format == "json");
    telemetry::start(level.unwrap_or(LevelFilter::INFO), json);
}

/// Loads the configuration, with the reference's lines on stdout.
pub(super) fn config(source: &ConfigSource) -> anyhow::Result<Config> {
    announce("Loading config")?;
    let mut config = Config::load(&sources(source))?;
    telemetry::set_json(config.logs.json);
    config.accept_bolt_import |= source.accept_bolt_import;
    announce("Validating config")?;
    Ok(config)
}

/// Loads the configuration of a remote runner as [`config`] does that of a server.
pub(super) fn runner_config(source: &ConfigSource) -> anyhow::Result<Config> {
    announce("Loading config")?;
    let config = Config::load_for_runner(&sources(source))?;
    telemetry::set_json(config.logs.json);
    announce("Validating config")?;
    Ok(config)
}

/// Where the configuration of this process comes from.
pub(super) fn sources(source: &ConfigSource) -> Sources<'static> {
    Sources {
        config_path: source.path.clone(),
        no_config: source.none,
        directory: std::env::current_dir().unwrap_or_default(),
        environment: &|name| std::env::var(name).ok(),
    }
}

/// What the configuration asks for in vain, told once when a server starts.
pub(super) fn warn_about(config: &Config) {
    if !config.without_effect.is_empty() {
        tracing::warn!(keys = config.without_effect.join(", "), "configuration keys without effect in this build yet");
    }
    if !config.alerts_in_vain.is_empty() {
        tracing::warn!(keys = config.alerts_in_vain.join(", "), "alerts that are asked for cannot be sent");
    }
    if !config.logs.in_vain.is_empty() {
        tracing::warn!(keys = config.logs.in_vain.join(", "), "logs that are asked for cannot be written");
    }
    if config.cookie_hash.is_empty() {
        tracing::warn!("cookie_hash is not set: everybody has to log in again after each start of the server");
    }
    if config.sign_in.email.enabled && config.mail.is_none() {
        tracing::warn!(
            "auth.email.enabled has no effect: without email_host no code can be sent, and none is asked for"
        );
    }
    if config.sign_in.email.allow_create_external_user && !config.sign_in.email.allow_login_as_external_user {
        tracing::warn!(
            "whoever gets an account by auth.email.allow_create_external_user can log in so only once: set \
             auth.email.allow_login_as_external_user, too"
        );
    }
    if config.access_key_encryption.is_empty() {
        tracing::warn!("access_key_encryption is not set: secrets are stored readable for whoever reads the database");
    }
}

/// Opens the database, making or migrating it, with the reference's lines on stdout. One that is only half filled is refused.
pub(super) async fn store(config: &Config) -> anyhow::Result<Store> {
    let store = open(config).await?;
    let unfinished = store.transfer_state().await?.is_some_and(|state| !state.is_done);
    anyhow::ensure!(
        !unfinished,
        "the database holds an unfinished import or copy: run the command that began it again, it goes on where it was"
    );
    Ok(store)
}

/// Opens the database as [`store`] does, also one that is only half filled.
pub(super) async fn open(config: &Config) -> anyhow::Result<Store> {
    if let Database::Bolt(path) = &config.database {
        return bolt_import::store(config, path).await;
    }
    super::migrate::bring(config, Target::Newest).await?;
    super::migrate::open(config).await
}

/// The configuration with the options of the database over it. Reference: `FillConfigFromDB`.
pub(super) async fn with_options(source: &ConfigSource, config: Config, store: &Store) -> anyhow::Result<Config> {
    let options = store.list_options("").await.context("cannot read the options in the database")?;
    if options.is_empty() {
        return Ok(config);
    }
    let options = options.into_iter().map(|option| (option.key, option.value)).collect();
    let environment = |name: &str| std::env::var(name).ok();
    let sources = Sources {
        config_path: source.path.clone(),
        no_config: source.none,
        directory: std::env::current_dir().unwrap_or_default(),
        environment: &environment,
    };
    // Where the data lies was decided before its options were read.
    let Config { database, database_line, tmp_path, .. } = config;
    let config = Config { database, database_line, tmp_path, ..Config::load_with_options(&sources, &options)? };
    if !config.refused_options.is_empty() {
        tracing::warn!(
            options = config.refused_options.join("; "),
            "options in the database that are not good are left out; set them again with POST /api/options"
        );
    }
    Ok(config)
}

/// Whether something was refused because another version wrote it.
pub(super) fn is_foreign(cause: &(dyn std::error::Error + 'static)) -> bool {
    let bolt = |error: &BoltError| matches!(error, BoltError::UnknownVersions { .. });
    let transfer = |error: &TransferError| match error {
        TransferError::Store(error) => is_foreign_database(error),
        TransferError::Bolt(error) => bolt(error),
        _ => false,
    };
    cause.downcast_ref::<StoreError>().is_some_and(is_foreign_database)
        || cause.downcast_ref::<BoltError>().is_some_and(bolt)
        || cause.downcast_ref::<TransferError>().is_some_and(transfer)
}

/// Whether a database was refused because another version wrote it.
pub(super) fn is_foreign_database(error: &StoreError) -> bool {
    matches!(error, StoreError::UnknownVersions { .. } | StoreError::Outdated { .. } | StoreError::ForeignDatabase)
}

/// The use cases over a store.
pub(super) async fn services(config: &Config, store: Store, rehearsal: Option<String>) -> anyhow::Result<Services> {
    let access_key_cipher = AccessKeyCipher::new(config.access_key_encryption.expose())
        .context("configuration key access_key_encryption")?;
    Ok(Services::new(Parts {
        store,
        settings: Settings { rehearsal, ..settings(config) },
        engine: Arc::new(engine(config)),
        access_key_cipher,
        cookies: cookies(config)?,
        apps: config.apps.clone(),
        program_path: std::env::var("PATH").unwrap_or_default(),
        home: std::env::var("HOME").unwrap_or_default(),
        hashing_threads: std::thread::available_parallelism().map_or(1, usize::from),
    })
    .await?)
}

fn cookies(config: &Config) -> anyhow::Result<CookieCodec> {
    if config.cookie_hash.is_empty() {
        return CookieCodec::ephemeral().context("cannot make a key for cookies");
    }
    CookieCodec::new(config.cookie_hash.expose(), config.cookie_encryption.expose())
        .context("configuration keys cookie_hash and cookie_encryption")
}

fn settings(config: &Config) -> Settings {
    Settings {
        non_admin_can_create_project: config.non_admin_can_create_project,
        password_login_disable: config.password_login_disable,
        totp_enabled: config.totp_enabled,
        totp_allow_recovery: config.totp_allow_recovery,
        web_host: config.web_host.clone(),
        public_address: public_address(config),
        git_client: config.git_client.clone(),
        schedule_timezone: config.schedule_timezone.clone(),
        team_invites_enabled: config.team_invites_enabled,
        team_members_can_leave: config.team_members_can_leave,
        team_invite_type: config.team_invite_type.clone(),
        version: version(),
        max_tasks_per_template: config.max_tasks_per_template,
        task_lease: Duration::from_secs(config.task_lease_seconds),
        task_output_archive_days: config.task_output_archive_days,
        delivery_log_days: config.delivery_log_days,
        rehearsal: None,
        runner_registration_token: config.runner_registration_token.clone(),
        use_remote_runner: config.use_remote_runner,
        runner_lost_after: Some(config.runner_lost_after_seconds)
            .filter(|seconds| *seconds > 0)
            .map(Duration::from_secs),
        profile_directory: config.profile_directory.clone(),
        secret_sources: config.secret_sources.clone(),
        task_tokens: config.task_tokens.clone(),
        mail: config.mail.clone(),
        sign_in: config.sign_in.clone(),
        alerts: config.alerts.clone(),
        audit: config.logs.audit.clone(),
    }
}

/// Reference: `GetPublicHost`.
fn public_address(config: &Config) -> String {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    if config.web_host.is_empty() { format!("{scheme}://localhost:{}", config.port) } else { config.web_host.clone() }
}

/// What a job may know of this machine.
pub(super) fn engine(config: &Config) -> semaphore_engine::EngineConfig {
    let variable = |name: &String| std::env::var(name).ok().map(|value| (name.clone(), value));
    let forwarded = config.forwarded_env_vars.iter().filter_map(variable);
    let configured = config.env_vars.iter().map(|(name, value)| (name.clone(), value.clone()));
    let apps: BTreeMap<_, _> = config
        .apps
        .iter()
        .map(|(id, app)| {
            (id.clone(), semaphore_engine::config::AppConfig { path: app.path.clone(), args: app.args.clone() })
        })
        .collect();
    semaphore_engine::EngineConfig {
        tmp_path: config.tmp_path.clone(),
        path: std::env::var("PATH").unwrap_or_default(),
        home: std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default(),
        home_dir_mode: config.home_dir_mode,
        env: forwarded.chain(configured).collect(),
        apps,
        ssh_config_path: config.ssh_config_path.clone(),
        child_nofile: None,
        // Any other text was refused when the configuration was read.
        git_client: if config.git_client == "go_git" { GitClientKind::GoGit } else { GitClientKind::CmdGit },
        process: config.process.clone(),
        private_paths: private_paths(config),
        prompt_timeout: (config.prompt_timeout_seconds > 0).then(|| Duration::from_secs(config.prompt_timeout_seconds)),
        terraform_stop_timeout: Some(Duration::from_secs(config.terraform_stop_timeout_seconds)),
    }
}

/// What tasks have no business with: the keys of the server are in the one, everything else in the other.
fn private_paths(config: &Config) -> Vec<PathBuf> {
    let database = match &config.database {
        // That of a remote runner is empty.
        Database::Sqlite(path) | Database::Bolt(path) => Some(path).filter(|path| !path.as_os_str().is_empty()),
        Database::Server(_) => None,
    };
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    config.file.iter().chain(database).map(absolute).collect()
}

/// A runtime for a command that is no server: one thread.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}

/// Runs a command that needs the database but no server, on one thread.
pub(super) fn with_services<F>(source: &ConfigSource, work: impl FnOnce(Config, Services) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let config = config(source)?;
    runtime()?.block_on(async {
        let store = store(&config).await?;
        let config = with_options(source, config, &store).await?;
        let services = services(&config, store.clone(), None).await?;
        let done = work(config, services).await;
        store.close().await;
        done
    })
}
