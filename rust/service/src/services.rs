//! Everything the use cases share: the store, the settings, the keys, the caches.
//!
//! Each resource has its own file with `impl Services`. Invariant: one value per server, shared by reference.

use std::{collections::BTreeMap, sync::Arc};

use semaphore_engine::EngineConfig;
use semaphore_store::Store;

use crate::{
    alert::AlertDesk,
    app::{App, AppCatalog},
    audit::AuditDesk,
    auth::{Activities, Newcomers, Throttle},
    crypto::{access_key::AccessKeyCipher, cookie::CookieCodec, password::PasswordHasher},
    error::Result,
    housekeeping::Housekeeping,
    jwt::JwtKeys,
    runner_webhook::RunnerWebhooks,
    secret_storage::vault::VaultClient,
    settings::Settings,
    sign_in::OidcClient,
    system::VersionCache,
    task::ReportCache,
    terraform_backend::TaskAddresses,
};

/// The use cases of one server.
#[derive(Debug)]
pub struct Services {
    /// Persistence.
    pub store: Store,
    /// What the configuration says.
    pub settings: Settings,
    /// The machine, as jobs and git see it.
    pub engine: Arc<EngineConfig>,
    /// Encryption of stored secrets.
    pub access_key_cipher: Arc<AccessKeyCipher>,
    /// The apps that templates can run.
    pub apps: AppCatalog,
    /// What this process calls itself where it owns tasks; random, so that no two starts are the same.
    pub(crate) server_id: String,
    pub(crate) cookies: CookieCodec,
    pub(crate) passwords: PasswordHasher,
    pub(crate) activities: Activities,
    /// What is known of OpenID Connect providers.
    pub(crate) oidc: OidcClient,
    /// Keys of our own tokens.
    pub(crate) jwt_keys: JwtKeys,
    pub(crate) throttle: Throttle,
    /// People without an account who were sent a code.
    pub(crate) newcomers: Newcomers,
    /// The client of secret storages.
    pub(crate) vault: VaultClient,
    pub(crate) program_path: String,
    pub(crate) home: String,
    pub(crate) ansible_version: VersionCache,
    /// What was read so far from the output of Ansible tasks.
    pub(crate) ansible_reports: ReportCache,
    /// Where tasks of the Terraform family that run here reach their state.
    pub(crate) task_addresses: TaskAddresses,
    /// Wakes remote runners.
    pub(crate) runner_webhooks: RunnerWebhooks,
    /// Held from reading the last version of a build to storing the next one, so that no two builds get the same.
    pub(crate) build_versions: tokio::sync::Mutex<()>,
    /// Sends alerts.
    pub(crate) alerts: AlertDesk,
    /// Tells events outside.
    pub(crate) audit: AuditDesk,
    /// What is to be tidied up before its time.
    pub(crate) housekeeping: Housekeeping,
    /// Wakes the scheduler when schedules were changed.
    pub(crate) schedules_changed: tokio::sync::Notify,
}

/// What [`Services::new`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// Persistence, migrated.
    pub store: Store,
    /// What the configuration says.
    pub settings: Settings,
    /// The machine, as jobs and git see it.
    pub engine: Arc<EngineConfig>,
    /// Encryption of stored secrets.
    pub access_key_cipher: AccessKeyCipher,
    /// Session cookies.
    pub cookies: CookieCodec,
    /// Configured apps by id.
    pub apps: BTreeMap<String, App>,
    /// `PATH` on which the programs of the default apps are looked up.
    pub program_path: String,
    /// HOME of the server, for programs that are asked for their version.
    pub home: String,
    /// Processors that password hashing may keep busy.
    pub hashing_threads: usize,
}

impl Services {
    /// The use cases over a migrated store.
    pub async fn new(parts: Parts) -> Result<Self> {
        let options: Vec<_> =
            parts.store.list_options("").await?.into_iter().map(|option| (option.key, option.value)).collect();
        let is_installed = |program: &str| is_on_path(&parts.program_path, program);
        if parts.settings.audit.is_some() {
            parts.store.keep_for_audit();
        }
        let apps = AppCatalog::new(parts.apps, &options, is_installed);
        Ok(Self {
            apps,
            server_id: format!("{:032x}", rand::random::<u128>()),
            store: parts.store,
            settings: parts.settings,
            engine: parts.engine,
            access_key_cipher: Arc::new(parts.access_key_cipher),
            cookies: parts.cookies,
            passwords: PasswordHasher::new(parts.hashing_threads),
            activities: Activities::default(),
            oidc: OidcClient::default(),
            jwt_keys: JwtKeys::default(),
            throttle: Throttle::default(),
            newcomers: Newcomers::default(),
            vault: VaultClient::default(),
            program_path: parts.program_path,
            home: parts.home,
            ansible_version: VersionCache::default(),
            ansible_reports: ReportCache::default(),
            task_addresses: TaskAddresses::default(),
            runner_webhooks: RunnerWebhooks::default(),
            build_versions: tokio::sync::Mutex::default(),
            alerts: AlertDesk::default(),
            audit: AuditDesk::default(),
            housekeeping: Housekeeping::default(),
            schedules_changed: tokio::sync::Notify::default(),
        })
    }
}

/// Whether a program can be started by its name.
fn is_on_path(path: &str, program: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::env::split_paths(path).any(|directory| {
        let file = std::fs::metadata(directory.join(program));
        file.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    })
}
