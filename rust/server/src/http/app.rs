//! The whole HTTP application as one function from request to response.
//!
//! What happens around every route: the path is normalised, a panic becomes 500, an answer that takes too long 503, an API answer
//! without a content type gets the reference's. Not for connections: that is [`super::serve`].

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, uri::PathAndQuery},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use semaphore_service::{Error, Kind};
use tokio::time::timeout;
use tower::ServiceExt;
use tracing::Instrument;

use super::{
    auto_redirect, csrf,
    edge::Visit,
    error::{ApiError, not_found},
    extension_method::Extension,
    path::{Normalised, normalise},
    patient_body::Stalled,
    rehearsal, routes,
    state::AppState,
};

/// Largest body that is read before its handler runs.
const SMALL_BODY_BYTES: usize = 256 << 10;

/// The application. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    router: Router,
    /// The rows of the methods that the router does not know; all of them are `POST` in there.
    lock: Router,
    unlock: Router,
    state: AppState,
    web_path: String,
}

impl App {
    /// The application over a state, below the path `web_path` (empty or `/semaphore`).
    pub fn new(state: AppState, web_path: &str) -> Self {
        let [router, lock, unlock] = [None, Some(Extension::Lock), Some(Extension::Unlock)].map(|extension| {
            routes::router(extension)
                .fallback(outside_the_table)
                .method_not_allowed_fallback(not_found)
                .with_state(state.clone())
        });
        Self { router, lock, unlock, state, web_path: web_path.to_owned() }
    }

    /// Answers one request.
    pub async fn call(&self, mut request: Request) -> Response {
        let visit = Visit::begin(&request, self.state.edge());
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let limit = self.state.edge().request_timeout;
        let (answer, late) = if method.is_safe() {
            let answering = AssertUnwindSafe(self.dispatch(&mut request, &path)).catch_unwind();
            let answer = timeout(limit, answering.instrument(visit.span.clone())).await;
            (answer.map(Result::ok), "ask again, or for less")
        } else {
            // A client that goes away must not leave half of a change behind, such as a stored task that is in no queue.
            let app = self.clone();
            let answering = async move { app.dispatch(&mut request, &path).await };
            let answer = timeout(limit, tokio::spawn(answering.instrument(visit.span.clone()))).await;
            (answer.map(Result::ok), "it goes on: look later what became of it")
        };
        let response = visit.span.in_scope(|| match answer {
            Ok(Some(response)) => response,
            Ok(None) => {
                tracing::error!(%method, path = visit.path(), "a handler panicked");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            Err(_) => {
                let seconds = limit.as_secs();
                tracing::warn!(%method, path = visit.path(), seconds, "a request took too long");
                let text = format!("the request takes longer than {seconds} seconds; {late}");
                ApiError(Error::unavailable(text)).into_response()
            }
        });
        self.state.metrics().answered(&method, response.status(), visit.elapsed());
        visit.end(response)
    }

    /// How long a client may pause while it sends a body.
    pub(super) fn body_timeout(&self) -> Duration {
        self.state.edge().body_timeout
    }

    async fn dispatch(&self, request: &mut Request, path: &str) -> Response {
        let routed = match normalise(path, &self.web_path) {
            Normalised::Redirect(clean) => return redirect(&clean, request.uri().query()),
            Normalised::Outside(path) => {
                return page(&self.state, path, request.method(), request.uri(), request.headers()).await;
            }
            Normalised::Route(routed) => routed,
        };
        if routed != path {
            match with_path(request.uri(), &routed) {
                Some(uri) => *request.uri_mut() = uri,
                None => return not_found().await,
            }
        }
        let is_api = routed.starts_with("/api");
        if is_api && csrf::is_foreign_write(request.method(), request.headers(), self.state.web_host()) {
            let text = "a page of another origin may not change anything here";
            return ApiError(Error::new(Kind::Forbidden, text)).into_response();
        }
        if let Some(notice) = &self.state.services().settings.rehearsal
            && let Some(refusal) = rehearsal::refusal(request.method(), &routed, notice)
        {
            return refusal;
        }
        let mut request = match with_body_at_hand(std::mem::take(request)).await {
            Ok(request) => request,
            Err(refusal) => return refusal,
        };
        let extension = Extension::of(request.method().as_str());
        if extension.is_some() {
            *request.method_mut() = Method::POST;
        }
        let router = match extension {
            None => &self.router,
            Some(Extension::Lock) => &self.lock,
            Some(Extension::Unlock) => &self.unlock,
        };
        let mut response = match router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        // Reference: `JSONMiddleware`, also on empty answers.
        let is_plain = matches!(response.status(), StatusCode::SWITCHING_PROTOCOLS | StatusCode::METHOD_NOT_ALLOWED);
        if is_api && !is_plain && !response.headers().contains_key(header::CONTENT_TYPE) {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response
    }
}

/// Reads a small body before the handler runs. An answer that is given without reading the body (401, 403, 404) would
/// otherwise cost the client its connection, because what is left of the body stands in front of the next request.
///
/// Reference: Go's server reads up to 256 KiB of an unread body away.
async fn with_body_at_hand(request: Request) -> Result<Request, Response> {
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if !length.is_some_and(|length| (1..=SMALL_BODY_BYTES).contains(&length)) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    match axum::body::to_bytes(body, SMALL_BODY_BYTES).await {
        Ok(bytes) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Err(error) => {
            tracing::debug!(%error, "a request's body broke off");
            let is_stalled = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
                .any(<dyn std::error::Error>::is::<Stalled>);
            let status = if is_stalled { StatusCode::REQUEST_TIMEOUT } else { StatusCode::BAD_REQUEST };
            Err(status.into_response())
        }
    }
}

/// Whatever is in no row: an unknown path of the API, or the web page. Reference: `servePublic`.
async fn outside_the_table(State(state): State<AppState>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if uri.path().starts_with("/api") {
        return not_found().await;
    }
    page(&state, uri.path(), &method, &uri, &headers).await
}

/// The web page or one of its files, or the way to a provider.
async fn page(state: &AppState, path: &str, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
    match auto_redirect::departure(state, method, path, uri, headers).await {
        Some(response) => response,
        None => state.assets().serve(method, path, headers).await,
    }
}

fn redirect(path: &str, query: Option<&str>) -> Response {
    let location = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    match HeaderValue::from_str(&location) {
        Ok(location) => (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let text = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}
