//! Rows of the table of keys: what the server writes of itself, of events and of tasks.

use super::table::{
    Key,
    Kind::{Bool, Integer, Object, Text},
    Rule, count, joined, key, ruled, secret,
};

/// How the records of a file are written.
const FORMATS: Rule = Rule::OneOf(&["raw", "json"]);

/// The keys of one rotating file. Reference: only the whole has a variable, with JSON in it.
macro_rules! file {
    ($logger:literal, $env:literal, $what:literal) => {
        [
            key($logger, $env, Object, "", concat!("Where ", $what, " is written and when a new file is begun.")),
            key(concat!($logger, ".filename"), "", Text, "", concat!("File of ", $what, ".")),
            ruled(
                key(
                    concat!($logger, ".maxsize"),
                    "",
                    Integer,
                    "",
                    "Megabytes after which a new file is begun; 0 means 100.",
                ),
                Rule::NotNegative,
            ),
            ruled(
                key(concat!($logger, ".maxage"), "", Integer, "", "Days that old files are kept; 0 keeps all."),
                Rule::NotNegative,
            ),
            ruled(
                key(concat!($logger, ".maxbackups"), "", Integer, "", "Old files that are kept; 0 keeps all."),
                Rule::NotNegative,
            ),
            key(concat!($logger, ".localtime"), "", Bool, "", "Names old files by local time instead of UTC."),
            key(concat!($logger, ".compress"), "", Bool, "", "Compresses old files with gzip."),
        ]
    };
}

const EVENTS: [Key; 7] = file!("log.events.logger", "SEMAPHORE_EVENT_LOGGER", "the event log");
const TASKS: [Key; 7] = file!("log.tasks.logger", "SEMAPHORE_TASK_LOGGER", "the task log");
const RESULTS: [Key; 7] =
    file!("log.tasks.result_logger", "SEMAPHORE_TASK_RESULT_LOGGER", "the log of how tasks ended");

const OTHERS: [Key; 12] = [
    ruled(
        key(
            "log.format",
            "SEMAPHORE_LOG_FORMAT",
            Text,
            "text",
            "How the server writes what it says on the standard error: text or json. Not a key of the Go server.",
        ),
        Rule::OneOf(&["text", "json"]),
    ),
    key("log.events.enabled", "SEMAPHORE_EVENT_LOG_ENABLED", Bool, "", "Writes who changed what to a file."),
    ruled(key("log.events.format", "SEMAPHORE_EVENT_LOG_FORMAT", Text, "", "raw (or empty) or json."), FORMATS),
    key("log.tasks.enabled", "SEMAPHORE_TASK_LOG_ENABLED", Bool, "", "Writes what becomes of tasks to a file."),
    ruled(key("log.tasks.format", "SEMAPHORE_TASK_LOG_FORMAT", Text, "", "raw (or empty) or json."), FORMATS),
    secret(key(
        "log.audit.url",
        "SEMAPHORE_LOG_AUDIT_URL",
        Text,
        "",
        "Address that each event is posted to until it is taken. Not a key of the Go server.",
    )),
    secret(key(
        "log.audit.secret",
        "SEMAPHORE_LOG_AUDIT_SECRET",
        Text,
        "",
        "Signs what is posted there (HMAC-SHA256). Not a key of the Go server.",
    )),
    key("syslog.enabled", "SEMAPHORE_SYSLOG_ENABLED", Bool, "", "Sends what the server says to syslog, too."),
    ruled(
        key(
            "syslog.network",
            "SEMAPHORE_SYSLOG_NETWORK",
            Text,
            "",
            "How syslog is reached: udp, tcp, unix, unixgram, or empty for the one of this machine.",
        ),
        Rule::OneOf(&["udp", "udp4", "udp6", "tcp", "tcp4", "tcp6", "unix", "unixgram"]),
    ),
    key("syslog.address", "SEMAPHORE_SYSLOG_ADDRESS", Text, "", "host:port, or the path of the socket."),
    key("syslog.tag", "SEMAPHORE_SYSLOG_TAG", Text, "semaphore", "What the server calls itself there."),
    ruled(
        key("syslog.format", "SEMAPHORE_SYSLOG_FORMAT", Text, "", "rfc5424, or rfc3164 (or empty) for the older form."),
        Rule::OneOf(&["rfc5424", "rfc3164"]),
    ),
];

pub(super) const KEYS: &[Key] = &ALL;

const ALL: [Key; count(PARTS)] = joined(PARTS);

const PARTS: &[&[Key]] = &[&OTHERS, &EVENTS, &TASKS, &RESULTS];
