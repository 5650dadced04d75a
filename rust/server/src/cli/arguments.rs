//! The shape of the command line. Reference: `cli/cmd`.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use super::start::ConfigSource;

/// Semaphore UI is a web UI for Ansible, Terraform, Bash and Python jobs.
#[derive(Debug, Parser)]
#[command(name = "semaphore", disable_version_flag = true, infer_subcommands = false)]
pub(super) struct Arguments {
    /// Configuration file path
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Log level: DEBUG, INFO, WARN, ERROR, FATAL, PANIC
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(super) log_level: Option<String>,
    /// Don't use configuration file
    #[arg(long, global = true)]
    pub(super) no_config: bool,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

impl Arguments {
    pub(super) fn source(&self) -> ConfigSource {
        ConfigSource { path: self.config.clone(), none: self.no_config }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run in server mode
    #[command(visible_alias = "service")]
    Server,
    /// Manage users
    #[command(visible_alias = "user")]
    Users(Users),
    /// Look into log-ins from elsewhere
    Auth(Auth),
    /// Execute migrations
    Migrate(Migrate),
    /// Print the version of Semaphore
    Version,
}

#[derive(Debug, Args)]
pub(super) struct Auth {
    #[command(subcommand)]
    pub(super) command: Option<AuthCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuthCommand {
    /// Tell which rights groups give to a user, and why; changes nothing
    Explain(ExplainUser),
}

#[derive(Args, Debug)]
pub(super) struct ExplainUser {
    /// Login or e-mail address
    pub(super) user: String,
    /// Take this group instead of asking the directory; may be given several times
    #[arg(long, value_name = "GROUP")]
    pub(super) group: Vec<String>,
    /// The groups are those of this OpenID Connect provider
    #[arg(long, value_name = "NAME")]
    pub(super) provider: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Apply to specific version
    #[arg(long, value_name = "VERSION")]
    pub(super) apply_to: Option<String>,
    /// Undo to specific version
    #[arg(long, value_name = "VERSION")]
    pub(super) undo_to: Option<String>,
    /// Path to boltDB data file
    #[arg(long, value_name = "FILE")]
    pub(super) from_boltdb: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Users {
    #[command(subcommand)]
    pub(super) command: Option<UserCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add new user
    Add(AddUser),
    /// Print all users
    List,
    /// Show user's data
    Get(NamedUser),
    /// Change user found by login
    ChangeByLogin(ChangeUser),
    /// Change user found by email
    ChangeByEmail(ChangeUser),
    /// Remove existing user
    Delete(NamedUser),
}

#[derive(Args, Debug, Default)]
pub(super) struct AddUser {
    /// New user login
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) login: String,
    /// New user name
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) name: String,
    /// New user email
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) email: String,
    /// New user password
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) password: Password,
    /// Read the password from the standard input: one line
    #[arg(long)]
    pub(super) stdin_password: bool,
    /// Mark new user as admin
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
          hide_default_value = true, action = ArgAction::Set, hide_possible_values = true)]
    pub(super) admin: bool,
    /// Mark new user as external (LDAP or OIDC user)
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
          hide_default_value = true, action = ArgAction::Set, hide_possible_values = true)]
    pub(super) external: bool,
}

#[derive(Args, Debug, Default)]
pub(super) struct ChangeUser {
    /// User login
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) login: String,
    /// User's new name
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) name: String,
    /// User's new email
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) email: String,
    /// User's new password
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) password: Password,
    /// Read the password from the standard input: one line
    #[arg(long)]
    pub(super) stdin_password: bool,
    /// Mark user as admin
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
          hide_default_value = true, action = ArgAction::Set, hide_possible_values = true)]
    pub(super) admin: bool,
}

#[derive(Args, Debug, Default)]
pub(super) struct NamedUser {
    /// Login of the user
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) login: String,
    /// Email of the user
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) email: String,
}

/// A password from the command line; never printed.
#[derive(Clone, Debug, Default)]
pub(super) struct Password(pub(super) semaphore_model::Secret);

impl std::str::FromStr for Password {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}
