//! The key pair of a remote runner, and the encryption of what the runner is sent.
//!
//! The server keeps the public half only. Reference: both halves are PKCS#1; the private one says so in its PEM label, the
//! public one stands under `PUBLIC KEY`; a message is cut into pieces that are encrypted one by one (PKCS#1 v1.5).

use base64::{Engine, engine::general_purpose::STANDARD};
use rand::RngCore;
use rsa::{
    Pkcs1v15Encrypt, RsaPrivateKey, RsaPublicKey,
    pkcs1::{
        DecodeRsaPrivateKey, DecodeRsaPublicKey, EncodeRsaPrivateKey, EncodeRsaPublicKey, LineEnding,
        der::SecretDocument,
    },
    rand_core::OsRng,
    traits::PublicKeyParts,
};
use semaphore_model::Secret;
use zeroize::Zeroizing;

/// Bits of a new key. Reference: 2048.
const BITS: usize = 2048;

/// Label of the public half.
const PUBLIC_LABEL: &str = "PUBLIC KEY";

/// Bytes that the padding of one piece takes.
const PADDING_BYTES: usize = 11;

/// Why a key pair could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum RunnerKeyError {
    /// The key could not be made or written down.
    #[error("cannot make a key pair")]
    Make(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The stored public key is no PEM text of this kind.
    #[error("the public key of the runner cannot be read; register the runner again")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A piece could not be encrypted.
    #[error("cannot encrypt for the runner")]
    Encrypt(#[source] rsa::Error),
    /// The private key is no PEM text of this kind.
    #[error("the private key of the runner cannot be read; it must be an RSA key in PKCS#1 PEM")]
    Private(#[source] rsa::pkcs1::Error),
    /// The message is not for this key, or was cut.
    #[error("the message is not encrypted for the key of this runner")]
    Decrypt(#[source] rsa::Error),
}

/// Both halves of a key pair as PEM texts.
#[derive(Debug)]
pub struct RunnerKeyPair {
    /// For the runner, shown once.
    pub private: Secret,
    /// For the server's row of the runner.
    pub public: String,
}

/// A new token of a runner. Reference: 32 random bytes as base64.
pub fn generate_token() -> Secret {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    Secret::new(STANDARD.encode(bytes))
}

/// A new key pair. Takes a good part of a second: not for a thread that serves requests.
pub fn generate() -> Result<RunnerKeyPair, RunnerKeyError> {
    let make = |error: Box<dyn std::error::Error + Send + Sync>| RunnerKeyError::Make(error);
    let key = RsaPrivateKey::new(&mut OsRng, BITS).map_err(|error| make(error.into()))?;
    let private = key.to_pkcs1_pem(LineEnding::LF).map_err(|error| make(error.into()))?;
    Ok(RunnerKeyPair { private: Secret::new(private.as_str()), public: public_pem(&key)? })
}

/// Whether something can be encrypted for the runner with this public key, and why not.
pub fn check(public_key: &str) -> Result<(), RunnerKeyError> {
    encrypt(public_key, &[0]).map(drop)
}

/// Encrypts a message for the runner with this public key: the pieces one after the other, each as long as the key.
pub fn encrypt(public_key: &str, message: &[u8]) -> Result<Vec<u8>, RunnerKeyError> {
    let key = read_public(public_key)?;
    let piece = key.size().saturating_sub(PADDING_BYTES).max(1);
    let mut encrypted = Vec::with_capacity(message.len().div_ceil(piece) * key.size());
    for part in message.chunks(piece) {
        encrypted.extend(key.encrypt(&mut OsRng, Pkcs1v15Encrypt, part).map_err(RunnerKeyError::Encrypt)?);
    }
    Ok(encrypted)
}

/// The private half of a runner's key, in use.
pub struct RunnerPrivateKey(RsaPrivateKey);

impl std::fmt::Debug for RunnerPrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunnerPrivateKey(***)")
    }
}

impl RunnerPrivateKey {
    /// Reads the PEM text.
    pub fn read(text: &str) -> Result<Self, RunnerKeyError> {
        RsaPrivateKey::from_pkcs1_pem(text).map(Self).map_err(RunnerKeyError::Private)
    }

    /// The public half as PEM.
    pub fn public(&self) -> Result<String, RunnerKeyError> {
        public_pem(&self.0)
    }

    /// Decrypts what [`encrypt`] has made. Takes long for a long message: not for a thread that serves requests.
    pub fn decrypt(&self, message: &[u8]) -> Result<Vec<u8>, RunnerKeyError> {
        let mut plain = Vec::with_capacity(message.len());
        for piece in message.chunks(self.0.size()) {
            let piece = self.0.decrypt_blinded(&mut OsRng, Pkcs1v15Encrypt, piece).map_err(RunnerKeyError::Decrypt)?;
            plain.extend_from_slice(&Zeroizing::new(piece));
        }
        Ok(plain)
    }
}

fn public_pem(key: &RsaPrivateKey) -> Result<String, RunnerKeyError> {
    let make = |error: Box<dyn std::error::Error + Send + Sync>| RunnerKeyError::Make(error);
    let public = key.to_public_key().to_pkcs1_der().map_err(|error| make(error.into()))?;
    public.to_pem(PUBLIC_LABEL, LineEnding::LF).map_err(|error| make(error.into()))
}

fn read_public(text: &str) -> Result<RsaPublicKey, RunnerKeyError> {
    let (label, document) = SecretDocument::from_pem(text).map_err(|error| RunnerKeyError::Unreadable(error.into()))?;
    if label != PUBLIC_LABEL {
        return Err(RunnerKeyError::Unreadable(format!("its label is {label:?}, not {PUBLIC_LABEL:?}").into()));
    }
    RsaPublicKey::from_pkcs1_der(document.as_bytes()).map_err(|error| RunnerKeyError::Unreadable(error.into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn open(private: &str, encrypted: &[u8]) -> Vec<u8> {
        RunnerPrivateKey::read(private).unwrap().decrypt(encrypted).unwrap()
    }

    #[test]
    fn what_is_encrypted_for_a_runner_only_its_key_opens() {
        let pair = generate().unwrap();
        assert!(pair.private.expose().starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        assert!(pair.public.starts_with("-----BEGIN PUBLIC KEY-----\n"));
        let message = b"{\"new_jobs\":null}".repeat(40);
        let encrypted = encrypt(&pair.public, &message).unwrap();
        assert_eq!(encrypted.len(), message.len().div_ceil(245) * 256);
        assert_eq!(open(pair.private.expose(), &encrypted), message);
        let key = RunnerPrivateKey::read(pair.private.expose()).unwrap();
        assert_eq!(key.public().unwrap(), pair.public);
        check(&pair.public).unwrap();
        for cut in [&encrypted[1..], &encrypted[..encrypted.len() - 1]] {
            assert!(matches!(key.decrypt(cut), Err(RunnerKeyError::Decrypt(_))));
        }
        assert!(matches!(RunnerPrivateKey::read(&pair.public), Err(RunnerKeyError::Private(_))));
        for bad in ["", "nonsense", &pair.public.replace("PUBLIC KEY", "RSA PUBLIC KEY")] {
            assert!(matches!(encrypt(bad, &message), Err(RunnerKeyError::Unreadable(_))), "{bad}");
            assert!(matches!(check(bad), Err(RunnerKeyError::Unreadable(_))), "{bad}");
        }
    }

    #[test]
    fn keys_and_messages_have_the_form_of_the_go_server() {
        let vector: serde_json::Value = serde_json::from_str(include_str!("runner_vector.json")).unwrap();
        let text = |name: &str| vector[name].as_str().unwrap();
        let message = text("plaintext").as_bytes();
        let recorded = STANDARD.decode(text("ciphertext_b64")).unwrap();
        assert_eq!(open(text("private_key_pem"), &recorded), message, "pieces are cut in another way");
        let ours = encrypt(text("public_key_pem"), message).unwrap();
        assert_eq!(ours.len(), recorded.len());
        assert_eq!(open(text("private_key_pem"), &ours), message);
    }
}
