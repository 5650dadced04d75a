//! Finds the block of a private key in a pasted text.
//!
//! More forgiving than RFC 7468 on purpose: people paste. Reference: Go's `pem.Decode` takes the first block of the text;
//! here the first of a private key counts, so that the parameters that OpenSSL writes before an EC key do no harm.

use ssh_encoding::base64::{Base64, Encoding};
use zeroize::Zeroizing;

use super::{DSA, Kind, legacy::Encryption};
use crate::key::KeyError;

/// A block with a title.
pub(super) struct Block {
    /// `OPENSSH PRIVATE KEY`, ...
    pub(super) title: String,
    /// What the base64 text means.
    pub(super) content: Zeroizing<Vec<u8>>,
    /// Value of `Proc-Type` says that it is encrypted.
    encrypted: bool,
    /// Value of `DEK-Info`.
    cipher: String,
}

/// Longest title that is looked at: it is shown in errors.
const LONGEST_TITLE_BYTES: usize = 40;

const PUBLIC: Kind =
    Kind { what: "a public key", advice: "paste the private key, the file without `.pub` at the end of its name" };
const CERTIFICATE: Kind = Kind { what: "a certificate", advice: "paste the private key that belongs to it" };
const PUTTY: Kind = Kind {
    what: "a key file of PuTTY",
    advice: "convert it with `puttygen KEY.ppk -O private-openssh -o KEY` and paste the result",
};
const SSH2: Kind = Kind {
    what: "a key file of the SSH.com form",
    advice: "convert it with `ssh-keygen -i -f KEY` and paste the result",
};
const PGP: Kind = Kind { what: "a PGP key", advice: "make an SSH key with `ssh-keygen -t ed25519`" };

impl Block {
    /// The first block of a private key.
    pub(super) fn of_private_key(text: &[u8]) -> Result<Self, KeyError> {
        let text = std::str::from_utf8(text).map_err(|_| KeyError::NotAPrivateKey)?;
        let text = text.trim_start_matches('\u{feff}').trim();
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            let Some(title) = line.strip_prefix("-----BEGIN ").and_then(|line| line.strip_suffix("-----")) else {
                continue;
            };
            if title.ends_with("PRIVATE KEY") && title.len() <= LONGEST_TITLE_BYTES {
                return Self::read(title, lines);
            }
        }
        Err(something_else(text).map_or(KeyError::NotAPrivateKey, KeyError::from))
    }

    fn read<'a>(title: &str, lines: impl Iterator<Item = &'a str>) -> Result<Self, KeyError> {
        let damaged = || KeyError::Damaged { form: title.to_owned() };
        let mut block =
            Self { title: title.to_owned(), content: Zeroizing::default(), encrypted: false, cipher: String::new() };
        let mut base64 = Zeroizing::new(String::with_capacity(super::LONGEST_TEXT_BYTES.min(16 * 1024)));
        let mut ended = false;
        for line in lines {
            if let Some(end) = line.strip_prefix("-----END ") {
                ended = end.strip_suffix("-----") == Some(title);
                break;
            }
            match line.split_once(':') {
                Some(("Proc-Type", value)) => block.encrypted = value.contains("ENCRYPTED"),
                Some(("DEK-Info", value)) => value.trim().clone_into(&mut block.cipher),
                // Comment, X-..., and other lines of that kind.
                Some(_) if base64.is_empty() => {}
                Some(_) => return Err(damaged()),
                None => base64.extend(line.chars().filter(|c| !c.is_whitespace())),
            }
        }
        if !ended {
            return Err(damaged());
        }
        block.content = Zeroizing::new(Base64::decode_vec(&base64).map_err(|_| damaged())?);
        Ok(block)
    }

    /// Whether it is encrypted in the old way of OpenSSL.
    pub(super) fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// How it is encrypted in the old way of OpenSSL, if it is.
    pub(super) fn encryption(&self) -> Result<Option<Encryption>, KeyError> {
        if !self.encrypted {
            return Ok(None);
        }
        if self.title == "DSA PRIVATE KEY" {
            return Err(DSA.into());
        }
        Encryption::parse(&self.cipher).map(Some)
    }
}

/// What a text is that has no private key.
fn something_else(text: &str) -> Option<Kind> {
    if text.starts_with("PuTTY-User-Key-File-") {
        return Some(PUTTY);
    }
    if text.contains("-cert-v01@openssh.com ") || text.contains("-----BEGIN CERTIFICATE-----") {
        return Some(CERTIFICATE);
    }
    if text.contains("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----") {
        return Some(SSH2);
    }
    if text.contains("-----BEGIN PGP ") {
        return Some(PGP);
    }
    let begins =
        ["ssh-rsa ", "ssh-ed25519 ", "ssh-dss ", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "---- BEGIN SSH2 PUBLIC"];
    (begins.iter().any(|begin| text.starts_with(begin)) || text.contains("PUBLIC KEY-----")).then_some(PUBLIC)
}
