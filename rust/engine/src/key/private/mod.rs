//! A private key in memory: read from any usual form of text, and able to sign.
//!
//! Not for making, converting or writing keys. Invariant: the parts that are secret are zeroized when the value goes.

mod block;
mod der;
mod elliptic;
mod legacy;
mod openssh;
mod sign;
#[cfg(test)]
mod tests;

use std::fmt;

use rsa::traits::PublicKeyParts;
use ssh_key::{
    Mpint,
    private::KeypairData,
    public::{KeyData, RsaPublicKey},
};
use zeroize::{Zeroize as _, Zeroizing};

use self::block::Block;
use super::KeyError;

/// Longest text of a key that is read: far more than any real one has.
const LONGEST_TEXT_BYTES: usize = 256 * 1024;

/// Longest content of a key: twice what the longest RSA key that is used takes. Checking larger numbers can take minutes.
const LONGEST_CONTENT_BYTES: usize = 20 * 1024;

/// Sizes of RSA keys that are used, in bits: shorter ones are refused by ssh itself, longer ones cost seconds each time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 1024..=16384;

/// A private key that can sign.
pub struct PrivateKey {
    secret: Secret,
    public: KeyData,
    comment: String,
}

enum Secret {
    Rsa(Box<rsa::RsaPrivateKey>),
    /// ECDSA or Ed25519. In a place of its own, so that moving the key copies no secret.
    Other(Box<KeypairData>),
}

impl PrivateKey {
    /// Reads a private key.
    ///
    /// Forms: OpenSSH, PKCS#1, PKCS#8 and SEC1, and their encrypted ones: OpenSSH, PKCS#8, and the old `Proc-Type` lines of
    /// OpenSSL. Kinds: RSA, ECDSA on the three NIST curves, Ed25519. Text around the block, blanks at the ends of its lines
    /// and line ends of other systems do no harm; neither does a passphrase that is not needed, which the reference refuses.
    ///
    /// This is slow for encrypted keys (up to a second is usual): not for a thread that must answer others.
    pub fn parse(text: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        with_wiped_stack(|| Self::read(text, passphrase))
    }

    fn read(text: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        if text.len() > LONGEST_TEXT_BYTES {
            return Err(KeyError::NotAPrivateKey);
        }
        let block = Block::of_private_key(text)?;
        // Reference: an empty passphrase is none.
        let passphrase = passphrase.filter(|passphrase| !passphrase.is_empty());
        let content: Zeroizing<Vec<u8>> = match block.encryption()? {
            None => block.content.clone(),
            Some(encryption) => {
                let passphrase = passphrase.ok_or(KeyError::PassphraseMissing)?;
                encryption.decrypt(&block.content, passphrase).ok_or(KeyError::PassphraseWrong)?
            }
        };
        if content.len() > LONGEST_CONTENT_BYTES {
            return Err(UNUSUAL_LENGTH.into());
        }
        let damaged = || KeyError::Damaged { form: block.title.clone() };
        let read = match block.title.as_str() {
            "OPENSSH PRIVATE KEY" => openssh::read(&content, passphrase),
            "RSA PRIVATE KEY" => der::pkcs1(&content),
            "EC PRIVATE KEY" => der::sec1(&content, None),
            "PRIVATE KEY" => der::pkcs8(&content),
            "ENCRYPTED PRIVATE KEY" => der::encrypted_pkcs8(&content, passphrase),
            "DSA PRIVATE KEY" => Err(DSA.into()),
            _ => Err(Unreadable::Key(KeyError::NotAPrivateKey)),
        };
        read.map_err(|error| match error {
            // The old encryption cannot tell a wrong passphrase from a right one in one of 256 cases.
            Unreadable::Damaged if block.is_encrypted() => KeyError::PassphraseWrong,
            Unreadable::Damaged => damaged(),
            Unreadable::Key(error) => error,
        })
    }

    /// The public half.
    pub fn public(&self) -> &KeyData {
        &self.public
    }

    /// What the key's maker wrote to it; only the form of OpenSSH has it.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Whether a signature takes long enough (milliseconds) to keep others waiting.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self.secret, Secret::Rsa(_))
    }

    fn rsa(key: rsa::RsaPrivateKey, comment: String) -> Result<Self, Unreadable> {
        if !RSA_BITS.contains(&key.n().bits()) {
            return Err(UNUSUAL_LENGTH.into());
        }
        let number = |number: &rsa::BigUint| Mpint::from_positive_bytes(&number.to_bytes_be());
        let public = RsaPublicKey {
            n: number(key.n()).map_err(|_| Unreadable::Damaged)?,
            e: number(key.e()).map_err(|_| Unreadable::Damaged)?,
        };
        Ok(Self { secret: Secret::Rsa(Box::new(key)), public: KeyData::Rsa(public), comment })
    }

    fn other(pair: KeypairData, comment: String) -> Result<Self, Unreadable> {
        let public = KeyData::try_from(&pair).map_err(|_| Unreadable::Damaged)?;
        Ok(Self { secret: Secret::Other(Box::new(pair)), public, comment })
    }
}

/// How much of the stack is wiped after something was done with a secret: more than reading or using a key takes.
const WIPED_STACK_BYTES: usize = 64 * 1024;

/// Does something with a secret, then writes over the part of the stack that it used: keys and passphrases that are moved or
/// computed with leave copies there, which nobody owns and so nobody wipes.
fn with_wiped_stack<T>(work: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn called<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    #[inline(never)]
    #[expect(clippy::large_stack_arrays, reason = "the stack is what it is about")]
    fn wipe() {
        // Large numbers, because each is written by itself.
        [0_u64; WIPED_STACK_BYTES / size_of::<u64>()].zeroize();
    }
    let result = called(work);
    wipe();
    result
}

/// Shows the public half only.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public.fingerprint(ssh_key::HashAlg::Sha256))
    }
}

/// Why the content of a block is no key.
enum Unreadable {
    /// It does not follow its form.
    Damaged,
    /// More is known.
    Key(KeyError),
}

impl From<KeyError> for Unreadable {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<ssh_encoding::Error> for Unreadable {
    fn from(_: ssh_encoding::Error) -> Self {
        Self::Damaged
    }
}

const DSA: Kind =
    Kind { what: "a DSA key", advice: "ssh refuses such keys since 2015; make a new one with `ssh-keygen -t ed25519`" };

const UNUSUAL_LENGTH: Kind =
    Kind { what: "an RSA key of an unusual length", advice: "use a key of 1024 to 16384 bits, better an Ed25519 key" };

/// A kind of key or text that cannot be used.
#[derive(Clone, Copy)]
struct Kind {
    what: &'static str,
    advice: &'static str,
}

impl From<Kind> for KeyError {
    fn from(kind: Kind) -> Self {
        Self::Unsupported { what: kind.what, advice: kind.advice }
    }
}

impl From<Kind> for Unreadable {
    fn from(kind: Kind) -> Self {
        Self::Key(kind.into())
    }
}
