//! The shape of the commands that make, describe and carry an installation: `setup`, `config`, `projects`, `completion`, `man`.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};

/// `setup`.
#[derive(Args, Debug, Default)]
pub(super) struct Setup {
    /// Ask nothing: take everything from --answers, the environment and --set
    #[arg(long)]
    pub(super) non_interactive: bool,
    /// JSON file with keys of the configuration and with "admin": {"login", "name", "email", "password"}; - is the standard input
    #[arg(long, value_name = "FILE", requires = "non_interactive")]
    pub(super) answers: Option<PathBuf>,
    /// Set a key of the configuration, such as sqlite.host=/var/lib/semaphore/database.sqlite; may be given several times. Secrets
    /// belong into --answers or the environment
    #[arg(long, value_name = "KEY=VALUE", requires = "non_interactive")]
    pub(super) set: Vec<String>,
    /// Login of the first administrator; also SEMAPHORE_ADMIN
    #[arg(long, value_name = "LOGIN", requires = "non_interactive")]
    pub(super) admin_login: Option<String>,
    /// Their name; also SEMAPHORE_ADMIN_NAME
    #[arg(long, value_name = "NAME", requires = "non_interactive")]
    pub(super) admin_name: Option<String>,
    /// Their e-mail address; also SEMAPHORE_ADMIN_EMAIL
    #[arg(long, value_name = "ADDRESS", requires = "non_interactive")]
    pub(super) admin_email: Option<String>,
    /// Read their password from the standard input: one line. Also SEMAPHORE_ADMIN_PASSWORD
    #[arg(long, requires = "non_interactive")]
    pub(super) stdin_password: bool,
    /// If there is a configuration file already, keep it under another name instead of refusing
    #[arg(long)]
    pub(super) replace: bool,
    /// Scripts that feed the answers to the Go server put a dash here; it means nothing
    #[arg(hide = true, value_parser = ["-"])]
    pub(super) dash: Option<String>,
}

/// `config`.
#[derive(Debug, Args)]
pub(super) struct Configuration {
    #[command(subcommand)]
    pub(super) command: Option<ConfigurationCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigurationCommand {
    /// Look for wrong values, unknown keys and keys without effect
    ///
    /// Exit codes: 0 if nothing was found, 1 if a server would not start, 4 if it would, but not all of the configuration has an
    /// effect.
    Check(CheckConfiguration),
    /// Show the values that count and where they come from; secrets are masked
    Show(ShowConfiguration),
    /// Describe all keys, as Markdown
    Docs(ConfigurationDocs),
}

#[derive(Args, Debug, Default)]
pub(super) struct CheckConfiguration {
    /// Check it as that of a remote runner, which needs no database
    #[arg(long)]
    pub(super) runner: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug, Default)]
pub(super) struct ShowConfiguration {
    /// Show also keys that have no value
    #[arg(long)]
    pub(super) all: bool,
    /// Do not look for options in the database
    #[arg(long)]
    pub(super) without_database: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug, Default)]
pub(super) struct ConfigurationDocs {
    /// Write into this file instead of stdout
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
}

/// `projects`.
#[derive(Debug, Args)]
pub(super) struct Projects {
    #[command(subcommand)]
    pub(super) command: Option<ProjectCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ProjectCommand {
    /// Export project backup
    Export(ExportProject),
    /// Import project(s)
    ///
    /// Each file is imported whole or not at all. The exit code is 0 if at least one was imported.
    Import(ImportProjects),
}

#[derive(Args, Debug, Default)]
pub(super) struct ExportProject {
    /// Project ID to export
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "NUMBER")]
    pub(super) project_id: i32,
    /// Project name to export
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    pub(super) project_name: String,
    /// Output file path (default: stdout); - is stdout with nothing but the document
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) file: OsString,
    /// Export also what the Go server's backups lack: times of schedules, repositories and templates of inventories
    #[arg(long)]
    pub(super) extended: bool,
}

#[derive(Args, Debug, Default)]
pub(super) struct ImportProjects {
    /// Directory path with project backups to import
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) dir: OsString,
    /// Backup file path to import
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) file: OsString,
    /// Override project name (only valid with --file)
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    pub(super) project_name: String,
}

/// `completion`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell that is to complete
    pub(super) shell: Option<CompletionShell>,
    /// Complete without descriptions
    #[arg(long)]
    pub(super) no_descriptions: bool,
}

/// Shells that can be told how to complete.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum CompletionShell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    #[value(name = "powershell")]
    PowerShell,
}

/// `man`.
#[derive(Args, Debug, Default)]
pub(super) struct Man {
    /// Write the page of each command into this directory, which is made if it is not there; without it the main page goes to
    /// stdout
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) dir: Option<PathBuf>,
}
