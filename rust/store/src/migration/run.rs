//! A whole migration: what is there, a copy if it is a file, the steps.

use super::connection::Connection;
use super::plan::{self, Plan, Target};
use super::{backup, history, new_schema, progress, sqlite_steps, step};
use crate::open::{SqliteOptions, connect_options, create_private_file};
use crate::open_server::{self, ServerOptions};
use crate::sql::Dialect;
use crate::{Result, StoreError};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteJournalMode;
use std::path::PathBuf;

/// Where a database is.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// A file.
    Sqlite(&'a SqliteOptions),
    /// On a server.
    Server(&'a ServerOptions),
}

/// What is being done, told as it happens.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A copy of the file was written, before the first change.
    BackupWritten(PathBuf),
    /// A step begins.
    Step {
        /// Its name.
        version: &'static str,
        /// Whether it is undone.
        is_undo: bool,
    },
    /// The `migrations` table is made, in a new database.
    CreatingHistory,
}

/// Says what would be done. Nothing is written; a database that is not there is not made.
///
/// Errors: [`StoreError::ForeignDatabase`], [`StoreError::UnknownVersions`], [`StoreError::NoWayBack`], and what keeps the
/// database from being opened.
pub async fn plan(place: Place<'_>, target: Target) -> Result<Plan> {
    let connection = match place {
        Place::Sqlite(options) if !options.path.exists() => None,
        Place::Sqlite(options) => Some(open_to_read(options).await?),
        Place::Server(options) => open_server::connect(options, false).await?,
    };
    let Some(mut connection) = connection else {
        let dialect = dialect(place);
        return plan::of_nothing(dialect, target);
    };
    let plan = plan::make(&mut connection, target).await;
    connection.close().await?;
    plan
}

/// Brings the schema to the target; answers what was done.
///
/// Errors: those of [`plan`] before anything is written; [`StoreError::Backup`], [`StoreError::Migration`] and
/// [`StoreError::MigrationHalfDone`] of the first step that fails. Steps before it stay.
pub async fn run(place: Place<'_>, target: Target, told: &mut (dyn FnMut(Progress) + Send)) -> Result<Plan> {
    match place {
        Place::Sqlite(options) => run_on_file(options, target, told).await,
        Place::Server(options) => run_on_server(options, target, told).await,
    }
}

fn dialect(place: Place<'_>) -> Dialect {
    match place {
        Place::Sqlite(_) => Dialect::Sqlite,
        Place::Server(options) => options.kind.dialect(),
    }
}

async fn open_to_read(options: &SqliteOptions) -> Result<Connection> {
    Ok(Connection::Sqlite(connect_options(options).read_only(true).connect().await?))
}

async fn run_on_file(options: &SqliteOptions, target: Target, told: &mut (dyn FnMut(Progress) + Send)) -> Result<Plan> {
    let plan = if options.path.exists() {
        let mut reader = open_to_read(options).await?;
        let plan = plan_and_copy(&mut reader, options, target, told).await;
        reader.close().await?;
        plan?
    } else {
        plan::of_nothing(Dialect::Sqlite, target)?
    };
    if plan.steps.is_empty() {
        return Ok(plan);
    }
    create_private_file(&options.path)?;
    let writer = connect_options(options).journal_mode(SqliteJournalMode::Wal).connect().await?;
    let mut writer = Connection::Sqlite(writer);
    let done = run_steps(&mut writer, &plan, told).await;
    writer.close().await?;
    done.map(|()| plan)
}

async fn plan_and_copy(
    reader: &mut Connection,
    options: &SqliteOptions,
    target: Target,
    told: &mut (dyn FnMut(Progress) + Send),
) -> Result<Plan> {
    let plan = plan::make(reader, target).await?;
    if !plan.steps.is_empty() && !plan.is_new {
        let copy = backup::write(reader, &options.path, &plan.current).await?;
        tracing::info!(file = %copy.display(), "the database was copied before its first change");
        told(Progress::BackupWritten(copy));
    }
    Ok(plan)
}

async fn run_on_server(
    options: &ServerOptions,
    target: Target,
    told: &mut (dyn FnMut(Progress) + Send),
) -> Result<Plan> {
    let mut connection = open_server::connect(options, true).await?.ok_or(StoreError::NotFound)?;
    let plan = run_locked(&mut connection, target, told).await;
    // The lock ends with the connection.
    connection.close().await?;
    plan
}

async fn run_locked(
    connection: &mut Connection,
    target: Target,
    told: &mut (dyn FnMut(Progress) + Send),
) -> Result<Plan> {
    // Nothing to do is the usual case; it needs no lock.
    let plan = plan::make(connection, target).await?;
    if plan.steps.is_empty() && plan.half_done.is_none() {
        return Ok(plan);
    }
    lock(connection).await?;
    let plan = plan::make(connection, target).await?;
    if plan.is_new && plan.half_done.is_none() && target == Target::Newest {
        told(Progress::Step { version: super::newest_version(), is_undo: false });
        told(Progress::CreatingHistory);
        new_schema::create(connection).await?;
        return Ok(plan);
    }
    let is_mysql = connection.dialect() == Dialect::MySql;
    if is_mysql && !plan.steps.is_empty() {
        progress::prepare(connection).await?;
    }
    run_steps(connection, &plan, told).await?;
    if is_mysql && (!plan.steps.is_empty() || plan.half_done.is_some()) {
        connection.run("drop table if exists rs_migration_progress").await?;
    }
    Ok(plan)
}

/// Two servers that start at the same time: the second one waits, and finds everything there.
async fn lock(connection: &mut Connection) -> Result<()> {
    match connection.dialect() {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => Ok(connection.run("select pg_advisory_lock(7361686)").await?),
        Dialect::MySql => {
            let rows = connection.rows("select coalesce(get_lock('semaphore_migrations', 600), 0) as taken").await?;
            if rows.first().map_or(Ok(0), |row| row.long("taken"))? == 1 {
                return Ok(());
            }
            let source = sqlx::Error::Io(std::io::Error::other("another process has been migrating for ten minutes"));
            Err(StoreError::Busy { source })
        }
    }
}

async fn run_steps(connection: &mut Connection, plan: &Plan, told: &mut (dyn FnMut(Progress) + Send)) -> Result<()> {
    let mut has_history = plan::look(connection).await?.versions.is_some();
    for version in &plan.steps {
        tracing::info!(version, undo = plan.is_undo, "running a step of the schema's history");
        told(Progress::Step { version, is_undo: plan.is_undo });
        if !has_history && !plan.is_undo {
            told(Progress::CreatingHistory);
            let made = step::create_history(connection).await;
            made.map_err(|source| StoreError::Migration { version, source })?;
            has_history = true;
        }
        let found = if plan.is_undo {
            history::undo::of(version)
        } else if connection.dialect() == Dialect::Sqlite {
            sqlite_steps().iter().find(|step| step.version == *version)
        } else {
            history::steps().find(|step| step.version == *version)
        };
        let Some(found) = found else { return Err(StoreError::NoWayBack { version }) };
        step::run(connection, found, plan.is_undo).await?;
    }
    Ok(())
}
