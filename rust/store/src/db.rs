//! The one place that talks to the drivers: values in, rows out, transactions.
//!
//! Entity files use [`Param`], [`Row`] and the `fetch_`/`execute` functions only; what differs between the databases is an
//! arm here or a word in `sql`.
//!
//! What waits for a driver is a boxed future: the drivers' types end here, or every handler of the server would carry
//! them, and its build would take minutes.

use crate::Result;
use crate::error::StoreError;
use crate::event_tap::EventTap;
use crate::open_file::OpenFile;
pub(crate) use crate::param::{DbTimeParam, Moment, Param, json_param, params};
pub(crate) use crate::row::{FromRow, Row};
use crate::sql::Dialect;
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use sqlx::mysql::{MySqlArguments, MySqlPool};
use sqlx::postgres::{PgArguments, PgPool};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqlitePool};
use sqlx::{AssertSqlSafe, MySql, Postgres, Sqlite};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// A database.
pub(crate) enum Db {
    /// SQLite in WAL mode: one connection writes, a few read.
    Sqlite(SqliteDb),
    /// PostgreSQL.
    Postgres(PgPool),
    /// MySQL or MariaDB.
    MySql(MySqlPool),
}

/// Connections of a SQLite database.
pub(crate) struct SqliteDb {
    pub(crate) readers: SqlitePool,
    /// A pool of exactly one connection, so that a transaction that is dropped half-way is rolled back by the pool.
    pub(crate) writer: SqlitePool,
    /// Who may use the writer; waiters are served in order.
    pub(crate) turn: Arc<Mutex<()>>,
    /// What the writer's `synchronous` is set to; [`Durability::UNKNOWN`] after a failure.
    pub(crate) durability: AtomicU8,
    /// The file itself, which somebody may move away.
    pub(crate) file: OpenFile,
}

/// When a commit has reached the disk. Only SQLite knows the difference: the servers are as durable as they are set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// At the end of the commit.
    Full = 1,
    /// With the next `Full` commit or checkpoint.
    Normal = 2,
}

impl Durability {
    pub(crate) const UNKNOWN: u8 = 0;
}

/// Makes a query for one database: its words, its arguments.
macro_rules! bind {
    ($database:ident, $arguments:ident, $add:ident, $text:expr, $values:expr) => {{
        let mut arguments = $arguments::default();
        for value in $values {
            value.$add(&mut arguments).map_err(|error| StoreError::from(sqlx::Error::Encode(error)))?;
        }
        match Dialect::$database.adapt($text) {
            Cow::Borrowed(text) => sqlx::query_with::<$database, _>(text, arguments),
            // Safe: texts made at run time consist of fixed words, numbers and `?` only (see `sql`).
            Cow::Owned(text) => sqlx::query_with::<$database, _>(AssertSqlSafe(text), arguments),
        }
    }};
}

macro_rules! bind_sqlite {
    ($text:expr, $values:expr) => {
        bind!(Sqlite, SqliteArguments, add_to_sqlite, $text, $values)
    };
}

macro_rules! bind_postgres {
    ($text:expr, $values:expr) => {
        bind!(Postgres, PgArguments, add_to_postgres, $text, $values)
    };
}

macro_rules! bind_mysql {
    ($text:expr, $values:expr) => {
        bind!(MySql, MySqlArguments, add_to_mysql, $text, $values)
    };
}

/// Binds and runs a query that answers rows, on a connection to SQLite.
pub(crate) async fn fetch_rows(
    connection: &mut SqliteConnection,
    text: Cow<'static, str>,
    values: Vec<Param>,
) -> Result<Vec<Row>> {
    let rows = bind_sqlite!(text, values).fetch_all(connection).await?;
    Ok(rows.into_iter().map(Row::Sqlite).collect())
}

/// Hands rows over until `take` has enough.
macro_rules! take_rows {
    ($found:expr, $kind:ident, $take:ident) => {{
        let mut found = $found;
        while let Some(row) = found.try_next().await? {
            if $take(&Row::$kind(row))? {
                break;
            }
        }
    }};
}

