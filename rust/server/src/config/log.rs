//! What is logged and where: the keys `log.*` and `syslog.*`.

use std::path::PathBuf;

use semaphore_service::audit::AuditSettings;
use serde_json::{Map, Value};

use super::{ConfigError, load::Values};
use crate::{
    journal::{FileSettings, JournalSettings, RecordFormat},
    telemetry::{SyslogFormat, SyslogSettings},
};

/// Bytes of a megabyte as the reference counts them.
const MEGABYTE: u64 = 1 << 20;
/// Megabytes of a file without `maxsize`. Reference: its library's default.
const USUAL_SIZE: u64 = 100;

/// Everything about logs.
#[derive(Clone, Debug, Default)]
pub struct LogSettings {
    /// Whether the server writes JSON instead of text on its standard error.
    pub json: bool,
    /// Files of events and tasks.
    pub journal: JournalSettings,
    /// Syslog, if it is on.
    pub syslog: Option<SyslogSettings>,
    /// The audit webhook, if an address is set.
    pub audit: Option<AuditSettings>,
    /// Keys that ask for a log in vain, each with what is missing.
    pub in_vain: Vec<String>,
}

pub(super) fn logs(values: &Values) -> Result<LogSettings, ConfigError> {
    let mut in_vain = Vec::new();
    let mut journal = JournalSettings {
        event_format: format(values.text("log.events.format")),
        task_format: format(values.text("log.tasks.format")),
        ..JournalSettings::default()
    };
    if values.bool("log.events.enabled") {
        journal.events = file(values, &EVENTS)?;
        if journal.events.is_none() {
            in_vain.push("log.events.enabled without log.events.logger.filename".to_owned());
        }
    }
    if values.bool("log.tasks.enabled") {
        journal.tasks = file(values, &TASKS)?;
        journal.results = file(values, &RESULTS)?;
        if journal.tasks.is_none() && journal.results.is_none() {
            in_vain.push("log.tasks.enabled without log.tasks.logger.filename".to_owned());
        }
    }
    let audit = values
        .set_text("log.audit.url")
        .map(|url| AuditSettings { url: url.into(), secret: values.text("log.audit.secret").into() });
    if audit.is_none() && values.set_text("log.audit.secret").is_some() {
        in_vain.push("log.audit.secret without log.audit.url".to_owned());
    }
    Ok(LogSettings { json: values.text("log.format") == "json", journal, syslog: syslog(values)?, audit, in_vain })
}

fn format(text: &str) -> RecordFormat {
    if text == "json" { RecordFormat::Json } else { RecordFormat::Raw }
}

fn syslog(values: &Values) -> Result<Option<SyslogSettings>, ConfigError> {
    if !values.bool("syslog.enabled") {
        return Ok(None);
    }
    let (network, address) = (values.text("syslog.network"), values.text("syslog.address"));
    if !network.is_empty() && address.is_empty() {
        return Err(ConfigError::Value {
            key: "syslog.address",
            shown: String::new(),
            complaint: "must say where syslog is reached, because syslog.network is set".to_owned(),
        });
    }
    let format = if values.text("syslog.format") == "rfc5424" { SyslogFormat::Rfc5424 } else { SyslogFormat::Rfc3164 };
    Ok(Some(SyslogSettings {
        network: network.to_owned(),
        address: address.to_owned(),
        tag: values.text("syslog.tag").to_owned(),
        format,
    }))
}

/// The keys of one file: the whole, then its parts.
type FileKeys = [&'static str; 7];

macro_rules! file_keys {
    ($logger:literal) => {
        [
            $logger,
            concat!($logger, ".filename"),
            concat!($logger, ".maxsize"),
            concat!($logger, ".maxage"),
            concat!($logger, ".maxbackups"),
            concat!($logger, ".localtime"),
            concat!($logger, ".compress"),
        ]
    };
}

const EVENTS: FileKeys = file_keys!("log.events.logger");
const TASKS: FileKeys = file_keys!("log.tasks.logger");
const RESULTS: FileKeys = file_keys!("log.tasks.result_logger");

/// A file, if it is named. The variable of the whole wins over its parts in the file; an option of the database names one part.
fn file(values: &Values, keys: &FileKeys) -> Result<Option<FileSettings>, ConfigError> {
    let whole: Map<String, Value> = values.decode(keys[0])?;
    let part = |number: usize| {
        let name = keys[number].rsplit('.').next().unwrap_or_default();
        whole.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let number = |place: usize| {
        let given = part(place).and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()));
        let number = given.filter(|number| *number > 0).unwrap_or_else(|| values.integer(keys[place]));
        u64::try_from(number).unwrap_or_default()
    };
    let switch = |place: usize| part(place).and_then(Value::as_bool).unwrap_or_else(|| values.bool(keys[place]));
    let name = part(1).and_then(Value::as_str).filter(|name| !name.is_empty());
    let Some(name) = name.or_else(|| values.set_text(keys[1])) else { return Ok(None) };
    let size = number(2);
    Ok(Some(FileSettings {
        path: PathBuf::from(name),
        largest: if size == 0 { USUAL_SIZE } else { size }.saturating_mul(MEGABYTE),
        days: number(3),
        backups: usize::try_from(number(4)).unwrap_or(usize::MAX),
        local_time: switch(5),
        compress: switch(6),
    }))
}
