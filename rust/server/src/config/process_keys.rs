//! The rows of the table of keys about the processes that run tasks, and what they mean.

use semaphore_engine::process::Limits;

use super::{
    load::Values,
    table::{
        Key,
        Kind::{Integer, List, Text},
        Rule, key, ruled,
    },
};
use crate::survival::Survival;

/// The rows.
pub(super) const KEYS: &[Key] = &[
    key("process.user", "SEMAPHORE_PROCESS_USER", Text, "", "User that tasks run as, with its groups."),
    ruled(
        key("process.uid", "SEMAPHORE_PROCESS_UID", Integer, "", "Number of the user that tasks run as."),
        Rule::Identifier,
    ),
    ruled(
        key("process.gid", "SEMAPHORE_PROCESS_GID", Integer, "", "Number of the group that tasks run as."),
        Rule::Identifier,
    ),
    ruled(
        key(
            "process.chroot",
            "SEMAPHORE_PROCESS_CHROOT",
            Text,
            "",
            "Root directory of apps; tmp_path must be the same directory inside.",
        ),
        Rule::AbsolutePath,
    ),
    ruled(
        key(
            "process.sandbox",
            "SEMAPHORE_PROCESS_SANDBOX",
            Text,
            "off",
            "What tasks may reach of this machine: default hides the server's files and other projects, strict shows the system's programs only. Needs Landlock. Not a key of the Go server.",
        ),
        Rule::OneOf(&["off", "default", "strict"]),
    ),
    key(
        "process.sandbox_paths",
        "SEMAPHORE_PROCESS_SANDBOX_PATHS",
        List,
        "",
        "Files and directories that process.sandbox strict shows beside the system's. Not a key of the Go server.",
    ),
    ruled(
        key(
            "process.prompt_timeout_sec",
            "SEMAPHORE_PROCESS_PROMPT_TIMEOUT_SEC",
            Integer,
            "",
            "Seconds that a question of a program may stand on its terminal without an answer; 0 is for ever. Not a key of the Go server.",
        ),
        Rule::NotNegative,
    ),
    ruled(
        key(
            "process.terraform_stop_timeout_sec",
            "SEMAPHORE_PROCESS_TERRAFORM_STOP_TIMEOUT_SEC",
            Integer,
            "120",
            "Seconds that a stopped program of the Terraform family has to end in order and to release its state. Not a key of the Go server.",
        ),
        Rule::NotNegative,
    ),
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
    ruled(
        key(
            "process.control_groups",
            "SEMAPHORE_PROCESS_CONTROL_GROUPS",
            Text,
            "auto",
            "Whether each task gets a control group (cgroup 2) of its own where the server may make them, as under a systemd unit with Delegate=yes. Not a key of the Go server.",
        ),
        Rule::OneOf(&["auto", "off"]),
    ),
    ruled(
        key(
            "process.limits.cpu_percent",
            "SEMAPHORE_PROCESS_LIMITS_CPU_PERCENT",
            Integer,
            "",
            "Processor time that a task may use, in percent of one processor; 0 is no limit. Needs process.control_groups. Not a key of the Go server.",
        ),
        Rule::NotNegative,
    ),
    ruled(
        key(
            "process.limits.memory_mb",
            "SEMAPHORE_PROCESS_LIMITS_MEMORY_MB",
            Integer,
            "",
            "Memory that a task may use, in MiB; 0 is no limit. Needs process.control_groups. Not a key of the Go server.",
        ),
        Rule::NotNegative,
    ),
    ruled(
        key(
            "process.limits.pids",
            "SEMAPHORE_PROCESS_LIMITS_PIDS",
            Integer,
            "",
            "Processes and threads that a task may have at once; 0 is no limit. Needs process.control_groups. Not a key of the Go server.",
        ),
        Rule::NotNegative,
    ),
];

/// Where tasks run, and what becomes of them when the server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskProcesses {
    /// Each task has a process of its own.
    pub hosted: bool,
    /// Whether they are left to the next start; `None` if that depends on who started the server.
    pub hand_over: Option<bool>,
    /// Each has a control group, if that is possible.
    pub grouped: bool,
    /// What a task may use.
    pub limits: Limits,
}

impl TaskProcesses {
    pub(super) fn of(values: &Values) -> Self {
        let hand_over = match values.text("process.hand_over") {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        let limit = |path| values.set_integer(path).filter(|limit| *limit > 0);
        Self {
            hosted: values.text("process.task_host") != "off",
            hand_over,
            grouped: values.text("process.control_groups") != "off",
            limits: Limits {
                cpu_percent: limit("process.limits.cpu_percent"),
                memory_mib: limit("process.limits.memory_mb"),
                pids: limit("process.limits.pids"),
            },
        }
    }

    /// Whether tasks are left to the next start.
    pub fn are_handed_over(self, survival: &Survival) -> bool {
        self.hosted && self.hand_over.unwrap_or_else(|| survival.is_certain())
    }
}
