//! `migrate`: brings the database to this version, to another one, or says what the way back to the Go server costs.
//!
//! What scripts read goes to stdout as the reference writes it; what will be done and the copy that was made go to stderr.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use chrono::Utc;
use semaphore_engine::host;
use semaphore_store::{
    SqliteOptions, Store,
    migration::{self, Place, Plan, Progress, SchemaVersion, Target},
};

use super::{
    arguments::Migrate,
    bolt_import,
    output::{announce, note, say},
    start::{self, ConfigSource},
};
use crate::config::{Config, Database};

/// Room that a migration needs beside the copy and the growth of the database itself, in bytes.
const SPARE_BYTES: u64 = 16 << 20;

pub(super) fn run(source: &ConfigSource, arguments: &Migrate) -> anyhow::Result<()> {
    if let Some(file) = &arguments.from_boltdb {
        return bolt_import::run(source, arguments, file);
    }
    let has_two_targets = arguments.apply_to.is_some() && arguments.undo_to.is_some();
    ensure!(!has_two_targets, "Cannot specify both --undo-to and --apply-to");
    let version = |text: &String| text.parse::<SchemaVersion>();
    let target = match (&arguments.apply_to, &arguments.undo_to) {
        (Some(text), _) => Target::ApplyTo(version(text).context("--apply-to")?),
        (None, Some(text)) => Target::UndoTo(version(text).context("--undo-to")?),
        (None, None) => Target::Newest,
    };
    let config = start::config(source)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if arguments.return_check {
            return return_check(&config, arguments.yes).await;
        }
        show(&config, &plan(&config, target).await?)?;
        if target == Target::Newest {
            start::store(&config).await?.close().await;
        } else {
            bring(&config, target).await?;
        }
        say(&config.database_line)?;
        Ok(())
    })
}

/// What would be done, and whether there is room for it. Nothing is written.
async fn plan(config: &Config, target: Target) -> anyhow::Result<Plan> {
    migration::plan(place(config, &file_options(config)), target).await.with_context(|| cannot_open(config))
}

/// Brings the schema to the target, with the reference's lines on stdout.
pub(super) async fn bring(config: &Config, target: Target) -> anyhow::Result<()> {
    let file = file_options(config);
    let place = place(config, &file);
    let plan = migration::plan(place, target).await.with_context(|| cannot_open(config))?;
    if plan.steps.is_empty() && plan.half_done.is_none() {
        return Ok(());
    }
    if let Database::Sqlite(path) = &config.database {
        check_room(path, &plan)?;
    }
    let mut shown = Ok(());
    let mut tell = |progress: Progress| {
        let line = match progress {
            Progress::BackupWritten(path) => note(&format!("The database was copied to {}", path.display())),
            Progress::Step { version, is_undo: false } => {
                announce(&format!("Executing migration v{version} (at {})...", now()))
            }
            Progress::Step { version, is_undo: true } => {
                announce(&format!("Rolling back v{version} (time: {})...", now()))
            }
            Progress::CreatingHistory => announce("Creating migrations table"),
        };
        if shown.is_ok() {
            shown = line;
        }
    };
    migration::run(place, target, &mut tell).await.with_context(|| cannot_open(config))?;
    shown?;
    announce(if plan.is_undo { "Rollback Finished" } else { "Migrations Finished" })?;
    Ok(())
}

/// Opens the database after its schema has been brought to the newest version.
pub(super) async fn open(config: &Config) -> anyhow::Result<Store> {
    let opened = match &config.database {
        Database::Sqlite(_) | Database::Bolt(_) => Store::open(file_options(config)).await,
        Database::Server(options) => Store::open_server(options).await,
    };
    opened.with_context(|| cannot_open(config))
}

/// How the file is opened; for a database on a server it is not looked at.
fn file_options(config: &Config) -> SqliteOptions {
    SqliteOptions::new(bolt_import::sqlite_file(&config.database).unwrap_or_default())
}

fn place<'a>(config: &'a Config, file: &'a SqliteOptions) -> Place<'a> {
    match &config.database {
        Database::Sqlite(_) | Database::Bolt(_) => Place::Sqlite(file),
        Database::Server(options) => Place::Server(options),
    }
}