impl Db {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
            Self::MySql(_) => Dialect::MySql,
        }
    }

    /// All rows of a query outside a transaction.
    pub(crate) fn fetch_all(
        &self,
        text: impl Into<Cow<'static, str>>,
        values: Vec<Param>,
    ) -> BoxFuture<'_, Result<Vec<Row>>> {
        let text = text.into();
        Box::pin(async move {
            Ok(match self {
                Self::Sqlite(db) => {
                    let mut connection = db.readers.acquire().await?;
                    fetch_rows(&mut connection, text, values).await?
                }
                Self::Postgres(pool) => {
                    let rows = bind_postgres!(text, values).fetch_all(pool).await?;
                    rows.into_iter().map(Row::Postgres).collect()
                }
                Self::MySql(pool) => {
                    let rows = bind_mysql!(text, values).fetch_all(pool).await?;
                    rows.into_iter().map(Row::MySql).collect()
                }
            })
        })
    }

    /// Hands the rows of a query outside a transaction over one by one, until `take` answers that it has enough. A row
    /// takes much more memory than what is made of it.
    pub(crate) async fn fetch_until(
        &self,
        text: impl Into<Cow<'static, str>>,
        values: Vec<Param>,
        mut take: impl FnMut(&Row) -> Result<bool>,
    ) -> Result<()> {
        match self {
            Self::Sqlite(db) => {
                let mut connection = db.readers.acquire().await?;
                take_rows!(bind_sqlite!(text.into(), values).fetch(&mut *connection), Sqlite, take);
            }
            Self::Postgres(pool) => take_rows!(bind_postgres!(text.into(), values).fetch(pool), Postgres, take),
            Self::MySql(pool) => take_rows!(bind_mysql!(text.into(), values).fetch(pool), MySql, take),
        }
        Ok(())
    }

    /// The only row of a query outside a transaction, if there is one.
    pub(crate) async fn fetch_optional(
        &self,
        text: impl Into<Cow<'static, str>>,
        values: Vec<Param>,
    ) -> Result<Option<Row>> {
        Ok(self.fetch_all(text, values).await?.into_iter().next())
    }

    /// Opens a transaction for writing; SQLite's waits for its turn.
    pub(crate) fn begin<'a>(
        &'a self,
        durability: Durability,
        generation: &'a Arc<AtomicU64>,
    ) -> BoxFuture<'a, Result<Transaction>> {
        Box::pin(async move {
            let inner = match self {
                Self::Sqlite(db) => {
                    let turn = Arc::clone(&db.turn).lock_owned().await;
                    db.file.check()?;
                    Inner::Sqlite(db.begin(durability).await?, turn)
                }
                Self::Postgres(pool) => Inner::Postgres(pool.begin().await?),
                Self::MySql(pool) => Inner::MySql(pool.begin().await?),
            };
            let bumps = durability == Durability::Full;
            Ok(Transaction { inner, generation: Arc::clone(generation), bumps, events: EventTap::default() })
        })
    }

    /// Ends all connections after their running statements. SQLite's last one to go writes the WAL back.
    pub(crate) fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match self {
                Self::Sqlite(db) => {
                    db.readers.close().await;
                    db.writer.close().await;
                }
                Self::Postgres(pool) => pool.close().await,
                Self::MySql(pool) => pool.close().await,
            }
        })
    }
}

impl SqliteDb {
    /// Only with the turn held.
    async fn begin(&self, durability: Durability) -> Result<sqlx::Transaction<'static, Sqlite>> {
        self.set_durability(durability).await?;
        let begun = self.writer.begin_with("begin immediate").await;
        // On a full disk SQLite takes a transaction back by itself, which the driver does not notice.
        let error = match begun {
            Ok(begun) => return Ok(begun),
            Err(sqlx::Error::InvalidSavePointStatement) => None,
            Err(error) => match StoreError::from(error) {
                error @ StoreError::Unavailable { .. } => Some(error),
                error => return Err(error),
            },
        };
        // Opened while the file could only be read, a connection never writes: the next one may.
        self.writer.acquire().await?.close().await?;
        self.durability.store(Durability::UNKNOWN, Ordering::Relaxed);
        if let Some(error) = error {
            return Err(error);
        }
        self.set_durability(durability).await?;
        Ok(self.writer.begin_with("begin immediate").await?)
    }

    /// Only with the turn held.
    async fn set_durability(&self, durability: Durability) -> Result<()> {
        if self.durability.load(Ordering::Relaxed) == durability as u8 {
            return Ok(());
        }
        self.durability.store(Durability::UNKNOWN, Ordering::Relaxed);
        let text = match durability {
            Durability::Full => "pragma synchronous = full",
            Durability::Normal => "pragma synchronous = normal",
        };
        sqlx::query(text).execute(&self.writer).await?;
        self.durability.store(durability as u8, Ordering::Relaxed);
        Ok(())
    }
}

/// A transaction for writing. Nothing is stored before [`Transaction::commit`]; dropping it takes everything back.
///
/// On SQLite it holds the only writing connection: do no other work while it is open, and never open a second one.
pub struct Transaction {
    inner: Inner,
    generation: Arc<AtomicU64>,
    bumps: bool,
    pub(crate) events: EventTap,
}

/// The field order matters: a transaction ends before its turn.
enum Inner {
    Sqlite(sqlx::Transaction<'static, Sqlite>, OwnedMutexGuard<()>),
    Postgres(sqlx::Transaction<'static, Postgres>),
    MySql(sqlx::Transaction<'static, MySql>),
}

impl Transaction {
    /// Stores everything. State is on disk when this returns.
    pub fn commit(self) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let Self { inner, generation, bumps, events } = self;
            let result = match inner {
                Inner::Sqlite(transaction, _turn) => transaction.commit().await,
                Inner::Postgres(transaction) => transaction.commit().await,
                Inner::MySql(transaction) => transaction.commit().await,
            };
            if bumps {
                // Also after an error: nobody knows how far it came.
                generation.fetch_add(1, Ordering::AcqRel);
            }
            result?;
            events.tell();
            Ok(())
        })
    }

