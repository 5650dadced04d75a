//! One thing that the server says, taken from `tracing` as a value: for JSON and for syslog.
//!
//! Not for text on the standard error, which `tracing` writes by itself.

use std::{fmt, io::Write as _, sync::atomic::Ordering};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{JSON, SYSLOG, line};

/// What was said.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) time: DateTime<Utc>,
    pub(super) level: Level,
    /// The module that said it.
    pub(super) target: &'static str,
    pub(super) message: String,
    /// What it is about, then what was known around it: `request_id`, `request_user`.
    pub(super) fields: Vec<(String, Value)>,
}

/// Takes records.
pub(super) struct Records;

/// What is known of a span.
struct SpanFields(Vec<(String, Value)>);

/// Collects the fields of an event or a span.
#[derive(Default)]
struct Collected {
    /// In front of each name.
    prefix: &'static str,
    message: String,
    fields: Vec<(String, Value)>,
}

impl Collected {
    fn put(&mut self, field: &Field, value: Value) {
        let name = match (self.prefix, field.name()) {
            ("", name) => name.to_owned(),
            (prefix, name) => format!("{prefix}_{name}"),
        };
        match self.fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.fields.push((name, value)),
        }
    }
}

impl Visit for Collected {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" { self.message = text } else { self.put(field, text.into()) }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" { value.clone_into(&mut self.message) } else { self.put(field, value.into()) }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, value.to_string().into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

fn is_wanted() -> bool {
    JSON.load(Ordering::Relaxed) || SYSLOG.get().is_some()
}

impl<S> Layer<S> for Records
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id).filter(|_| is_wanted()) else { return };
        let mut collected = Collected { prefix: span.name(), ..Collected::default() };
        attributes.record(&mut collected);
        span.extensions_mut().replace(SpanFields(collected.fields));
    }

    fn on_record(&self, id: &Id, values: &tracing::span::Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        let Some(known) = extensions.get_mut::<SpanFields>() else { return };
        let fields = std::mem::take(&mut known.0);
        let mut collected = Collected { prefix: span.name(), fields, ..Collected::default() };
        values.record(&mut collected);
        known.0 = collected.fields;
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !is_wanted() {
            return;
        }
        let mut collected = Collected::default();
        event.record(&mut collected);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(known) = span.extensions().get::<SpanFields>() {
                collected.fields.extend(known.0.iter().cloned());
            }
        }
        let metadata = event.metadata();
        let record = Record {
            time: Utc::now(),
            level: *metadata.level(),
            target: metadata.target(),
            message: collected.message,
            fields: collected.fields,
        };
        if JSON.load(Ordering::Relaxed) {
            // One write, so that lines of several threads do not mix; there is nobody to tell of a failure.
            let _ = std::io::stderr().lock().write_all(line::json(&record).as_bytes());
        }
        if let Some(entrance) = SYSLOG.get() {
            entrance.send(record);
        }
    }
}
