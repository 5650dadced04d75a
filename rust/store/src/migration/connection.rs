//! The one connection a migration runs on, outside of the store's pools: what is left open on it ends with it.

use crate::db::Row;
use crate::sql::Dialect;
use sqlx::mysql::{MySqlConnection, MySqlDatabaseError};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// A connection to one of the three databases.
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl Connection {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
            Self::MySql(_) => Dialect::MySql,
        }
    }

    /// Runs statements of our own making: fixed words and names out of the catalogue.
    pub(crate) async fn run(&mut self, text: &str) -> Result<()> {
        let text = AssertSqlSafe(text.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(text).execute(connection).await.map(drop),
            Self::Postgres(connection) => sqlx::raw_sql(text).execute(connection).await.map(drop),
            Self::MySql(connection) => sqlx::raw_sql(text).execute(connection).await.map(drop),
        }
    }

    /// Runs a statement with texts in the places of `?` (PostgreSQL: `$1`, ...).
    pub(crate) async fn bound(&mut self, text: &'static str, values: &[&str]) -> Result<()> {
        macro_rules! bound {
            ($connection:expr, $text:expr) => {{
                let mut query = sqlx::query(AssertSqlSafe($text));
                for value in values {
                    query = query.bind(*value);
                }
                query.execute($connection).await.map(drop)
            }};
        }
        match self {
            Self::Sqlite(connection) => bound!(connection, text.to_owned()),
            Self::Postgres(connection) => bound!(connection, Dialect::Postgres.adapt(text.into()).into_owned()),
            Self::MySql(connection) => bound!(connection, text.to_owned()),
        }
    }

    /// All rows of a query without values.
    pub(crate) async fn rows(&mut self, text: &str) -> Result<Vec<Row>> {
        let text = AssertSqlSafe(text.to_owned());
        Ok(match self {
            Self::Sqlite(connection) => {
                sqlx::query(text).fetch_all(connection).await?.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(connection) => {
                sqlx::query(text).fetch_all(connection).await?.into_iter().map(Row::Postgres).collect()
            }
            Self::MySql(connection) => {
                sqlx::query(text).fetch_all(connection).await?.into_iter().map(Row::MySql).collect()
            }
        })
    }

    /// Begins a transaction in which nobody else writes (SQLite) or that takes all or nothing (the servers).
    pub(crate) async fn begin(&mut self) -> Result<()> {
        let text = if self.dialect() == Dialect::Sqlite { "begin immediate" } else { "begin" };
        self.run(text).await
    }

    pub(crate) async fn commit(&mut self) -> Result<()> {
        self.run("commit").await
    }

    /// Takes back what was begun; a connection that cannot even do that is closed by its error.
    pub(crate) async fn rollback(&mut self) {
        if let Err(error) = self.run("rollback").await {
            tracing::debug!(%error, "nothing to take back");
        }
    }

    pub(crate) async fn close(self) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
            Self::MySql(connection) => connection.close().await,
        }
    }
}

/// MySQL's number of an error.
pub(super) fn mysql_number(error: &sqlx::Error) -> Option<u16> {
    let error = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(error.number())
}
