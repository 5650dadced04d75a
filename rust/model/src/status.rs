//! The ten task statuses and the rule of which may follow which.
//!
//! Reference: `pkg/task_logger/task_logger.go` (names) and `TaskRunner.SetStatus` (rule).

use serde::{Deserialize, Serialize};

/// Status of a task, as stored in `task.status` and sent to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// In the queue.
    Waiting,
    /// Taken from the queue, nothing run yet.
    Starting,
    /// A plan waits for a person.
    WaitingConfirmation,
    /// A person accepted the plan.
    Confirmed,
    /// A person refused the plan.
    Rejected,
    /// Being executed.
    Running,
    /// A stop was asked for and is under way.
    Stopping,
    /// Final: ended by a stop.
    Stopped,
    /// Final: ended with exit code 0.
    Success,
    /// Final: anything else.
    Error,
}

/// Which rule table decides about a change of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// The Go server's table: of the final statuses only `stopped` is sticky.
    Reference,
    /// Ours: every final status is final, and a confirmation is only possible where one is waited for.
    Strict,
}

impl TaskStatus {
    /// All statuses, in the order of the C ABI's numbers (0 to 9).
    pub const ALL: [Self; 10] = [
        Self::Waiting,
        Self::Starting,
        Self::WaitingConfirmation,
        Self::Confirmed,
        Self::Rejected,
        Self::Running,
        Self::Stopping,
        Self::Stopped,
        Self::Success,
        Self::Error,
    ];

    /// The text stored in the database and sent to clients.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::WaitingConfirmation => "waiting_confirmation",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Success => "success",
            Self::Error => "error",
        }
    }

    /// The status with this text, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether nothing follows: stopped, success or error.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Stopped | Self::Success | Self::Error)
    }

    /// Whether alerts are sent for it.
    pub const fn is_notifiable(self) -> bool {
        matches!(self, Self::Success | Self::Error | Self::WaitingConfirmation)
    }

    /// Whether a task with status `self` takes status `to`. Equal statuses are no change and answer `false`.
    ///
    /// Reference: `TaskRunner.SetStatus`; its `switch` does not fall through, so `success` and `error` can be overwritten.
    pub const fn may_become(self, to: Self, flavour: Flavour) -> bool {
        if self as u8 == to as u8 {
            return false;
        }
        let refused_by_reference = match self {
            Self::Confirmed => matches!(to, Self::WaitingConfirmation),
            Self::Running => matches!(to, Self::Waiting),
            Self::Stopping => matches!(to, Self::Waiting | Self::Running),
            Self::Stopped => true,
            _ => false,
        };
        if refused_by_reference {
            return false;
        }
        match flavour {
            Flavour::Reference => true,
            Flavour::Strict => {
                !self.is_finished()
                    && (matches!(self, Self::WaitingConfirmation) || !matches!(to, Self::Confirmed | Self::Rejected))
            }
        }
    }
}

impl std::fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All 100 pairs against a table written down from the reference's source, one row per old status.
    #[test]
    fn every_pair_of_statuses_follows_its_table() {
        // Columns in the order of ALL; `1` = allowed.
        let reference = [
            "0111111111",
            "1011111111",
            "1101111111",
            "1100111111",
            "1111011111",
            "0111101111",
            "0111100111",
            "0000000000",
            "1111111101",
            "1111111110",
        ];
        let strict = [
            "0110011111",
            "1010011111",
            "1101111111",
            "1100011111",
            "1110011111",
            "0110001111",
            "0110000111",
            "0000000000",
            "0000000000",
            "0000000000",
        ];
        for (flavour, table) in [(Flavour::Reference, reference), (Flavour::Strict, strict)] {
            for (from, row) in TaskStatus::ALL.into_iter().zip(table) {
                for (to, cell) in TaskStatus::ALL.into_iter().zip(row.chars()) {
                    assert_eq!(from.may_become(to, flavour), cell == '1', "{flavour:?}: {from} -> {to}");
                }
            }
        }
    }

    #[test]
    fn texts_and_json_agree() {
        for status in TaskStatus::ALL {
            assert_eq!(TaskStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).ok(), Some(status.as_str().into()));
        }
        assert_eq!(TaskStatus::parse("finished"), None);
    }
}
