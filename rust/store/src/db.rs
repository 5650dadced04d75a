//! The one place that talks to the drivers: values in, rows out, transactions.
//!
//! Entity files use [`Param`], [`Row`] and the `fetch_`/`execute` functions only; what differs between the databases is an
//! arm here or a word in `sql`.

use crate::Result;
use crate::db_time::DbTime;
use crate::error::StoreError;
pub(crate) use crate::param::{DbTimeParam, Moment, Param, json_param, params};
use crate::sql::Dialect;
use chrono::{DateTime, NaiveDateTime, Utc};
use futures_util::TryStreamExt;
use semaphore_model::JsonMap;
use sqlx::mysql::{MySqlArguments, MySqlPool, MySqlRow};
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Column as _, MySql, Postgres, Row as _, Sqlite, TypeInfo as _};
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

/// One row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
    MySql(MySqlRow),
}

/// A type that all three databases give.
trait Readable<'r>:
    sqlx::Decode<'r, Sqlite>
    + sqlx::Type<Sqlite>
    + sqlx::Decode<'r, Postgres>
    + sqlx::Type<Postgres>
    + sqlx::Decode<'r, MySql>
    + sqlx::Type<MySql>
{
}

impl<'r, T> Readable<'r> for T where
    T: sqlx::Decode<'r, Sqlite>
        + sqlx::Type<Sqlite>
        + sqlx::Decode<'r, Postgres>
        + sqlx::Type<Postgres>
        + sqlx::Decode<'r, MySql>
        + sqlx::Type<MySql>
{
}

impl Row {
    fn get<'r, T: Readable<'r>>(&'r self, column: &str) -> Result<Option<T>> {
        // Unchecked: Go stores texts as blobs and truth values in integer columns.
        match self {
            Self::Sqlite(row) => row.try_get_unchecked(column),
            Self::Postgres(row) => row.try_get_unchecked(column),
            Self::MySql(row) => row.try_get_unchecked(column),
        }
        .map_err(StoreError::from)
    }

    pub(crate) fn int(&self, column: &str) -> Result<i32> {
        Ok(self.get::<i32>(column)?.unwrap_or_default())
    }

    pub(crate) fn long(&self, column: &str) -> Result<i64> {
        Ok(self.optional_long(column)?.unwrap_or_default())
    }

    pub(crate) fn optional_long(&self, column: &str) -> Result<Option<i64>> {
        self.get(column)
    }

    pub(crate) fn boolean(&self, column: &str) -> Result<bool> {
        if let Self::Postgres(row) = self
            && row.try_column(column)?.type_info().name() == "BOOL"
        {
            return Ok(self.get::<bool>(column)?.unwrap_or_default());
        }
        Ok(self.long(column)? != 0)
    }

    pub(crate) fn id<T: From<i32>>(&self, column: &str) -> Result<T> {
        self.int(column).map(T::from)
    }

    pub(crate) fn optional_id<T: From<i32>>(&self, column: &str) -> Result<Option<T>> {
        Ok(self.get::<i32>(column)?.map(T::from))
    }

    pub(crate) fn optional_text(&self, column: &str) -> Result<Option<String>> {
        // Bytes rather than a text: old rows may hold something that is not UTF-8.
        let bytes: Option<&[u8]> = self.get(column)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    }

    pub(crate) fn text(&self, column: &str) -> Result<String> {
        Ok(self.optional_text(column)?.unwrap_or_default())
    }

    /// The text as a word of a fixed set.
    pub(crate) fn word<T: From<String>>(&self, column: &str) -> Result<T> {
        self.text(column).map(T::from)
    }

    pub(crate) fn optional_time(&self, column: &str) -> Result<Option<DateTime<Utc>>> {
        if matches!(self, Self::Postgres(_) | Self::MySql(_)) {
            return Ok(self.get::<NaiveDateTime>(column)?.map(|time| time.and_utc()));
        }
        let text: Option<&str> = self.get(column)?;
        text.filter(|text| !text.is_empty()).map(|text| DbTime::decode_column(column, text)).transpose()
    }

    pub(crate) fn time(&self, column: &str) -> Result<DateTime<Utc>> {
        Ok(self.optional_time(column)?.unwrap_or_else(semaphore_model::time::zero))
    }

    /// A time as it is stored, to be compared with in a later query.
    pub(crate) fn moment(&self, column: &str) -> Result<Option<Moment>> {
        Ok(match self {
            Self::Sqlite(_) => self.optional_text(column)?.map(Moment::Text),
            Self::Postgres(_) | Self::MySql(_) => self.optional_time(column)?.map(Moment::Utc),
        })
    }

