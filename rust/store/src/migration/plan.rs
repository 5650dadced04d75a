//! What a migration would do, found out without writing anything.

use super::version::{SchemaVersion, of_step};
use super::{connection::Connection, history, sqlite_steps};
use crate::sql::Dialect;
use crate::{Result, StoreError};

/// Where the schema is to be brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every step this server knows.
    Newest,
    /// Every step up to and with this version. Reference: `--apply-to`.
    ApplyTo(SchemaVersion),
    /// Undo every step after this version. Reference: `--undo-to`.
    UndoTo(SchemaVersion),
}

/// What will be done. Nothing was written to find it out.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whether steps are undone instead of applied.
    pub is_undo: bool,
    /// Whether the database is empty.
    pub is_new: bool,
    /// The newest step that the database has; empty for a new one.
    pub current: String,
    /// The steps, in the order of their running.
    pub steps: Vec<&'static str>,
    /// A step that was interrupted after some of its statements, and how many those were. Only MySQL keeps such halves.
    pub half_done: Option<(String, u32)>,
    /// How large the database is, in bytes.
    pub bytes: u64,
}

/// What a database is found to be.
pub(super) struct Found {
    pub(super) tables: Vec<String>,
    /// `None`: there is no `migrations` table.
    pub(super) versions: Option<Vec<String>>,
}

/// The names of all steps of a dialect, oldest first.
pub(super) fn versions(dialect: Dialect) -> Vec<&'static str> {
    if dialect == Dialect::Sqlite {
        sqlite_steps().iter().map(|step| step.version).collect()
    } else {
        history::steps().map(|step| step.version).collect()
    }
}

/// Looks at the database.
pub(super) async fn look(connection: &mut Connection) -> Result<Found> {
    let text = match connection.dialect() {
        Dialect::Sqlite => {
            "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'"
        }
        Dialect::Postgres => {
            "select cast(table_name as varchar) as name from information_schema.tables \
             where table_schema = current_schema()"
        }
        Dialect::MySql => {
            "select cast(table_name as char(64)) as name from information_schema.tables \
             where table_schema = database()"
        }
    };
    let rows = connection.rows(text).await?;
    let tables = rows.iter().map(|row| Ok(row.text("name")?.trim_end().to_owned())).collect::<Result<Vec<_>>>()?;
    if !tables.iter().any(|table| table == "migrations") {
        return Ok(Found { tables, versions: None });
    }
    let rows = connection.rows("select version from migrations").await?;
    let versions = rows.iter().map(|row| row.text("version")).collect::<Result<Vec<_>>>()?;
    Ok(Found { tables, versions: Some(versions) })
}

/// Checks what was found and says what is to be done.
///
/// Errors: [`StoreError::ForeignDatabase`], [`StoreError::UnknownVersions`], [`StoreError::NoWayBack`].
pub(super) async fn make(connection: &mut Connection, target: Target) -> Result<Plan> {
    let dialect = connection.dialect();
    let found = look(connection).await?;
    let is_bare = |table: &String| table.starts_with("rs_");
    let Some(applied) = found.versions else {
        return if found.tables.iter().all(is_bare) {
            of_nothing(dialect, target)
        } else {
            Err(StoreError::ForeignDatabase)
        };
    };
    refuse_unknown(dialect, &applied)?;
    let current = versions(dialect).into_iter().rev().find(|version| applied.iter().any(|found| found == version));
    Ok(Plan {
        is_undo: matches!(target, Target::UndoTo(_)),
        is_new: applied.is_empty(),
        current: current.map_or_else(String::new, ToString::to_string),
        steps: steps_to(dialect, &applied, target)?,
        half_done: half_done(connection, &found.tables).await?,
        bytes: bytes(connection).await?,
    })
}

/// Refuses versions that nobody here knows.
pub(crate) fn refuse_unknown(dialect: Dialect, applied: &[String]) -> Result<()> {
    let known = versions(dialect);
    let unknown: Vec<_> = applied.iter().filter(|version| !known.contains(&version.as_str())).cloned().collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(StoreError::UnknownVersions { versions: unknown, newest_known: super::newest_version() })
    }
}

/// The plan for a database that is not there or has nothing in it.
pub(super) fn of_nothing(dialect: Dialect, target: Target) -> Result<Plan> {
    Ok(Plan {
        is_undo: matches!(target, Target::UndoTo(_)),
        is_new: true,
        current: String::new(),
        steps: steps_to(dialect, &[], target)?,
        half_done: None,
        bytes: 0,
    })
}

/// The steps between what is applied and the target.
fn steps_to(dialect: Dialect, applied: &[String], target: Target) -> Result<Vec<&'static str>> {
    let known = versions(dialect);
    let is_applied = |version: &&'static str| applied.iter().any(|found| found == version);
    let limit = match target {
        Target::Newest => return Ok(known.into_iter().filter(|version| !is_applied(version)).collect()),
        Target::ApplyTo(limit) => {
            return Ok(known.into_iter().filter(|v| of_step(v) <= limit && !is_applied(v)).collect());
        }
        Target::UndoTo(limit) => limit,
    };
    let steps: Vec<_> = known.into_iter().rev().filter(|v| of_step(v) > limit && is_applied(v)).collect();
    match steps.iter().find(|version| history::undo::of(version).is_none()) {
        Some(version) => Err(StoreError::NoWayBack { version }),
        None => Ok(steps),
    }
}

async fn half_done(connection: &mut Connection, tables: &[String]) -> Result<Option<(String, u32)>> {
    if connection.dialect() != Dialect::MySql || !tables.iter().any(|table| table == super::progress::TABLE) {
        return Ok(None);
    }
    super::progress::get(connection).await
}

/// How large the database is.
async fn bytes(connection: &mut Connection) -> Result<u64> {
    let text = match connection.dialect() {
        Dialect::Sqlite => "select page_count * page_size as bytes from pragma_page_count(), pragma_page_size()",
        Dialect::Postgres => "select pg_database_size(current_database()) as bytes",
        Dialect::MySql => {
            "select cast(coalesce(sum(data_length + index_length), 0) as signed) as bytes \
             from information_schema.tables where table_schema = database()"
        }
    };
    let rows = connection.rows(text).await?;
    let bytes = rows.first().map_or(Ok(0), |row| row.long("bytes"))?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}
