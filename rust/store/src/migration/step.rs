//! One step, applied or undone: a transaction together with its row in `migrations`, or on MySQL, which has no such thing,
//! statement by statement with a note of how far it came.

use super::connection::{Connection, mysql_number};
use super::history::{Statement, Step, Work, adapt};
use super::progress;
use crate::db_time::DbTime;
use crate::sql::Dialect;
use crate::{Result, StoreError};
use chrono::Utc;

/// The table that holds the history, made before the first step.
const CREATE_MIGRATIONS: &str =
    "create table migrations (version varchar(255) not null primary key, upgraded_date datetime null, notes text null)";

/// MySQL's errors that say that a statement has been run before: a table, column, key or constraint of that name is there;
/// a column or key to drop, or a table, is not.
const DONE_ALREADY: &[u16] = &[1005, 1022, 1050, 1060, 1061, 1091, 1826];
/// The same for what renames: the old name is not there any more.
const RENAMED_ALREADY: &[u16] = &[1051, 1054, 1146];

/// Makes the `migrations` table; the caller found out that it is not there.
pub(super) async fn create_history(connection: &mut Connection) -> std::result::Result<(), sqlx::Error> {
    let text = adapt(CREATE_MIGRATIONS, connection.dialect());
    match connection.run(&text).await {
        // Another server was faster.
        Err(error) if mysql_number(&error) == Some(1050) => Ok(()),
        done => done,
    }
}

/// Applies or undoes the step. One that another process was faster with is left alone.
pub(super) async fn run(connection: &mut Connection, step: &Step, is_undo: bool) -> Result<()> {
    if connection.dialect() == Dialect::MySql {
        return run_noted(connection, step, is_undo).await;
    }
    match run_whole(connection, step, is_undo).await {
        Ok(()) => Ok(()),
        Err(source) => {
            connection.rollback().await;
            Err(StoreError::Migration { version: step.version, source })
        }
    }
}

async fn run_whole(connection: &mut Connection, step: &Step, is_undo: bool) -> std::result::Result<(), sqlx::Error> {
    connection.begin().await?;
    if is_applied(connection, step.version).await? != is_undo {
        return connection.run("rollback").await;
    }
    let dialect = connection.dialect();
    for statement in step.statements.iter().filter(|statement| statement.runs_on(dialect)) {
        if let Work::Words(words) | Work::IfThere(words) = statement.work {
            connection.run(&adapt(words, dialect)).await?;
        }
    }
    note(connection, step.version, is_undo).await?;
    connection.commit().await
}

async fn is_applied(connection: &mut Connection, version: &str) -> std::result::Result<bool, sqlx::Error> {
    let rows = connection.rows("select version from migrations").await?;
    Ok(rows.iter().any(|row| row.text("version").is_ok_and(|found| found == version)))
}

/// Writes or removes the row of the step.
async fn note(connection: &mut Connection, version: &str, is_undo: bool) -> std::result::Result<(), sqlx::Error> {
    if is_undo {
        return connection.bound("delete from migrations where version = ?", &[version]).await;
    }
    let now = Utc::now();
    let time = match connection.dialect() {
        Dialect::Sqlite => DbTime(now).encode(),
        Dialect::Postgres | Dialect::MySql => now.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
    };
    let text = match connection.dialect() {
        Dialect::Postgres => "insert into migrations (version, upgraded_date) values (?, cast(? as timestamp))",
        Dialect::Sqlite | Dialect::MySql => "insert into migrations (version, upgraded_date) values (?, ?)",
    };
    connection.bound(text, &[version, &time]).await
}

/// MySQL: each statement is noted when it is done; what fails or is killed is gone on with behind the last note.
async fn run_noted(connection: &mut Connection, step: &Step, is_undo: bool) -> Result<()> {
    let failed = |source| StoreError::Migration { version: step.version, source };
    if is_applied(connection, step.version).await.map_err(failed)? != is_undo {
        return progress::forget(connection, step.version).await.map_err(failed);
    }
    let begun = progress::of(connection, step.version, is_undo).await?;
    let done = begun.unwrap_or(0);
    if begun.is_none() {
        progress::set(connection, step.version, is_undo, 0).await.map_err(failed)?;
    } else {
        tracing::info!(version = step.version, done, "going on with a step that was interrupted");
    }
    let statements: Vec<_> = step.statements.iter().filter(|statement| statement.runs_on(Dialect::MySql)).collect();
    let renames = statements.iter().any(|statement| is_rename(statement));
    for (number, statement) in statements.iter().enumerate().skip(done) {
        let may_be_done: &[&[u16]] = match (begun.is_some() && number == done, renames) {
            (true, _) => &[DONE_ALREADY, RENAMED_ALREADY],
            (false, false) => &[DONE_ALREADY],
            (false, true) => &[],
        };
        let position = Position { version: step.version, is_undo, number };
        run_statement(connection, statement, may_be_done, position).await.map_err(|source| {
            if number == 0 {
                return failed(source);
            }
            StoreError::MigrationHalfDone { version: step.version, done: number, of: statements.len(), source }
        })?;
    }
    let finish = async {
        connection.begin().await?;
        note(connection, step.version, is_undo).await?;
        progress::forget(connection, step.version).await?;
        connection.commit().await
    };
    finish.await.map_err(failed)
}

#[derive(Clone, Copy)]
struct Position {
    version: &'static str,
    is_undo: bool,
    number: usize,
}

async fn run_statement(
    connection: &mut Connection,
    statement: &Statement,
    may_be_done: &[&[u16]],
    position: Position,
) -> std::result::Result<(), sqlx::Error> {
    let Position { version, is_undo, number } = position;
    let words = match statement.work {
        Work::Words(words) | Work::IfThere(words) => words,
        Work::DropReferences { table, column } => {
            drop_references(connection, table, column).await?;
            return progress::set(connection, version, is_undo, number + 1).await;
        }
    };
    let changes_rows = ["insert ", "update ", "delete "].iter().any(|word| words.starts_with(word));
    if changes_rows {
        connection.begin().await?;
    }
    match connection.run(&adapt(words, Dialect::MySql)).await {
        Err(error) if matches!(statement.work, Work::IfThere(_)) && mysql_number(&error) == Some(1091) => {}
        Err(error) if !changes_rows && is_done(&error, may_be_done) => {
            tracing::warn!(version, number, %error, "what the statement does is done already");
        }
        Err(error) => {
            connection.rollback().await;
            return Err(error);
        }
        Ok(()) => {}
    }
    progress::set(connection, version, is_undo, number + 1).await?;
    if changes_rows { connection.commit().await } else { Ok(()) }
}

fn is_done(error: &sqlx::Error, may_be_done: &[&[u16]]) -> bool {
    mysql_number(error).is_some_and(|number| may_be_done.iter().any(|numbers| numbers.contains(&number)))
}

fn is_rename(statement: &Statement) -> bool {
    matches!(statement.work, Work::Words(words) if words.contains(" rename to ") || words.contains(" change "))
}

async fn drop_references(
    connection: &mut Connection,
    table: &str,
    column: &str,
) -> std::result::Result<(), sqlx::Error> {
    let text = format!(
        "select distinct cast(constraint_name as char(64)) as name from information_schema.key_column_usage \
         where table_schema = database() and table_name = '{table}' and column_name = '{column}' \
         and referenced_table_name is not null"
    );
    for row in connection.rows(&text).await? {
        let name = row.text("name").map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let name = name.trim_end().replace('`', "``");
        connection.run(&format!("alter table {table} drop foreign key `{name}`")).await?;
    }
    Ok(())
}
