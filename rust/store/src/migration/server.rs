//! The schema on PostgreSQL and MySQL: a new database gets the newest schema at once, with the whole history in its
//! `migrations` table, as if every step had been run.
//!
//! Not for the steps of old databases: [`StoreError::Outdated`] names those that are missing. Invariant: a database with a
//! version nobody here knows is refused before anything is written.

use crate::Result;
use crate::db::{Db, Row, params};
use crate::error::StoreError;
use chrono::Utc;
use sqlx::{MySqlPool, PgPool};

/// The history of databases on servers, oldest first. Reference: the names in its `migrations` table.
pub(crate) const VERSIONS: &[&str] = &[
    "0.0.0", "1.0.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0", "1.6.0", "1.7.0", "1.8.0", "1.9.0", "2.2.1", "2.3.0",
    "2.3.1", "2.3.2", "2.4.0", "2.5.0", "2.5.2", "2.7.1", "2.7.4", "2.7.6", "2.7.8", "2.7.9", "2.7.10", "2.7.12",
    "2.7.13", "2.8.0", "2.8.1", "2.8.7", "2.8.8", "2.8.20", "2.8.25", "2.8.26", "2.8.36", "2.8.38", "2.8.39", "2.8.40",
    "2.8.42", "2.8.51", "2.8.57", "2.8.58", "2.8.91", "2.9.6", "2.9.46", "2.9.60", "2.9.61", "2.9.62", "2.9.70",
    "2.9.97", "2.9.100", "2.10.12", "2.10.15", "2.10.16", "2.10.24", "2.10.26", "2.10.28", "2.10.33", "2.10.46",
    "2.11.5", "2.12.0", "2.12.3", "2.12.4", "2.12.5", "2.12.15", "2.13.0", "2.14.0", "2.14.1", "2.14.5", "2.14.7",
    "2.14.12", "2.15.0", "2.15.1", "2.15.2", "2.15.3", "2.15.4", "2.16.0", "2.16.1", "2.16.2", "2.16.3", "2.16.8",
    "2.16.50", "2.17.0", "2.17.1", "2.17.2", "2.17.15",
];

const POSTGRES: &str = include_str!("postgres.sql");
const MYSQL: &str = include_str!("mysql.sql");

/// What of MySQL's errors says that a statement was run before: an index or constraint of that name is there.
const THERE_ALREADY: &[u16] = &[1005, 1022, 1061, 1826];

/// Brings a new database to the newest schema; refuses one that is foreign, newer, or (not done yet) older.
pub(crate) async fn prepare(db: &Db) -> Result<()> {
    let tables = super::tables(db).await?;
    let found = if tables.iter().any(|name| name == "migrations") { Some(versions(db).await?) } else { None };
    match found {
        None if !tables.is_empty() => return Err(StoreError::ForeignDatabase),
        // MySQL commits each statement: an interrupted beginning has an empty history.
        None => create(db).await?,
        Some(versions) if versions.is_empty() => create(db).await?,
        Some(versions) => check(&versions)?,
    }
    Ok(())
}

fn check(versions: &[String]) -> Result<()> {
    let unknown: Vec<_> = versions.iter().filter(|version| !VERSIONS.contains(&version.as_str())).cloned().collect();
    if !unknown.is_empty() {
        return Err(StoreError::UnknownVersions { versions: unknown, newest_known: super::newest_version() });
    }
    let missing: Vec<_> =
        VERSIONS.iter().copied().filter(|version| !versions.iter().any(|found| found == version)).collect();
    if missing.is_empty() { Ok(()) } else { Err(StoreError::Outdated { missing }) }
}

async fn versions(db: &Db) -> Result<Vec<String>> {
    let rows = db.fetch_all("select version from migrations", params![]).await?;
    rows.iter().map(|row: &Row| row.text("version")).collect()
}

async fn create(db: &Db) -> Result<()> {
    let step = super::newest_version();
    let failed = |source| StoreError::Migration { version: step, source };
    tracing::info!(version = step, "making the schema of a new database");
    match db {
        Db::Sqlite(_) => Ok(()),
        Db::Postgres(pool) => create_postgres(pool).await.map_err(failed),
        Db::MySql(pool) => create_mysql(pool).await.map_err(failed),
    }
}

async fn create_postgres(pool: &PgPool) -> std::result::Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    // Two servers that start at the same time: the second one waits, and finds everything there.
    sqlx::query("select pg_advisory_xact_lock(7361686)").execute(&mut *transaction).await?;
    let there = "select count(*) from information_schema.tables \
         where table_schema = current_schema() and table_name = 'migrations'";
    if sqlx::query_scalar::<_, i64>(there).fetch_one(&mut *transaction).await? > 0 {
        return transaction.rollback().await;
    }
    sqlx::raw_sql(POSTGRES).execute(&mut *transaction).await?;
    for version in VERSIONS {
        sqlx::query("insert into migrations (version, upgraded_date) values ($1, $2)")
            .bind(version)
            .bind(Utc::now().naive_utc())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

async fn create_mysql(pool: &MySqlPool) -> std::result::Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    // Ends with the connection, at the latest.
    sqlx::query("select get_lock('semaphore_migrations', 60)").execute(&mut *connection).await?;
    for statement in MYSQL.split_inclusive(";\n").filter(|text| !text.trim().is_empty()) {
        match sqlx::raw_sql(statement).execute(&mut *connection).await {
            Err(sqlx::Error::Database(error)) if is_there_already(error.as_ref()) => {}
            done => {
                done?;
            }
        }
    }
    let mut transaction = sqlx::Connection::begin(&mut *connection).await?;
    for version in VERSIONS {
        sqlx::query("insert ignore into migrations (version, upgraded_date) values (?, ?)")
            .bind(version)
            .bind(Utc::now().naive_utc())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    sqlx::query("select release_lock('semaphore_migrations')").execute(&mut *connection).await.map(drop)
}

fn is_there_already(error: &dyn sqlx::error::DatabaseError) -> bool {
    let number =
        error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(sqlx::mysql::MySqlDatabaseError::number);
    number.is_some_and(|number| THERE_ALREADY.contains(&number))
}
