//! The form of OpenSSH: `openssh-key-v1`.
//!
//! The container is read here, with the parts of `ssh-key` for ciphers and key derivation: its own reader (0.6) refuses every
//! second P-521 key and one in 256 of the other curves (it wants the number in full length), and comments that are no UTF-8.

use rsa::BigUint;
use ssh_encoding::{Decode, Encode, Reader};
use ssh_key::{
    Algorithm, Cipher, EcdsaCurve, Kdf,
    private::{Ed25519Keypair, KeypairData},
};
use zeroize::Zeroizing;

use super::{DSA, Kind, PrivateKey, Unreadable, elliptic};
use crate::key::KeyError;

const MAGIC: &[u8] = b"openssh-key-v1\0";

/// Most rounds of bcrypt that are computed for a key: about ten seconds; `ssh-keygen` takes 24, if nobody asks for more.
const MOST_ROUNDS: u32 = 2_000;

const HARDWARE: Kind = Kind {
    what: "the handle of a key in a hardware token",
    advice: "the token cannot be asked here; make a key without one: `ssh-keygen -t ed25519`",
};
const ALGORITHM: Kind = Kind {
    what: "a key of a kind that this build does not know",
    advice: "make a new key with `ssh-keygen -t ed25519`",
};
const CIPHER: Kind = Kind {
    what: "a key with an unknown or unreasonably expensive encryption",
    advice: "change it with `ssh-keygen -p -Z aes256-ctr -a 24 -f KEY` and paste the result",
};

/// Reads the container and the one key in it.
pub(super) fn read(content: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, Unreadable> {
    let mut reader = content.strip_prefix(MAGIC).ok_or(Unreadable::Damaged)?;
    let cipher = Cipher::decode(&mut reader).map_err(|_| CIPHER)?;
    let kdf = Kdf::decode(&mut reader).map_err(|_| CIPHER)?;
    if u32::decode(&mut reader)? != 1 {
        return Err(Unreadable::Damaged);
    }
    let public = Vec::<u8>::decode(&mut reader)?;
    let mut private = Zeroizing::new(Vec::<u8>::decode(&mut reader)?);
    if cipher.is_some() {
        check_kind(&String::decode(&mut public.as_slice())?)?;
        match &kdf {
            Kdf::Bcrypt { rounds, salt } if (1..=MOST_ROUNDS).contains(rounds) && !salt.is_empty() => {}
            _ => return Err(CIPHER.into()),
        }
        let passphrase = passphrase.ok_or(KeyError::PassphraseMissing)?;
        let (key, iv) = kdf.derive_key_and_iv(cipher, passphrase).map_err(|_| CIPHER)?;
        let tag = if cipher.has_tag() {
            let mut tag = [0; 16];
            reader.read(&mut tag)?;
            Some(tag)
        } else {
            None
        };
        cipher.decrypt(&key, &iv, &mut private, tag).map_err(|_| KeyError::PassphraseWrong)?;
    } else if kdf.is_some() {
        return Err(Unreadable::Damaged);
    }
    if !reader.is_finished() {
        return Err(Unreadable::Damaged);
    }
    let key = pair(&private, cipher.is_some())?;
    let mut told = Vec::new();
    key.public.encode(&mut told)?;
    if told == public { Ok(key) } else { Err(Unreadable::Damaged) }
}

/// The secret part: two equal numbers, the key, its comment, padding.
fn pair(mut reader: &[u8], encrypted: bool) -> Result<PrivateKey, Unreadable> {
    let reader = &mut reader;
    if u32::decode(reader)? != u32::decode(reader)? {
        return Err(if encrypted { KeyError::PassphraseWrong.into() } else { Unreadable::Damaged });
    }
    let kind = String::decode(reader)?;
    let key = match check_kind(&kind)? {
        Algorithm::Rsa { .. } => {
            let mut number = || Ok::<_, Unreadable>(BigUint::from_bytes_be(&secret(reader)?));
            let (n, e, d) = (number()?, number()?, number()?);
            let _coefficient = secret(reader)?;
            let mut number = || Ok::<_, Unreadable>(BigUint::from_bytes_be(&secret(reader)?));
            let primes = vec![number()?, number()?];
            let key = rsa::RsaPrivateKey::from_components(n, e, d, primes).map_err(|_| Unreadable::Damaged)?;
            PrivateKey::rsa(key, String::new())?
        }
        Algorithm::Ecdsa { curve } => {
            let (named, _public) = (String::decode(reader)?, Vec::<u8>::decode(reader)?);
            if named.parse::<EcdsaCurve>().ok() != Some(curve) {
                return Err(Unreadable::Damaged);
            }
            let pair = elliptic::pair(curve, &secret(reader)?).ok_or(Unreadable::Damaged)?;
            PrivateKey::other(KeypairData::Ecdsa(pair), String::new())?
        }
        _ => {
            let _public = Vec::<u8>::decode(reader)?;
            // The seed, and the public half once more.
            let seed = secret(reader)?;
            let seed = seed.first_chunk::<32>().filter(|_| seed.len() == 64).ok_or(Unreadable::Damaged)?;
            PrivateKey::other(KeypairData::Ed25519(Ed25519Keypair::from_seed(seed)), String::new())?
        }
    };
    let comment = String::from_utf8_lossy(&Vec::<u8>::decode(reader)?).into_owned();
    if reader.iter().zip(1_u8..).any(|(found, wanted)| *found != wanted) || reader.len() > 255 {
        return Err(Unreadable::Damaged);
    }
    Ok(PrivateKey { comment, ..key })
}

fn secret(reader: &mut &[u8]) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
    Ok(Zeroizing::new(Vec::<u8>::decode(reader)?))
}

/// The kinds that can be used.
fn check_kind(name: &str) -> Result<Algorithm, Unreadable> {
    match Algorithm::new(name) {
        Ok(kind @ (Algorithm::Rsa { hash: None } | Algorithm::Ecdsa { .. } | Algorithm::Ed25519)) => Ok(kind),
        Ok(Algorithm::Dsa) => Err(DSA.into()),
        Ok(Algorithm::SkEcdsaSha2NistP256 | Algorithm::SkEd25519) => Err(HARDWARE.into()),
        _ => Err(ALGORITHM.into()),
    }
}
