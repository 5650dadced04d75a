//! How much of a project, or of one of its templates, is kept. Ours; the reference knows a number of tasks per template only.

use crate::ValidationError;
use serde::{Deserialize, Serialize};

/// Longest age of a rule: a hundred years.
const MOST_DAYS: u32 = 36_500;

/// Limits for finished tasks; those beyond any of them go, the oldest first. Without a limit everything is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RetentionRule {
    /// Days after its end at which a task goes.
    pub max_age_days: Option<u32>,
    /// How many tasks are kept.
    pub max_tasks: Option<u32>,
    /// Bytes of output, before compression, that the kept tasks may have together.
    pub max_bytes: Option<u64>,
}

impl RetentionRule {
    /// Whether it keeps everything.
    pub const fn is_empty(&self) -> bool {
        self.max_age_days.is_none() && self.max_tasks.is_none() && self.max_bytes.is_none()
    }

    /// Refuses limits that would keep nothing or that no database can hold.
    pub fn check(&self) -> Result<(), ValidationError> {
        if self.max_age_days.is_some_and(|days| days == 0 || days > MOST_DAYS) {
            return Err(ValidationError::new("max_age_days must be a number from 1 to 36500, or null for no limit"));
        }
        if self.max_tasks == Some(0) {
            return Err(ValidationError::new("max_tasks must be at least 1, or null for no limit"));
        }
        if self.max_bytes.is_some_and(|bytes| bytes == 0 || i64::try_from(bytes).is_err()) {
            return Err(ValidationError::new("max_bytes must be at least 1, or null for no limit"));
        }
        Ok(())
    }
}
