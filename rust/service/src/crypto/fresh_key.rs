//! Keys for a new installation: what `cookie_hash`, `cookie_encryption` and `access_key_encryption` of its configuration hold.

use base64::{Engine, engine::general_purpose::STANDARD};
use rand::RngCore;
use semaphore_model::Secret;
use zeroize::Zeroizing;

/// Bytes of a key: enough for each of the three uses.
const BYTES: usize = 32;

/// Base64 of 32 random bytes. Reference: `GenerateSecrets`.
pub fn generate() -> Secret {
    let mut key = Zeroizing::new([0; BYTES]);
    rand::rng().fill_bytes(key.as_mut());
    Secret::new(STANDARD.encode(key.as_ref()))
}
