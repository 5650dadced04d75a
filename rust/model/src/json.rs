//! Reading request bodies as the reference reads them.
//!
//! Keys match the fields of a struct without regard to case, `null` leaves a field at its default, unknown keys are ignored,
//! only the first JSON value of a body counts, and a number with a fraction is no integer. Free-form objects
//! ([`crate::JsonMap`]) are taken over unchanged, keys and nulls included.
//!
//! It works for every `Deserialize` struct with `#[serde(default)]` and without `flatten`: the fields are learned from the
//! type itself.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt::Display;

/// Why a body cannot be read. The text names the place, for example `survey_vars[0].name: ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    path: String,
    message: String,
}

impl DecodeError {
    fn at_key(mut self, key: &str) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{key}{separator}{}", self.path);
        self
    }

    fn at_index(mut self, index: usize) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{index}]{separator}{}", self.path);
        self
    }
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self { path: String::new(), message: message.to_string() }
    }
}

/// Reads a request body. An empty body and a body that is not JSON are errors; `null` is the default of `T`'s fields.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    decode_parsed(body, parse_first(&readable(body)))
}

/// The same of a body with nothing behind its value.
pub fn decode_whole<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    decode_parsed(body, parse(body))
}

fn decode_parsed<T: DeserializeOwned>(body: &[u8], parsed: Result<Value, serde_json::Error>) -> Result<T, DecodeError> {
    let value = parsed.map_err(|error| {
        let message = if body.trim_ascii().is_empty() {
            "the body is empty, expected JSON".to_owned()
        } else {
            format!("the body is not valid JSON: {error}")
        };
        DecodeError { path: String::new(), message }
    })?;
    from_value(value)
}

fn parse_first(text: &str) -> Result<Value, serde_json::Error> {
    Value::deserialize(&mut serde_json::Deserializer::from_str(text))
}

/// Parses one JSON value and nothing after it. What is no UTF-8, or half a surrogate pair, becomes U+FFFD, as in the reference.
pub fn parse(body: &[u8]) -> Result<Value, serde_json::Error> {
    parse_text(&readable(body))
}

/// The text of a body, with U+FFFD for what no string can hold.
fn readable(body: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(body);
    if text.contains("\\u") { Cow::Owned(whole_surrogates(&text)) } else { text }
}

/// `\ud83d` without its other half, which the JSON of some programs has at the end of a text that was cut, becomes `\ufffd`.
fn whole_surrogates(text: &str) -> String {
    let unit = |rest: &str| rest.strip_prefix("\\u")?.get(..4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        whole.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                whole.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            // An escaped character, which may be a backslash; what is cut off is for the parser to refuse.
            _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        whole.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    whole + rest
}

/// Reads an already parsed value by the same rules.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, DecodeError> {
    T::deserialize(Lenient(value))
}

/// Parses a text that must be one JSON value and nothing after it.
pub fn parse_text(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text)
}

/// A JSON value that deserializes by the reference's rules.
struct Lenient(Value);

impl Lenient {
    fn strict(error: &serde_json::Error) -> DecodeError {
        DecodeError { path: String::new(), message: error.to_string() }
    }
}

