//! One-time codes by time (RFC 6238) as the reference makes and reads them: SHA-1, six digits, thirty seconds, one step of
//! tolerance on both sides; the secret is kept inside an `otpauth://` address.
//!
//! Not for who must give a code (`auth`). Invariants: codes are compared in constant time; nothing here logs.

use hmac::{Hmac, Mac};
use rand::RngCore;
use semaphore_model::Secret;
use sha1::Sha1;
use zeroize::Zeroizing;

/// Seconds of one step.
const PERIOD: i64 = 30;
/// Digits of a code.
const DIGITS: usize = 6;
/// Bytes of a new secret.
const SECRET_BYTES: usize = 20;
/// Bytes of a new recovery code: sixteen letters.
const RECOVERY_BYTES: usize = 10;
/// Name that authenticator apps show for what is set up over the API. Reference: fixed.
pub const ISSUER: &str = "Semaphore";

/// A new secret as the address that an authenticator app reads; `issuer` and `account` are shown there.
pub fn generate(issuer: &str, account: &str) -> Secret {
    let mut secret = Zeroizing::new([0_u8; SECRET_BYTES]);
    rand::rng().fill_bytes(secret.as_mut());
    let secret = Zeroizing::new(base32(secret.as_ref()));
    let (account, in_query) = (in_path(account), in_query(issuer));
    let issuer = in_path(issuer);
    Secret::new(format!(
        "otpauth://totp/{issuer}:{account}?algorithm=SHA1&digits={DIGITS}&issuer={in_query}&period={PERIOD}&secret={}",
        secret.as_str()
    ))
}

/// A new recovery code.
pub fn recovery_code() -> Secret {
    let mut bytes = Zeroizing::new([0_u8; RECOVERY_BYTES]);
    rand::rng().fill_bytes(bytes.as_mut());
    Secret::new(base32(bytes.as_ref()))
}

/// Whether a code fits the secret in `address` at `now` (seconds since 1970). An address without a usable secret fits nothing.
pub fn verify(address: &Secret, code: &str, now: i64) -> bool {
    let Some(secret) = secret_of(address.expose()) else { return false };
    let code = code.trim();
    let step = now.div_euclid(PERIOD);
    let mut fits = false;
    for step in [step - 1, step, step + 1] {
        let expected = code_at(&secret, step);
        fits |= code.len() == DIGITS && expected.bytes().zip(code.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0;
    }
    fits
}

fn secret_of(address: &str) -> Option<Zeroizing<Vec<u8>>> {
    let query = address.split_once('?')?.1;
    let secret = query.split('&').find_map(|pair| pair.strip_prefix("secret="))?;
    from_base32(secret).filter(|secret| !secret.is_empty())
}

fn code_at(secret: &[u8], step: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 0x0f);
    let number = digest[offset..offset + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Base32 of RFC 4648 without padding.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut block = [0_u8; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let number = u64::from_be_bytes(block);
        for letter in 0..(chunk.len() * 8).div_ceil(5) {
            let index = (number >> (35 - 5 * letter)) & 31;
            text.push(char::from(ALPHABET[usize::try_from(index).unwrap_or_default()]));
        }
    }
    text
}

/// Reads base32 in either case, with or without padding.
fn from_base32(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 5 / 8));
    let (mut buffer, mut bits) = (0_u32, 0);
    for letter in text.trim().trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter.to_ascii_uppercase())?;
        buffer = (buffer << 5 | u32::try_from(value).ok()?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// A text as a segment of a path, with the letters that Go leaves as they are.
fn in_query(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn in_path(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn codes_are_those_of_the_go_server() {
        let vectors = &crate::crypto::vectors()["totp"];
        let address = Secret::new(vectors["url"].as_str().unwrap());
        for vector in vectors["codes"].as_array().unwrap() {
            let (code, now) = (vector["code"].as_str().unwrap(), vector["unix"].as_i64().unwrap());
            assert!(verify(&address, code, now), "{vector}");
            for (offset, accepted) in vectors["accepted_at_offset_seconds"].as_object().unwrap() {
                // A step begins at a multiple of 30: seen from there, offsets are whole steps.
                let at = now - now.rem_euclid(30) - offset.parse::<i64>().unwrap();
                assert_eq!(verify(&address, code, at), accepted.as_bool().unwrap(), "{vector} {offset}");
            }
        }
    }

    #[test]
    fn what_is_made_can_be_read_and_nothing_else_fits() {
        let address = generate(ISSUER, "a b@example.com");
        assert!(address.expose().starts_with("otpauth://totp/Semaphore:a%20b@example.com?algorithm=SHA1&digits=6&"));
        let secret = secret_of(address.expose()).unwrap();
        assert_eq!(secret.len(), SECRET_BYTES);
        assert_eq!(base32(&secret), address.expose().rsplit('=').next().unwrap());
        assert!(verify(&address, &format!(" {} ", code_at(&secret, 100)), 3000));
        for wrong in ["", "000000x", "12345", "\u{1f600}"] {
            assert!(!verify(&address, wrong, 3000), "{wrong}");
        }
        for address in ["", "otpauth://totp/x", "otpauth://totp/x?secret=", "otpauth://totp/x?secret=1"] {
            assert!(!verify(&address.into(), "000000", 3000), "{address}");
        }
        assert_eq!(recovery_code().expose().len(), 16);
    }
}
