//! The session cookie in the reference's format: `base64url(time|base64url(iv, AES-CTR(gob))|HMAC-SHA256)`.
//!
//! Sessions made by the Go server are accepted and ours are accepted by it. Not for sessions themselves (rows, expiry by
//! inactivity): that is `auth`. Invariants: the MAC is checked in constant time before anything is decoded.

use aes::cipher::{KeyIvInit, StreamCipher};
use base64::{Engine, engine::general_purpose::URL_SAFE};
use hmac::{Hmac, Mac};
use rand::RngCore;
use semaphore_model::{SessionId, UserId};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    gob::{self, GobError, GobValue},
    key_text,
};

/// Name of the cookie; it is part of what the MAC covers.
pub const COOKIE_NAME: &str = "semaphore";

/// Seconds a cookie is accepted after it was made. Reference: default of the cookie library, 30 days.
pub const MAX_AGE_SECONDS: i64 = 86_400 * 30;

/// Longest cookie accepted, in bytes. Reference: the cookie library's own limit.
const MAX_LENGTH: usize = 4096;

/// Fewest bytes of a key of which only the beginning is base64.
const SHORTEST_BEGINNING: usize = 16;

/// Who a cookie belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CookieSession {
    /// The user.
    pub user: UserId,
    /// The row of `session`.
    pub session: SessionId,
}

/// Why a cookie was refused or a codec could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CookieError {
    /// `cookie_hash` is not base64 or empty.
    #[error("cookie_hash must be base64 of at least one byte")]
    HashKey,
    /// `cookie_encryption` is not base64 of 16, 24 or 32 bytes.
    #[error("cookie_encryption must be base64 of 16, 24 or 32 bytes")]
    EncryptionKey,
    /// It is not made of three parts in base64.
    #[error("cookie is malformed")]
    Malformed,
    /// The MAC does not fit: another key, or somebody changed it.
    #[error("cookie has a wrong signature")]
    Signature,
    /// Older than [`MAX_AGE_SECONDS`] or from the future.
    #[error("cookie is out of date")]
    Expired,
    /// The signed content is not a session.
    #[error("cookie content is unreadable")]
    Content(#[from] GobError),
    /// The signed content lacks the user or the session.
    #[error("cookie content lacks the user or the session")]
    Incomplete,
}

/// Makes and reads cookies with one pair of keys.
pub struct CookieCodec {
    mac: Hmac<Sha256>,
    cipher_key: Option<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for CookieCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CookieCodec").field("encrypted", &self.cipher_key.is_some()).finish_non_exhaustive()
    }
}

impl CookieCodec {
    /// A codec of the configuration's `cookie_hash` and `cookie_encryption`, both base64; the second may be empty.
    pub fn new(cookie_hash: &str, cookie_encryption: &str) -> Result<Self, CookieError> {
        let key = match key_text::decode(cookie_hash) {
            Some(key) if !key.is_empty() => key,
            _ => Some(key_text::decode_beginning(cookie_hash))
                .filter(|key| key.len() >= SHORTEST_BEGINNING)
                .ok_or(CookieError::HashKey)?,
        };
        let mac = Hmac::new_from_slice(&key).map_err(|_| CookieError::HashKey)?;
        let cipher_key = if cookie_encryption.is_empty() {
            None
        } else {
            let key = key_text::decode(cookie_encryption).ok_or(CookieError::EncryptionKey)?;
            if !matches!(key.len(), 16 | 24 | 32) {
                return Err(CookieError::EncryptionKey);
            }
            Some(key)
        };
        Ok(Self { mac, cipher_key })
    }

    /// A codec with random keys: its cookies end with the process.
    pub fn ephemeral() -> Result<Self, CookieError> {
        let mut key = Zeroizing::new([0_u8; 32]);
        rand::rng().fill_bytes(key.as_mut());
        let mac = Hmac::new_from_slice(key.as_ref()).map_err(|_| CookieError::HashKey)?;
        Ok(Self { mac, cipher_key: None })
    }

    /// The cookie's value for a session, stamped with `now` (seconds since 1970).
    pub fn encode(&self, session: CookieSession, now: i64) -> String {
        self.encode_payload(gob::encode(&entries(session)), now)
    }

