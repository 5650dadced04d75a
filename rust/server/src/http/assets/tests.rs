#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::body::to_bytes;

use super::*;

fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
}

#[tokio::test]
async fn paths_without_a_dot_are_the_page_and_missing_files_are_not() {
    let assets = Assets::new("", None, None).unwrap();
    for path in ["/", "/project/1/history", "/index.html", "/swagger"] {
        let response = assets.serve(&Method::GET, path, &HeaderMap::new()).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        assert!(body.to_ascii_lowercase().starts_with(b"<!doctype html"), "{path}");
    }
    for path in ["/nosuch.js", "/../../Cargo.toml", "/assets/../../Cargo.toml", "/.git/config"] {
        let response = assets.serve(&Method::GET, path, &HeaderMap::new()).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_known_page_is_not_sent_again() {
    let assets = Assets::new("", None, None).unwrap();
    let first = assets.serve(&Method::GET, "/", &HeaderMap::new()).await;
    let mut known = HeaderMap::new();
    known.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
    let second = assets.serve(&Method::GET, "/", &known).await;
    assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
    assert!(to_bytes(second.into_body(), 1 << 20).await.unwrap().is_empty());
}

#[test]
fn the_base_of_the_page_is_the_path_it_is_served_below() {
    let page = "<head><base href=\"/\"></head>";
    for (web_path, base) in [
        ("", "<base href=\"/\">"),
        ("/sub", "<base href=\"/sub/\">"),
        ("/sub/", "<base href=\"/sub/\">"),
        ("x\"><script>", "<base href=\"x&quot;>&lt;script>/\">"),
    ] {
        assert!(with_base(page, web_path).contains(base), "{web_path}");
    }
}

#[test]
fn compressed_files_go_only_to_those_who_accept_them() {
    for (accepted, expected) in
        [("gzip, br", true), ("br;q=1.0, GZIP;q=0.5", true), ("gzip;q=0", false), ("br", false), ("", false)]
    {
        assert_eq!(accepts_gzip(&headers(&[(header::ACCEPT_ENCODING, accepted)])), expected, "{accepted}");
    }
    assert!(!accepts_gzip(&HeaderMap::new()));
}
