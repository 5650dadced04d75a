//! A record as one line: JSON, or the words of the reference's log (`level=info msg=...`).

use std::fmt::Write as _;

use chrono::SecondsFormat;
use serde_json::{Map, Value};
use tracing::Level;

use super::record::Record;

/// What a record has besides its fields, in the order of the line.
const OWN: [&str; 4] = ["time", "level", "target", "message"];

/// JSON with a line feed.
pub(super) fn json(record: &Record) -> String {
    let mut line = Map::new();
    line.insert(OWN[0].to_owned(), record.time.to_rfc3339_opts(SecondsFormat::Micros, true).into());
    line.insert(OWN[1].to_owned(), level(record.level).into());
    line.insert(OWN[2].to_owned(), record.target.into());
    line.insert(OWN[3].to_owned(), record.message.clone().into());
    for (name, value) in &record.fields {
        let name = if OWN.contains(&name.as_str()) { format!("field_{name}") } else { name.clone() };
        line.insert(name, value.clone());
    }
    format!("{}\n", Value::Object(line))
}

/// Words, without a line feed. Reference: the text form of its log.
pub(super) fn words(record: &Record) -> String {
    let mut line = String::new();
    let time = record.time.with_timezone(&chrono::Local).to_rfc3339_opts(SecondsFormat::Secs, true);
    for (name, value) in [("time", time.as_str()), ("level", level(record.level)), ("msg", &record.message)] {
        word(&mut line, name, value);
    }
    for (name, value) in &record.fields {
        word(&mut line, name, &text(value));
    }
    line
}

/// A value without quotes.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn word(line: &mut String, name: &str, value: &str) {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._/@^+".contains(letter);
    let blank = if line.is_empty() { "" } else { " " };
    // Writing to a text does not fail.
    let _ = if !value.is_empty() && value.chars().all(is_plain) {
        write!(line, "{blank}{name}={value}")
    } else {
        write!(line, "{blank}{name}={}", Value::from(value))
    };
}

/// The reference's name of a level.
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}
