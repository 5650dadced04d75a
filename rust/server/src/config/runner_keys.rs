//! The rows of the table of keys that `semaphore runner` reads, and what they mean. A server reads none of them.

use std::path::PathBuf;

use semaphore_model::Secret;

use super::{
    load::Values,
    table::{
        Key,
        Kind::{Bool, Integer, Text},
        Rule, key, ruled, secret,
    },
};

/// The rows.
pub(super) const KEYS: &[Key] = &[
    secret(key(
        "runner.token",
        "SEMAPHORE_RUNNER_TOKEN",
        Text,
        "",
        "What a remote runner proves itself with; semaphore runner register writes it unless there is a runner.token_file.",
    )),
    key(
        "runner.token_file",
        "SEMAPHORE_RUNNER_TOKEN_FILE",
        Text,
        "",
        "File with the token of a remote runner; it counts before runner.token.",
    ),
    key(
        "runner.private_key_file",
        "SEMAPHORE_RUNNER_PRIVATE_KEY_FILE",
        Text,
        "",
        "RSA key of a remote runner, for which the server encrypts what it sends; made by semaphore runner register.",
    ),
    key("runner.one_off", "SEMAPHORE_RUNNER_ONE_OFF", Bool, "", "Ends a remote runner when its first tasks are done."),
    key(
        "runner.webhook",
        "SEMAPHORE_RUNNER_WEBHOOK",
        Text,
        "",
        "Address that the server calls when it has a task for the remote runner; told at registration.",
    ),
    ruled(
        key(
            "runner.max_parallel_tasks",
            "SEMAPHORE_RUNNER_MAX_PARALLEL_TASKS",
            Integer,
            "",
            "Most tasks of a remote runner at once. Without it 1 is registered, and the number that the server has counts.",
        ),
        Rule::NotNegative,
    ),
];

/// The settings of a remote runner.
#[derive(Clone, Debug, Default)]
pub struct RunnerSettings {
    /// What it proves itself with; empty if it is not registered or the token is in a file.
    pub token: Secret,
    /// Where the token is.
    pub token_file: Option<PathBuf>,
    /// Where its key is.
    pub private_key_file: Option<PathBuf>,
    /// Whether it ends when its first tasks are done.
    pub one_off: bool,
    /// Address that the server calls.
    pub webhook: String,
    /// Most tasks at once; `None` leaves it to the server.
    pub max_parallel_tasks: Option<u32>,
}

impl RunnerSettings {
    pub(super) fn of(values: &Values) -> Self {
        Self {
            token: values.text("runner.token").into(),
            token_file: values.set_text("runner.token_file").map(PathBuf::from),
            private_key_file: values.set_text("runner.private_key_file").map(PathBuf::from),
            one_off: values.bool("runner.one_off"),
            webhook: values.text("runner.webhook").to_owned(),
            max_parallel_tasks: values.set_integer("runner.max_parallel_tasks"),
        }
    }
}
