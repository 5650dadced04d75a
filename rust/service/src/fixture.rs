//! What the tests of use cases stand on: a server's use cases over a database of their own, one administrator, two projects.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, sync::Arc};

use semaphore_engine::EngineConfig;
use semaphore_model::{Project, User, UserId};
use semaphore_store::{SqliteOptions, Store};
use tempfile::TempDir;

use crate::{
    Services, Settings,
    app::App,
    crypto::{access_key::AccessKeyCipher, cookie::CookieCodec},
    project::NewProject,
    services::Parts,
};

/// A server without HTTP.
pub(crate) struct Fixture {
    pub(crate) services: Services,
    pub(crate) admin: User,
    /// The project of the caller.
    pub(crate) project: Project,
    /// A project of somebody else; its objects must stay out of reach.
    pub(crate) other: Project,
    _directory: TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(SqliteOptions::new(directory.path().join("database.sqlite"))).await.unwrap();
        let admin = User {
            username: "admin".to_owned(),
            name: "Admin".to_owned(),
            email: "admin@example.com".to_owned(),
            admin: true,
            ..User::default()
        };
        let admin = store.insert_user(admin).await.unwrap();
        let active = App { active: true, ..App::default() };
        let services = Services::new(Parts {
            store,
            settings: settings(),
            engine: Arc::new(engine(&directory)),
            access_key_cipher: AccessKeyCipher::new("MDEyMzQ1Njc4OWFiY2RlZg==").unwrap(),
            cookies: CookieCodec::ephemeral().unwrap(),
            apps: BTreeMap::from(["bash", "ansible", "terraform"].map(|id| (id.to_owned(), active.clone()))),
            program_path: String::new(),
            home: String::new(),
            hashing_threads: 1,
        })
        .await
        .unwrap();
        let [project, other] =
            ["Mine", "Other"].map(|name| NewProject { name: name.to_owned(), ..NewProject::default() });
        let project = services.create_project(&admin, project).await.unwrap();
        let other = services.create_project(&admin, other).await.unwrap();
        Self { services, admin, project, other, _directory: directory }
    }

    pub(crate) fn user(&self) -> UserId {
        self.admin.id
    }
}

fn settings() -> Settings {
    Settings {
        rehearsal: None,
        non_admin_can_create_project: false,
        password_login_disable: false,
        totp_enabled: false,
        totp_allow_recovery: false,
        web_host: String::new(),
        public_address: "http://localhost:3000".to_owned(),
        git_client: "cmd_git".to_owned(),
        schedule_timezone: "UTC".to_owned(),
        team_invites_enabled: false,
        team_members_can_leave: false,
        team_invite_type: "username".to_owned(),
        version: "0".to_owned(),
        max_tasks_per_template: 0,
        task_lease: std::time::Duration::from_secs(15),
        task_output_archive_days: 0,
        delivery_log_days: 30,
        runner_registration_token: semaphore_model::Secret::default(),
        use_remote_runner: false,
        runner_lost_after: None,
        profile_directory: None,
        audit: None,
        alerts: crate::alert::AlertSettings::default(),
        secret_sources: crate::key::secret::SecretSources::default(),
        task_tokens: None,
        mail: None,
        sign_in: crate::sign_in::SignInSettings::default(),
    }
}

fn engine(directory: &TempDir) -> EngineConfig {
    EngineConfig {
        tmp_path: directory.path().join("tmp"),
        path: String::new(),
        home: directory.path().to_owned(),
        ..EngineConfig::default()
    }
}
