//! The rows of the table of keys about connections and requests, tokens for tasks, and where files of keys lie.

use super::table::{
    Key,
    Kind::{Bool, Integer, Text},
    Rule, key, ruled,
};

/// The rows.
pub(super) const KEYS: &[Key] = &[
    key(
        "auth.task_jwt.audience",
        "SEMAPHORE_TASK_JWT_AUDIENCE",
        Text,
        "",
        "For whom tasks get a signed token (aud) in SEMAPHORE_TASK_JWT; without it they get none. Not a key of the Go server.",
    ),
    key("tls.enabled", "SEMAPHORE_TLS_ENABLED", Bool, "", "Speaks HTTPS on the port instead of HTTP."),
    key(
        "tls.cert_file",
        "SEMAPHORE_TLS_CERT_FILE",
        Text,
        "",
        "PEM file of the certificate and what vouches for it; read again on SIGHUP.",
    ),
    key("tls.key_file", "SEMAPHORE_TLS_KEY_FILE", Text, "", "PEM file of the certificate's private key."),
    ruled(
        key(
            "tls.http_redirect_port",
            "SEMAPHORE_TLS_HTTP_REDIRECT_PORT",
            Integer,
            "",
            "Port on which HTTP is answered with the address to use instead; only with tls.enabled.",
        ),
        Rule::PortNumber,
    ),
    ruled(
        key(
            "http.log",
            "SEMAPHORE_HTTP_LOG",
            Text,
            "all",
            "Which requests are logged: all, errors (from status 400 on) or off. Not a key of the Go server.",
        ),
        Rule::OneOf(&["all", "errors", "off"]),
    ),
    ruled(
        key(
            "http.body_timeout_sec",
            "SEMAPHORE_HTTP_BODY_TIMEOUT_SEC",
            Integer,
            "30",
            "Seconds that a client may pause while it sends a body. Not a key of the Go server.",
        ),
        Rule::NotNegative,
    ),
    ruled(
        key(
            "http.request_timeout_sec",
            "SEMAPHORE_HTTP_REQUEST_TIMEOUT_SEC",
            Integer,
            "300",
            "Seconds after which a request that has no answer yet gets 503. Not a key of the Go server.",
        ),
        Rule::NotNegative,
    ),
    ruled(
        key(
            "dirs.secrets_path",
            "SEMAPHORE_SECRETS_PATH",
            Text,
            "",
            "Directory that the files of keys must lie in; without it no key comes out of a file.",
        ),
        Rule::AbsolutePath,
    ),
];
