//! What becomes of a moment of a schedule that was missed, or that comes while an earlier run goes on.
//!
//! Ours: the reference passes missed moments over and queues the others, which is what the default says.

use serde::{Deserialize, Serialize};

/// Rules of one schedule beside its times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SchedulePolicy {
    /// For moments that passed while no server ran.
    pub misfire: Misfire,
    /// For moments that come while an earlier task of the schedule has not ended.
    pub overlap: Overlap,
}

/// What becomes of missed moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Misfire {
    /// They are passed over.
    #[default]
    Skip,
    /// However many they were, one task is started for the last of them.
    RunOnce,
}

/// What becomes of a moment while an earlier task of the schedule has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Its task is queued.
    #[default]
    Queue,
    /// It starts no task.
    Skip,
}

impl Misfire {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::RunOnce => "run_once",
        }
    }

    /// The rule of a stored word.
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Skip, Self::RunOnce].into_iter().find(|rule| rule.as_str() == text)
    }
}

impl Overlap {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Skip => "skip",
        }
    }

    /// The rule of a stored word.
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Queue, Self::Skip].into_iter().find(|rule| rule.as_str() == text)
    }
}
