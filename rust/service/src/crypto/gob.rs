//! Reader and writer for the one gob value the reference puts into its cookie: a map from text to interface values.
//!
//! Not a gob library: only `map[string]interface{}` whose values are integers or texts. The type id of the map depends on
//! what the Go process encoded before, so the reader takes it from the stream's type definition. Invariants: the reader
//! never panics or allocates more than the input's length, and refuses trailing bytes inside a message.

use std::collections::BTreeMap;

/// A value of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GobValue {
    /// Go `int`.
    Int(i64),
    /// Go `string`.
    Text(String),
}

/// Why a gob stream was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GobError {
    /// The stream ends inside a value.
    #[error("gob stream ends early")]
    Truncated,
    /// A number is longer than eight bytes or out of range.
    #[error("gob number out of range")]
    Number,
    /// The stream holds something other than one map of texts to integers and texts.
    #[error("gob stream holds an unexpected type")]
    Type,
    /// A text is not UTF-8.
    #[error("gob text is not UTF-8")]
    Text,
}

/// Type id the writer uses for the map: the first free one of a fresh Go encoder.
const MAP_TYPE_ID: i64 = 64;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], GobError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(GobError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    /// Unsigned number: one byte below 128, or the negated count of big-endian bytes and the bytes.
    fn unsigned(&mut self) -> Result<u64, GobError> {
        let first = *self.bytes(1)?.first().ok_or(GobError::Truncated)?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        let count = usize::from(first.wrapping_neg());
        if count > 8 {
            return Err(GobError::Number);
        }
        Ok(self.bytes(count)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// Signed number: the sign is the lowest bit, the rest is complemented when it is set.
    fn signed(&mut self) -> Result<i64, GobError> {
        let raw = self.unsigned()?;
        let value = i64::try_from(raw >> 1).map_err(|_| GobError::Number)?;
        Ok(if raw & 1 == 1 { !value } else { value })
    }

    fn length(&mut self) -> Result<usize, GobError> {
        usize::try_from(self.unsigned()?).map_err(|_| GobError::Number)
    }

    fn text(&mut self) -> Result<&'a str, GobError> {
        let length = self.length()?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| GobError::Text)
    }

    fn message(&mut self) -> Result<Reader<'a>, GobError> {
        let length = self.length()?;
        Ok(Reader(self.bytes(length)?))
    }
}

/// Reads the map out of a gob stream.
pub fn decode(stream: &[u8]) -> Result<BTreeMap<String, GobValue>, GobError> {
    let mut reader = Reader(stream);
    let mut defined = None;
    loop {
        let mut message = reader.message()?;
        let id = message.signed()?;
        if id < 0 {
            // A type definition; the map of texts to interfaces is the only one that can occur here.
            defined = Some(id.checked_neg().ok_or(GobError::Number)?);
            continue;
        }
        if defined != Some(id) {
            return Err(GobError::Type);
        }
        return map(&mut message);
    }
}

fn map(message: &mut Reader<'_>) -> Result<BTreeMap<String, GobValue>, GobError> {
    // A value that is not a struct at the top level is preceded by a zero byte.
    if message.unsigned()? != 0 {
        return Err(GobError::Type);
    }
    let count = message.length()?;
    let mut entries = BTreeMap::new();
    for _ in 0..count {
        let key = message.text()?.to_owned();
        let value = interface(message)?;
        entries.insert(key, value);
    }
    if message.0.is_empty() { Ok(entries) } else { Err(GobError::Type) }
}

/// Name of the concrete type, its id, the length of the rest, a zero byte, the value.
fn interface(message: &mut Reader<'_>) -> Result<GobValue, GobError> {
    let name = message.text()?;
    let id = message.signed()?;
    let mut value = message.message()?;
    if value.unsigned()? != 0 {
        return Err(GobError::Type);
    }
    let value = match (name, id) {
        ("int", 2) => (GobValue::Int(value.signed()?), value),
        ("string", 6) => (GobValue::Text(value.text()?.to_owned()), value),
        _ => return Err(GobError::Type),
    };
    if value.1.0.is_empty() { Ok(value.0) } else { Err(GobError::Type) }
}

fn put_unsigned(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
        return;
    }
    let bytes = value.to_be_bytes();
    let skip = (value.leading_zeros() / 8) as usize;
    out.push((8 - skip as u8).wrapping_neg());
    out.extend(bytes.iter().skip(skip));
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    let raw = (value as u64) << 1;
    put_unsigned(out, if value < 0 { !raw } else { raw });
}

/// How many bytes a signed number takes.
pub(super) fn signed_length(value: i64) -> usize {
    let mut bytes = Vec::new();
    put_signed(&mut bytes, value);
    bytes.len()
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_unsigned(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_message(out: &mut Vec<u8>, message: &[u8]) {
    put_unsigned(out, message.len() as u64);
    out.extend_from_slice(message);
}

/// Writes the entries, in the order given, as a fresh Go encoder writes `map[string]interface{}`.
pub fn encode(entries: &[(&str, GobValue)]) -> Vec<u8> {
    let mut stream = Vec::with_capacity(64);
    // Definition of type 64: wireType with only MapT set, common type {id 64}, key string (6), element interface (8).
    let mut definition = Vec::with_capacity(16);
    put_signed(&mut definition, -MAP_TYPE_ID);
    definition.extend_from_slice(&[0x04, 0x01, 0x02]);
    put_signed(&mut definition, MAP_TYPE_ID);
    definition.extend_from_slice(&[0x00, 0x01, 0x0c, 0x01, 0x10, 0x00, 0x00]);
    put_message(&mut stream, &definition);

    let mut value = Vec::with_capacity(48);
    put_signed(&mut value, MAP_TYPE_ID);
    value.push(0);
    put_unsigned(&mut value, entries.len() as u64);
    for (key, entry) in entries {
        put_text(&mut value, key);
        let mut inner = vec![0];
        match entry {
            GobValue::Int(number) => {
                put_text(&mut value, "int");
                put_signed(&mut value, 2);
                put_signed(&mut inner, *number);
            }
            GobValue::Text(text) => {
                put_text(&mut value, "string");
                put_signed(&mut value, 6);
                put_text(&mut inner, text);
            }
        }
        put_message(&mut value, &inner);
    }
    put_message(&mut stream, &value);
    stream
}
