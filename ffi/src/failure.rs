//! The one error type of the interface: a status number with what a person needs to know.
//!
//! Not for results of programs that ran: those travel as [`Failure`] only at the very edge (`SEMAPHORE_E_EXIT`).

use serde_json::json;

use crate::code;

/// Reads a JSON document of the host, which must be an object.
pub fn parse_document<T: serde::de::DeserializeOwned>(what: &str, document: &[u8]) -> Result<T, Failure> {
    // In two steps, because an array would pass for a structure whose fields all have defaults.
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(document)
        .and_then(|object| serde_json::from_value(object.into()))
        .map_err(|error| Failure::new(code::SEMAPHORE_E_PARSE, format!("the {what} is not understood: {error}")))
}

/// The version of a document that names none.
pub fn first_version() -> u32 {
    1
}

/// Refuses a document of a later interface.
pub fn check_version(what: &str, version: u32) -> Result<(), Failure> {
    if version == first_version() {
        return Ok(());
    }
    let message = format!("version {version} of the {what} is not known, 1 is");
    Err(Failure::new(code::SEMAPHORE_E_UNSUPPORTED, message))
}

/// Why a call failed. `Display` is the message; the causes are listed apart, outermost first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// One of `SEMAPHORE_E_*`.
    pub code: i32,
    /// What failed, why, and what to do; without secrets.
    pub message: String,
    /// Causes, outermost first.
    pub chain: Vec<String>,
    /// `errno` of the operating system, 0 = none.
    pub os_errno: i32,
    /// Exit code of a child that ended by itself.
    pub exit_code: Option<i32>,
    /// Signal that ended a child.
    pub signal: Option<i32>,
    /// Last lines a child wrote to its standard error.
    pub stderr_tail: String,
    /// The same call may succeed later.
    pub retryable: bool,
}

impl Failure {
    /// A failure with a status number and a message.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            chain: Vec::new(),
            os_errno: 0,
            exit_code: None,
            signal: None,
            stderr_tail: String::new(),
            retryable: false,
        }
    }

    /// `SEMAPHORE_E_ARG` with a message.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(code::SEMAPHORE_E_ARG, message)
    }

    /// `SEMAPHORE_E_STATE` with a message.
    pub fn state(message: impl Into<String>) -> Self {
        Self::new(code::SEMAPHORE_E_STATE, message)
    }

    /// A handle that names nothing of the wanted kind.
    pub fn handle(wanted: &str) -> Self {
        Self::new(code::SEMAPHORE_E_HANDLE, format!("this is not the handle of an open {wanted}"))
    }

    /// A failure of the operating system, with the status that its `errno` belongs to.
    pub fn io(what: &str, error: &std::io::Error) -> Self {
        let status = match error.kind() {
            std::io::ErrorKind::NotFound => code::SEMAPHORE_E_NOT_FOUND,
            std::io::ErrorKind::PermissionDenied => code::SEMAPHORE_E_PERM,
            std::io::ErrorKind::AlreadyExists => code::SEMAPHORE_E_EXISTS,
            std::io::ErrorKind::TimedOut => code::SEMAPHORE_E_TIMEOUT,
            _ => code::SEMAPHORE_E_IO,
        };
        let mut failure = Self::new(status, format!("{what}: {error}"));
        failure.os_errno = error.raw_os_error().unwrap_or(0);
        failure.retryable = matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted)
            || matches!(failure.os_errno, libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::EAGAIN);
        failure
    }

    /// Adds the causes of an error to the chain.
    #[must_use]
    pub fn because(mut self, error: &dyn std::error::Error) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.chain.push(error.to_string());
            cause = error.source();
        }
        self
    }

    /// The document of `semaphore_err.json`: `{"msg","op","chain","exit_code","signal","stderr_tail"}`; absent facts are `null`.
    pub fn to_json(&self, operation: &str) -> Vec<u8> {
        json!({
            "msg": self.message,
            "op": operation,
            "chain": self.chain,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "stderr_tail": self.stderr_tail,
        })
        .to_string()
        .into_bytes()
    }
}
