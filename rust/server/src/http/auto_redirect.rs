//! Sends browsers without a session to the OpenID Connect provider that is marked for it (`auto_redirect`), instead of showing
//! them the page.
//!
//! Only whole pages that a browser opens; the API and the files of the page are answered as ever. `?local` shows the log-in
//! page, and so does the way back from a provider that refused, and half a minute after a log-out: otherwise nobody could ever
//! log out or log in with a password.

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use url::form_urlencoded;

use super::{
    access::{cookie, credentials},
    state::AppState,
};

/// Cookie that keeps the page for a while.
const STAY: &str = "semaphore_local";

/// Parameter that keeps the page.
pub(crate) const LOCAL: &str = "local";

/// The way to the provider, if this browser is to be sent there. `path` is that of the page, without the prefix of `web_host`.
pub(super) async fn departure(
    state: &AppState,
    method: &Method,
    path: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<Response> {
    let provider = state.services().automatic_provider()?;
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_page = method == Method::GET && !path.contains('.') && accepted.contains("text/html");
    let query = uri.query().unwrap_or_default();
    let parameters = || form_urlencoded::parse(query.as_bytes());
    let stays = cookie(headers, STAY).is_some() || parameters().any(|(name, _)| name == LOCAL);
    if !is_page || stays || state.services().has_session(credentials(headers).cookie).await {
        return None;
    }
    let wanted = match path {
        "/auth/login" => {
            let named = parameters().find(|(name, _)| name == "return" || name == "return_to");
            named.map(|(_, value)| value.into_owned()).unwrap_or_default()
        }
        path if query.is_empty() => path.to_owned(),
        path => format!("{path}?{query}"),
    };
    let mut location = state.services().page(&format!("/api/auth/oidc/{provider}/login"));
    if !wanted.is_empty() && wanted != "/" {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("return", &wanted).finish();
        location = format!("{location}?{query}");
    }
    let location = HeaderValue::from_str(&location).ok()?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Some((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}

/// Keeps the browser of an answer on the log-in page for half a minute.
pub(crate) fn stay(response: &mut Response) {
    let cookie = HeaderValue::from_static("semaphore_local=1; Path=/; Max-Age=30; HttpOnly; SameSite=Lax");
    response.headers_mut().append(header::SET_COOKIE, cookie);
}
