//! Encryption of stored secrets: standard base64 of nonce, AES-GCM ciphertext and tag, as the reference stores them.
//!
//! Not for what the plaintext means (a text, an SSH key, a login): that is `key`. Invariants: decrypted bytes are in a
//! `Zeroizing` buffer; an error never holds a byte of key, plaintext or ciphertext.

use aes_gcm::{
    Aes128Gcm, Aes256Gcm, AesGcm, KeyInit,
    aead::{Aead, consts::U12},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rand::RngCore;
use zeroize::Zeroizing;

use super::key_text;

type Aes192Gcm = AesGcm<aes::Aes192, U12>;

const NONCE_BYTES: usize = 12;

/// Why a secret could not be stored or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessKeyError {
    /// The configured key is not base64.
    #[error("access_key_encryption is not valid base64")]
    KeyEncoding,
    /// The configured key has a wrong size.
    #[error("access_key_encryption holds {0} bytes instead of 16, 24 or 32")]
    KeySize(usize),
    /// The stored text is not base64.
    #[error("stored secret is not valid base64")]
    Encoding,
    /// The stored text is shorter than a nonce.
    #[error("stored secret is too short")]
    TooShort,
    /// The key does not fit.
    #[error("cannot decrypt access key, perhaps encryption key was changed")]
    WrongKey,
    /// The secret could not be encrypted.
    #[error("cannot encrypt access key")]
    Encrypt,
}

enum Cipher {
    /// `access_key_encryption` is empty: secrets are only base64.
    Plain,
    Aes128(Box<Aes128Gcm>),
    Aes192(Box<Aes192Gcm>),
    Aes256(Box<Aes256Gcm>),
}

/// Encrypts and decrypts secrets with one key.
pub struct AccessKeyCipher(Cipher);

impl std::fmt::Debug for AccessKeyCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessKeyCipher").field("encrypted", &self.is_encrypting()).finish()
    }
}

impl AccessKeyCipher {
    /// A cipher of the configuration's `access_key_encryption` (base64; empty means no encryption).
    pub fn new(access_key_encryption: &str) -> Result<Self, AccessKeyError> {
        if access_key_encryption.is_empty() {
            return Ok(Self(Cipher::Plain));
        }
        let key = key_text::decode(access_key_encryption).ok_or(AccessKeyError::KeyEncoding)?;
        let size = |_| AccessKeyError::KeySize(key.len());
        Ok(Self(match key.len() {
            16 => Cipher::Aes128(Box::new(Aes128Gcm::new_from_slice(&key).map_err(size)?)),
            24 => Cipher::Aes192(Box::new(Aes192Gcm::new_from_slice(&key).map_err(size)?)),
            32 => Cipher::Aes256(Box::new(Aes256Gcm::new_from_slice(&key).map_err(size)?)),
            other => return Err(AccessKeyError::KeySize(other)),
        }))
    }

    /// Whether a key is configured.
    pub fn is_encrypting(&self) -> bool {
        !matches!(self.0, Cipher::Plain)
    }

    /// The text to store for `plaintext`.
    pub fn encrypt(&self, plaintext: &[u8]) -> Result<String, AccessKeyError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        self.encrypt_with_nonce(plaintext, &nonce)
    }

    fn encrypt_with_nonce(&self, plaintext: &[u8], nonce: &[u8; NONCE_BYTES]) -> Result<String, AccessKeyError> {
        let sealed = match &self.0 {
            Cipher::Plain => return Ok(STANDARD.encode(plaintext)),
            Cipher::Aes128(cipher) => cipher.encrypt(nonce.into(), plaintext),
            Cipher::Aes192(cipher) => cipher.encrypt(nonce.into(), plaintext),
            Cipher::Aes256(cipher) => cipher.encrypt(nonce.into(), plaintext),
        };
        let mut stored = nonce.to_vec();
        stored.extend(sealed.map_err(|_| AccessKeyError::Encrypt)?);
        Ok(STANDARD.encode(stored))
    }

    /// The plaintext of a stored text; an empty text is an empty secret.
    pub fn decrypt(&self, stored: &str) -> Result<Zeroizing<Vec<u8>>, AccessKeyError> {
        if stored.is_empty() {
            return Ok(Zeroizing::default());
        }
        let raw = STANDARD.decode(stored).map_err(|_| AccessKeyError::Encoding)?;
        if !self.is_encrypting() {
            return Ok(Zeroizing::new(raw));
        }
        let (nonce, sealed) = raw.split_first_chunk::<NONCE_BYTES>().ok_or(AccessKeyError::TooShort)?;
        let opened = match &self.0 {
            Cipher::Plain => return Ok(Zeroizing::new(raw)),
            Cipher::Aes128(cipher) => cipher.decrypt(nonce.into(), sealed),
            Cipher::Aes192(cipher) => cipher.decrypt(nonce.into(), sealed),
            Cipher::Aes256(cipher) => cipher.decrypt(nonce.into(), sealed),
        };
        opened.map(Zeroizing::new).map_err(|_| AccessKeyError::WrongKey)
    }
}

#[cfg(test)]
mod tests;
