//! Signatures as ssh wants them.

use rsa::{Pkcs1v15Sign, rand_core::OsRng, signature::Signer};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use ssh_encoding::Encode;
use ssh_key::private::KeypairData;

use super::{PrivateKey, Secret, with_wiped_stack};

/// Flag of the agent protocol: sign with `rsa-sha2-256`.
const RSA_SHA2_256: u32 = 0x02;
/// Flag of the agent protocol: sign with `rsa-sha2-512`.
const RSA_SHA2_512: u32 = 0x04;

impl PrivateKey {
    /// The signature of `data` as ssh sends it: name of the algorithm, then the signature itself.
    ///
    /// `flags` are those of the agent protocol and only count for RSA: `rsa-sha2-512` if asked for, else `rsa-sha2-256` if
    /// asked for, else `ssh-rsa` with SHA-1: the protocol demands it, the reference does it, and who asks for it is an old
    /// server's client; new ones always set a flag. Of both flags the stronger counts.
    ///
    /// Gives `None` if the key cannot sign: for example an RSA key too short for the hash.
    pub fn sign(&self, data: &[u8], flags: u32) -> Option<Vec<u8>> {
        with_wiped_stack(|| self.signature(data, flags))
    }

    fn signature(&self, data: &[u8], flags: u32) -> Option<Vec<u8>> {
        let (name, signature) = match &self.secret {
            Secret::Rsa(key) => {
                // Blinded: the time it takes tells nothing about the key.
                let (name, signature) = if flags & RSA_SHA2_512 != 0 {
                    let scheme = Pkcs1v15Sign::new::<Sha512>();
                    ("rsa-sha2-512", key.sign_with_rng(&mut OsRng, scheme, &Sha512::digest(data)))
                } else if flags & RSA_SHA2_256 != 0 {
                    let scheme = Pkcs1v15Sign::new::<Sha256>();
                    ("rsa-sha2-256", key.sign_with_rng(&mut OsRng, scheme, &Sha256::digest(data)))
                } else {
                    let scheme = Pkcs1v15Sign::new::<Sha1>();
                    ("ssh-rsa", key.sign_with_rng(&mut OsRng, scheme, &Sha1::digest(data)))
                };
                (name.to_owned(), signature.ok()?)
            }
            Secret::Other(pair) => {
                let signature = match pair.as_ref() {
                    KeypairData::Ecdsa(pair) => Signer::try_sign(pair, data),
                    KeypairData::Ed25519(pair) => Signer::try_sign(pair, data),
                    _ => return None,
                };
                let signature: ssh_key::Signature = signature.ok()?;
                (signature.algorithm().as_str().to_owned(), signature.as_bytes().to_vec())
            }
        };
        let mut encoded = Vec::with_capacity(8 + name.len() + signature.len());
        name.encode(&mut encoded).ok()?;
        signature.encode(&mut encoded).ok()?;
        Some(encoded)
    }
}
