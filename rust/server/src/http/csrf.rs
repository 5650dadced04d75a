//! Requests that a foreign page makes a browser send: one that would change something and carries the session's cookie is
//! refused when the browser says that it comes from elsewhere.
//!
//! No token: browsers say it in `Sec-Fetch-Site` and `Origin`. Programs, which send neither, pass. Not for reading requests: the
//! browser does not show their answers to the foreign page.

use axum::http::{HeaderMap, Method, header};
use semaphore_service::crypto::cookie::COOKIE_NAME;

/// Whether the request is one of those. `web_host` is the public address of the configuration; may be empty.
pub(super) fn is_foreign_write(method: &Method, headers: &HeaderMap, web_host: &str) -> bool {
    !method.is_safe() && has_session_cookie(headers) && is_foreign(headers, web_host)
}

/// Whether a page of another origin made the browser send this.
pub(super) fn is_foreign(headers: &HeaderMap, web_host: &str) -> bool {
    text(headers, "sec-fetch-site") == Some("cross-site") || !is_own_origin(headers, web_host)
}

fn has_session_cookie(headers: &HeaderMap) -> bool {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .any(|pair| pair.trim().split_once('=').is_some_and(|(name, _)| name == COOKIE_NAME))
}

/// Whether `Origin` is absent, or the host that was asked, or that of `web_host`.
fn is_own_origin(headers: &HeaderMap, web_host: &str) -> bool {
    let Some(origin) = text(headers, "origin") else { return true };
    let host = |address: &str| {
        address.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default().to_owned())
    };
    let own = [text(headers, "host").map(str::to_owned), host(web_host)];
    host(origin).is_some_and(|origin| own.into_iter().flatten().any(|own| own.eq_ignore_ascii_case(&origin)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(method: &Method, pairs: &[(&'static str, &str)], refused: bool) {
        let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let found = is_foreign_write(method, &headers, "https://semaphore.example.com/below");
        assert_eq!(found, refused, "{method} {pairs:?}");
    }

    #[test]
    fn writing_with_a_cookie_from_a_foreign_page_is_refused() {
        let (cookie, host) = (("cookie", "theme=dark; semaphore=abc"), ("host", "10.0.0.1:3000"));
        check(&Method::POST, &[cookie, host], false);
        check(&Method::POST, &[cookie, host, ("sec-fetch-site", "cross-site")], true);
        check(
            &Method::POST,
            &[cookie, host, ("sec-fetch-site", "same-origin"), ("origin", "http://10.0.0.1:3000")],
            false,
        );
        check(&Method::DELETE, &[cookie, host, ("origin", "https://evil.example")], true);
        check(&Method::PUT, &[cookie, host, ("origin", "null")], true);
        check(&Method::PUT, &[cookie, host, ("origin", "https://Semaphore.example.com")], false);
        check(&Method::GET, &[cookie, host, ("origin", "https://evil.example")], false);
        check(&Method::POST, &[("cookie", "other=semaphore"), host, ("origin", "https://evil.example")], false);
        check(&Method::POST, &[("authorization", "Bearer x"), host, ("origin", "https://evil.example")], false);
    }
}
