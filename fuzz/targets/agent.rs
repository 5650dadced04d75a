//! The agent's protocol: every message has one answer, and only a well-formed request for a signature with its key gets one.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use semaphore_engine::{fuzzing::agent_answer, key::PrivateKey};

const FAILURE: u8 = 5;
const IDENTITIES: u8 = 12;
const SIGNATURE: u8 = 14;

/// Made for this test; it opens nothing.
const KEY: &str = include_str!("../corpus/pem/ed25519");

/// The key's public half as the protocol has it: what an answer with identities begins with, behind number and length.
fn public(key: &PrivateKey) -> Vec<u8> {
    let identities = agent_answer(key, &[11]);
    let length = u32::from_be_bytes(identities[5..9].try_into().expect("four bytes")) as usize;
    identities[9..9 + length].to_vec()
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

fn check(key: &PrivateKey, message: &[u8]) -> u8 {
    let answer = agent_answer(key, message);
    let kind = *answer.first().expect("an answer");
    match kind {
        FAILURE => assert_eq!(answer.len(), 1),
        IDENTITIES => assert_eq!(message.first(), Some(&11)),
        SIGNATURE => {
            assert_eq!(message.first(), Some(&13));
            assert!(message[1..].starts_with(&with_length(&public(key))), "signed with a key that was not asked for");
        }
        other => panic!("an answer of kind {other}"),
    }
    kind
}

fuzz_target!(|message: &[u8]| {
    static PARSED: OnceLock<PrivateKey> = OnceLock::new();
    let key = PARSED.get_or_init(|| PrivateKey::parse(KEY.as_bytes(), None).expect("the test's own key"));
    check(key, message);
    // The same as a request for a signature, so that most inputs get that far: the key's own, what is signed, flags and all.
    let mut request = [&[13][..], &with_length(&public(key))].concat();
    request.extend_from_slice(message);
    check(key, &request);
    let mut request = [&[13][..], &with_length(&public(key)), &with_length(message)].concat();
    request.extend_from_slice(&[0; 4]);
    assert_eq!(check(key, &request), SIGNATURE);
});
