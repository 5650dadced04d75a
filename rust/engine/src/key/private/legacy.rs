//! The old encryption of OpenSSL: `Proc-Type: 4,ENCRYPTED` and `DEK-Info: AES-128-CBC,<IV>`.
//!
//! Weak (one round of MD5), and not ours to judge: such keys exist, and ssh and the reference read them.

use aes::{Aes128, Aes192, Aes256};
use cbc::{
    Decryptor,
    cipher::{BlockCipher, BlockDecryptMut, KeyInit, KeyIvInit, block_padding::Pkcs7},
};
use des::{Des, TdesEde3};
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use crate::key::KeyError;

/// Bytes of the IV that are the salt of the passphrase.
const SALT_BYTES: usize = 8;

/// Cipher and initial value.
pub(super) struct Encryption {
    cipher: Cipher,
    iv: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    Des,
    TripleDes,
}

impl Cipher {
    fn key_bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 | Self::TripleDes => 24,
            Self::Aes256 => 32,
            Self::Des => 8,
        }
    }

    fn block_bytes(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes192 | Self::Aes256 => 16,
            Self::Des | Self::TripleDes => 8,
        }
    }
}

impl Encryption {
    /// Reads the value of `DEK-Info`.
    pub(super) fn parse(text: &str) -> Result<Self, KeyError> {
        let unsupported = KeyError::Unsupported {
            what: "a key with an unknown encryption",
            advice: "convert it with `ssh-keygen -p -f KEY` and paste the result",
        };
        let (name, iv) = text.split_once(',').unwrap_or((text, ""));
        let cipher = match name.trim().to_ascii_uppercase().as_str() {
            "AES-128-CBC" => Cipher::Aes128,
            "AES-192-CBC" => Cipher::Aes192,
            "AES-256-CBC" => Cipher::Aes256,
            "DES-CBC" => Cipher::Des,
            "DES-EDE3-CBC" => Cipher::TripleDes,
            _ => return Err(unsupported),
        };
        let iv = hexadecimal(iv.trim()).filter(|iv| iv.len() == cipher.block_bytes());
        Ok(Self { cipher, iv: iv.ok_or(unsupported)? })
    }

    /// The content in the clear; `None` if the passphrase is wrong.
    pub(super) fn decrypt(&self, content: &[u8], passphrase: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.key(passphrase);
        match self.cipher {
            Cipher::Aes128 => decrypt::<Aes128>(&key, &self.iv, content),
            Cipher::Aes192 => decrypt::<Aes192>(&key, &self.iv, content),
            Cipher::Aes256 => decrypt::<Aes256>(&key, &self.iv, content),
            Cipher::Des => decrypt::<Des>(&key, &self.iv, content),
            Cipher::TripleDes => decrypt::<TdesEde3>(&key, &self.iv, content),
        }
    }

    /// `EVP_BytesToKey` with MD5 and one round.
    fn key(&self, passphrase: &[u8]) -> Zeroizing<Vec<u8>> {
        let wanted = self.cipher.key_bytes();
        let mut key = Zeroizing::new(Vec::with_capacity(wanted + 16));
        let mut digest = Zeroizing::new([0_u8; 16]);
        while key.len() < wanted {
            let mut hash = Md5::new();
            if !key.is_empty() {
                hash.update(*digest);
            }
            hash.update(passphrase);
            hash.update(self.iv.get(..SALT_BYTES).unwrap_or_default());
            *digest = hash.finalize().into();
            key.extend_from_slice(&*digest);
        }
        key.truncate(wanted);
        key
    }
}

fn decrypt<C>(key: &[u8], iv: &[u8], content: &[u8]) -> Option<Zeroizing<Vec<u8>>>
where
    C: BlockCipher + BlockDecryptMut + KeyInit,
    Decryptor<C>: KeyIvInit + BlockDecryptMut,
{
    let mut buffer = Zeroizing::new(content.to_vec());
    let decryptor = Decryptor::<C>::new_from_slices(key, iv).ok()?;
    let length = decryptor.decrypt_padded_mut::<Pkcs7>(&mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}
