//! The page that shows the document: three files of our own, nothing from elsewhere.

use axum::{
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};

/// Only what comes from this server, and no script or style in the page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
base-uri 'self'; form-action 'none'; frame-ancestors 'self'";

const PAGE: &str = include_str!("page/page.html");

/// The page below the path `web_path`: empty or `/semaphore`.
pub(crate) fn page(web_path: &str) -> Response {
    let path = web_path.trim_end_matches('/').replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    with_headers("text/html; charset=utf-8", PAGE.replacen("<base href=\"/\">", &format!("<base href=\"{path}/\">"), 1))
}

/// A file of the page, if it has one of this name.
pub(crate) fn file(name: &str) -> Option<Response> {
    match name {
        "page.css" => Some(with_headers("text/css; charset=utf-8", include_str!("page/page.css"))),
        "page.js" => Some(with_headers("text/javascript; charset=utf-8", include_str!("page/page.js"))),
        _ => None,
    }
}

fn with_headers(media: &'static str, body: impl IntoResponse) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, media),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, body).into_response()
}
