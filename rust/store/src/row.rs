//! Rows of answers, read by the names of their columns.

use crate::Result;
use crate::db_time::DbTime;
use crate::error::StoreError;
use crate::param::Moment;
use chrono::{DateTime, NaiveDateTime, Utc};
use semaphore_model::JsonMap;
use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, MySql, Postgres, Row as _, Sqlite, TypeInfo as _};

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

    /// A whole number, or a truth value as one.
    pub(crate) fn optional_number(&self, column: &str) -> Result<Option<i64>> {
        if let Self::Postgres(row) = self
            && row.try_column(column)?.type_info().name() == "BOOL"
        {
            return Ok(self.get::<bool>(column)?.map(i64::from));
        }
        self.get(column)
    }

    pub(crate) fn optional_bytes(&self, column: &str) -> Result<Option<Vec<u8>>> {
        self.get(column)
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

    pub(crate) fn bytes(&self, column: &str) -> Result<&[u8]> {
        Ok(self.get(column)?.unwrap_or_default())
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
