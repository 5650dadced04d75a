//! Opening a database on a PostgreSQL or MySQL server.

use crate::db::Db;
use crate::migration::Connection;
use crate::sql::Dialect;
use crate::{Result, Store, StoreError, migration};
use semaphore_model::Secret;
use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlPoolOptions, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

/// How long a call waits for a connection, also while the server is away: whoever asks then is told soon, and may ask again.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// Which kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

impl ServerKind {
    pub(crate) const fn dialect(self) -> Dialect {
        match self {
            Self::Postgres => Dialect::Postgres,
            Self::MySql => Dialect::MySql,
        }
    }
}

/// Where a database on a server is and how it is used.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Which kind of server.
    pub kind: ServerKind,
    /// `host`, `host:port`, or the path of a socket (MySQL) or of its directory (PostgreSQL).
    pub host: String,
    /// Who logs in.
    pub user: String,
    /// Their password.
    pub password: Secret,
    /// Name of the database; it is made if it is not there and the user may.
    pub database: String,
    /// `options` of the configuration, in the words of the Go drivers: `sslmode`, `tls`, ...
    pub options: BTreeMap<String, String>,
    /// How many connections are open at most.
    pub connections: u32,
}

impl ServerOptions {
    fn host_and_port(&self) -> (&str, Option<u16>) {
        match self.host.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()),
            _ => (&self.host, None),
        }
    }

    fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }

    pub(crate) fn postgres(&self, database: &str) -> Result<PgConnectOptions> {
        // Through the URL parser, because it knows all options of the URL form, which are those of the Go driver.
        let pairs = self.options.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        let url = format!("postgres://localhost/?{}", pairs.collect::<Vec<_>>().join("&"));
        let mut options = PgConnectOptions::from_str(&url).map_err(StoreError::from)?;
        options = options.username(&self.user).database(database);
        if !self.password.is_empty() {
            options = options.password(self.password.expose());
        }
        options = if self.is_socket() {
            options.socket(&self.host)
        } else {
            let (host, port) = self.host_and_port();
            options.host(host).port(port.unwrap_or(5432))
        };
        Ok(options.statement_cache_capacity(100).disable_statement_logging())
    }

    pub(crate) fn mysql(&self, database: Option<&str>) -> Result<MySqlConnectOptions> {
        let mut options = MySqlConnectOptions::new().username(&self.user);
        if !self.password.is_empty() {
            options = options.password(self.password.expose());
        }
        if let Some(database) = database {
            options = options.database(database);
        }
        options = if self.is_socket() {
            options.socket(&self.host)
        } else {
            let (host, port) = self.host_and_port();
            options.host(host).port(port.unwrap_or(3306))
        };
        options = match self.options.get("tls").map(String::as_str) {
            None | Some("preferred") => options,
            Some("false") => options.ssl_mode(MySqlSslMode::Disabled),
            Some("skip-verify") => options.ssl_mode(MySqlSslMode::Required),
            Some("true") => options.ssl_mode(MySqlSslMode::VerifyIdentity),
            Some(other) => {
                return Err(StoreError::Invalid(semaphore_model::ValidationError::new(format!(
                    "the option tls of the MySQL database is {other:?}: use true, false, skip-verify or preferred"
                ))));
            }
        };
        Ok(options.statement_cache_capacity(100).disable_statement_logging())
    }
}

/// Letters, digits and `-._~` as they are, every other byte as `%XX`.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

impl Store {
    /// Opens a database on a server: makes it if it is not there, makes or checks its schema, opens the connections.
    ///
    /// Errors: [`StoreError::UnknownVersions`] and the other refusals leave the database as it was.
    pub async fn open_server(options: &ServerOptions) -> Result<Self> {
        let place = migration::Place::Server(options);
        migration::run(place, migration::Target::Newest, &mut |_| {}).await?;
        let db = match options.kind {
            ServerKind::Postgres => Db::Postgres(postgres_pool(options)?),
            ServerKind::MySql => Db::MySql(mysql_pool(options)?),
        };
        let store = Self::new(db);
        store.make_own_tables().await?;
        Ok(store)
    }
}

fn postgres_pool(options: &ServerOptions) -> Result<sqlx::PgPool> {
    let pool = PgPoolOptions::new()
        .max_connections(options.connections.max(2))
        .min_connections(0)
        .acquire_timeout(CONNECTION_TIMEOUT);
    Ok(pool.connect_lazy_with(options.postgres(&options.database)?))
}

fn mysql_pool(options: &ServerOptions) -> Result<sqlx::MySqlPool> {
    let pool = MySqlPoolOptions::new()
        .max_connections(options.connections.max(2))
        .min_connections(0)
        .acquire_timeout(CONNECTION_TIMEOUT)
        .after_connect(|connection, _| Box::pin(async move { read_what_is_committed(connection).await }));
    Ok(pool.connect_lazy_with(options.mysql(Some(&options.database))?))
}

/// As PostgreSQL does: who has waited for the lock of a row then counts what the others have stored meanwhile. By default MySQL
/// counts what was there when the transaction began.
async fn read_what_is_committed(connection: &mut MySqlConnection) -> std::result::Result<(), sqlx::Error> {
    let format = sqlx::query_scalar("select @@session.binlog_format").fetch_one(&mut *connection).await;
    // Such a log takes nothing of a transaction that reads so.
    if format.is_ok_and(|format: String| format.eq_ignore_ascii_case("statement")) {
        return Ok(());
    }
    sqlx::raw_sql("set session transaction isolation level read committed").execute(connection).await.map(drop)
}

/// One connection. A database that is not there is made if `make` says so; otherwise the answer is `None`.
pub(crate) async fn connect(options: &ServerOptions, make: bool) -> Result<Option<Connection>> {
    match open(options).await {
        Ok(connection) => Ok(Some(connection)),
        Err(StoreError::Database { source }) if is_missing(&source) => {
            if !make {
                return Ok(None);
            }
            create(options).await?;
            open(options).await.map(Some)
        }
        Err(error) => Err(error),
    }
}

async fn open(options: &ServerOptions) -> Result<Connection> {
    Ok(match options.kind {
        ServerKind::Postgres => Connection::Postgres(options.postgres(&options.database)?.connect().await?),
        ServerKind::MySql => Connection::MySql(options.mysql(Some(&options.database))?.connect().await?),
    })
}

/// SQLSTATE: no such database.
const POSTGRES_NO_DATABASE: &str = "3D000";

/// MySQL's error number: no such database.
const MYSQL_NO_DATABASE: u16 = 1049;

fn is_missing(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| match error.try_downcast_ref::<MySqlDatabaseError>() {
        Some(error) => error.number() == MYSQL_NO_DATABASE,
        None => error.code().as_deref() == Some(POSTGRES_NO_DATABASE),
    })
}

async fn create(options: &ServerOptions) -> Result<()> {
    let (mut connection, text) = match options.kind {
        ServerKind::Postgres => {
            let name = options.database.replace('"', "\"\"");
            let connection = options.postgres("postgres")?.connect().await?;
            (Connection::Postgres(connection), format!("create database \"{name}\""))
        }
        ServerKind::MySql => {
            let name = options.database.replace('`', "``");
            let connection = options.mysql(None)?.connect().await?;
            (Connection::MySql(connection), format!("create database `{name}` default character set utf8mb4"))
        }
    };
    connection.run(&text).await?;
    Ok(connection.close().await?)
}
