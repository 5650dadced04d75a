//! Temporary databases: empty ones, and copies of those the Go server made.

use chrono::{DateTime, TimeDelta, Utc};
use semaphore_store::{ServerKind, ServerOptions, SqliteOptions, Store};
use semaphore_test_machine::database::{Kind, Server};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// What keeps a database alive: its directory, or its server with its name there.
pub(crate) enum Kept {
    Directory(TempDir),
    Server(Arc<Server>, String),
}

impl Kept {
    /// Lets a foreign program run a statement; answers what it printed, a line per row.
    pub(crate) async fn execute(&self, statement: &str) -> Vec<String> {
        let directory = match self {
            Self::Server(server, name) => return server.execute(name, statement),
            Self::Directory(directory) => directory,
        };
        let path = directory.path().join("database.sqlite");
        let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(statement.to_owned())).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// On which database a story is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
    MariaDb,
}

impl Database {
    /// A fresh store; `None` if its server is not installed.
    pub(crate) async fn empty(self) -> Option<(Store, Kept)> {
        let (server_kind, kind) = match self {
            Self::Sqlite => {
                let (store, directory) = empty().await;
                return Some((store, Kept::Directory(directory)));
            }
            Self::Postgres => (Kind::Postgres, ServerKind::Postgres),
            Self::MariaDb => (Kind::MariaDb, ServerKind::MySql),
        };
        let server = Server::shared(server_kind)?;
        let name = new_name();
        let store = Store::open_server(&server_options(&server, kind, &name)).await.unwrap();
        Some((store, Kept::Server(server, name)))
    }

    /// The store once more, as after a restart of our server.
    pub(crate) async fn reopen(self, kept: &Kept) -> Store {
        match (self, kept) {
            (Self::MariaDb, Kept::Server(server, name)) => {
                Store::open_server(&server_options(server, ServerKind::MySql, name)).await.unwrap()
            }
            (_, Kept::Server(server, name)) => {
                Store::open_server(&server_options(server, ServerKind::Postgres, name)).await.unwrap()
            }
            (_, Kept::Directory(directory)) => {
                Store::open(SqliteOptions::new(directory.path().join("database.sqlite"))).await.unwrap()
            }
        }
    }

    /// What the database keeps of a time.
    pub(crate) fn kept(self, time: DateTime<Utc>) -> DateTime<Utc> {
        let nanoseconds = match self {
            Self::Sqlite => 1,
            Self::Postgres => 1_000,
            Self::MariaDb => 1_000_000_000,
        };
        time - TimeDelta::nanoseconds(i64::from(time.timestamp_subsec_nanos() % nanoseconds))
    }

    /// The recordings' folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MariaDb => "mysql",
        }
    }

    /// A store on a copy of the database that the Go server made.
    pub(crate) async fn recorded(self) -> Option<(Store, Kept)> {
        let (server_kind, kind, file) = match self {
            Self::Sqlite => {
                let (path, directory) = copy("db/sqlite/database.sqlite");
                return Some((Store::open(SqliteOptions::new(path)).await.unwrap(), Kept::Directory(directory)));
            }
            Self::Postgres => (Kind::Postgres, ServerKind::Postgres, "db/postgres/dump.postgres.sql"),
            Self::MariaDb => (Kind::MariaDb, ServerKind::MySql, "db/mysql/dump.mysql.sql"),
        };
        let server = Server::shared(server_kind)?;
        let name = new_name();
        server.load(&name, &fixtures().join(file));
        let store = Store::open_server(&server_options(&server, kind, &name)).await.unwrap();
        Some((store, Kept::Server(server, name)))
    }
}

/// A database name that no other test of the process has.
pub(crate) fn new_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("story_{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// How a database of a test server is opened.
pub(crate) fn server_options(server: &Server, kind: ServerKind, database: &str) -> ServerOptions {
    ServerOptions {
        kind,
        host: server.address(),
        user: server.user().to_owned(),
        password: "".into(),
        database: database.to_owned(),
        options: std::collections::BTreeMap::new(),
        connections: 4,
    }
}

/// Tells each story on each database.
macro_rules! stories {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            use crate::fixture::Database;

            #[tokio::test]
            async fn sqlite() {
                super::$name(Database::Sqlite).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$name(Database::Postgres).await;
            }

            #[tokio::test]
            async fn mariadb() {
                super::$name(Database::MariaDb).await;
            }
        }
    )*};
}
pub(crate) use stories;

/// Folder of the recordings.
pub(crate) fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/fixtures")
}

/// A fresh store in a directory that goes away with it.
pub(crate) async fn empty() -> (Store, TempDir) {
    let directory = TempDir::new().unwrap();
    let store = Store::open(SqliteOptions::new(directory.path().join("database.sqlite"))).await.unwrap();
    (store, directory)
}

/// A copy of a recorded database, not yet opened.
pub(crate) fn copy(file: &str) -> (PathBuf, TempDir) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("database.sqlite");
    std::fs::copy(fixtures().join(file), &path).unwrap();
    (path, directory)
}

/// A recorded JSON file.
pub(crate) fn json(file: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(fixtures().join(file)).unwrap()).unwrap()
}
