//! Opening a database only to look at it: nothing is made, migrated or written, and the answers say what state it is in.
//!
//! Not for serving: a store that was opened here refuses every write. Invariant: the database is as it was afterwards (SQLite
//! may leave its two auxiliary files beside a database in WAL mode, as every reader does).

use crate::db::{Db, SqliteDb, params};
use crate::migration::{self, newest_version, tables};
use crate::open::{connect_options, pool};
use crate::open_file::OpenFile;
use crate::open_server::{ServerKind, ServerOptions};
use crate::sql::Dialect;
use crate::{Result, SqliteOptions, Store, StoreError};
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::time::Duration;
use tokio::sync::Mutex;

/// Tables whose rows are counted, with the word for a row.
const ENTITIES: &[(&str, &str)] = &[
    ("users", "user"),
    ("second factors", "user__totp"),
    ("sessions", "session"),
    ("API tokens", "user__token"),
    ("projects", "project"),
    ("members", "project__user"),
    ("invites", "project__invite"),
    ("roles", "role"),
    ("keys and secrets", "access_key"),
    ("secret storages", "project__secret_storage"),
    ("repositories", "project__repository"),
    ("inventories", "project__inventory"),
    ("variable groups", "project__environment"),
    ("views", "project__view"),
    ("templates", "project__template"),
    ("vaults of templates", "project__template_vault"),
    ("schedules", "project__schedule"),
    ("integrations", "project__integration"),
    ("aliases of integrations", "project__integration_alias"),
    ("runners", "runner"),
    ("tasks", "task"),
    ("lines of output", "task__output"),
    ("Terraform states", "project__terraform_inventory_state"),
    ("events", "event"),
    ("options", "option"),
];

/// How the schema stands to this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// The newest that this server knows.
    Current,
    /// Older: a server that starts brings it up.
    Outdated,
    /// There are no tables: a server that starts makes them.
    Empty,
}

impl Store {
    /// Opens a SQLite file for reading. Errors: a file that is not there or is no database; nothing is made.
    pub async fn inspect(options: &SqliteOptions) -> Result<Self> {
        let connect = connect_options(options).read_only(true);
        let readers = pool(1).connect_with(connect.clone()).await?;
        let writer = pool(1).connect_lazy_with(connect);
        let turn = Arc::new(Mutex::new(()));
        let file = OpenFile::new(&options.path);
        Ok(Self::new(Db::Sqlite(SqliteDb { readers, writer, turn, durability: AtomicU8::new(1), file })))
    }

    /// Opens a database on a server for reading: its own transactions refuse to write. Errors: one that is not there is not made.
    pub async fn inspect_server(options: &ServerOptions) -> Result<Self> {
        let patience = Duration::from_secs(30);
        Ok(Self::new(match options.kind {
            ServerKind::Postgres => {
                let connect = options.postgres(&options.database)?.options([("default_transaction_read_only", "on")]);
                Db::Postgres(
                    PgPoolOptions::new().max_connections(1).acquire_timeout(patience).connect_with(connect).await?,
                )
            }
            ServerKind::MySql => {
                let connect = options.mysql(Some(&options.database))?;
                let pool = MySqlPoolOptions::new().max_connections(1).acquire_timeout(patience);
                let pool = pool.after_connect(|connection, _| {
                    Box::pin(async move {
                        let text = "set session transaction read only";
                        sqlx::raw_sql(text).execute(connection).await.map(drop)
                    })
                });
                Db::MySql(pool.connect_with(connect).await?)
            }
        }))
    }

    /// How the schema stands to this server. Errors: [`StoreError::ForeignDatabase`], [`StoreError::UnknownVersions`].
    pub async fn schema_state(&self) -> Result<SchemaState> {
        let present = tables(self.db()).await?;
        if !present.iter().any(|table| table == "migrations") {
            let is_empty = present.iter().all(|table| table.starts_with("sqlite_"));
            return if is_empty { Ok(SchemaState::Empty) } else { Err(StoreError::ForeignDatabase) };
        }
        let versions: Vec<_> = self.list_schema_versions().await?.into_iter().map(|applied| applied.version).collect();
        migration::refuse_unknown(self.db().dialect(), &versions)?;
        let is_current = versions.iter().any(|version| version == newest_version());
        Ok(if is_current { SchemaState::Current } else { SchemaState::Outdated })
    }

    /// What the database itself says about its pages and indexes, at most 20 complaints; only SQLite can be asked.
    pub async fn check_integrity(&self) -> Result<Vec<String>> {
        if self.db().dialect() != Dialect::Sqlite {
            return Ok(Vec::new());
        }
        let rows = self.db().fetch_all("pragma integrity_check(20)", params![]).await?;
        let said = rows.iter().map(|row| row.text("integrity_check")).collect::<Result<Vec<_>>>()?;
        Ok(said.into_iter().filter(|text| text != "ok").collect())
    }

    /// Rows per kind of object; kinds whose table is not there are left out.
    pub async fn count_entities(&self) -> Result<Vec<(&'static str, i64)>> {
        let present = tables(self.db()).await?;
        let mut counts = Vec::new();
        for (name, table) in ENTITIES.iter().filter(|(_, table)| present.iter().any(|found| found == table)) {
            let text = format!("select count(*) as count from `{table}`");
            let row = self.db().fetch_optional(text, params![]).await?;
            counts.push((*name, row.map_or(Ok(0), |row| row.long("count"))?));
        }
        Ok(counts)
    }

    /// The apps that templates name, each once.
    pub async fn list_used_apps(&self) -> Result<Vec<String>> {
        let rows = self.db().fetch_all("select distinct app from project__template order by app", params![]).await?;
        rows.iter().map(|row| row.text("app")).collect()
    }

    /// How many other connections the database has, if it can tell: a server knows its clients, SQLite does not. Only for a
    /// store that was opened for inspection: it has one connection.
    pub async fn count_other_connections(&self) -> Result<Option<i64>> {
        let text = match self.db().dialect() {
            Dialect::Sqlite => return Ok(None),
            Dialect::Postgres => {
                "select count(*) as count from pg_stat_activity where datname = current_database() \
                 and pid <> pg_backend_pid() and backend_type = 'client backend'"
            }
            Dialect::MySql => {
                "select count(*) as count from information_schema.processlist where db = database() and id <> connection_id()"
            }
        };
        let row = self.db().fetch_optional(text, params![]).await?;
        row.map(|row| row.long("count")).transpose()
    }
}
