//! Documents: the JSON objects that the Go server keeps under the keys, with what later versions would have changed in them.

use super::file::{BoltFile, Bucket};
use super::layout::{Layout, Scope};
use super::{BoltError, Cursor};
use serde_json::{Map, Value};

/// A document.
pub(super) type Document = Map<String, Value>;

/// A document where it lies.
pub(super) struct Found {
    pub(super) scope: i64,
    /// Its number; 0 for a key that is a text.
    pub(super) number: i64,
    /// Its key, as it is.
    pub(super) key: Vec<u8>,
    pub(super) document: Document,
}

/// The rows of a table that belong to one project, user or task.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) scope: i64,
    /// Name of the bucket.
    pub(super) name: String,
    pub(super) bucket: Bucket,
}

impl Rows {
    /// The documents behind a key, one by one, until `take` has enough. Answers whether it had.
    pub(super) fn read<E: From<BoltError>>(
        &self,
        file: &BoltFile,
        layout: &Layout,
        behind: &[u8],
        mut take: impl FnMut(Found) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let mut cursor = Cursor::at(file, &self.bucket, behind)?;
        while let Some(entry) = cursor.next()? {
            if entry.key == behind && !behind.is_empty() || entry.is_bucket {
                continue;
            }
            let number = number(&entry.key);
            let failed = |reason: String| BoltError::Document {
                bucket: self.name.clone(),
                key: String::from_utf8_lossy(&entry.key).into_owned(),
                reason,
            };
            if layout.numbering != super::layout::Numbering::None && number.is_none() {
                return Err(failed("the key is not a number".to_owned()).into());
            }
            let document = match serde_json::from_slice(&entry.value) {
                Ok(Value::Object(document)) => document,
                Ok(_) => return Err(failed("it is not a JSON object".to_owned()).into()),
                Err(error) => return Err(failed(format!("it is not JSON ({:?} error)", error.classify())).into()),
            };
            let number = number.unwrap_or_default();
            if take(Found { scope: self.scope, number, key: entry.key, document })? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The numbers of the objects.
    pub(super) fn numbers(&self, file: &BoltFile) -> Result<Vec<i64>, BoltError> {
        let mut cursor = Cursor::new(file, &self.bucket)?;
        let mut numbers = Vec::new();
        while let Some(entry) = cursor.next()? {
            numbers.extend(number(&entry.key).filter(|_| !entry.is_bucket));
        }
        Ok(numbers)
    }
}

fn number(key: &[u8]) -> Option<i64> {
    std::str::from_utf8(key).ok()?.parse().ok()
}

/// The whole number of a member; `None` if it is missing, null or 0, which is how the Go server says "none".
pub(super) fn reference(document: &Document, name: &str) -> Option<i64> {
    document.get(name).and_then(integer).filter(|number| *number != 0)
}

/// The value as a whole number. Old migrations of the Go server wrote them back as fractions.
pub(super) fn integer(value: &Value) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "checked by coming back")]
    let whole = |number: f64| (number.trunc().to_bits() == number.to_bits()).then_some(number as i64);
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::Bool(value) => Some(i64::from(*value)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The project that a document belongs to, if it belongs to one.
pub(super) fn project(layout: &Layout, scope: i64, document: &Document) -> Option<i64> {
    match layout.scope {
        Scope::Project => Some(scope),
        _ => reference(document, "project_id"),
    }
}
