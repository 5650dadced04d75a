//! The forms that are DER inside: PKCS#1, SEC1 and PKCS#8.

use pkcs8::{EncryptedPrivateKeyInfo, ObjectIdentifier, PrivateKeyInfo, der::Decode};
use rsa::pkcs1::DecodeRsaPrivateKey;
use sec1::EcPrivateKey;
use ssh_key::{
    EcdsaCurve,
    private::{Ed25519Keypair, KeypairData},
};
use zeroize::Zeroizing;

use super::{DSA, Kind, PrivateKey, Unreadable, elliptic};
use crate::key::KeyError;

const RSA_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const DSA_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
const ELLIPTIC_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// Most rounds of PBKDF2 that are computed for a key: some seconds.
const MOST_ROUNDS: u32 = 10_000_000;
/// Most memory that scrypt may take for a key.
const MOST_MEMORY_BYTES: u64 = 256 * 1024 * 1024;
/// Most work of scrypt, as blocks times parallel runs.
const MOST_PARALLEL: u16 = 16;

const CURVE: Kind =
    Kind { what: "an EC key on a curve that ssh does not know", advice: "make a new key with `ssh-keygen -t ed25519`" };
const ALGORITHM: Kind =
    Kind { what: "a key of a kind that ssh does not know", advice: "make a new key with `ssh-keygen -t ed25519`" };
const ENCRYPTION: Kind = Kind {
    what: "a key with an unknown or unreasonably expensive encryption",
    advice: "convert it with `ssh-keygen -p -f KEY` and paste the result",
};

/// `RSA PRIVATE KEY`.
pub(super) fn pkcs1(der: &[u8]) -> Result<PrivateKey, Unreadable> {
    let key = rsa::RsaPrivateKey::from_pkcs1_der(der).map_err(|_| Unreadable::Damaged)?;
    PrivateKey::rsa(key, String::new())
}

/// `EC PRIVATE KEY`; PKCS#8 names the curve outside.
pub(super) fn sec1(der: &[u8], curve: Option<ObjectIdentifier>) -> Result<PrivateKey, Unreadable> {
    let key = EcPrivateKey::from_der(der).map_err(|_| Unreadable::Damaged)?;
    let curve = curve.or_else(|| key.parameters.and_then(sec1::EcParameters::named_curve)).ok_or(CURVE)?;
    let curve = match curve {
        P256_OID => EcdsaCurve::NistP256,
        P384_OID => EcdsaCurve::NistP384,
        P521_OID => EcdsaCurve::NistP521,
        _ => return Err(CURVE.into()),
    };
    let pair = elliptic::pair(curve, key.private_key).ok_or(Unreadable::Damaged)?;
    PrivateKey::other(KeypairData::Ecdsa(pair), String::new())
}

/// `PRIVATE KEY`.
pub(super) fn pkcs8(der: &[u8]) -> Result<PrivateKey, Unreadable> {
    let key = PrivateKeyInfo::from_der(der).map_err(|_| Unreadable::Damaged)?;
    match key.algorithm.oid {
        RSA_OID => pkcs1(key.private_key),
        ELLIPTIC_OID => sec1(key.private_key, key.algorithm.parameters_oid().ok()),
        ED25519_OID => {
            // An octet string in the octet string.
            let seed = match key.private_key {
                [0x04, 0x20, seed @ ..] => <&[u8; 32]>::try_from(seed).map_err(|_| Unreadable::Damaged)?,
                _ => return Err(Unreadable::Damaged),
            };
            PrivateKey::other(KeypairData::Ed25519(Ed25519Keypair::from_seed(seed)), String::new())
        }
        DSA_OID => Err(DSA.into()),
        _ => Err(ALGORITHM.into()),
    }
}

/// `ENCRYPTED PRIVATE KEY`. Reference: not read there.
pub(super) fn encrypted_pkcs8(der: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, Unreadable> {
    let key = EncryptedPrivateKeyInfo::from_der(der).map_err(|_| Unreadable::Key(ENCRYPTION.into()))?;
    let parameters = key.encryption_algorithm.pbes2().ok_or(ENCRYPTION)?;
    if let Some(kdf) = parameters.kdf.pbkdf2()
        && kdf.iteration_count > MOST_ROUNDS
    {
        return Err(ENCRYPTION.into());
    }
    if let Some(kdf) = parameters.kdf.scrypt() {
        let memory = u128::from(kdf.cost_parameter) * u128::from(kdf.block_size) * 128;
        if memory > u128::from(MOST_MEMORY_BYTES) || kdf.parallelization > MOST_PARALLEL {
            return Err(ENCRYPTION.into());
        }
    }
    let passphrase = passphrase.ok_or(KeyError::PassphraseMissing)?;
    let clear = parameters.decrypt(passphrase, key.encrypted_data).map_err(|_| KeyError::PassphraseWrong)?;
    match pkcs8(&Zeroizing::new(clear)) {
        // The padding fits by chance in one of 256 cases.
        Err(Unreadable::Damaged) => Err(KeyError::PassphraseWrong.into()),
        read => read,
    }
}
