//! A record as syslog wants it: the older form (RFC 3164) as Go's own library writes it, or RFC 5424 as the reference does.

use std::fmt::Write as _;

use chrono::{Local, SecondsFormat};
use tracing::Level;

use super::{line, record::Record};

/// Facility of the newer form: programs of users. Reference: the older form has 0, which its library makes of a level alone.
const USER: u8 = 1 << 3;

/// Longest message in bytes: what is longer does not fit into a datagram.
const LONGEST: usize = 32 << 10;

/// Which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyslogFormat {
    /// RFC 3164; with the time and host of the newer one when it goes over the network. Reference: so does Go.
    #[default]
    Rfc3164,
    /// RFC 5424.
    Rfc5424,
}

/// Who speaks.
#[derive(Debug)]
pub(super) struct Speaker {
    pub(super) format: SyslogFormat,
    pub(super) tag: String,
    pub(super) host: String,
    pub(super) process: u32,
    /// Whether the daemon of this machine listens, which knows the host.
    pub(super) is_local: bool,
}

impl Speaker {
    /// The message with its line feed.
    pub(super) fn message(&self, record: &Record) -> String {
        let severity = severity(record.level);
        let time = record.time.with_timezone(&Local);
        let (tag, process) = (&self.tag, self.process);
        let mut message = match (self.format, self.is_local) {
            (SyslogFormat::Rfc3164, true) => {
                let time = time.format("%b %e %H:%M:%S");
                format!("<{severity}>{time} {tag}[{process}]: {}", line::words(record))
            }
            (SyslogFormat::Rfc3164, false) => {
                let (time, host) = (time.to_rfc3339_opts(SecondsFormat::Secs, true), &self.host);
                format!("<{severity}>{time} {host} {tag}[{process}]: {}", line::words(record))
            }
            (SyslogFormat::Rfc5424, _) => {
                let (time, host) = (time.to_rfc3339_opts(SecondsFormat::Secs, true), &self.host);
                let (priority, data) = (USER | severity, data(tag, record));
                format!("<{priority}>1 {time} {host} {tag} {process} - {data} {}", one_line(&record.message))
            }
        };
        if message.len() > LONGEST {
            message.truncate(message.floor_char_boundary(LONGEST));
        }
        message.push('\n');
        message
    }
}

/// A tag that both forms take: printable, without blanks, at most 48 characters.
pub(super) fn tag(text: &str) -> String {
    let tag: String = text.chars().filter(char::is_ascii_graphic).take(48).collect();
    if tag.is_empty() { "semaphore".to_owned() } else { tag }
}

/// Structured data. Reference: the fields of its log under `<tag>@0`.
fn data(tag: &str, record: &Record) -> String {
    if record.fields.is_empty() {
        return "-".to_owned();
    }
    // `=`, `]`, `"` and blanks end a name.
    let name = |text: &str| -> String {
        text.chars().filter(|letter| letter.is_ascii_graphic() && !"=]\"".contains(*letter)).take(32).collect()
    };
    let mut data = format!("[{}@0", name(tag));
    for (field, value) in &record.fields {
        let value = one_line(&line::text(value)).replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
        // Writing to a text does not fail.
        let _ = write!(data, " {}=\"{value}\"", name(field));
    }
    data.push(']');
    data
}

/// A line feed would end the message.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

const fn severity(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}