fn cannot_open(config: &Config) -> String {
    match &config.database {
        Database::Sqlite(path) | Database::Bolt(path) => format!("cannot open the database {}", path.display()),
        Database::Server(options) => {
            format!("cannot open the database {} at {} as {:?}", options.database, options.host, options.user)
        }
    }
}

/// In the form of the reference.
fn now() -> String {
    Utc::now().format("%Y-%m-%d %H:%M:%S%.9f +0000 UTC").to_string()
}

/// Says what will be done, before it is.
fn show(config: &Config, plan: &Plan) -> anyhow::Result<()> {
    if let Some((version, statements)) = &plan.half_done {
        note(&format!("Step {version} was interrupted after {statements} statements; it goes on there"))?;
    }
    if plan.steps.is_empty() {
        return Ok(());
    }
    let current = if plan.current.is_empty() { "none" } else { plan.current.as_str() };
    note(&format!("Schema version: {current}; this server knows versions up to {}", migration::newest_version()))?;
    let what = if plan.is_undo { "Steps to undo" } else { "Steps to run" };
    note(&format!("{what} ({}): {}", plan.steps.len(), plan.steps.join(", ")))?;
    match &config.database {
        Database::Sqlite(path) | Database::Bolt(path) => {
            let free = free_bytes(path)?;
            note(&format!(
                "Size of the database: {}; free space beside it: {}",
                mebibytes(plan.bytes),
                mebibytes(free)
            ))?;
        }
        Database::Server(_) => {
            let size = mebibytes(plan.bytes);
            note(&format!("Size of the database: {size}; make a copy of it with the tools of its server first"))?;
        }
    }
    Ok(())
}

/// A full disk in the middle harms nothing, but it is better not to begin.
fn check_room(path: &Path, plan: &Plan) -> anyhow::Result<()> {
    let needed = plan.bytes.saturating_mul(2).saturating_add(SPARE_BYTES);
    let free = free_bytes(path)?;
    if plan.bytes > 0 && free < needed {
        bail!(
            "migrating {} takes up to {} of free space (a copy, and room to work), but there are {}; nothing was changed",
            path.display(),
            mebibytes(needed),
            mebibytes(free)
        );
    }
    Ok(())
}

fn free_bytes(path: &Path) -> anyhow::Result<u64> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = nix::sys::statvfs::statvfs(directory)
        .with_context(|| format!("cannot find out how much space is free in {}", directory.display()))?;
    Ok(found.blocks_available().saturating_mul(found.fragment_size()))
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// Lists what the Go server would not see or do; ends unfinished tasks if that is wanted.
async fn return_check(config: &Config, is_wanted: bool) -> anyhow::Result<()> {
    let missing = plan(config, Target::Newest).await?.steps;
    ensure!(missing.is_empty(), "the database lacks schema versions {}: run migrate first", missing.join(", "));
    let store = open(config).await?;
    let done = check_and_end(&store, is_wanted).await;
    store.close().await;
    done?;
    say(&config.database_line)?;
    Ok(())
}

async fn check_and_end(store: &Store, is_wanted: bool) -> anyhow::Result<()> {
    let check = store.check_return().await.context("the database cannot be looked through")?;
    say(&format!("Schema version {}: the Go server's own", migration::newest_version()))?;
    for task in &check.tasks {
        say(&format!("Task {} of project {} is {}: it would stay so for ever", task.id, task.project_id, task.status))?;
    }
    for rows in &check.own_rows {
        say(&format!("{} ({} rows): {}", rows.table, rows.rows, rows.meaning))?;
    }
    for token in &check.hashed_tokens {
        say(&format!("API token {}... of {} stops working", token.prefix, token.username))?;
    }
    if check.tasks.is_empty() {
        return Ok(say("Nothing has to be done before the Go server starts")?);
    }
    let count = check.tasks.len();
    if !is_wanted {
        bail!("{count} tasks are not finished: stop the server, then run this with --yes to end them");
    }
    for task in &check.tasks {
        // What runs in a process of its own would go on, and nobody would come for its end.
        if let Some(directory) = store.find_task_host(task.id).await.context("the tasks could not be read")?
            && let Some(job) = host::attach(Path::new(&directory)).await
        {
            job.end().await;
        }
    }
    let ended = store.end_unfinished_tasks().await.context("the tasks could not be ended; nothing was changed")?;
    Ok(say(&format!("{} tasks were ended", ended.len()))?)
}
