//! A Bolt file of an old installation: `migrate --from-boltdb`, and a server whose configuration still names one.
//!
//! Invariants: the file is only read; a server runs on it only after somebody has asked for the import.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use semaphore_store::{
    SqliteOptions, Store,
    bolt::BoltFile,
    transfer::{ImportOptions, Report},
};

use super::{
    arguments::Migrate,
    output::say,
    start::{self, ConfigSource},
    transfer::{Bar, tell},
};
use crate::config::{Config, Database};

/// `migrate --from-boltdb FILE`. Reference: the lines on stdout; unlike there a failure is an error with an exit code of its own.
pub(super) fn run(source: &ConfigSource, arguments: &Migrate, path: &Path) -> anyhow::Result<()> {
    let config = start::config(source)?;
    if matches!(config.database, Database::Bolt(_)) {
        bail!("the destination must be a SQL database: name it in the configuration with \"dialect\"");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let scratch = scratch_for(&config, arguments.dry_run);
        let store = match &scratch {
            Some(scratch) => Store::open(SqliteOptions::new(&scratch.0)).await?,
            None => start::open(&config).await?,
        };
        say(&config.database_line)?;
        let done = import(&store, &config, arguments, path).await;
        store.close().await;
        done
    })
}

async fn import(store: &Store, config: &Config, arguments: &Migrate, path: &Path) -> anyhow::Result<()> {
    if !path.exists() {
        say("File does not exist")?;
        bail!("there is no file {}; nothing was changed", path.display());
    }
    let file = BoltFile::open(path)?;
    let options = ImportOptions {
        web_host: config.web_host.clone(),
        without_output: arguments.skip_task_output,
        dry_run: arguments.dry_run,
    };
    say("Starting migration...")?;
    let report = with_bar(store, &file, &options).await?;
    tell(&report)?;
    say(match (arguments.dry_run, report.was_done) {
        (true, _) => "Dry run: nothing was written.",
        (false, true) => "The file was imported before; nothing was changed.",
        (false, false) => "Migration finished successfully.",
    })?;
    Ok(())
}

async fn with_bar(store: &Store, file: &BoltFile, options: &ImportOptions) -> anyhow::Result<Report> {
    let mut bar = Bar::new();
    Ok(store.import_bolt(file, options, &mut |progress| bar.draw(&progress)).await?)
}

/// A database that goes away again.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(end);
            // What is not there needs no removal.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A dry run must not make the database file: an empty one elsewhere shows as well what would happen.
fn scratch_for(config: &Config, dry_run: bool) -> Option<Scratch> {
    let is_new = matches!(&config.database, Database::Sqlite(path) if !path.exists());
    (dry_run && is_new)
        .then(|| Scratch(std::env::temp_dir().join(format!("semaphore-dry-run-{}.sqlite", std::process::id()))))
}

/// Where the import of a Bolt file lies: beside it.
fn beside(path: &Path) -> PathBuf {
    path.with_extension("sqlite")
}

/// The SQLite file that a configuration means, for a Bolt file that of its import; none for a database on a server.
pub(in crate::cli) fn sqlite_file(database: &Database) -> Option<PathBuf> {
    match database {
        Database::Sqlite(path) => Some(path.clone()),
        Database::Bolt(path) => Some(beside(path)),
        Database::Server(_) => None,
    }
}

/// The database of an installation whose configuration names a Bolt file.
pub(super) async fn store(config: &Config, path: &Path) -> anyhow::Result<Store> {
    let sqlite = beside(path);
    let shown = (path.display(), sqlite.display());
    if sqlite.exists() {
        return imported(config, path, &sqlite).await;
    }
    if !path.exists() {
        bail!(
            "there is no Bolt file {}: this server keeps its data in SQL; set \"dialect\" to \"sqlite\" and \
             \"sqlite\": {{\"host\": \"<path of the file>\"}} for a new installation",
            shown.0
        );
    }
    if !config.accept_bolt_import {
        bail!(
            "the configuration names the BoltDB file {}, and this server keeps its data in SQL. It can import the file into \
             the SQLite database {} beside it and run on that; the file itself is only read and stays as it is. To agree, start \
             `semaphore server --accept-bolt-import` once, or set \"accept_import\": true in \"bolt\". To see what would be \
             imported, or to import into PostgreSQL or MySQL, use `semaphore migrate --from-boltdb` with --dry-run and with \
             the configuration of the new database",
            shown.0,
            shown.1
        );
    }
    let file = BoltFile::open(path)?;
    let store = open(&sqlite).await?;
    take_over(&store, config, &file, &sqlite).await?;
    Ok(store)
}

async fn open(sqlite: &Path) -> anyhow::Result<Store> {
    let opened = Store::open(SqliteOptions::new(sqlite)).await;
    opened.with_context(|| format!("cannot open the database {}", sqlite.display()))
}

/// The import of an earlier start, finished if it was interrupted.
async fn imported(config: &Config, path: &Path, sqlite: &Path) -> anyhow::Result<Store> {
    let store = open(sqlite).await?;
    let Some(state) = store.transfer_state().await? else {
        bail!(
            "there is a database {}, but it is no import of the Bolt file {}: if it is the one to use, set \"dialect\" to \
             \"sqlite\" and \"sqlite\": {{\"host\": \"{}\"}}",
            sqlite.display(),
            path.display(),
            sqlite.display()
        );
    };
    if state.is_done {
        // The file may have been put away since.
        if path.exists() && !state.source.contains(&BoltFile::open(path)?.state()) {
            bail!(
                "the Bolt file {} was changed after it had been imported into {}: put one of the two away. Without the database \
                 the file can be imported again; without the file the server runs on the database",
                path.display(),
                sqlite.display()
            );
        }
        tracing::info!(file = %sqlite.display(), "running on the import of the Bolt file");
        return Ok(store);
    }
    if !config.accept_bolt_import {
        bail!(
            "the import of the Bolt file {} was interrupted: start `semaphore server --accept-bolt-import` to finish it",
            path.display()
        );
    }
    take_over(&store, config, &BoltFile::open(path)?, sqlite).await?;
    Ok(store)
}

async fn take_over(store: &Store, config: &Config, file: &BoltFile, sqlite: &Path) -> anyhow::Result<()> {
    say(&format!("Importing {} into {}", file.path().display(), sqlite.display()))?;
    let options = ImportOptions { web_host: config.web_host.clone(), ..ImportOptions::default() };
    let report = with_bar(store, file, &options).await?;
    tell(&report)?;
    say("Import finished; the server runs on the SQLite database from now on.")?;
    Ok(())
}
