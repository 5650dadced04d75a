//! The rows of the table of keys about the processes that run tasks, and what they mean.

use super::{
    load::Values,
    table::{Key, Kind::Text, Rule, key, ruled},
};
use crate::survival::Survival;

/// The rows.
pub(super) const KEYS: &[Key] = &[
    ruled(
        key(
            "process.task_host",
            "SEMAPHORE_PROCESS_TASK_HOST",
            Text,
            "on",
            "Whether each task runs in a small process of its own, which goes on when the server is killed, updated or restarted. Not a key of the Go server.",
        ),
        Rule::OneOf(&["on", "off"]),
    ),
    ruled(
        key(
            "process.hand_over",
            "SEMAPHORE_PROCESS_HAND_OVER",
            Text,
            "auto",
            "Whether SIGTERM leaves running tasks to the next start of the server instead of stopping them; auto does so for a systemd unit with KillMode=process. Not a key of the Go server.",
        ),
        Rule::OneOf(&["auto", "on", "off"]),
    ),
];

/// Where tasks run, and what becomes of them when the server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskProcesses {
    /// Each task has a process of its own.
    pub hosted: bool,
    /// Whether they are left to the next start; `None` if that depends on who started the server.
    pub hand_over: Option<bool>,
}

impl TaskProcesses {
    pub(super) fn of(values: &Values) -> Self {
        let hand_over = match values.text("process.hand_over") {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        Self { hosted: values.text("process.task_host") != "off", hand_over }
    }

    /// Whether tasks are left to the next start.
    pub fn are_handed_over(self, survival: &Survival) -> bool {
        self.hosted && self.hand_over.unwrap_or_else(|| survival.is_certain())
    }
}