    /// A JSON object; null and an empty text are an empty one.
    pub(crate) fn json(&self, column: &str) -> Result<JsonMap> {
        let text = self.text(column)?;
        if text.is_empty() || text == "null" {
            return Ok(JsonMap::new());
        }
        serde_json::from_str(&text).map_err(|_| StoreError::Unreadable {
            column: column.to_owned(),
            value: text.chars().take(64).collect(),
            expected: "a JSON object",
        })
    }
}

/// An entity that can be read from a row of its table.
pub(crate) trait FromRow: Sized {
    /// Reads the columns by name.
    fn from_row(row: &Row) -> Result<Self>;
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
    pub(crate) async fn fetch_all(&self, text: impl Into<Cow<'static, str>>, values: Vec<Param>) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Sqlite(db) => {
                let mut connection = db.readers.acquire().await?;
                fetch_rows(&mut connection, text.into(), values).await?
            }
            Self::Postgres(pool) => {
                let rows = bind_postgres!(text.into(), values).fetch_all(pool).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
            Self::MySql(pool) => {
                let rows = bind_mysql!(text.into(), values).fetch_all(pool).await?;
                rows.into_iter().map(Row::MySql).collect()
            }
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
    pub(crate) async fn begin(&self, durability: Durability, generation: &Arc<AtomicU64>) -> Result<Transaction> {
        let inner = match self {
            Self::Sqlite(db) => {
                let turn = Arc::clone(&db.turn).lock_owned().await;
                db.set_durability(durability).await?;
                Inner::Sqlite(db.writer.begin_with("begin immediate").await?, turn)
            }
            Self::Postgres(pool) => Inner::Postgres(pool.begin().await?),
            Self::MySql(pool) => Inner::MySql(pool.begin().await?),
        };
        Ok(Transaction { inner, generation: Arc::clone(generation), bumps: durability == Durability::Full })
    }

    /// Ends all connections after their running statements. SQLite's last one to go writes the WAL back.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(db) => {
                db.readers.close().await;
                db.writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
            Self::MySql(pool) => pool.close().await,
        }
    }
}

impl SqliteDb {
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
}

/// The field order matters: a transaction ends before its turn.
enum Inner {
    Sqlite(sqlx::Transaction<'static, Sqlite>, OwnedMutexGuard<()>),
    Postgres(sqlx::Transaction<'static, Postgres>),
    MySql(sqlx::Transaction<'static, MySql>),
}

impl Transaction {
    /// Stores everything. State is on disk when this returns.
    pub async fn commit(self) -> Result<()> {
        let Self { inner, generation, bumps } = self;
        let result = match inner {
            Inner::Sqlite(transaction, _turn) => transaction.commit().await,
            Inner::Postgres(transaction) => transaction.commit().await,
            Inner::MySql(transaction) => transaction.commit().await,
        };
        if bumps {
            // Also after an error: nobody knows how far it came.
            generation.fetch_add(1, Ordering::AcqRel);
        }
        result.map_err(StoreError::from)
    }

    /// Takes everything back; dropping does the same a little later.
    pub async fn rollback(self) -> Result<()> {
        match self.inner {
            Inner::Sqlite(transaction, _turn) => transaction.rollback().await,
            Inner::Postgres(transaction) => transaction.rollback().await,
            Inner::MySql(transaction) => transaction.rollback().await,
        }
        .map_err(StoreError::from)
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

    async fn run(&mut self, text: Cow<'static, str>, values: Vec<Param>, keep: bool) -> Result<u64> {
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
    }

    /// Inserts a row; answers its new id.
    pub(crate) async fn insert<T: From<i32>>(
        &mut self,
        text: impl Into<Cow<'static, str>>,
        values: Vec<Param>,
    ) -> Result<T> {
        let text = text.into();
        let id = match &mut self.inner {
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
        };
        i32::try_from(id).map(T::from).map_err(|_| StoreError::Unreadable {
            column: "id".to_owned(),
            value: id.to_string(),
            expected: "a number below 2147483648",
        })
    }

    /// Changes rows; none changed is [`StoreError::NotFound`].
    pub(crate) async fn change(&mut self, text: impl Into<Cow<'static, str>>, values: Vec<Param>) -> Result<()> {
        if self.execute(text, values).await? == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// All rows of a query inside the transaction.
    pub(crate) async fn fetch_all(
        &mut self,
        text: impl Into<Cow<'static, str>>,
        values: Vec<Param>,
    ) -> Result<Vec<Row>> {
        Ok(match &mut self.inner {
            Inner::Sqlite(transaction, _) => fetch_rows(transaction, text.into(), values).await?,
            Inner::Postgres(transaction) => {
                let rows = bind_postgres!(text.into(), values).fetch_all(&mut **transaction).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
            Inner::MySql(transaction) => {
                let rows = bind_mysql!(text.into(), values).fetch_all(&mut **transaction).await?;
                rows.into_iter().map(Row::MySql).collect()
            }
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
