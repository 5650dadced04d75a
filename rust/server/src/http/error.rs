//! The only place that turns an error kind into an HTTP status and a body.
//!
//! Invariants: the client sees `message`, never a cause; an internal error gets a number that stands in the log as well.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use semaphore_model::error_chain;
use semaphore_service::{Error, Kind};
use serde::Serialize;

/// Response header with the text of errors whose body must be empty, for people and the web page.
pub const ERROR_HEADER: &str = "x-semaphore-error";

/// Result of a handler.
pub type Result<T, E = ApiError> = std::result::Result<T, E>;

/// A service error on its way to the client.
#[derive(Debug)]
pub struct ApiError(pub Error);

/// The body of a refusal.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct ErrorBody<'a> {
    error: &'a str,
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// The status of an error kind.
pub const fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = self.0;
        let status = status(error.kind);
        if error.kind == Kind::Internal {
            let number = log_internal(&error);
            let text = format!("internal error, number {number} in the server's log");
            return (status, Json(ErrorBody { error: &text })).into_response();
        }
        if let Some(source) = &error.source {
            tracing::debug!(kind = ?error.kind, message = %error.message, cause = %error_chain(source.as_ref()), "request refused");
        }
        let mut response = if error.bare {
            status.into_response()
        } else {
            (status, Json(ErrorBody { error: &error.message })).into_response()
        };
        let headers = response.headers_mut();
        if error.bare
            && let Ok(text) = HeaderValue::from_str(&in_header(&error.message))
        {
            headers.insert(ERROR_HEADER, text);
        }
        if let Some(seconds) = error.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Longest text in [`ERROR_HEADER`], in characters. A message can quote a value of the request, and clients and proxies give
/// up on an answer whose head is too long.
const HEADER_CHARACTERS: usize = 500;

pub(crate) fn in_header(message: &str) -> String {
    let mut text: String = message.chars().take(HEADER_CHARACTERS).collect();
    if text.len() < message.len() {
        text.push_str("...");
    }
    text.replace(['\r', '\n'], " ")
}

/// Writes the whole chain of causes into the log and returns the number under which it stands there.
fn log_internal(error: &Error) -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    tracing::error!(number, error = %error_chain(error), "internal error");
    number
}

/// An empty 405 without a content type.
pub async fn method_not_allowed() -> StatusCode {
    StatusCode::METHOD_NOT_ALLOWED
}

/// Reference: `http.Error(w, "Not Found", 404)`, for unknown paths, wrong methods and missing files.
pub async fn not_found() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (StatusCode::NOT_FOUND, headers, "Not Found\n").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_does_not_make_a_long_head() {
        let message = format!("invalid type: string \"{}\"", "x".repeat(1 << 20));
        let response = ApiError(Error::invalid(message).bare()).into_response();
        let shown = response.headers().get(ERROR_HEADER).map_or(0, HeaderValue::len);
        assert!((100..1000).contains(&shown), "{shown} bytes");
    }
}
