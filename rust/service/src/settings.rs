//! What the use cases need to know of the configuration. Built once by the server; nothing here is read from the environment.

use std::{path::PathBuf, time::Duration};

use semaphore_model::Secret;

/// Settings of one server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether every user may create projects.
    pub non_admin_can_create_project: bool,
    /// Whether log-in by password is refused.
    pub password_login_disable: bool,
    /// Whether one-time codes are demanded from users who have set them up.
    pub totp_enabled: bool,
    /// Whether recovery codes are announced.
    pub totp_allow_recovery: bool,
    /// Public address of the server as configured; may be empty.
    pub web_host: String,
    /// Where programs of tasks reach this server: `web_host`, or `http://localhost:<port>` without one.
    pub public_address: String,
    /// `cmd_git` or `go_git`, as configured.
    pub git_client: String,
    /// Time zone shown for schedules.
    pub schedule_timezone: String,
    /// Whether the page is to offer invitations; they are answered in any case. Reference: it is only shown there, too.
    pub team_invites_enabled: bool,
    /// Whether the page is to offer members to leave; they may in any case. Reference: it is only shown there, too.
    pub team_members_can_leave: bool,
    /// How members are invited: `username`, `email` or `both`.
    pub team_invite_type: String,
    /// Version shown by the server.
    pub version: String,
    /// Tasks kept per template; 0 keeps all.
    pub max_tasks_per_template: usize,
    /// How long a server may be silent until others on its database take its tasks over; whole seconds.
    pub task_lease: Duration,
    /// Days after its end at which the output of a task goes into an archive; 0 never.
    pub task_output_archive_days: u32,
    /// Days for which the log of what came to integrations is kept.
    pub delivery_log_days: u32,
    /// What lets remote runners register; empty refuses all.
    pub runner_registration_token: Secret,
    /// Whether every task runs on a remote runner, and not only those with a tag.
    pub use_remote_runner: bool,
    /// How long the runner of a task may be silent until the task is given up; none for ever.
    pub runner_lost_after: Option<Duration>,
    /// Directory that memory profiles are written to; none refuses them.
    pub profile_directory: Option<PathBuf>,
    /// Who is told how tasks end.
    pub alerts: crate::alert::AlertSettings,
    /// Where events are told; nowhere without it.
    pub audit: Option<crate::audit::AuditSettings>,
    /// Set when the server works on a copy of the database to be tried on: nothing reaches the outside then (no task, schedule,
    /// alert, webhook or runner is executed). The text says so on every page.
    pub rehearsal: Option<String>,
    /// Where keys may come from that are in a variable or a file.
    pub secret_sources: crate::key::secret::SecretSources,
    /// Tokens that tasks get; none without a configured audience.
    pub task_tokens: Option<crate::jwt::TaskTokens>,
    /// The SMTP server, if one is configured.
    pub mail: Option<crate::mail::MailSettings>,
    /// Signing in with accounts that live elsewhere.
    pub sign_in: crate::sign_in::SignInSettings,
}
