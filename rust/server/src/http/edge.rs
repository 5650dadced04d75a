//! What happens around every request, whatever its route: a number to find it again, a line in the log, headers for browsers.
//!
//! Not for deciding anything. Invariants: no secret of an address is logged: neither the query nor what stands in the path in
//! place of a password; what a client calls its request is believed only if it is short and plain.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    pin::Pin,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use hyper::body::{Frame, SizeHint};
use tracing::Span;

use super::client_address::{self, AddressRange};

/// Header with the number of a request, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest number that is taken from a client.
const LONGEST_ID: usize = 64;
/// Longest path in the log.
const LONGEST_PATH: usize = 300;
/// Paths below which the next part is a secret: addresses of webhooks and of states, API tokens.
const SECRET_BELOW: [&str; 3] = ["/api/integrations/", "/api/terraform/", "/api/user/tokens/"];
/// Asked again and again by programs that watch the server.
const PROBES: [&str; 4] = ["/healthz", "/readyz", "/api/ping", "/api/metrics"];
/// What a page may never do: stand inside a foreign one, hold plug-ins, or change where its addresses lead.
const PAGE_POLICY: &str = "frame-ancestors 'self'; object-src 'none'; base-uri 'self'";

/// Which requests are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestLog {
    /// All but those of programs that watch the server.
    #[default]
    All,
    /// Those that are refused or fail.
    Errors,
    /// None.
    Off,
}

/// How requests are treated before and behind their handlers.
#[derive(Clone, Debug)]
pub struct EdgeSettings {
    /// Proxies whose word about the address of a client counts.
    pub trusted_proxies: Vec<AddressRange>,
    /// Which requests are logged.
    pub log: RequestLog,
    /// How long a client may pause while it sends a body.
    pub body_timeout: Duration,
    /// How long the head of an answer may take.
    pub request_timeout: Duration,
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Visit {
    /// Everything that is logged meanwhile stands in here.
    pub(super) span: Span,
    id: HeaderValue,
    line: Line,
}

/// What is logged of a request.
#[derive(Debug)]
struct Line {
    log: RequestLog,
    method: Method,
    path: String,
    client: Option<IpAddr>,
    started: Instant,
    span: Span,
}

impl Visit {
    /// Notes who asks for what.
    pub(super) fn begin(request: &Request, settings: &EdgeSettings) -> Self {
        let id = own_id(request.headers()).unwrap_or_else(new_id);
        let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), user = tracing::field::Empty);
        let line = Line {
            log: settings.log,
            method: request.method().clone(),
            path: shown(request.uri().path()),
            client: client_address::client(request.extensions(), request.headers(), &settings.trusted_proxies),
            started: Instant::now(),
            span: span.clone(),
        };
        Self { span, id, line }
    }

    /// The path as it may be shown.
    pub(super) fn path(&self) -> &str {
        &self.line.path
    }

    /// How long it has taken so far.
    pub(super) fn elapsed(&self) -> Duration {
        self.line.started.elapsed()
    }

    /// Gives the answer its headers, and logs it when its size is known: at once, or when its last part is sent.
    pub(super) fn end(self, mut response: Response) -> Response {
        let status = response.status();
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, self.id);
        protect(headers);
        let is_head = self.line.method == Method::HEAD;
        match response.body().size_hint().exact() {
            Some(bytes) => {
                self.line.write(status, if is_head { 0 } else { bytes });
                response
            }
            None => response.map(|body| Body::new(Counted { body, bytes: 0, line: Some((self.line, status)) })),
        }
    }
}

impl Line {
    fn write(&self, status: StatusCode, bytes: u64) {
        let is_wanted = match self.log {
            RequestLog::All => true,
            RequestLog::Errors => status.as_u16() >= 400,
            RequestLog::Off => false,
        };
        if !is_wanted || PROBES.contains(&self.path.as_str()) && status.is_success() {
            return;
        }
        let _inside = self.span.enter();
        let client = self.client.map_or_else(|| "-".to_owned(), |client| client.to_string());
        let milliseconds = self.started.elapsed().as_secs_f64() * 1000.0;
        tracing::info!(
            method = %self.method,
            path = %self.path,
            status = status.as_u16(),
            bytes,
            ms = format_args!("{milliseconds:.1}"),
            %client,
            "answered"
        );
    }
}

/// A body that is sent in parts: its line is written when it has ended, also if the client went away before.
struct Counted {
    body: Body,
    bytes: u64,
    line: Option<(Line, StatusCode)>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some((line, status)) = self.line.take() {
            line.write(status, self.bytes);
        }
    }
}

/// What the client, or a proxy before us, calls the request.
fn own_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=LONGEST_ID).contains(&id.len()).then_some(id).filter(|id| id.as_bytes().iter().all(is_plain)).cloned()
}

/// A number that no other request has: of this process, and counted in it.
fn new_id() -> HeaderValue {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let text = format!("{:012x}-{:x}", *PROCESS >> 16, COUNT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

/// The path without secrets.
fn shown(path: &str) -> String {
    let mut end = path.len().min(LONGEST_PATH);
    while !path.is_char_boundary(end) {
        end -= 1;
    }
    let path = &path[..end];
    for before in SECRET_BELOW {
        if let Some(at) = path.find(before) {
            let (known, secret) = path.split_at(at + before.len());
            let rest = secret.find('/').map_or("", |at| &secret[at..]);
            return format!("{known}***{rest}");
        }
    }
    path.to_owned()
}

/// Headers that keep browsers from doing what no answer of ours wants; an answer's own ones stay.
fn protect(headers: &mut HeaderMap) {
    let mut add = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert_with(|| HeaderValue::from_static(value));
    };
    add(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    add(header::X_FRAME_OPTIONS, "SAMEORIGIN");
    add(header::REFERRER_POLICY, "same-origin");
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let value = if kind.starts_with(b"text/html") {
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY)
    } else if kind.starts_with(b"application/json") {
        // What is somebody's own must not come out of a cache for somebody else.
        (header::CACHE_CONTROL, "no-store")
    } else {
        return;
    };
    headers.entry(value.0).or_insert_with(|| HeaderValue::from_static(value.1));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn secrets_of_addresses_are_not_shown() {
        assert_eq!(shown("/below/api/integrations/0123abc"), "/below/api/integrations/***");
        assert_eq!(shown("/api/terraform/0123abc/lock"), "/api/terraform/***/lock");
        assert_eq!(shown("/api/user/tokens/abcdefgh"), "/api/user/tokens/***");
        assert_eq!(shown("/api/project/1/keys"), "/api/project/1/keys");
        assert!(shown(&"/ä".repeat(LONGEST_PATH)).len() <= LONGEST_PATH);
    }

    #[test]
    fn numbers_of_clients_are_taken_if_they_are_plain() {
        let taken = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(text.as_bytes()).unwrap());
            own_id(&headers).is_some()
        };
        assert!(taken("4bf92f35-77b3.4da6_a3"));
        for bad in ["", "two words", "a\tb", "a{b}", "ü", &"x".repeat(LONGEST_ID + 1)] {
            assert!(!taken(bad), "{bad:?}");
        }
        assert_ne!(new_id(), new_id());
    }
}
