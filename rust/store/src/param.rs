//! Values on their way into a query.
//!
//! Each value has one type for good, also when it is absent: PostgreSQL fixes the types of a prepared statement when it is
//! used first.

use crate::db_time::DbTime;
use chrono::{DateTime, NaiveDateTime, Utc};
use semaphore_model::{JsonMap, Secret};
use sqlx::Arguments;
use sqlx::mysql::MySqlArguments;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// A value to bind; `None` is null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Param {
    /// A whole number.
    Int(Option<i64>),
    /// A truth value; a number in SQLite.
    Bool(Option<bool>),
    /// A text.
    Text(Option<String>),
    /// A time. SQLite gets it as text in the form of the Go server, which is also what was read from there: the texts of
    /// other forms compare only with themselves.
    Time(Option<Moment>),
    /// Bytes that are no text.
    Bytes(Option<Vec<u8>>),
}

/// A time as a database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A point in time.
    Utc(DateTime<Utc>),
    /// Text of a SQLite column.
    Text(String),
}

impl Moment {
    fn text(self) -> String {
        match self {
            Self::Utc(time) => DbTime(time).encode(),
            Self::Text(text) => text,
        }
    }

    fn naive(self) -> Option<NaiveDateTime> {
        match self {
            Self::Utc(time) => Some(time.naive_utc()),
            Self::Text(text) => DbTime::decode(&text).map(|time| time.0.naive_utc()),
        }
    }
}

type Added = std::result::Result<(), sqlx::error::BoxDynError>;

impl Param {
    pub(crate) fn add_to_sqlite(self, arguments: &mut SqliteArguments) -> Added {
        match self {
            Self::Int(value) => arguments.add(value),
            Self::Bool(value) => arguments.add(value.map(i64::from)),
            Self::Text(value) => arguments.add(value),
            Self::Time(value) => arguments.add(value.map(Moment::text)),
            Self::Bytes(value) => arguments.add(value),
        }
    }

    pub(crate) fn add_to_postgres(self, arguments: &mut PgArguments) -> Added {
        match self {
            Self::Int(value) => arguments.add(value),
            Self::Bool(value) => arguments.add(value),
            // PostgreSQL texts cannot hold the character 0, which programs do print.
            Self::Text(value) => arguments.add(value.map(|text| text.replace('\0', "\u{fffd}"))),
            Self::Time(value) => arguments.add(value.and_then(Moment::naive)),
            Self::Bytes(value) => arguments.add(value),
        }
    }

    pub(crate) fn add_to_mysql(self, arguments: &mut MySqlArguments) -> Added {
        match self {
            Self::Int(value) => arguments.add(value),
            Self::Bool(value) => arguments.add(value),
            Self::Text(value) => arguments.add(value),
            Self::Time(value) => arguments.add(value.and_then(Moment::naive)),
            Self::Bytes(value) => arguments.add(value),
        }
    }
}

/// A type of values that can be bound, and what its absence is.
pub(crate) trait Bindable: Into<Param> {
    /// Null of this type.
    const NULL: Param;
}

impl From<i32> for Param {
    fn from(value: i32) -> Self {
        Self::Int(Some(value.into()))
    }
}

impl From<i64> for Param {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for Param {
    fn from(value: u32) -> Self {
        Self::Int(Some(value.into()))
    }
}

impl From<bool> for Param {
    fn from(value: bool) -> Self {
        Self::Bool(Some(value))
    }
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Param {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&String> for Param {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<&Secret> for Param {
    fn from(secret: &Secret) -> Self {
        Self::Text(Some(secret.expose().to_owned()))
    }
}

impl From<Vec<u8>> for Param {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl From<DateTime<Utc>> for Param {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Time(Some(Moment::Utc(time)))
    }
}

impl From<Moment> for Param {
    fn from(time: Moment) -> Self {
        Self::Time(Some(time))
    }
}

/// Formats times that mostly lie in the same second for SQLite: the expensive part is done once per second, and nothing for a
/// time that is asked for again.
#[derive(Default)]
pub(crate) struct DbTimeParam {
    last: Option<DateTime<Utc>>,
    text: String,
}

/// Bytes of a time before its fraction of a second.
const SECOND_BYTES: usize = "2006-01-02 15:04:05".len();

impl DbTimeParam {
    /// The time as [`DbTime::encode`] writes it.
    pub(crate) fn text(&mut self, time: DateTime<Utc>) -> &str {
        if self.last == Some(time) {
            return &self.text;
        }
        if self.last.is_some_and(|last| last.timestamp() == time.timestamp())
            && self.text.is_char_boundary(SECOND_BYTES)
        {
            self.text.truncate(SECOND_BYTES);
            semaphore_model::time::push_fraction(&mut self.text, &time);
            self.text.push_str(" +0000 UTC");
        } else {
            self.text = DbTime(time).encode();
        }
        self.last = Some(time);
        &self.text
    }
}

impl<T: Bindable> From<Option<T>> for Param {
    fn from(value: Option<T>) -> Self {
        value.map_or(T::NULL, Into::into)
    }
}

macro_rules! bindable {
    ($($null:ident: $($kind:ty),*;)*) => {$($(
        impl Bindable for $kind {
            const NULL: Param = Param::$null(None);
        }
    )*)*};
}

bindable! {
    Int: i32, i64, u32;
    Bool: bool;
    Text: &str, String, &String, &Secret;
    Time: DateTime<Utc>, Moment;
}

macro_rules! id_params {
    ($($name:ident)*) => {$(
        impl From<semaphore_model::$name> for Param {
            fn from(id: semaphore_model::$name) -> Self {
                Self::Int(Some(id.0.into()))
            }
        }

        impl Bindable for semaphore_model::$name {
            const NULL: Param = Param::Int(None);
        }
    )*};
}

id_params! {
    AccessKeyId DeliveryId EnvironmentId IntegrationAliasId IntegrationExtractValueId IntegrationId IntegrationMatcherId InventoryId
    ProjectId ProjectInviteId RepositoryId RunnerId ScheduleId SecretStorageId SessionId TaskId TaskParamsId TaskStageId
    TemplateId TemplateRoleId TemplateVaultId TerraformStateId UserEmailOtpId UserId UserTotpId ViewId
}

/// The text of a JSON object, or null when it is empty and `null_if_empty`.
pub(crate) fn json_param(map: &JsonMap, null_if_empty: bool) -> Param {
    if map.is_empty() && null_if_empty {
        Param::Text(None)
    } else {
        Param::Text(Some(serde_json::Value::from(map.clone()).to_string()))
    }
}

/// Values to bind, in the order of the `?`s.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::param::Param::from($value)),*] };
}
pub(crate) use params;
