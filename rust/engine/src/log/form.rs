//! The forms in which a secret turns up in a program's output.
//!
//! Not for searching. Forms of a value that are equal to it, or too short to be hidden, are left out.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use zeroize::Zeroizing;

use super::redact::SHORTEST_SECRET_BYTES;

/// Shortest base64 text that is looked for inside a longer encoding: it stands for six bytes of the secret.
const SHORTEST_INSIDE_BYTES: usize = 8;
/// Lengths at which programs break base64 texts: `openssl` and PEM, then `base64` and MIME.
const BREAKS: [usize; 2] = [64, 76];

/// A form of a secret is as secret as the value.
type Form = Zeroizing<Vec<u8>>;

/// All texts to look for; a text may occur more than once.
///
/// The value without a line feed at its end; each line of a value of several lines, without the white space around it; and of
/// all of these: as inside a JSON string; in base64, alone and inside the encoding of a longer text; in URLs and forms.
pub(super) fn forms(value: &[u8]) -> Vec<Form> {
    let mut forms = Vec::new();
    let several = value.trim_ascii_end().contains(&b'\n');
    let whole = value.strip_suffix(b"\n").unwrap_or(value);
    if several {
        forms.extend(base64(whole));
        forms.extend(base64_broken(value));
        for line in value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
            push_line(&mut forms, line);
        }
    } else {
        push_line(&mut forms, whole);
        push_line(&mut forms, whole.trim_ascii());
    }
    forms.retain(|form| form.len() >= SHORTEST_SECRET_BYTES);
    forms
}

fn form(text: &[u8]) -> Form {
    Zeroizing::new(text.to_vec())
}

fn push_line(forms: &mut Vec<Form>, text: &[u8]) {
    if text.len() < SHORTEST_SECRET_BYTES {
        return;
    }
    forms.push(form(text));
    forms.extend(in_json(text));
    forms.extend(base64(text));
    forms.extend(in_url(text));
}

fn in_json(text: &[u8]) -> Option<Form> {
    let text = std::str::from_utf8(text).ok()?;
    // Room for `\u0000` in place of each byte: a text that grows leaves copies behind.
    let mut quoted = Zeroizing::new(Vec::with_capacity(text.len() * 6 + 2));
    serde_json::to_writer(&mut *quoted, text).ok()?;
    let escaped = &quoted[1..quoted.len() - 1];
    (escaped != text.as_bytes()).then(|| form(escaped))
}

/// Base64 of two texts after one another.
fn encoded(text: &[u8], behind: &[u8]) -> Form {
    let whole = Zeroizing::new([text, behind].concat());
    Zeroizing::new(STANDARD.encode(&*whole).into_bytes())
}

/// Base64 of the text, with and without a line feed behind it (as `echo` and `<<<` give it), and what of its encoding is
/// the same wherever it stands in a longer text (`login:password` in a header, for example): all but up to two bytes at each
/// end. Without padding: what stands before the padding is looked for, the padding itself tells nothing.
fn base64(text: &[u8]) -> Vec<Form> {
    let mut forms = Vec::new();
    for ending in [&b""[..], b"\n"] {
        let mut encoded = encoded(text, ending);
        let length = encoded.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
        encoded.truncate(length);
        forms.push(encoded);
    }
    for before in 0..3 {
        // The first group holds what stands before the text, the last one may hold what follows it.
        let encoded = encoded(&[0; 2][..before], text);
        let begin = if before == 0 { 0 } else { 4 };
        let end = (before + text.len()) / 3 * 4;
        if end >= begin + SHORTEST_INSIDE_BYTES {
            forms.push(form(&encoded[begin..end]));
        }
    }
    let safe = forms.iter().filter(|form| form.iter().any(|byte| matches!(byte, b'+' | b'/')));
    let safe: Vec<Form> = safe.map(|form| Zeroizing::new(form.iter().map(|byte| url_safe(*byte)).collect())).collect();
    forms.extend(safe);
    forms
}

fn url_safe(byte: u8) -> u8 {
    match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => other,
    }
}

/// Lines of the base64 of a long text.
fn base64_broken(text: &[u8]) -> Vec<Form> {
    let encodings = [STANDARD.encode(text), URL_SAFE.encode(text)].map(Zeroizing::new);
    let lines = encodings.iter().flat_map(|encoded| BREAKS.map(|length| encoded.as_bytes().chunks(length)));
    lines.flatten().filter(|line| line.len() >= SHORTEST_INSIDE_BYTES).map(form).collect()
}

/// Percent-encoded: as strict programs, `encodeURIComponent`, paths and HTML forms keep characters, with digits in both cases.
fn in_url(text: &[u8]) -> Vec<Form> {
    const KEPT: [&[u8]; 4] = [b"-_.~", b"-_.~!'()*", b"-_.~/", b"-_.*"];
    let mut forms: Vec<Form> = Vec::new();
    for kept in KEPT {
        for (space, digits) in [
            (&b"%20"[..], b"0123456789ABCDEF"),
            (b"+", b"0123456789ABCDEF"),
            (b"%20", b"0123456789abcdef"),
            (b"+", b"0123456789abcdef"),
        ] {
            let mut form = Zeroizing::new(Vec::with_capacity(text.len() * 3));
            for &byte in text {
                match byte {
                    b' ' => form.extend_from_slice(space),
                    byte if byte.is_ascii_alphanumeric() || kept.contains(&byte) => form.push(byte),
                    byte => form.extend([b'%', digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]),
                }
            }
            if *form != text && !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}
