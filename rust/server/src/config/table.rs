//! The table of configuration keys: one row per key, from which loading, checking, warnings and documentation come.
//!
//! Not for values: those are in [`super::Config`]. Invariant: the order of precedence is the reference's: file, then
//! environment, then the default for whatever is still empty, zero or false, then the rule.

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`; in the environment `1`, `true` and `yes` in any case are true, everything else is false.
    Bool,
    /// A list of texts; in the environment a JSON array.
    List,
    /// An object; in the environment JSON.
    Object,
}

/// Which values are good.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// All.
    Any,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A TCP port, with or without a colon before it.
    Port,
    /// The number of a TCP port.
    PortNumber,
    /// A number that is not negative.
    NotNegative,
    /// The number of a user or group.
    Identifier,
    /// A path from the root.
    AbsolutePath,
}

/// Whether this build acts on the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Yes.
    Yes,
    /// A key of the reference that has no effect yet; setting it warns at start.
    NotYet,
}

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Path in the JSON file, segments separated by dots.
    pub path: &'static str,
    /// Environment variable that overrides the file; empty if there is none.
    pub env: &'static str,
    /// Shape of the value.
    pub kind: Kind,
    /// Used when file and environment leave the value empty; in the environment's notation, empty if there is none.
    pub default: &'static str,
    /// Which values are good.
    pub rule: Rule,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// Whether this build acts on it.
    pub support: Support,
    /// One sentence for people.
    pub doc: &'static str,
}

pub(super) const fn key(
    path: &'static str,
    env: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Key {
    Key { path, env, kind, default, rule: Rule::Any, secret: false, support: Support::Yes, doc }
}

pub(super) const fn ruled(key: Key, rule: Rule) -> Key {
    Key { rule, ..key }
}

pub(super) const fn secret(key: Key) -> Key {
    Key { secret: true, ..key }
}

const fn later(path: &'static str, env: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { support: Support::NotYet, ..key(path, env, kind, "", doc) }
}

use super::{alert_keys, edge_keys, log_keys, process_keys, runner_keys, sign_in_keys};
use Kind::{Bool, Integer, List, Object, Text};

/// Values of `dialect`; each is also the name of the section with that database's settings.
pub(crate) const DIALECTS: &[&str] = &["mysql", "bolt", "postgres", "sqlite"];

/// All keys. Reference: `util.ConfigType`.
pub static KEYS: &[Key] = &ALL;

static ALL: [Key; count(PARTS)] = joined(PARTS);

const PARTS: &[&[Key]] = &[
    GENERAL,
    edge_keys::KEYS,
    sign_in_keys::KEYS,
    alert_keys::KEYS,
    log_keys::KEYS,
    process_keys::KEYS,
    runner_keys::KEYS,
];

/// How many rows the parts of a table have.
pub(super) const fn count(parts: &[&[Key]]) -> usize {
    let (mut part, mut rows) = (0, 0);
    while part < parts.len() {
        rows += parts[part].len();
        part += 1;
    }
    rows
}

/// The rows of the parts as one table; `N` is their [`count`].
pub(super) const fn joined<const N: usize>(parts: &[&[Key]]) -> [Key; N] {
    let mut all = [parts[0][0]; N];
    let (mut part, mut row, mut place) = (0, 0, 0);
    while part < parts.len() {
        while row < parts[part].len() {
            all[place] = parts[part][row];
            row += 1;
            place += 1;
        }
        (part, row) = (part + 1, 0);
    }
    all
}

/// The keys that have no file of their own.
const GENERAL: &[Key] = &[
    ruled(
        key(
            "dialect",
            "SEMAPHORE_DB_DIALECT",
            Text,
            "bolt",
            "Kind of database: sqlite, postgres, mysql, or bolt for a file of an old installation that is to be imported.",
        ),
        Rule::OneOf(DIALECTS),
    ),
    key("bolt.host", "SEMAPHORE_DB_HOST", Text, "", "Path of the BoltDB file of an old installation."),
    key(
        "bolt.accept_import",
        "SEMAPHORE_BOLT_ACCEPT_IMPORT",
        Bool,
        "",
        "Imports the BoltDB file into a SQLite file beside it when the server starts, and runs on that. Not a key of the Go server.",
    ),
    later("bolt.options", "SEMAPHORE_DB_OPTIONS", Object, "Options of the database connection."),
    key("sqlite.host", "SEMAPHORE_DB_HOST", Text, "", "Path of the SQLite file; it is created when it is missing."),
    key("sqlite.user", "SEMAPHORE_DB_USER", Text, "", "Shown at start, otherwise without meaning for SQLite."),
    key("sqlite.name", "SEMAPHORE_DB", Text, "semaphore", "Shown at start, otherwise without meaning for SQLite."),
    key(
        "postgres.host",
        "SEMAPHORE_DB_HOST",
        Text,
        "0.0.0.0",
        "Host, `host:port`, or directory of the socket of the PostgreSQL server.",
    ),
    key("postgres.user", "SEMAPHORE_DB_USER", Text, "", "Who logs in to PostgreSQL."),
    secret(key("postgres.pass", "SEMAPHORE_DB_PASS", Text, "", "Their password.")),
    key(
        "postgres.name",
        "SEMAPHORE_DB",
        Text,
        "semaphore",
        "Name of the PostgreSQL database; it is made if it is not there. `SEMAPHORE_DB_NAME` counts more than `SEMAPHORE_DB`.",
    ),
    key(
        "postgres.options",
        "SEMAPHORE_DB_OPTIONS",
        Object,
        "",
        "Options of the PostgreSQL connection, such as sslmode.",
    ),
    key(
        "mysql.host",
        "SEMAPHORE_DB_HOST",
        Text,
        "0.0.0.0",
        "Host, `host:port`, or socket of the MySQL or MariaDB server.",
    ),
    key("mysql.user", "SEMAPHORE_DB_USER", Text, "", "Who logs in to MySQL."),
    secret(key("mysql.pass", "SEMAPHORE_DB_PASS", Text, "", "Their password.")),
    key(
        "mysql.name",
        "SEMAPHORE_DB",
        Text,
        "semaphore",
        "Name of the MySQL database; it is made if it is not there. `SEMAPHORE_DB_NAME` counts more than `SEMAPHORE_DB`.",
    ),
    key("mysql.options", "SEMAPHORE_DB_OPTIONS", Object, "", "Options of the MySQL connection: tls."),
    ruled(
        key("port", "SEMAPHORE_PORT", Text, ":3000", "TCP port to listen on; a colon before it is allowed."),
        Rule::Port,
    ),
    key("interface", "SEMAPHORE_INTERFACE", Text, "", "Address to listen on; empty means all addresses."),
    key(
        "web_host",
        "SEMAPHORE_WEB_ROOT",
        Text,
        "",
        "Public address of the server; its path is the prefix of all paths.",
    ),
    key(
        "web_directory",
        "SEMAPHORE_WEB_DIRECTORY",
        Text,
        "",
        "Directory of another web page, served instead of the one in the program. Not a key of the Go server.",
    ),
    key("tmp_path", "SEMAPHORE_TMP_PATH", Text, "/tmp/semaphore", "Directory of the projects' working copies."),
    ruled(
        key("home_dir_mode", "SEMAPHORE_HOME_DIR_MODE", Text, "template_dir", "Which HOME a task sees."),
        Rule::OneOf(&["user_home", "project_home", "template_dir"]),
    ),
    key("ssh_config_path", "SEMAPHORE_SSH_PATH", Text, "", "ssh configuration file that git uses with an SSH key."),
    ruled(
        key(
            "git_client",
            "SEMAPHORE_GIT_CLIENT",
            Text,
            "cmd_git",
            "Which git is used: the git program, or with go_git a library that reads clones while the git program fetches.",
        ),
        Rule::OneOf(&["go_git", "cmd_git"]),
    ),
    secret(key("cookie_hash", "SEMAPHORE_COOKIE_HASH", Text, "", "Base64 of the key that signs session cookies.")),
    secret(key(
        "cookie_encryption",
        "SEMAPHORE_COOKIE_ENCRYPTION",
        Text,
        "",
        "Base64 of the AES key of session cookies; optional.",
    )),
    secret(key(
        "access_key_encryption",
        "SEMAPHORE_ACCESS_KEY_ENCRYPTION",
        Text,
        "",
        "Base64 of the AES key of stored secrets; without it they are stored readable.",
    )),
    ruled(
        key("max_parallel_tasks", "SEMAPHORE_MAX_PARALLEL_TASKS", Integer, "10", "Tasks that run at the same time."),
        Rule::NotNegative,
    ),
    ruled(
        key(
            "task_lease_sec",
            "SEMAPHORE_TASK_LEASE_SEC",
            Integer,
            "15",
            "Seconds after which other servers on the same database take over the tasks of one that shows no sign of life. Not a key of the Go server.",
        ),
        Rule::NotNegative,
    ),
    ruled(
        key(
            "max_tasks_per_template",
            "SEMAPHORE_MAX_TASKS_PER_TEMPLATE",
            Integer,
            "",
            "Tasks kept per template; 0 keeps all.",
        ),
        Rule::NotNegative,
    ),
    ruled(
        key(
            "task_output_archive_days",
            "SEMAPHORE_TASK_OUTPUT_ARCHIVE_DAYS",
            Integer,
            "",
            "Days after the end of a task at which its output is compressed; 0 never. The Go server does not see such output: `semaphore task unarchive --all` brings it back.",
        ),
        Rule::NotNegative,
    ),
    ruled(
        key(
            "delivery_log_days",
            "SEMAPHORE_DELIVERY_LOG_DAYS",
            Integer,
            "30",
            "Days for which requests to the addresses of integrations are kept in their log. Not a key of the Go server.",
        ),
        Rule::NotNegative,
    ),
    ruled(
        key(
            "max_task_duration_sec",
            "SEMAPHORE_MAX_TASK_DURATION_SEC",
            Integer,
            "",
            "Seconds after which a task is stopped; 0 is never.",
        ),
        Rule::NotNegative,
    ),
    key("password_login_disable", "SEMAPHORE_PASSWORD_LOGIN_DISABLED", Bool, "", "Refuses log-in by password."),
    key(
        "non_admin_can_create_project",
        "SEMAPHORE_NON_ADMIN_CAN_CREATE_PROJECT",
        Bool,
        "",
        "Lets every user create projects.",
    ),
    key("apps", "SEMAPHORE_APPS", Object, "", "Programs that templates can run, by id."),
    key("env_vars", "SEMAPHORE_ENV_VARS", Object, "", "Variables that every task sees."),
    key("forwarded_env_vars", "SEMAPHORE_FORWARDED_ENV_VARS", List, "", "Variables of the server that tasks see too."),
    key("auth.totp.enabled", "SEMAPHORE_TOTP_ENABLED", Bool, "", "Demands one-time codes from users who set them up."),
    key(
        "auth.totp.allow_recovery",
        "SEMAPHORE_TOTP_ALLOW_RECOVERY",
        Bool,
        "",
        "Gives recovery codes to users who set up one-time codes, and takes them.",
    ),
    key(
        "trusted_proxies",
        "SEMAPHORE_TRUSTED_PROXIES",
        List,
        r#"["127.0.0.0/8", "::1"]"#,
        "Addresses and ranges of proxies that may say in X-Forwarded-For or X-Real-IP who the client is. Not a key of the Go server.",
    ),
    key("schedule.timezone", "SEMAPHORE_SCHEDULE_TIMEZONE", Text, "UTC", "Time zone shown for schedules."),
    key(
        "teams.invites_enabled",
        "SEMAPHORE_TEAMS_INVITES_ENABLED",
        Bool,
        "",
        "Tells the page to offer invitations to projects. They can be made and accepted in any case.",
    ),
    key(
        "teams.members_can_leave",
        "SEMAPHORE_TEAMS_MEMBERS_CAN_LEAVE",
        Bool,
        "",
        "Tells the page to offer members to leave a project. They may in any case.",
    ),
    ruled(
        key("teams.invite_type", "SEMAPHORE_TEAMS_INVITE_TYPE", Text, "username", "How members are invited."),
        Rule::OneOf(&["email", "username", "both"]),
    ),
    secret(key(
        "runner_registration_token",
        "SEMAPHORE_RUNNER_REGISTRATION_TOKEN",
        Text,
        "",
        "What remote runners register with; without it none can.",
    )),
    key(
        "use_remote_runner",
        "SEMAPHORE_USE_REMOTE_RUNNER",
        Bool,
        "",
        "Runs every task on a remote runner, not only those with a tag.",
    ),
    ruled(
        key(
            "runner_lost_after_sec",
            "SEMAPHORE_RUNNER_LOST_AFTER_SEC",
            Integer,
            "600",
            "Seconds of silence of a remote runner after which the tasks that it runs are given up; 0 never. Not a key of the Go server.",
        ),
        Rule::NotNegative,
    ),
    key(
        "debugging.pprof_dump_dir",
        "SEMAPHORE_PPROF_DUMP_DIR",
        Text,
        "",
        "Directory that POST /api/debug/pprof/dump writes a profile of the server's memory to.",
    ),
    // Known to the reference, without effect here until their issue is done.
    later("sqlite.options", "SEMAPHORE_DB_OPTIONS", Object, "Options of the database connection."),
    secret(later(
        "global_integration_alias",
        "SEMAPHORE_INTEGRATION_ALIAS",
        Text,
        "Alias for integrations of all projects.",
    )),
    later("debugging", "", Object, "Delays and profiles for developers."),
    later("ha", "", Object, "Several servers on one database."),
    later("ha.enabled", "SEMAPHORE_HA_ENABLED", Bool, "Several servers on one database."),
    secret(later("subscription_key", "SEMAPHORE_SUBSCRIPTION_KEY", Text, "Subscription.")),
];

impl Rule {
    /// What a good value looks like, if `value` is not one.
    pub fn complaint(self, value: &serde_json::Value) -> Option<String> {
        match self {
            Self::Any => None,
            Self::OneOf(texts) => {
                let good = value.as_str().is_some_and(|value| texts.contains(&value));
                (!good).then(|| format!("must be one of {}", texts.join(", ")))
            }
            Self::Port => {
                let good = value.as_str().and_then(port).is_some();
                (!good).then(|| "must be a TCP port such as 3000 or :3000".to_owned())
            }
            Self::PortNumber => {
                let number = match value.as_str() {
                    Some(text) => port(text).filter(|_| !text.starts_with(':')).map(i64::from),
                    None => value.as_i64(),
                };
                let good = number.is_some_and(|number| (1..=i64::from(u16::MAX)).contains(&number));
                (!good).then(|| "must be the number of a TCP port, from 1 to 65535".to_owned())
            }
            Self::NotNegative => {
                let good = value.as_i64().is_some_and(|number| number >= 0);
                (!good).then(|| "must be a whole number that is not negative".to_owned())
            }
            Self::Identifier => {
                // The highest number means "leave it" to the system.
                let good = value.as_i64().is_some_and(|number| (0..i64::from(u32::MAX)).contains(&number));
                (!good).then(|| "must be the number of a user or group, from 0 to 4294967294".to_owned())
            }
            Self::AbsolutePath => {
                let good = value.as_str().is_some_and(|path| path.starts_with('/'));
                (!good).then(|| "must be a path that begins with /".to_owned())
            }
        }
    }
}

/// The number in a port such as `3000` or `:3000`.
pub(super) fn port(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(':').unwrap_or(text);
    // `parse` alone would take a sign.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
