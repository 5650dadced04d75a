//! The newest schema for a new database on a server, at once, with the whole history in its `migrations` table, as if every
//! step had been run.
//!
//! The same schema as through the steps, which take a hundred times as long; a test compares them. The caller holds the lock.

use super::connection::{Connection, mysql_number};
use super::history;
use crate::sql::Dialect;
use crate::{Result, StoreError};
use chrono::Utc;

const POSTGRES: &str = include_str!("postgres.sql");
const MYSQL: &str = include_str!("mysql.sql");

/// What of MySQL's errors says that a statement was run before: an index or constraint of that name is there.
const THERE_ALREADY: &[u16] = &[1005, 1022, 1061, 1826];

/// Makes everything. MySQL commits each statement: an interrupted beginning has an empty history and is begun again.
pub(super) async fn create(connection: &mut Connection) -> Result<()> {
    let version = super::newest_version();
    tracing::info!(version, "making the schema of a new database");
    let made = match connection.dialect() {
        Dialect::Postgres => create_whole(connection).await,
        Dialect::Sqlite | Dialect::MySql => create_piecewise(connection).await,
    };
    if made.is_err() {
        connection.rollback().await;
    }
    made.map_err(|source| StoreError::Migration { version, source })
}

async fn create_whole(connection: &mut Connection) -> std::result::Result<(), sqlx::Error> {
    connection.begin().await?;
    connection.run("drop table if exists migrations").await?;
    connection.run(POSTGRES).await?;
    note_all(connection).await
}

async fn create_piecewise(connection: &mut Connection) -> std::result::Result<(), sqlx::Error> {
    for statement in MYSQL.split_inclusive(";\n").filter(|text| !text.trim().is_empty()) {
        match connection.run(statement).await {
            Err(error) if mysql_number(&error).is_some_and(|number| THERE_ALREADY.contains(&number)) => {}
            done => done?,
        }
    }
    connection.begin().await?;
    note_all(connection).await
}

/// Fills the history and commits.
async fn note_all(connection: &mut Connection) -> std::result::Result<(), sqlx::Error> {
    let now = Utc::now().format("%Y-%m-%d %H:%M:%S%.6f");
    let rows: Vec<_> = history::steps().map(|step| format!("('{}', '{now}')", step.version)).collect();
    connection.run(&format!("insert into migrations (version, upgraded_date) values {}", rows.join(", "))).await?;
    connection.commit().await
}
