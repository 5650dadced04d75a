//! The one place that talks to the driver: values in, rows out, transactions.
//!
//! Entity files use [`Param`], [`Row`] and the `fetch_`/`execute` functions only, so that a second database is a new arm
//! here and not a new set of entity files.

use crate::Result;
use crate::db_time::DbTime;
use crate::error::StoreError;
pub(crate) use crate::param::{DbTimeParam, Param, json_param, params};
use crate::sql::Dialect;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use semaphore_model::JsonMap;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, Sqlite};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// A database. The only one so far is SQLite: one connection writes, a few read.
pub(crate) enum Db {
    /// SQLite in WAL mode.
    Sqlite(SqliteDb),
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

/// When a commit has reached the disk.
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
pub(crate) struct Row(SqliteRow);

impl Row {
    fn get<'r, T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>>(&'r self, column: &str) -> Result<T> {
        // Unchecked: Go stores texts as blobs and truth values in integer columns.
        self.0.try_get_unchecked(column).map_err(StoreError::from)
    }

    pub(crate) fn int(&self, column: &str) -> Result<i32> {
        Ok(self.get::<Option<i32>>(column)?.unwrap_or_default())
    }

    pub(crate) fn long(&self, column: &str) -> Result<i64> {
        Ok(self.get::<Option<i64>>(column)?.unwrap_or_default())
    }

    pub(crate) fn optional_long(&self, column: &str) -> Result<Option<i64>> {
        self.get(column)
    }

    pub(crate) fn boolean(&self, column: &str) -> Result<bool> {
        Ok(self.long(column)? != 0)
    }

    pub(crate) fn id<T: From<i32>>(&self, column: &str) -> Result<T> {
        self.int(column).map(T::from)
    }

    pub(crate) fn optional_id<T: From<i32>>(&self, column: &str) -> Result<Option<T>> {
        Ok(self.get::<Option<i32>>(column)?.map(T::from))
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
        let text: Option<&str> = self.get(column)?;
        text.filter(|text| !text.is_empty()).map(|text| DbTime::decode_column(column, text)).transpose()
    }

    pub(crate) fn time(&self, column: &str) -> Result<DateTime<Utc>> {
        Ok(self.optional_time(column)?.unwrap_or_else(semaphore_model::time::zero))
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

/// Binds and runs a query that answers rows.
pub(crate) async fn fetch_rows(
    connection: &mut SqliteConnection,
    text: Cow<'static, str>,
    values: Vec<Param>,
) -> Result<Vec<Row>> {
    let query = bind(text, values)?;
    let rows = query.fetch_all(connection).await?;
    Ok(rows.into_iter().map(Row).collect())
}

type Query = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

fn bind(text: Cow<'static, str>, values: Vec<Param>) -> Result<Query> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        value.add_to(&mut arguments)?;
    }
    Ok(match Dialect::Sqlite.adapt(text) {
        Cow::Borrowed(text) => sqlx::query_with(text, arguments),
        // Safe: texts made at run time consist of fixed words, numbers and `?` only (see `sql`).
        Cow::Owned(text) => sqlx::query_with(AssertSqlSafe(text), arguments),
    })
}

impl Db {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// All rows of a query outside a transaction.
    pub(crate) async fn fetch_all(&self, text: impl Into<Cow<'static, str>>, values: Vec<Param>) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(db) => {
                let mut connection = db.readers.acquire().await?;
                fetch_rows(&mut connection, text.into(), values).await
            }
        }
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
                let query = bind(text.into(), values)?;
                let mut found = query.fetch(&mut *connection);
                while let Some(row) = found.try_next().await? {
                    if take(&Row(row))? {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// The only row of a query outside a transaction, if there is one.
    pub(crate) async fn fetch_optional(
        &self,
        text: impl Into<Cow<'static, str>>,
        values: Vec<Param>,
    ) -> Result<Option<Row>> {
        Ok(self.fetch_all(text, values).await?.into_iter().next())
    }

    /// Waits for its turn and opens a transaction for writing.
    pub(crate) async fn begin(&self, durability: Durability, generation: &Arc<AtomicU64>) -> Result<Transaction> {
        match self {
            Self::Sqlite(db) => {
                let turn = Arc::clone(&db.turn).lock_owned().await;
                db.set_durability(durability).await?;
                let inner = db.writer.begin_with("begin immediate").await?;
                Ok(Transaction {
                    inner,
                    generation: Arc::clone(generation),
                    bumps: durability == Durability::Full,
                    _turn: turn,
                })
            }
        }
    }

    /// Makes the tables of our own that are not there.
    pub(crate) async fn prepare_own_tables(&self) -> Result<()> {
        match self {
            Self::Sqlite(db) => {
                let _turn = db.turn.lock().await;
                db.set_durability(Durability::Full).await?;
                let mut connection = db.writer.acquire().await?;
                crate::migration::own::prepare(&mut connection).await
            }
        }
    }

    /// Ends all connections after their running statements. The last one to go writes the WAL back.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(db) => {
                db.readers.close().await;
                db.writer.close().await;
            }
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
/// It holds the only writing connection: do no other work while it is open, and never open a second one.
pub struct Transaction {
    inner: sqlx::Transaction<'static, Sqlite>,
    generation: Arc<AtomicU64>,
    bumps: bool,
    _turn: OwnedMutexGuard<()>,
}

impl Transaction {
    /// Stores everything. State is on disk when this returns.
    pub async fn commit(self) -> Result<()> {
        let Self { inner, generation, bumps, _turn } = self;
        let result = inner.commit().await;
        if bumps {
            // Also after an error: nobody knows how far it came.
            generation.fetch_add(1, Ordering::AcqRel);
        }
        result.map_err(StoreError::from)
    }

    /// Takes everything back; dropping does the same a little later.
    pub async fn rollback(self) -> Result<()> {
        self.inner.rollback().await.map_err(StoreError::from)
    }

    /// Runs a statement; answers the number of rows it changed.
    pub(crate) async fn execute(&mut self, text: impl Into<Cow<'static, str>>, values: Vec<Param>) -> Result<u64> {
        Ok(bind(text.into(), values)?.execute(&mut *self.inner).await?.rows_affected())
    }

    /// Runs a statement whose text is used once and not worth keeping prepared.
    pub(crate) async fn execute_once(&mut self, text: String, values: Vec<Param>) -> Result<u64> {
        Ok(bind(text.into(), values)?.persistent(false).execute(&mut *self.inner).await?.rows_affected())
    }

    /// Inserts a row; answers its new id.
    pub(crate) async fn insert<T: From<i32>>(
        &mut self,
        text: impl Into<Cow<'static, str>>,
        values: Vec<Param>,
    ) -> Result<T> {
        let done = bind(text.into(), values)?.execute(&mut *self.inner).await?;
        let id = done.last_insert_rowid();
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
        fetch_rows(&mut self.inner, text.into(), values).await
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
