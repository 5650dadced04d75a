//! The error of an entity that breaks a rule.
//!
//! Its text goes to the client as it is; the texts are the reference's.

/// Why an entity is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValidationError {
    message: String,
}

impl ValidationError {
    /// An error with this text for the client.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// The text for the client.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Skips `false` in JSON, as Go's `omitempty` does.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

/// Skips `0` in JSON, as Go's `omitempty` does.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_zero(value: &i32) -> bool {
    *value == 0
}