impl<'de> Deserializer<'de> for Lenient {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter(), index: 0 }),
            other => other.deserialize_any(visitor).map_err(|error| Self::strict(&error)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            other => visitor.visit_some(Self(other)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Object(object) => visitor.visit_map(Members::new(object, fields)),
            Value::Null => visitor.visit_map(Members::new(Map::new(), fields)),
            other => Err(serde::de::Error::invalid_type(unexpected(&other), &"an object")),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.0.deserialize_i32(visitor).map_err(|error| Self::strict(&error))
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.0.deserialize_i64(visitor).map_err(|error| Self::strict(&error))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.0.deserialize_enum(name, variants, visitor).map_err(|error| Self::strict(&error))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// What to call a value of the wrong kind.
fn unexpected(value: &Value) -> serde::de::Unexpected<'_> {
    use serde::de::Unexpected;
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(_) => Unexpected::Other("number"),
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

/// The members of an object that belong to a struct, under the names of its fields. A later duplicate wins.
struct Members {
    members: std::vec::IntoIter<(&'static str, Value)>,
    current: Option<(&'static str, Value)>,
}

impl Members {
    fn new(object: Map<String, Value>, fields: &'static [&'static str]) -> Self {
        let mut members: Vec<(&'static str, Value)> = Vec::with_capacity(fields.len());
        for (key, value) in object {
            let field = fields
                .iter()
                .find(|field| **field == key)
                .or_else(|| fields.iter().find(|field| field.eq_ignore_ascii_case(&key)));
            let Some(field) = field.filter(|_| !value.is_null()) else { continue };
            match members.iter_mut().find(|(name, _)| name == field) {
                Some(member) => member.1 = value,
                None => members.push((field, value)),
            }
        }
        Self { members: members.into_iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        self.current = self.members.next();
        let Some((name, _)) = &self.current else { return Ok(None) };
        let name: StrDeserializer<'_, DecodeError> = (*name).into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        let (name, value) = self.current.take().unwrap_or(("", Value::Null));
        seed.deserialize(Lenient(value)).map_err(|error| error.at_key(name))
    }
}

/// The items of a list.
struct Items {
    items: std::vec::IntoIter<Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, DecodeError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Lenient(item)).map(Some).map_err(|error| error.at_index(index))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Inventory, NewTask, NewUser, Template, TemplateApp};

    #[test]
    fn keys_match_without_regard_to_case_and_nulls_are_defaults() {
        let body = br#"{"Template_ID": 4, "MESSAGE": "hi", "playbook": null, "git_branch": null, "unknown": {"a": 1}} trailing"#;
        let task: NewTask = decode(body).unwrap();
        assert_eq!((task.template_id.0, task.message.as_str(), task.playbook.as_str()), (4, "hi", ""));
        let template: Template = decode(
            br#"{"APP": "bash", "Survey_Vars": [{"NAME": "n", "Values": [{"VALUE": "1"}]}], "task_params": {"LIMIT": null}}"#,
        )
        .unwrap();
        assert_eq!(template.app, TemplateApp::Bash);
        assert_eq!(template.survey_vars[0].values[0].value, "1");
        assert!(template.task_params["LIMIT"].is_null());
        let user: NewUser = decode(br#"{"password": "x", "PASSWORD": "y", "Admin": true}"#).unwrap();
        assert_eq!((user.password.expose(), user.admin), ("y", true));
    }

    #[test]
    fn wrong_kinds_are_refused_and_the_place_is_named() {
        let table: [(&[u8], &str); 8] = [
            (b"", "the body is empty, expected JSON"),
            (b"{", "the body is not valid JSON: EOF while parsing an object at line 1 column 1"),
            (b"[]", "invalid type: sequence, expected an object"),
            (b"\"x\"", "invalid type: string \"x\", expected an object"),
            (br#"{"repository_id": 1.0}"#, "repository_id: invalid type: floating point `1.0`, expected i32"),
            (br#"{"name": 5}"#, "name: invalid type: integer `5`, expected a string"),
            (
                br#"{"survey_vars": [{}, {"name": true}]}"#,
                "survey_vars[1].name: invalid type: boolean `true`, expected a string",
            ),
            (br#"{"autorun": "yes"}"#, "autorun: invalid type: string \"yes\", expected a boolean"),
        ];
        for (body, message) in table {
            assert_eq!(decode::<Template>(body).unwrap_err().to_string(), message);
        }
        assert_eq!(decode::<Inventory>(b"null").unwrap(), Inventory::default());
    }

    #[test]
    fn what_no_string_can_hold_is_replaced() {
        // Python and cut texts send it.
        for (body, expected) in [
            (&br#"{"a":"cut \ud83d","b":1}"#[..], "cut \u{fffd}"),
            (br#"{"a":"\ude00\ud83d\ude00","b":1}"#, "\u{fffd}\u{1f600}"),
            (br#"{"a":"\ud83d\ud83d\ude00\ud83dx","b":1}"#, "\u{fffd}\u{1f600}\u{fffd}x"),
            (br#"{"a":"\\ud83d \"\\\\ \u00e4","b":1}"#, "\\ud83d \"\\\\ \u{e4}"),
            (b"{\"a\":\"\xff\",\"b\":1}", "\u{fffd}"),
        ] {
            assert_eq!(parse(body).unwrap(), serde_json::json!({"a": expected, "b": 1}), "{}", body.escape_ascii());
        }
        assert!(parse(b"{} {}").is_err() && parse(br#"{"a":"\"#).is_err());
    }
}
