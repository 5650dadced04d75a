//! The history of the schema: the reference's own numbered steps, so that either server can open the other's database.
//!
//! Each step is one transaction together with its row in `migrations`. A database with a version nobody here knows is refused
//! before anything is written. What we add ourselves lies in tables of its own with a history of its own: `own.rs`.

pub(crate) mod own;
mod own_steps;
pub(crate) mod server;

use crate::db::{Db, fetch_rows, params};
use crate::db_time::DbTime;
use crate::sql::Dialect;
use crate::{Result, Store, StoreError};
use chrono::{DateTime, Utc};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

/// One step: its name in the `migrations` table and its statements.
struct Step {
    version: &'static str,
    statements: &'static str,
}

macro_rules! steps {
    ($($version:literal),* $(,)?) => {
        &[$(Step { version: $version, statements: include_str!(concat!("v", $version, ".sql")) }),*]
    };
}

/// The history of SQLite databases, which begins late: older versions of the reference had no SQLite.
const SQLITE: &[Step] = steps![
    "2.15.1.sqlite",
    "2.15.2",
    "2.15.3",
    "2.15.4",
    "2.16.0",
    "2.16.1",
    "2.16.2",
    "2.16.3",
    "2.16.8",
    "2.16.50",
    "2.17.0",
    "2.17.1",
    "2.17.2",
    "2.17.15",
];

/// The table that holds the history, made before the first step.
const CREATE_MIGRATIONS: &str = "create table migrations (version varchar(255) not null primary key, \
     upgraded_date datetime null, notes text null)";

/// A row of the `migrations` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedVersion {
    /// Name of the step.
    pub version: String,
    /// When it was applied.
    pub applied: Option<DateTime<Utc>>,
}

/// The newest version this server knows.
pub fn newest_version() -> &'static str {
    SQLITE.last().map_or("", |step| step.version)
}

impl Store {
    /// The history of the database, in the order of its application.
    pub async fn list_schema_versions(&self) -> Result<Vec<AppliedVersion>> {
        let order = match self.db().dialect() {
            Dialect::Sqlite => "rowid",
            Dialect::Postgres | Dialect::MySql => "upgraded_date, version",
        };
        let text = format!("select version, upgraded_date from migrations order by {order}");
        let rows = self.db().fetch_all(text, Vec::new()).await?;
        rows.iter()
            .map(|row| {
                Ok(AppliedVersion { version: row.text("version")?, applied: row.optional_time("upgraded_date")? })
            })
            .collect()
    }
}

/// Refuses a file that is not ours or newer than us, without changing it.
pub(crate) async fn check_file(options: &SqliteConnectOptions) -> Result<()> {
    let mut connection = options.clone().read_only(true).connect().await?;
    let missing = missing_steps(&mut connection).await;
    connection.close().await?;
    missing.map(drop)
}

/// Brings the database to the newest version, or refuses an older database if that is not wanted.
pub(crate) async fn prepare(connection: &mut SqliteConnection, migrate: bool) -> Result<()> {
    let missing = missing_steps(connection).await?;
    if !migrate {
        if missing.is_empty() {
            return Ok(());
        }
        return Err(StoreError::Outdated { missing: missing.iter().map(|step| step.version).collect() });
    }
    for step in missing {
        tracing::info!(version = step.version, "applying a schema version");
        apply(connection, step).await.map_err(|source| StoreError::Migration { version: step.version, source })?;
    }
    Ok(())
}

/// Names of the tables of the database.
async fn tables(db: &Db) -> Result<Vec<String>> {
    let schema = match db.dialect() {
        Dialect::Sqlite => {
            let rows = db.fetch_all("select name from sqlite_master where type = 'table'", params![]).await?;
            return rows.iter().map(|row| row.text("name")).collect();
        }
        Dialect::Postgres => "current_schema()",
        Dialect::MySql => "database()",
    };
    let text = format!(
        "select cast(table_name as char(64)) as name from information_schema.tables where table_schema = {schema}"
    );
    let rows = db.fetch_all(text, params![]).await?;
    rows.iter().map(|row| Ok(row.text("name")?.trim_end().to_owned())).collect()
}

/// The steps that are not applied, in order. An empty database lacks all of them.
async fn missing_steps(connection: &mut SqliteConnection) -> Result<Vec<&'static Step>> {
    let tables = "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'";
    let rows = fetch_rows(connection, tables.into(), params![]).await?;
    if rows.is_empty() {
        return Ok(SQLITE.iter().collect());
    }
    let names = rows.iter().map(|row| row.text("name")).collect::<Result<Vec<_>>>()?;
    if !names.iter().any(|name| name == "migrations") {
        return Err(StoreError::ForeignDatabase);
    }
    let rows = fetch_rows(connection, "select version from migrations order by rowid".into(), params![]).await?;
    let versions = rows.iter().map(|row| row.text("version")).collect::<Result<Vec<_>>>()?;
    let known = |version: &String| SQLITE.iter().any(|step| step.version == version);
    let unknown: Vec<String> = versions.iter().filter(|version| !known(version)).cloned().collect();
    if !unknown.is_empty() {
        return Err(StoreError::UnknownVersions { versions: unknown, newest_known: newest_version() });
    }
    Ok(SQLITE.iter().filter(|step| !versions.iter().any(|version| version == step.version)).collect())
}

async fn apply(connection: &mut SqliteConnection, step: &'static Step) -> std::result::Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("begin immediate").await?;
    let applied = "select count(*) from sqlite_master where type = 'table' and name = 'migrations'";
    if sqlx::query_scalar::<_, i64>(applied).fetch_one(&mut *transaction).await? == 0 {
        sqlx::raw_sql(CREATE_MIGRATIONS).execute(&mut *transaction).await?;
    }
    let present = sqlx::query_scalar::<_, i64>("select count(*) from migrations where version = ?").bind(step.version);
    if present.fetch_one(&mut *transaction).await? > 0 {
        // Another process was faster.
        return transaction.rollback().await;
    }
    sqlx::raw_sql(step.statements).execute(&mut *transaction).await?;
    sqlx::query("insert into migrations (version, upgraded_date) values (?, ?)")
        .bind(step.version)
        .bind(DbTime(Utc::now()).encode())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}
