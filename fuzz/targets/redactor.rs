//! The redactor: a secret is never in what is shown, however the line is cut, and a text without a secret stays as it is.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use semaphore_engine::log::{Redactor, SHORTEST_SECRET_BYTES};

#[derive(Arbitrary, Debug)]
struct Input {
    secret: String,
    other: String,
    before: Vec<u8>,
    after: Vec<u8>,
    cuts: Vec<u8>,
}

/// Is the mask, or a border between it and the text around, able to spell the secret by itself?
fn may_be_spelled_by_mask(secret: &str) -> bool {
    secret.contains('*')
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fuzz_target!(|input: Input| {
    let Input { secret, other, before, after, cuts } = input;
    let before: Vec<u8> = before.into_iter().filter(|byte| *byte != b'\n').collect();
    let after: Vec<u8> = after.into_iter().filter(|byte| *byte != b'\n').collect();
    let secret = secret.replace('\n', "");
    let Ok(redactor) = Redactor::new([secret.as_bytes(), other.as_bytes()]) else { return };

    let line = [before.as_slice(), secret.as_bytes(), after.as_slice()].concat();
    let shown = redactor.redact(Bytes::from(line.clone()));
    let hidden =
        secret.len() >= SHORTEST_SECRET_BYTES && !may_be_spelled_by_mask(&secret) && !may_be_spelled_by_mask(&other);
    if hidden {
        assert!(!contains(&shown, secret.as_bytes()), "{secret:?} is shown in {:?}", String::from_utf8_lossy(&shown));
    }

    let mut parts = redactor.line();
    let mut joined = Vec::new();
    let mut rest = line.as_slice();
    for cut in cuts {
        let (part, tail) = rest.split_at(usize::from(cut).min(rest.len()));
        joined.extend_from_slice(&parts.part(Bytes::copy_from_slice(part), true));
        rest = tail;
    }
    joined.extend_from_slice(&parts.part(Bytes::copy_from_slice(rest), false));
    assert_eq!(joined, shown.as_ref(), "the same line in parts gives something else");
});
