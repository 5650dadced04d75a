//! Variables as the text and JSON that programs see, always in the same order.
//!
//! Not for secrets: they are looked up by the caller. Objects are sorted by key at every depth, so that two runs of the same
//! job have the same arguments.

use serde_json::{Map, Value};

/// A value as one plain text: texts as they are, everything else as compact JSON (`5`, `true`, `null`, `[1,2]`, `{"a":"b"}`).
///
/// Reference: Go's `%s` printed numbers and booleans as `%!s(float64=5)`; plain text is a decided difference.
pub(crate) fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => sorted(other).to_string(),
    }
}

/// `NAME=VALUE` for each variable, sorted by name.
///
/// Reference: random order there. `semaphore_vars` is the engine's own name and never passed on.
pub(crate) fn assignments(variables: &Map<String, Value>) -> Vec<String> {
    let mut pairs: Vec<_> = variables.iter().filter(|(name, _)| *name != DETAILS_VARIABLE).collect();
    pairs.sort_by_key(|(name, _)| *name);
    pairs.into_iter().map(|(name, value)| format!("{name}={}", plain_text(value))).collect()
}

/// Name of the variable under which Ansible finds the details of its task.
pub(crate) const DETAILS_VARIABLE: &str = "semaphore_vars";

/// The same value with the keys of all objects sorted.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(sorted_map(map)),
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// The same map with the keys sorted at every depth.
pub(crate) fn sorted_map(map: &Map<String, Value>) -> Map<String, Value> {
    let mut pairs: Vec<_> = map.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
    pairs.sort_by(|left, right| left.0.cmp(&right.0));
    pairs.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_plain_and_sorted() {
        let variables = json!({
            "z": null, "n": 5, "f": true, "greeting": "hi", "l": [1, 2], "o": {"b": {"y": 1, "x": 2}, "a": "b"},
            "float": 1.5, "text": "a b", "semaphore_vars": {"x": 1},
        });
        assert_eq!(
            assignments(variables.as_object().unwrap()),
            [
                "f=true",
                "float=1.5",
                "greeting=hi",
                "l=[1,2]",
                "n=5",
                r#"o={"a":"b","b":{"x":2,"y":1}}"#,
                "text=a b",
                "z=null"
            ]
        );
    }
}
