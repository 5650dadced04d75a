//! Why a key cannot be used.

use std::io;

use thiserror::Error;

use crate::job::ProblemCode;

/// Why a key cannot be used. No text holds a part of the key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The key is of a type that cannot be used in this place. The words are the reference's.
    #[error("access key type not supported for {0}")]
    Type(&'static str),
    /// The text is no private key at all.
    #[error(
        "the text is not a private key: it must begin with a line such as `-----BEGIN OPENSSH PRIVATE KEY-----` and be pasted whole"
    )]
    NotAPrivateKey,
    /// It is something else, or of a kind that nobody can use here.
    #[error("this is {what}, which cannot be used: {advice}")]
    Unsupported {
        /// `a public key`, `a DSA key`, ...
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// It looks like a private key but cannot be read.
    #[error("the private key ({form}) is damaged: paste the whole file again, without changes")]
    Damaged {
        /// Title of the PEM block.
        form: String,
    },
    /// It is encrypted, and there is no passphrase.
    #[error("the private key is protected by a passphrase, and the access key has none: enter it in the key store")]
    PassphraseMissing,
    /// The passphrase does not open it.
    #[error("the passphrase of the private key is wrong: correct it in the key store")]
    PassphraseWrong,
    /// The agent's socket cannot be made.
    #[error("cannot {action} for the ssh agent")]
    Socket {
        /// `create the directory ...`, ...
        action: String,
        /// Why.
        source: io::Error,
    },
}

impl KeyError {
    /// The same for programs.
    pub fn code(&self) -> ProblemCode {
        match self {
            Self::Type(_) => ProblemCode::KeyType,
            Self::NotAPrivateKey | Self::Unsupported { .. } | Self::Damaged { .. } => ProblemCode::KeyUnreadable,
            Self::PassphraseMissing | Self::PassphraseWrong => ProblemCode::KeyPassphrase,
            Self::Socket { .. } => ProblemCode::Machine,
        }
    }

    pub(super) fn socket(action: impl Into<String>, source: io::Error) -> Self {
        Self::Socket { action: action.into(), source }
    }
}
