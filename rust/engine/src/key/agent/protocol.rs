//! What the agent answers: its key, signatures with it, and "no" to everything else.
//!
//! `session-bind@openssh.com` is refused like every extension: it only means something together with keys that are bound to
//! hosts, and ssh goes on without it. Reference: the same.

use ssh_agent_lib::proto::{Identity, Request, Response, SignRequest};
use ssh_encoding::{Decode, Encode};

use crate::key::PrivateKey;

const REQUEST_IDENTITIES: u8 = 11;
const SIGN_REQUEST: u8 = 13;
const FAILURE: u8 = 5;
const SIGN_RESPONSE: u8 = 14;

/// Whether answering may take milliseconds.
pub(super) fn is_sign_request(message: &[u8]) -> bool {
    message.first() == Some(&SIGN_REQUEST)
}

/// The answer to a message, both without their length.
pub(crate) fn answer(key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    let answer = match message.first() {
        Some(&REQUEST_IDENTITIES) => identities(key),
        Some(&SIGN_REQUEST) => signature(key, message),
        // Not even read: adding or removing keys, locking, extensions, and what does not exist.
        _ => None,
    };
    answer.unwrap_or_else(|| vec![FAILURE])
}

fn identities(key: &PrivateKey) -> Option<Vec<u8>> {
    let identity = Identity { credential: key.public().clone().into(), comment: key.comment().to_owned() };
    let mut answer = Vec::new();
    Response::IdentitiesAnswer(vec![identity]).encode(&mut answer).ok()?;
    Some(answer)
}

fn signature(key: &PrivateKey, mut message: &[u8]) -> Option<Vec<u8>> {
    let Ok(Request::SignRequest(SignRequest { credential, data, flags })) = Request::decode(&mut message) else {
        return None;
    };
    if !matches!(credential, ssh_agent_lib::proto::PublicCredential::Key(wanted) if wanted == *key.public()) {
        return None;
    }
    let mut answer = vec![SIGN_RESPONSE];
    key.sign(&data, flags)?.encode(&mut answer).ok()?;
    Some(answer)
}
