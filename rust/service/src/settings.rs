//! What the use cases need to know of the configuration. Built once by the server; nothing here is read from the environment.

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
    /// How members are invited: `username`, `email` or `both`.
    pub team_invite_type: String,
    /// Version shown by the server.
    pub version: String,
    /// Tasks kept per template; 0 keeps all.
    pub max_tasks_per_template: usize,
    /// Configured ways to send alerts; this build can use none of them.
    pub alert_channels: Vec<String>,
    /// Signing in with accounts that live elsewhere.
    pub sign_in: crate::sign_in::SignInSettings,
}