    /// Takes everything back; dropping does the same a little later.
    pub fn rollback(self) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            match self.inner {
                Inner::Sqlite(transaction, _turn) => transaction.rollback().await,
                Inner::Postgres(transaction) => transaction.rollback().await,
                Inner::MySql(transaction) => transaction.rollback().await,
            }
            .map_err(StoreError::from)
        })
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self.inner {
            Inner::Sqlite(..) => Dialect::Sqlite,
            Inner::Postgres(_) => Dialect::Postgres,
            Inner::MySql(_) => Dialect::MySql,
        }
    }

    /// Runs a statement; answers the number of rows it found, also those that were as wanted before.
    pub(crate) async fn execute(&mut self, text: impl Into<Cow<'static, str>>, values: Vec<Param>) -> Result<u64> {
        self.run(text.into(), values, true).await
    }

    /// Runs a statement whose text is used once and not worth keeping prepared.
    pub(crate) async fn execute_once(&mut self, text: String, values: Vec<Param>) -> Result<u64> {
        self.run(text.into(), values, false).await
    }

    fn run(&mut self, text: Cow<'static, str>, values: Vec<Param>, keep: bool) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            Ok(match &mut self.inner {
                Inner::Sqlite(transaction, _) => {
                    bind_sqlite!(text, values).persistent(keep).execute(&mut **transaction).await?.rows_affected()
                }
                Inner::Postgres(transaction) => {
                    bind_postgres!(text, values).persistent(keep).execute(&mut **transaction).await?.rows_affected()
                }
                Inner::MySql(transaction) => {
                    bind_mysql!(text, values).persistent(keep).execute(&mut **transaction).await?.rows_affected()
                }
            })
        })
    }

    /// Inserts a row; answers its new id.
    pub(crate) async fn insert<T: From<i32>>(
        &mut self,
        text: impl Into<Cow<'static, str>>,
        values: Vec<Param>,
    ) -> Result<T> {
        let id = self.insert_row(text.into(), values).await?;
        i32::try_from(id).map(T::from).map_err(|_| StoreError::Unreadable {
            column: "id".to_owned(),
            value: id.to_string(),
            expected: "a number below 2147483648",
        })
    }

    fn insert_row(&mut self, text: Cow<'static, str>, values: Vec<Param>) -> BoxFuture<'_, Result<i64>> {
        Box::pin(async move {
            Ok(match &mut self.inner {
                Inner::Sqlite(transaction, _) => {
                    bind_sqlite!(text, values).execute(&mut **transaction).await?.last_insert_rowid()
                }
                Inner::Postgres(transaction) => {
                    let text = Cow::Owned(format!("{text} returning id"));
                    let row = bind_postgres!(text, values).fetch_one(&mut **transaction).await?;
                    Row::Postgres(row).long("id")?
                }
                Inner::MySql(transaction) => {
                    let id = bind_mysql!(text, values).execute(&mut **transaction).await?.last_insert_id();
                    i64::try_from(id).unwrap_or(i64::MAX)
                }
            })
        })
    }

    /// Changes rows; none changed is [`StoreError::NotFound`].
    pub(crate) async fn change(&mut self, text: impl Into<Cow<'static, str>>, values: Vec<Param>) -> Result<()> {
        if self.execute(text, values).await? == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// All rows of a query inside the transaction.
    pub(crate) fn fetch_all(
        &mut self,
        text: impl Into<Cow<'static, str>>,
        values: Vec<Param>,
    ) -> BoxFuture<'_, Result<Vec<Row>>> {
        let text = text.into();
        Box::pin(async move {
            Ok(match &mut self.inner {
                Inner::Sqlite(transaction, _) => fetch_rows(transaction, text, values).await?,
                Inner::Postgres(transaction) => {
                    let rows = bind_postgres!(text, values).fetch_all(&mut **transaction).await?;
                    rows.into_iter().map(Row::Postgres).collect()
                }
                Inner::MySql(transaction) => {
                    let rows = bind_mysql!(text, values).fetch_all(&mut **transaction).await?;
                    rows.into_iter().map(Row::MySql).collect()
                }
            })
        })
    }

    /// The only row of a query inside the transaction, if there is one.
    pub(crate) async fn fetch_optional(
        &mut self,
        text: impl Into<Cow<'static, str>>,
        values: Vec<Param>,
    ) -> Result<Option<Row>> {
        Ok(self.fetch_all(text, values).await?.into_iter().next())
    }
}

/// Gives [`crate::Store`] the writing methods of [`Transaction`], each in a transaction of its own.
macro_rules! writes {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),* $(,)?) -> $answer:ty;)*) => {
        impl $crate::Store {$(
            $(#[$doc])*
            pub async fn $name(&self, $($argument: $kind),*) -> $crate::Result<$answer> {
                let mut transaction = self.begin().await?;
                let answer = transaction.$name($($argument),*).await?;
                transaction.commit().await?;
                Ok(answer)
            }
        )*}
    };
}
pub(crate) use writes;