    /// The same with a filling that makes all such values equally long, so that the length of an encrypted one tells nothing.
    pub fn encode_alike(&self, session: CookieSession, now: i64) -> String {
        let [user, number] = entries(session);
        // The numbers take one to five bytes each.
        let taken = [session.user.0, session.session.0].map(|id| gob::signed_length(i64::from(id)));
        let filling = GobValue::Text("-".repeat(10_usize.saturating_sub(taken.iter().sum())));
        self.encode_payload(gob::encode(&[user, number, ("filling", filling)]), now)
    }

    fn encode_payload(&self, payload: Vec<u8>, now: i64) -> String {
        let mut iv = [0_u8; 16];
        rand::rng().fill_bytes(&mut iv);
        let value = URL_SAFE.encode(self.seal(payload, &iv));
        let mut text = format!("{now}|{value}|").into_bytes();
        let mac = self.signature(&now.to_string(), &value).finalize().into_bytes();
        text.extend_from_slice(&mac);
        URL_SAFE.encode(text)
    }

    /// Reads a cookie's value; `now` in seconds since 1970.
    pub fn decode(&self, cookie: &str, now: i64) -> Result<CookieSession, CookieError> {
        if cookie.len() > MAX_LENGTH {
            return Err(CookieError::Malformed);
        }
        let raw = URL_SAFE.decode(cookie).map_err(|_| CookieError::Malformed)?;
        // The MAC is raw bytes and may hold a bar itself: only the first two bars separate.
        let mut parts = raw.splitn(3, |byte| *byte == b'|');
        let (Some(stamp), Some(value), Some(mac)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(CookieError::Malformed);
        };
        let stamp = std::str::from_utf8(stamp).map_err(|_| CookieError::Malformed)?;
        let value = std::str::from_utf8(value).map_err(|_| CookieError::Malformed)?;
        self.signature(stamp, value).verify_slice(mac).map_err(|_| CookieError::Signature)?;
        let stamp: i64 = stamp.parse().map_err(|_| CookieError::Malformed)?;
        // A small lead is a clock that is set back, not an attack: the stamp is signed.
        if stamp.saturating_add(MAX_AGE_SECONDS) < now {
            return Err(CookieError::Expired);
        }
        let payload = self.open(URL_SAFE.decode(value).map_err(|_| CookieError::Malformed)?)?;
        let entries = gob::decode(&payload)?;
        let id = |name: &str| match entries.get(name) {
            Some(GobValue::Int(number)) => i32::try_from(*number).map_err(|_| CookieError::Incomplete),
            _ => Err(CookieError::Incomplete),
        };
        Ok(CookieSession { user: UserId(id("user")?), session: SessionId(id("session")?) })
    }

    fn signature(&self, stamp: &str, value: &str) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        for part in [COOKIE_NAME, "|", stamp, "|", value] {
            mac.update(part.as_bytes());
        }
        mac
    }

    fn seal(&self, mut payload: Vec<u8>, iv: &[u8; 16]) -> Vec<u8> {
        if self.cipher_key.is_none() {
            return payload;
        }
        self.apply_keystream(iv, &mut payload);
        let mut sealed = iv.to_vec();
        sealed.extend_from_slice(&payload);
        sealed
    }

    fn open(&self, mut sealed: Vec<u8>) -> Result<Vec<u8>, CookieError> {
        if self.cipher_key.is_none() {
            return Ok(sealed);
        }
        let Some(iv) = sealed.first_chunk::<16>().copied() else {
            return Err(CookieError::Malformed);
        };
        let mut payload = sealed.split_off(16);
        self.apply_keystream(&iv, &mut payload);
        Ok(payload)
    }

    /// AES-CTR both ways; `new` has checked the size of the key.
    fn apply_keystream(&self, iv: &[u8; 16], bytes: &mut [u8]) {
        let key = self.cipher_key.as_deref().map_or(&[][..], Vec::as_slice);
        if let Ok(mut cipher) = ctr::Ctr128BE::<aes::Aes256>::new_from_slices(key, iv) {
            cipher.apply_keystream(bytes);
        } else if let Ok(mut cipher) = ctr::Ctr128BE::<aes::Aes192>::new_from_slices(key, iv) {
            cipher.apply_keystream(bytes);
        } else if let Ok(mut cipher) = ctr::Ctr128BE::<aes::Aes128>::new_from_slices(key, iv) {
            cipher.apply_keystream(bytes);
        }
    }
}

fn entries(session: CookieSession) -> [(&'static str, GobValue); 2] {
    let number = |id: i32| GobValue::Int(i64::from(id));
    [("user", number(session.user.0)), ("session", number(session.session.0))]
}

#[cfg(test)]
mod tests;
