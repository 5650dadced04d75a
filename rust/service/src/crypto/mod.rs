//! The reference's formats of secrets: session cookies, stored access keys, password hashes, API tokens.
//!
//! Pure functions over bytes; the time and the configuration come from the caller. Invariants: comparisons of secrets
//! take constant time, decrypted bytes live in `Zeroizing` buffers, `Debug` of key material prints nothing of it.

pub mod access_key;
pub mod cookie;
pub mod fresh_key;
pub mod gob;
pub(crate) mod hexadecimal;
mod key_text;
pub mod password;
pub mod runner_key;
pub mod token;
pub mod totp;

/// Answers recorded from the Go server.
#[cfg(test)]
#[expect(clippy::expect_used, reason = "a file of the tests")]
fn vectors() -> serde_json::Value {
    serde_json::from_str(include_str!("vectors.json")).expect("vectors.json is JSON")
}
