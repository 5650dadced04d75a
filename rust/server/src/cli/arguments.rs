//! The shape of the command line. Reference: `cli/cmd`.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use super::{
    installation_arguments::{Completions, Configuration, Man, ProjectCommand, Projects, Setup},
    runner::Runner,
    start::ConfigSource,
};

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
        let accept_bolt_import = matches!(&self.command, Some(Command::Server(serve)) if serve.accept_bolt_import);
        ConfigSource { path: self.config.clone(), none: self.no_config, accept_bolt_import }
    }

    /// Whether the command prints a document that nothing else may stand in.
    pub(super) fn print_document(&self) -> bool {
        match &self.command {
            Some(Command::Doctor(arguments)) => arguments.json,
            Some(Command::Config(_) | Command::Completion(_) | Command::Man(_)) => true,
            Some(Command::Projects(Projects { command: Some(ProjectCommand::Export(arguments)) })) => {
                arguments.file == "-"
            }
            Some(Command::Task(Tasks { command: Some(TaskCommand::Export(arguments)) })) => arguments.file.is_none(),
            Some(Command::Users(Users { command: Some(UsersCommand::User(command)) })) => match command {
                UserCommand::List(arguments) => arguments.json,
                UserCommand::Get(arguments) => arguments.json,
                _ => false,
            },
            Some(Command::Token(Tokens { command: Some(TokenCommand::List(arguments)) })) => arguments.json,
            _ => false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run in server mode
    #[command(visible_alias = "service")]
    Server(Server),
    /// Perform interactive setup
    Setup(Setup),
    /// Check, show and describe the configuration
    Config(Configuration),
    /// Manage projects
    #[command(visible_alias = "project")]
    Projects(Projects),
    /// Manage users
    #[command(visible_alias = "user")]
    Users(Users),
    /// Manage access keys and other secrets
    #[command(visible_alias = "vault")]
    Vaults(Vaults),
    /// Look for what is wrong with this installation
    Doctor(Doctor),
    /// Look into log-ins from elsewhere
    Auth(Auth),
    /// Manage API tokens
    Token(Tokens),
    /// Execute migrations
    Migrate(Migrate),
    /// Manage stored tasks
    Task(Tasks),
    /// Work on whole databases
    Database(Databases),
    /// Generate the autocompletion script for the specified shell
    Completion(Completions),
    /// Write manual pages
    Man(Man),
    /// Run in runner mode
    Runner(Runner),
    /// Print the version of Semaphore
    Version,
    /// Run one task; started by the server
    #[command(hide = true)]
    TaskHost(TaskHost),
}

#[derive(Debug, Args)]
pub(super) struct TaskHost {
    /// Directory in which it works, for whoever lists processes
    pub(super) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Server {
    /// Import the BoltDB file that the configuration names into a SQLite database beside it, and run on that
    #[arg(long, conflicts_with = "rehearse")]
    pub(super) accept_bolt_import: bool,
    /// Serve a copy of the database to try this version on: no task, schedule, alert, webhook or runner is executed
    #[arg(long)]
    pub(super) rehearse: bool,
    /// Address of a copy to rehearse on, such as postgres://user@host/copy; it is changed. The password may be left out: that
    /// of the configuration is used. Also SEMAPHORE_REHEARSE_DSN
    #[arg(long, value_name = "DSN", requires = "rehearse")]
    pub(super) rehearse_dsn: Option<Hidden>,
}

#[derive(Debug, Args)]
pub(super) struct Vaults {
    #[command(subcommand)]
    pub(super) command: Option<VaultCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum VaultCommand {
    /// Re-encrypt the secrets in the database with the current encryption key
    ///
    /// To change the encryption key, change access_key_encryption in the configuration, stop the server, and run this command
    /// with the old key. It is all or nothing.
    Rekey(Rekey),
}

#[derive(Args, Debug, Default)]
pub(super) struct Rekey {
    /// Old encryption key; empty if there was none
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) old_key: Hidden,
    /// Read the old encryption key from the standard input: one line
    #[arg(long)]
    pub(super) stdin_old_key: bool,
    /// Only try it: nothing is changed
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct Databases {
    #[command(subcommand)]
    pub(super) command: Option<DatabaseCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum DatabaseCommand {
    /// Copy everything into an empty database of any dialect; run it again after an interruption
    Copy(CopyDatabase),
}

#[derive(Debug, Args)]
pub(super) struct CopyDatabase {
    /// Configuration file that names the target; the environment does not count for it
    #[arg(long, value_name = "FILE")]
    pub(super) to_config: PathBuf,
    /// Read and check only
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Args, Debug, Default)]
pub(super) struct Doctor {
    /// Make the safe repairs; each is named
    #[arg(long)]
    pub(super) fix: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
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
pub(super) struct Tokens {
    #[command(subcommand)]
    pub(super) command: Option<TokenCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// List the API tokens of a user, by the characters that name them
    List(ListTokens),
    /// Store digests in place of all API tokens that are stored as they are; the Go server does not know these
    Harden,
}

#[derive(Args, Debug, Default)]
pub(super) struct ListTokens {
    /// Login of the user
    #[arg(long)]
    pub(super) login: String,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
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
    /// Skip task output importing during migration
    #[arg(long)]
    pub(super) skip_task_output: bool,
    /// Error log size; without effect, because nothing is left out silently
    #[arg(long, value_name = "NUMBER")]
    pub(super) err_log_size: Option<i64>,
    /// With --from-boltdb: read and check only
    #[arg(long, requires = "from_boltdb")]
    pub(super) dry_run: bool,
    /// List what the Go server would not see or do with this database
    #[arg(long, conflicts_with_all = ["apply_to", "undo_to", "from_boltdb"])]
    pub(super) return_check: bool,
    /// With --return-check: end the tasks that are waiting or running
    #[arg(long, requires = "return_check")]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct Tasks {
    #[command(subcommand)]
    pub(super) command: Option<TaskCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum TaskCommand {
    /// Bring archived output back, so that the Go server can read it
    Unarchive(Unarchive),
    /// Export a task as JSON: its row, its stages and all lines of its output
    Export(ExportTask),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Unarchive {
    /// The output of all tasks
    #[arg(long)]
    pub(super) all: bool,
    /// The output of one task
    #[arg(long, value_name = "TASK")]
    pub(super) id: Option<i32>,
}

#[derive(Debug, Args)]
pub(super) struct ExportTask {
    /// Project of the task
    #[arg(long, value_name = "NUMBER")]
    pub(super) project_id: i32,
    /// The task
    #[arg(long, value_name = "TASK")]
    pub(super) id: i32,
    /// Output file path; without it the document goes to stdout
    #[arg(long)]
    pub(super) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Users {
    #[command(subcommand)]
    pub(super) command: Option<UsersCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum UsersCommand {
    #[command(flatten)]
    User(UserCommand),
    /// Manage TOTP verification
    Totp(Totp),
}

#[derive(Debug, Args)]
pub(super) struct Totp {
    #[command(subcommand)]
    pub(super) command: Option<TotpCommand>,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum TotpCommand {
    /// Disable TOTP verification
    Disable(Login),
    /// Enable TOTP verification
    Enable(Login),
    /// Show TOTP details
    Show(Login),
}

#[derive(Args, Clone, Debug, Default)]
pub(super) struct Login {
    /// User login
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) login: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add new user
    Add(AddUser),
    /// Print all users
    List(ListUsers),
    /// Show user's data
    Get(ShowUser),
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
    pub(super) password: Hidden,
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
    pub(super) password: Hidden,
    /// Read the password from the standard input: one line
    #[arg(long)]
    pub(super) stdin_password: bool,
    /// Mark user as admin
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
          hide_default_value = true, action = ArgAction::Set, hide_possible_values = true)]
    pub(super) admin: bool,
}

#[derive(Args, Debug, Default)]
pub(super) struct ListUsers {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug, Default)]
pub(super) struct ShowUser {
    #[command(flatten)]
    pub(super) user: NamedUser,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
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

/// A password or key from the command line; never printed.
#[derive(Clone, Debug, Default)]
pub(super) struct Hidden(pub(super) semaphore_model::Secret);

impl std::str::FromStr for Hidden {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}
