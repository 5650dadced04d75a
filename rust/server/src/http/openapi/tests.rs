#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;

use serde_json::Value;

use super::{
    describe::{Describer, Version},
    document::document,
    notes::{NOTES, note},
};
use crate::http::routes::routes;

#[test]
fn notes_are_about_handlers_of_the_table_and_about_all_that_need_one() {
    let handlers: HashSet<&str> = routes().iter().map(|route| route.handler).collect();
    let mut seen = HashSet::new();
    for note in NOTES {
        assert!(handlers.contains(note.handler), "{} is the handler of no route", note.handler);
        assert!(seen.insert(note.handler), "{} has two notes", note.handler);
    }
    let mut describer = Describer::new(Version::V31);
    let (mut unanswered, mut unasked) = (Vec::new(), Vec::new());
    for route in routes() {
        let (operation, note) = (describer.operation(route.describe), note(route.handler));
        if operation.answer.is_none() && note.answers.is_empty() {
            unanswered.push(route.handler);
        }
        if operation.reads_query == note.query.is_empty() {
            unasked.push(route.handler);
        }
    }
    assert!(unanswered.is_empty(), "say in notes.rs what these answer: {unanswered:?}");
    assert!(unasked.is_empty(), "say in notes.rs what is in their queries: {unasked:?}");
}

#[test]
fn every_route_is_described_once_and_every_reference_leads_somewhere() {
    for version in [Version::V31, Version::V30] {
        let document = document(version);
        let mut names = HashSet::new();
        for route in routes() {
            let path = &document["paths"][route.path.replace("{*", "{")];
            let usual = &path[route.method.to_lowercase()];
            let operation = if usual.is_null() { &path["x-operations"][route.method] } else { usual };
            let name = operation["operationId"].as_str().unwrap_or_default();
            assert!(!name.is_empty() && names.insert(name.to_owned()), "{} {}: {name:?}", route.method, route.path);
        }
        assert_eq!(names.len(), routes().len());
        check_references(&document, &document);
    }
}

fn check_references(root: &Value, value: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let pointer = reference.strip_prefix('#').expect("a reference into the document");
                assert!(root.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            members.values().for_each(|member| check_references(root, member));
        }
        Value::Array(items) => items.iter().for_each(|item| check_references(root, item)),
        _ => {}
    }
}

#[test]
fn answers_are_closed_and_requests_are_not() {
    let document = document(Version::V31);
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Template"]["additionalProperties"], false);
    assert!(schemas["TemplateInput"]["additionalProperties"].is_null());
    let required = |name: &str| schemas[name]["required"].as_array().map_or(0, Vec::len);
    assert!(required("Template") > 5, "an answer always has most of its keys");
    assert_eq!(required("TemplateInput"), 0, "every key of a body may be left out");
}
