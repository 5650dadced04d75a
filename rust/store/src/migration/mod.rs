//! The history of the schema: the reference's own numbered steps, so that either server can open the other's database.
//!
//! Each step is one transaction together with its row in `migrations`, as far as the database has such transactions; MySQL's
//! are noted statement by statement ([`progress`]). A database with a version nobody here knows is refused before anything is
//! written. A SQLite file is copied before its first change. What we add ourselves lies in tables of its own with a history
//! of its own: `own.rs`.

mod backup;
mod connection;
mod history;
mod new_schema;
pub(crate) mod own;
mod own_output;
mod own_steps;
mod plan;
mod progress;
mod return_check;
mod run;
mod step;
mod version;

pub(crate) use connection::Connection;
pub(crate) use plan::refuse_unknown;
pub use plan::{Plan, Target};
pub use return_check::{OwnRows, ReturnCheck, UnfinishedTask};
pub use run::{Place, Progress, plan, run};
pub use version::SchemaVersion;

use crate::db::{Db, params};
use crate::sql::Dialect;
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use history::Step;

macro_rules! steps {
    ($($version:literal),* $(,)?) => {
        &[$(Step {
            version: $version,
            statements: &[history::sqlite(include_str!(concat!("v", $version, ".sql")))],
        }),*]
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

fn sqlite_steps() -> &'static [Step] {
    SQLITE
}

/// The names of all steps of the reference's longest history, which is also that of Bolt files, oldest first.
pub(crate) fn all_versions() -> Vec<&'static str> {
    plan::versions(Dialect::Postgres)
}

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
        let rows = self.db().fetch_all("select version, upgraded_date from migrations", Vec::new()).await?;
        let versions = rows.iter().map(|row| {
            Ok(AppliedVersion { version: row.text("version")?, applied: row.optional_time("upgraded_date")? })
        });
        let mut versions = versions.collect::<Result<Vec<_>>>()?;
        // Steps that are made at once have the same time.
        let known = plan::versions(self.db().dialect());
        versions.sort_by_key(|found| known.iter().position(|version| *version == found.version));
        Ok(versions)
    }
}

/// Names of the tables of the database.
pub(crate) async fn tables(db: &Db) -> Result<Vec<String>> {
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
