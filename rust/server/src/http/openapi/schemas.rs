//! The shared schemas of a document: which names they have, and how strict they are.
//!
//! A type that is read and written has two schemas, because what may be left out of a request may still be in every answer.
//! If they differ, that of requests has `Input` behind its name. An answer has the keys of its schema and no others.

use std::collections::BTreeSet;

use schemars::Schema;
use serde_json::{Map, Value, json};

use super::describe::Describer;

/// Where shared schemas stand.
const SHARED: &str = "#/components/schemas/";

/// Marks references in requests until both sets of schemas are known.
const REQUEST_MARK: &str = "#/requests/";

/// Behind the name of a schema that only requests have.
const INPUT: &str = "Input";

/// A schema of a request, with its references marked as such.
pub(super) fn of_request(schema: &Schema) -> Value {
    let mut value = json!(schema);
    tidy(&mut value);
    for_each_reference(&mut value, &mut |reference| {
        if let Some(name) = reference.strip_prefix(SHARED) {
            *reference = format!("{REQUEST_MARK}{name}");
        }
    });
    value
}

/// A schema of an answer: closed.
pub(super) fn of_answer(schema: &Schema) -> Value {
    let mut value = json!(schema);
    tidy(&mut value);
    close(&mut value);
    value
}

/// Puts the shared schemas into the document and gives the references of requests their names.
pub(super) fn finish(document: &mut Value, describer: &mut Describer) {
    let error = describer.answers.subschema_for::<crate::http::error::ErrorBody<'_>>();
    debug_assert!(error.get("$ref").is_some(), "the schema of refusals is shared");
    let mut shared = Map::new();
    for (name, mut schema) in describer.answers.take_definitions(true) {
        tidy(&mut schema);
        close(&mut schema);
        shared.insert(name, schema);
    }
    let requests = describer.requests.take_definitions(true);
    let doubled: BTreeSet<&String> = requests.keys().filter(|name| shared.contains_key(*name)).collect();
    let rename = |reference: &mut String| {
        let marked = reference.strip_prefix(REQUEST_MARK).map(str::to_owned);
        if let Some(name) = marked {
            let end = if doubled.contains(&name) { INPUT } else { "" };
            *reference = format!("{SHARED}{name}{end}");
        }
    };
    let mut inputs = Map::new();
    for (name, schema) in &requests {
        let mut schema = schema.clone();
        tidy(&mut schema);
        for_each_reference(&mut schema, &mut |reference| {
            *reference = reference.replace(SHARED, REQUEST_MARK);
            rename(reference);
        });
        let end = if doubled.contains(name) { INPUT } else { "" };
        inputs.insert(format!("{name}{end}"), schema);
    }
    for_each_reference(document, &mut |reference| rename(reference));
    shared.extend(inputs);
    shared.sort_keys();
    document["components"]["schemas"] = shared.into();
}

fn for_each_reference(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "$ref" => change(text),
                    other => for_each_reference(other, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_reference(item, change)),
        _ => {}
    }
}

/// An object with named members has no others.
fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), false.into());
            }
            members.remove("default");
            for (name, member) in members {
                match member {
                    // Here the names are those of the API.
                    Value::Object(properties) if name == "properties" => properties.values_mut().for_each(close),
                    other => close(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Takes out what only speaks to readers of the source: the marks of links, and the breaks of lines.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "description" => {
                        *text = text.replace("[`", "`").replace("`]", "`").replace('\n', " ");
                    }
                    other => tidy(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}
