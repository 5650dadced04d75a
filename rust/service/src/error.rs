//! The error every use case returns: a kind, a message for the client and the cause for the log.
//!
//! Not for HTTP: the server turns a [`Kind`] into a status in one file. Invariant: `message` holds nothing secret and no
//! database text; what went wrong inside is in `source` and reaches the log only.

use std::error::Error as StdError;

/// What sort of failure it is; decides about the HTTP status and the exit code of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request makes no sense: 400.
    Invalid,
    /// Nobody is logged in, or (reference) somebody without the right to change users or create projects: 401.
    Unauthenticated,
    /// Logged in, but not allowed: 403.
    Forbidden,
    /// There is no such object, or the caller must not know of it: 404.
    NotFound,
    /// The object is in use or in another state: 409.
    Conflict,
    /// The request is larger than is accepted: 413.
    TooLarge,
    /// Too many failed attempts: 429.
    TooMany,
    /// Too busy, or shutting down: 503.
    Unavailable,
    /// Our fault: 500. The client gets a fixed text, the log has the causes.
    Internal,
}

/// A failed use case.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What sort of failure it is.
    pub kind: Kind,
    /// Text for the client: what failed, why, what to do.
    pub message: String,
    /// Whether the answer has an empty body. Reference: many refusals carry no text; the message then goes to the
    /// response header `X-Semaphore-Error`, so that people can still read it.
    pub bare: bool,
    /// Seconds after which the same request may be tried again, if that is known.
    pub retry_after: Option<u32>,
    /// The cause, for the log.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync + 'static>>,
}

/// Result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of this kind whose message is sent as `{"error": message}`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), bare: false, retry_after: None, source: None }
    }

    /// 400 with `{"error": message}`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, message)
    }

    /// 401 with an empty body.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(Kind::Unauthenticated, message).bare()
    }

    /// 403 with an empty body.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, message).bare()
    }

    /// 404 with an empty body; `what` names the kind of object, for example `template`.
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("{what} not found")).bare()
    }

    /// 409 with `{"error": message}`.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    /// 503 with `{"error": message}`.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    /// 429 with `{"error": message}` and the header `Retry-After`.
    pub fn too_many(message: impl Into<String>, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(Kind::TooMany, message) }
    }

    /// 500; `doing` says what was being done and is for the log, as is the cause.
    pub fn internal(doing: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..Self::new(Kind::Internal, doing) }
    }

    /// The same error with an empty body (the message goes to a header). Reference: its plain `WriteHeader` answers.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// The same error with a cause for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether it says that something does not exist.
    pub fn is_not_found(&self) -> bool {
        self.kind == Kind::NotFound
    }
}

impl From<semaphore_model::ValidationError> for Error {
    fn from(error: semaphore_model::ValidationError) -> Self {
        Self::invalid(error.message())
    }
}

/// What the store reports, as a client may see it. A use case that can say more does so instead.
///
/// Reference: what the database refuses answers 400 with an empty body.
impl From<semaphore_store::StoreError> for Error {
    fn from(error: semaphore_store::StoreError) -> Self {
        use semaphore_store::StoreError;
        if let Some(text) = error.unavailability() {
            return Self::unavailable(text).with_source(error);
        }
        let refusal = match &error {
            StoreError::NotFound => return Self::not_found("object"),
            StoreError::Invalid(reason) => return Self::invalid(reason.message()),
            StoreError::Duplicate { .. } => "a name that must be unique is already taken",
            StoreError::Referenced { .. } => "an object that is named does not exist, or this one is still in use",
            StoreError::Refused { .. } => "a value is missing or not allowed",
            _ => return Self::internal("the database call failed", error),
        };
        Self::invalid(refusal).bare().with_source(error)
    }
}
