//! What a server refuses that works on a copy of the database to be tried on: everything that reaches the outside.
//!
//! One list for all routes, looked at before any handler. Not the only guard: the services start no task in a rehearsal
//! either. Everything else works, on the copy.

use axum::{
    Json,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// The refusal of a request, if it is one of those; `notice` says what a rehearsal is.
pub(super) fn refusal(method: &Method, path: &str, notice: &str) -> Option<Response> {
    let what = refused(method, path)?;
    let text = format!("{what}: {notice}");
    Some((StatusCode::CONFLICT, Json(json!({"error": text}))).into_response())
}

fn refused(method: &Method, path: &str) -> Option<&'static str> {
    let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let is_writing = !method.is_safe();
    match segments.as_slice() {
        ["api", "integrations", ..] => Some("no webhook is taken here"),
        // What remote runners call; their rows can be looked at and changed as before.
        ["api", "internal", "runners", ..] => Some("no runner is served here"),
        ["api", "project", _, "tasks", ..] if is_writing && method == Method::POST => Some("no task is run here"),
        ["api", "project", _, "notifications", "test"] if is_writing => Some("no alert is sent here"),
        ["api", "auth", "login", "email", ..] | ["api", "auth", "email", ..] if is_writing => {
            Some("no e-mail is sent here")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_reaches_the_outside_is_refused() {
        for (method, path, expected) in [
            (Method::POST, "/api/project/1/tasks", true),
            (Method::POST, "/api/project/1/tasks/5/confirm", true),
            (Method::GET, "/api/project/1/tasks", false),
            (Method::DELETE, "/api/project/1/tasks/5", false),
            (Method::POST, "/api/integrations/alias", true),
            (Method::GET, "/api/integrations/alias", true),
            (Method::POST, "/api/project/1/integrations", false),
            (Method::PUT, "/api/internal/runners", true),
            (Method::POST, "/api/project/1/notifications/test", true),
            (Method::POST, "/api/project/1/templates", false),
            (Method::POST, "/api/auth/login", false),
        ] {
            assert_eq!(refused(&method, path).is_some(), expected, "{method} {path}");
        }
    }
}
