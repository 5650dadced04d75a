//! Settings kept in the database (`option` table).

use crate::validation::ValidationError;
use serde::{Deserialize, Serialize};

/// One setting: a dotted key and its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ServerOption {
    /// Dotted name, such as `apps.bash.active`.
    pub key: String,
    /// Text of the value.
    pub value: String,
}

/// Checks that a key holds only ASCII letters, digits, `_` and `.`.
///
/// Reference: checked when reading with a filter and when deleting, not when writing.
pub fn validate_key(key: &str) -> Result<(), ValidationError> {
    let valid = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    if valid { Ok(()) } else { Err(ValidationError::new("invalid key format")) }
}
