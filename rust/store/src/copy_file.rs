//! A copy of a SQLite database that may be in use, and the question whether two stores are one database.
//!
//! Not for backups with a name and a time (the migration makes those), and not for copies between kinds of databases.

use crate::db::params;
use crate::open::{connect_options, create_private_file};
use crate::sql::Dialect;
use crate::{Result, SqliteOptions, Store};
use sqlx::{ConnectOptions, Connection};
use std::path::Path;

/// Copies a SQLite database as it is at one moment, while others go on to use it, into a file with rights for its owner only.
///
/// The source is opened for reading; `target` must not be there. Errors leave a `target` that is not whole: remove it.
pub async fn copy_sqlite(source: &Path, target: &Path) -> Result<()> {
    create_private_file(target)?;
    let options = SqliteOptions::new(source);
    let mut connection = connect_options(&options).read_only(true).connect().await?;
    let name = target.to_string_lossy().into_owned();
    sqlx::query("vacuum into ?").bind(name).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

impl Store {
    /// What tells this database from all others, on servers: the same words for two stores mean the same database.
    pub async fn identity(&self) -> Result<Option<String>> {
        let text = match self.db().dialect() {
            Dialect::Sqlite => return Ok(None),
            // The start of the server tells two servers on one port in different containers apart.
            Dialect::Postgres => {
                "select concat_ws('/', pg_postmaster_start_time(), inet_server_port(), current_database(), current_schema()) as name"
            }
            Dialect::MySql => "select concat_ws('/', @@hostname, @@port, @@datadir, database()) as name",
        };
        let row = self.db().fetch_optional(text, params![]).await?;
        row.map(|row| row.text("name")).transpose()
    }
}
