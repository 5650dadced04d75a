//! Bytes as hexadecimal text in small letters, and such texts that nobody can guess.

use std::fmt::Write as _;

use rand::RngCore;

/// Two letters for each byte.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The text of so many random bytes.
pub(crate) fn random<const BYTES: usize>() -> String {
    let mut bytes = [0_u8; BYTES];
    rand::rng().fill_bytes(&mut bytes);
    encode(&bytes)
}
