//! `doctor`: looks for what is wrong with an installation, and with `--fix` makes the repairs that can do no harm.
//!
//! Not for a running server's health (that is its own routes). Invariants: without `--fix` nothing is changed; each repair is
//! told; secrets are opened but never shown. Exit codes: 0 without problems (notes and warnings are none), 4 with problems that
//! are left, 3 if another version wrote the database, 1 if the command itself fails.

mod configuration;
pub(super) mod database;
mod finding;
pub(super) mod machine;

pub(super) use self::finding::{Level, Report};
use super::{
    EXIT_FOREIGN_DATABASE,
    arguments::Doctor,
    output::say,
    start::{ConfigSource, runtime},
};
use crate::version::version;

/// Exit code when problems are left.
const EXIT_PROBLEMS: u8 = 4;

/// That an installation is not well; everything was said already.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Verdict {
    /// There are problems.
    #[error("there are problems")]
    Problems,
    /// Another version wrote the database.
    #[error("the database belongs to another version")]
    ForeignDatabase,
}

impl Verdict {
    pub(super) const fn exit_code(self) -> u8 {
        match self {
            Self::Problems => EXIT_PROBLEMS,
            Self::ForeignDatabase => EXIT_FOREIGN_DATABASE,
        }
    }
}

pub(super) fn run(source: &ConfigSource, arguments: &Doctor) -> anyhow::Result<()> {
    let mut report = Report::default();
    if let Some(config) = configuration::check(source, &mut report) {
        machine::check_files(&config, arguments.fix, &mut report);
        machine::check_space(&config, &mut report);
        machine::check_task_processes(&config, &mut report);
        machine::check_control_groups(&config, &mut report);
        machine::check_sandbox(&config, &mut report);
        let apps = runtime()?.block_on(database::check(&config, arguments.fix, &mut report));
        machine::check_tools(&config, &apps, &mut report);
    }
    if arguments.json {
        say(&serde_json::to_string_pretty(&report.document(&version()))?)?;
    } else {
        for line in report.lines(Level::Ok) {
            say(&line)?;
        }
        say(&report.summary())?;
    }
    match (report.foreign_database, report.problems()) {
        (true, _) => Err(Verdict::ForeignDatabase.into()),
        (false, 0) => Ok(()),
        (false, _) => Err(Verdict::Problems.into()),
    }
}

/// What can be said of configuration, secrets and programs before a rehearsal; the database is the copy.
pub(super) async fn before_rehearsal(
    source: &ConfigSource,
    config: &crate::config::Config,
    store: &semaphore_store::Store,
) -> Report {
    let mut report = Report::default();
    let _ = configuration::check(source, &mut report);
    database::check_secrets(store, config, &mut report).await;
    let apps = database::used_apps(store, &mut report).await;
    machine::check_tools(config, &apps, &mut report);
    report
}
