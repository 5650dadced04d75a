//! Values on their way into a query.

use crate::db_time::DbTime;
use chrono::{DateTime, Utc};
use semaphore_model::{JsonMap, Secret};
use sqlx::Arguments;
use sqlx::sqlite::SqliteArguments;

/// A value to bind.
#[derive(Clone, Debug)]
pub(crate) enum Param {
    /// Null.
    Null,
    /// A whole number or a truth value.
    Int(i64),
    /// A text.
    Text(String),
}

impl Param {
    pub(crate) fn add_to(self, arguments: &mut SqliteArguments) -> std::result::Result<(), sqlx::Error> {
        match self {
            Self::Null => arguments.add(None::<i64>),
            Self::Int(value) => arguments.add(value),
            Self::Text(text) => arguments.add(text),
        }
        .map_err(sqlx::Error::Encode)
    }
}

impl From<i32> for Param {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for Param {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Param {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Param {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Param {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Param {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&Secret> for Param {
    fn from(secret: &Secret) -> Self {
        Self::Text(secret.expose().to_owned())
    }
}

impl From<DateTime<Utc>> for Param {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Text(DbTime(time).encode())
    }
}

/// Formats times that mostly lie in the same second: the expensive part is done once per second.
#[derive(Default)]
pub(crate) struct DbTimeParam {
    second: Option<(i64, String)>,
}

impl DbTimeParam {
    pub(crate) fn param(&mut self, time: DateTime<Utc>) -> Param {
        let second = time.timestamp();
        if self.second.as_ref().is_none_or(|(known, _)| *known != second) {
            self.second = Some((second, time.format("%Y-%m-%d %H:%M:%S").to_string()));
        }
        let mut text = self.second.as_ref().map(|(_, text)| text.clone()).unwrap_or_default();
        semaphore_model::time::push_fraction(&mut text, &time);
        text.push_str(" +0000 UTC");
        Param::Text(text)
    }
}

impl<T: Into<Param>> From<Option<T>> for Param {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! id_params {
    ($($name:ident)*) => {$(
        impl From<semaphore_model::$name> for Param {
            fn from(id: semaphore_model::$name) -> Self {
                Self::Int(id.0.into())
            }
        }
    )*};
}

id_params! {
    AccessKeyId EnvironmentId IntegrationId InventoryId ProjectId RepositoryId ScheduleId SecretStorageId SessionId
    TaskId TaskStageId TemplateId TemplateVaultId UserEmailOtpId UserId UserTotpId ViewId
}

/// The text of a JSON object, or null when it is empty and `null_if_empty`.
pub(crate) fn json_param(map: &JsonMap, null_if_empty: bool) -> Param {
    if map.is_empty() && null_if_empty {
        Param::Null
    } else {
        Param::Text(serde_json::Value::from(map.clone()).to_string())
    }
}

/// Values to bind, in the order of the `?`s.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::param::Param::from($value)),*] };
}
pub(crate) use params;
