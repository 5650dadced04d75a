//! What a job tells its host, in order.

use chrono::{DateTime, Utc};
use semaphore_model::{PlanSummary, TaskStatus};
use serde::{Deserialize, Serialize};

use super::{Problem, StartedProgram};
use crate::log::{LogRecord, Stream};

/// One message of a running job. All events of a job arrive through one queue in the order in which they happened;
/// [`JobEvent::Done`] is the last, and every log record precedes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobEvent {
    /// Output and lines of the engine, in sequence order.
    Log(Vec<LogRecord>),
    /// The job reached this status (`running`, `waiting_confirmation`, ...). Final statuses are told by `Done` only.
    Status(TaskStatus),
    /// The commit that was checked out.
    Commit {
        /// Full hash.
        hash: String,
        /// Subject of the commit, cut as the reference cuts it.
        message: String,
    },
    /// The last line of a program that is not complete yet, for live viewers only: it is no log record, the next one of the
    /// same stream replaces it, and the whole line follows as a record. Never the only place where something is told.
    Partial {
        /// Where it is printed.
        stream: Stream,
        /// What there is of the line, redacted; at most 4 KiB of its end.
        text: String,
    },
    /// How far git is; only for a host that asked for it, and ten times in a second at most.
    Progress {
        /// What is counted, in git's words: `Receiving objects`.
        phase: String,
        /// How many are done.
        done: u64,
        /// Of how many, if git knows.
        total: Option<u64>,
    },
    /// Why the job cannot do well, found before or while it runs; its sentence is in the log as well.
    Problem(Problem),
    /// From here on this stage works; the one before it is over.
    Stage {
        /// `workspace`, `keys`, `checkout`, `inventory`, `requirements` or `run`.
        stage: String,
        /// When it began.
        time: DateTime<Utc>,
    },
    /// What a plan of the Terraform family would change; told by a plan that succeeded, before anybody is asked about it.
    Plan(PlanSummary),
    /// A program is about to be started; only for a host that asked for it.
    Program(StartedProgram),
    /// Lines that were added to the known hosts (mode `accept-new`), to be kept for the project's next jobs.
    KnownHosts(String),
    /// The job is over; nothing of it is left behind.
    Done(Outcome),
}

/// How a job ended. A failing program is a result, not an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Exit code 0.
    Success,
    /// The program ended with this text about itself: `exit status 2`, `signal: killed` (the words of Go's `ExitError`).
    Failed(String),
    /// Ended because somebody asked for it.
    Stopped(StopReason),
    /// A stage could not do its work.
    Broken {
        /// Name of the stage: `workspace`, `checkout`, `inventory`, `requirements`, `run`, ...
        stage: String,
        /// What failed, why, and what to do; without secrets.
        error: String,
    },
}

impl Outcome {
    /// What stands behind `Failed to run task: ` in the reference's log; `None` for success and stop.
    ///
    /// Reference: of a git or galaxy process that failed only its end is told (`exit status 128`). An error of ours has this at
    /// its end, in parentheses; its own words say more and are for the places that the reference does not have.
    pub fn reference_text(&self) -> Option<&str> {
        match self {
            Self::Success | Self::Stopped(_) => None,
            Self::Failed(end) => Some(end),
            Self::Broken { error, .. } => {
                let end = ["exit status ", "signal: "]
                    .into_iter()
                    .filter_map(|words| error.rfind(&format!(" ({words}")))
                    .max()
                    .and_then(|position| error[position + 2..].strip_suffix(')'));
                Some(end.unwrap_or(error))
            }
        }
    }
}

/// Why a job was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// A person (or the host) asked for a graceful stop.
    Requested,
    /// A person asked for an immediate end.
    Forced,
    /// The time limit of the task.
    Deadline,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_tells_the_end_of_a_process_only() {
        let broken = |error: &str| Outcome::Broken { stage: "checkout".to_owned(), error: error.to_owned() };
        assert_eq!(Outcome::Success.reference_text(), None);
        assert_eq!(Outcome::Failed("exit status 3".to_owned()).reference_text(), Some("exit status 3"));
        let clone = broken("git clone of file:///x failed: fatal: no (really) (exit status 128)");
        assert_eq!(clone.reference_text(), Some("exit status 128"));
        assert_eq!(broken("x (signal: aborted (core dumped))").reference_text(), Some("signal: aborted (core dumped)"));
        assert_eq!(broken("the git URL is empty").reference_text(), Some("the git URL is empty"));
        assert_eq!(broken("(exit status 1) is not the end").reference_text(), Some("(exit status 1) is not the end"));
    }
}
