//! What every answer and every line of the log has, whatever its route.

use semaphore_tests::{PASSWORD, Server};
use serde_json::json;
use ureq::http::HeaderMap;

/// The headers of an answer; no session.
fn headers_of(server: &Server, path: &str, headers: &[(&str, &str)]) -> HeaderMap {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build().into();
    let mut request = agent.get(format!("http://127.0.0.1:{}{path}", server.port()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.call().unwrap().headers().clone()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_request_is_found_in_the_log_by_its_number_and_without_its_secrets() {
    let server = Server::start();
    let admin = server.admin();
    let id = text(&headers_of(&server, "/api/user", &[]), "x-request-id").to_owned();
    assert!(id.len() >= 8, "{id:?}");
    let given = [("X-Request-Id", "proxy-4711"), ("X-Forwarded-For", "198.51.100.77, 127.0.0.1")];
    assert_eq!(text(&headers_of(&server, "/api/user?token=in-the-query", &given), "x-request-id"), "proxy-4711");
    let odd = headers_of(&server, "/api/user", &[("X-Request-Id", "two words{}")]);
    assert!(!text(&odd, "x-request-id").contains("words"));
    headers_of(&server, "/api/integrations/the-secret-address", &[]);
    admin.delete("/api/user/tokens/the-secret-token");
    admin.send_with("GET", "/api/projects", None, &[("X-Request-Id", "of-the-admin")]).expect(200);
    server.anonymous().send_with(
        "POST",
        "/api/auth/login",
        Some(&json!({"auth": "admin", "password": "wrong"}).to_string()),
        &[("X-Request-Id", "of-a-guesser")],
    );

    let log = server.log();
    let line = |id: &str| {
        let found = log.lines().find(|line| line.contains(id) && line.contains("answered"));
        found.unwrap_or_else(|| panic!("no line of {id} in {log}")).to_owned()
    };
    for part in ["method=GET", "path=/api/user", "status=401", "client=198.51.100.77", "ms="] {
        assert!(line("proxy-4711").contains(part), "{part} is not in {}", line("proxy-4711"));
    }
    for part in ["status=200", "bytes=2", "user=1", "client=127.0.0.1"] {
        assert!(line("of-the-admin").contains(part), "{part} is not in {}", line("of-the-admin"));
    }
    assert!(line("of-a-guesser").contains("status=401"));
    line(&id);
    for secret in ["in-the-query", "the-secret-address", "the-secret-token", "two words", PASSWORD] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}

#[test]
fn browsers_are_told_what_no_answer_wants_and_no_foreign_page_may_read() {
    let server = Server::start();
    let origin = [("Origin", "https://elsewhere.example")];
    for path in ["/api/ping", "/api/user", "/api/auth/login", "/", "/api/nothing", "/healthz"] {
        let headers = headers_of(&server, path, &origin);
        assert_eq!(text(&headers, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(text(&headers, "x-frame-options"), "SAMEORIGIN", "{path}");
        assert_eq!(text(&headers, "referrer-policy"), "same-origin", "{path}");
        let foreign: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with("access-control")).collect();
        assert!(foreign.is_empty(), "{path}: {foreign:?}");
    }
    assert_eq!(text(&headers_of(&server, "/api/auth/login", &[]), "cache-control"), "no-store");
    assert!(text(&headers_of(&server, "/", &[]), "content-security-policy").contains("frame-ancestors 'self'"));
}
