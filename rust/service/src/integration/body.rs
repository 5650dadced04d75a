//! Values in the body of a request: finding one by its path, and writing it as text.
//!
//! Paths and texts are the reference's (gojsonq and Go's `%v`), because the rules people have stored were made for them.

use std::collections::BTreeMap;

use semaphore_model::json;
use serde_json::Value;

/// The value at a path such as `commits.[0].id`; none if the body is no JSON or has nothing there.
pub(super) fn find(body: &[u8], path: &str) -> Option<Value> {
    let mut value: Value = json::parse(body).ok()?;
    for name in path.split('.') {
        value = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(index) => match value {
                Value::Array(mut items) => {
                    let index = index.parse::<usize>().ok().filter(|index| *index < items.len())?;
                    items.swap_remove(index)
                }
                // Reference: an index of something that is no list is passed over.
                other => other,
            },
            None => match value {
                Value::Object(mut members) => members.remove(name)?,
                _ => return None,
            },
        };
    }
    Some(value).filter(|value| !value.is_null())
}

/// A value as text. Reference: `%v`, but large numbers keep their digits (`1234567`, not `1.234567e+06`).
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => float_text(float),
            _ => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(" ")),
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            let members: Vec<_> = sorted.into_iter().map(|(name, value)| format!("{name}:{}", text(value))).collect();
            format!("map[{}]", members.join(" "))
        }
    }
}

/// The shortest digits that give the number back, with an exponent where Go has one.
fn float_text(number: f64) -> String {
    const LARGEST_PLAIN: f64 = 1e21;
    const SMALLEST_PLAIN: f64 = 1e-4;
    if number == 0.0 || (SMALLEST_PLAIN..LARGEST_PLAIN).contains(&number.abs()) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_written_as_the_reference_does() {
        let body =
            br#"{"ref":"refs/heads/main","n":3,"big":1234567,"whole":2.0,"half":0.5,"tiny":1e-7,"yes":true,"none":null,
            "repo":{"name":"demo","id":9},"list":[{"id":"a"},{"id":"b"}],"a.b":1}"#;
        for (path, expected) in [
            ("ref", Some("refs/heads/main")),
            ("n", Some("3")),
            ("big", Some("1234567")),
            ("whole", Some("2")),
            ("half", Some("0.5")),
            ("tiny", Some("1e-07")),
            ("yes", Some("true")),
            ("none", None),
            ("nothing", None),
            ("repo.name", Some("demo")),
            ("repo.name.x", None),
            ("repo", Some("map[id:9 name:demo]")),
            ("list.[1].id", Some("b")),
            ("list.[2].id", None),
            ("list.[x]", None),
            ("list", Some("[map[id:a] map[id:b]]")),
            ("ref.[0]", Some("refs/heads/main")),
            ("a.b", None),
            ("", None),
        ] {
            assert_eq!(find(body, path).as_ref().map(text).as_deref(), expected, "{path}");
        }
        assert_eq!(find(b"no json", "a"), None);
        // What no string can hold.
        assert_eq!(find(br#"{"a":"cut \ud83d"}"#, "a"), Some("cut \u{fffd}".into()));
    }
}
