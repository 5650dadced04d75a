//! Numbers of task statuses and the rule between them; the rule itself is `semaphore_model`'s.

use semaphore_model::{Flavour, TaskStatus};

use crate::{
    code::{SEMAPHORE_FLAVOUR_NONE, SEMAPHORE_FLAVOUR_REFERENCE, SEMAPHORE_FLAVOUR_STRICT},
    failure::Failure,
};

/// Which rule a log follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A table of the model.
    Table(Flavour),
    /// Every change is taken. Reference: the runner's `runningJob.SetStatus`.
    None,
}

impl Rule {
    /// The rule with this number.
    pub fn from_number(number: i32) -> Result<Self, Failure> {
        match number {
            SEMAPHORE_FLAVOUR_REFERENCE => Ok(Self::Table(Flavour::Reference)),
            SEMAPHORE_FLAVOUR_STRICT => Ok(Self::Table(Flavour::Strict)),
            SEMAPHORE_FLAVOUR_NONE => Ok(Self::None),
            _ => Err(Failure::argument(format!("{number} is not the number of a rule of statuses"))),
        }
    }

    /// Whether a task with status `from` takes status `to`; equal statuses are no change.
    pub fn allows(self, from: TaskStatus, to: TaskStatus) -> bool {
        match self {
            Self::Table(flavour) => from.may_become(to, flavour),
            Self::None => from != to,
        }
    }
}

/// The status with this number.
pub fn from_number(number: i32) -> Result<TaskStatus, Failure> {
    usize::try_from(number)
        .ok()
        .and_then(|index| TaskStatus::ALL.get(index).copied())
        .ok_or_else(|| Failure::argument(format!("{number} is not the number of a task status")))
}

/// The number of a status: its place in [`TaskStatus::ALL`].
pub fn number(status: TaskStatus) -> i32 {
    status as i32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::code;

    #[test]
    fn numbers_are_those_of_the_header() {
        let numbers = [
            (TaskStatus::Waiting, code::SEMAPHORE_TASK_WAITING),
            (TaskStatus::Starting, code::SEMAPHORE_TASK_STARTING),
            (TaskStatus::WaitingConfirmation, code::SEMAPHORE_TASK_WAITING_CONFIRMATION),
            (TaskStatus::Confirmed, code::SEMAPHORE_TASK_CONFIRMED),
            (TaskStatus::Rejected, code::SEMAPHORE_TASK_REJECTED),
            (TaskStatus::Running, code::SEMAPHORE_TASK_RUNNING),
            (TaskStatus::Stopping, code::SEMAPHORE_TASK_STOPPING),
            (TaskStatus::Stopped, code::SEMAPHORE_TASK_STOPPED),
            (TaskStatus::Success, code::SEMAPHORE_TASK_SUCCESS),
            (TaskStatus::Error, code::SEMAPHORE_TASK_ERROR),
        ];
        for (status, expected) in numbers {
            assert_eq!(number(status), expected);
            assert_eq!(from_number(expected).unwrap(), status);
        }
        assert!(from_number(10).is_err() && from_number(-1).is_err());
    }

    #[test]
    fn the_runner_takes_every_change() {
        for from in TaskStatus::ALL {
            for to in TaskStatus::ALL {
                assert_eq!(Rule::None.allows(from, to), from != to);
            }
        }
    }
}
