//! What stands in a line of the files, in both forms.
//!
//! Reference: the fields of its records and their names; `time`, `object` and `object_id` are named in its documentation or ours.

use chrono::{DateTime, SecondsFormat, Utc};
use semaphore_model::Event;
use semaphore_service::{
    event::{action, told_description},
    task::TaskRecord,
};
use serde_json::{Map, Value};

/// How a record is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordFormat {
    /// `2024-01-03 12:00:34 user=1 object=template action=delete`, UTC.
    #[default]
    Raw,
    /// One JSON object.
    Json,
}

/// A moment and what happened then.
#[derive(Debug)]
pub(super) struct Fields {
    time: DateTime<Utc>,
    fields: Vec<(&'static str, Value)>,
}

impl Fields {
    /// Leaves out what is not known, as the reference does.
    fn new(time: DateTime<Utc>, fields: Vec<(&'static str, Value)>) -> Self {
        let is_known = |value: &Value| !value.is_null() && value.as_str() != Some("");
        Self { time, fields: fields.into_iter().filter(|(_, value)| is_known(value)).collect() }
    }

    /// The line, with its line feed. No text in it can make another line.
    pub(super) fn line(&self, format: RecordFormat) -> String {
        match format {
            RecordFormat::Json => {
                let time = self.time.to_rfc3339_opts(SecondsFormat::Millis, true);
                let mut object = Map::from_iter([("time".to_owned(), Value::from(time))]);
                object.extend(self.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
                format!("{}\n", Value::Object(object))
            }
            RecordFormat::Raw => {
                let mut line = self.time.format("%Y-%m-%d %H:%M:%S").to_string();
                for (name, value) in &self.fields {
                    line.push(' ');
                    line.push_str(name);
                    line.push('=');
                    match value.as_str() {
                        Some(text) if text.bytes().all(is_plain) => line.push_str(text),
                        _ => line.push_str(&value.to_string()),
                    }
                }
                line.push('\n');
                line
            }
        }
    }
}

/// What a value is made of that needs no quotes.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._/:@^+".contains(&byte)
}

fn moment(time: Option<DateTime<Utc>>) -> Value {
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true)).into()
}

/// What somebody changed; none for what tasks do by themselves.
pub(super) fn of_event(event: &Event) -> Option<Fields> {
    let action = action(event)?;
    Some(Fields::new(
        event.created,
        vec![
            ("user", event.user_id.map(|id| id.0).into()),
            ("object", event.object_type.as_ref().map(|object| object.as_str().to_owned()).into()),
            ("action", action.into()),
            ("object_id", event.object_id.into()),
            ("integration", event.integration_id.map(|id| id.0).into()),
            ("project", event.project_id.map(|id| id.0).into()),
            ("description", told_description(event).into()),
        ],
    ))
}

/// A status that a task reached.
pub(super) fn of_task(task: &TaskRecord) -> Fields {
    Fields::new(
        task.time,
        vec![
            ("username", task.username.clone().into()),
            ("task", task.task.0.into()),
            ("project", task.project.0.into()),
            ("template", task.template.0.into()),
            ("template_name", task.template_name.clone().into()),
            ("user", task.user.map(|id| id.0).into()),
            ("status", task.status.as_str().into()),
        ],
    )
}

/// How a task ended. `duration` is in seconds, without the time it waited.
pub(super) fn of_result(task: &TaskRecord) -> Fields {
    let duration = task.start.zip(task.end).map(|(start, end)| (end - start).as_seconds_f64().max(0.0));
    let mut record = of_task(task);
    let more = Fields::new(
        task.time,
        vec![
            ("start", moment(task.start)),
            ("end", moment(task.end)),
            ("duration", duration.into()),
            ("version", task.version.clone().into()),
        ],
    );
    record.fields.extend(more.fields);
    record
}
