//! Requests from outside that start templates: `/api/integrations/{integration_alias}`.
//!
//! Everybody may send them: the address is a secret, and each integration asks for a proof of its own. Invariant: the answer
//! does not tell whether a proof was good; only a task that was started is named, in headers.

use std::time::Instant;

use axum::{
    extract::{FromRequest, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use semaphore_service::{
    Error,
    integration::{Answered, Received, ReceivedRequest, StartedTask, Verdict},
};

use crate::http::{
    access::Public,
    client_address::ClientAddress,
    error::{Result, status},
    extract::{PathTexts, RawBody},
    state::AppState,
};

/// `GET`, `POST` and, Reference, `OPTIONS /api/integrations/{integration_alias}`.
///
/// Reference: an unknown address answers 200. Whoever posts to one here gets 404; the other two methods do as there.
pub(crate) async fn receive_integration(
    _: Public,
    State(state): State<AppState>,
    path: PathTexts,
    ClientAddress(address): ClientAddress,
    request: Request,
) -> Result<Response> {
    let received = match state.services().integrations_of_alias(path.get("integration_alias"), &address).await {
        Ok(received) => received,
        Err(error) if error.is_not_found() && request.method() != Method::POST => {
            return Ok(StatusCode::OK.into_response());
        }
        Err(error) => return Err(error.into()),
    };
    let call = Call {
        began: Instant::now(),
        received: Utc::now(),
        headers: readable(request.headers()),
        method: request.method().as_str().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        address,
    };
    // Only now: nobody who does not know an address makes the server read what is large.
    let body = RawBody::from_request(request, &state).await;
    // On its own, so that a sender that does not wait for the answer leaves no task that is in no queue.
    let starting = tokio::spawn(async move { call.answer(&state, &received, body).await });
    let verdicts = starting.await.map_err(|error| Error::internal("starting the tasks of a request", error))??;
    let started = verdicts.iter().filter_map(|verdict| verdict.started.as_ref());
    Ok((StatusCode::NO_CONTENT, named(started)).into_response())
}

/// A request but for its body.
struct Call {
    began: Instant,
    received: DateTime<Utc>,
    headers: Vec<(String, String)>,
    method: String,
    query: String,
    address: String,
}

impl Call {
    /// What the integrations decide; in their log before anybody is told.
    async fn answer(self, state: &AppState, received: &Received, body: Result<RawBody>) -> Result<Vec<Verdict>> {
        let services = state.services();
        let (bytes, unreadable) = match body {
            Ok(RawBody(bytes)) => (bytes, None),
            Err(error) => (Bytes::new(), Some(error.0)),
        };
        let request = ReceivedRequest {
            headers: &self.headers,
            body: &bytes,
            method: &self.method,
            query: &self.query,
            address: &self.address,
        };
        let decided = match unreadable {
            None => services.receive_integration(state.tasks(), received, request).await,
            Some(error) => Err(error),
        };
        let code = decided.as_ref().map_or_else(|error| status(error.kind), |_| StatusCode::NO_CONTENT);
        let answered = Answered { status: code.as_u16(), received: self.received, took: self.began.elapsed() };
        services.keep_delivery(received, request, decided.as_deref(), answered).await;
        Ok(decided?)
    }
}

/// Headers as the reference sees them: without `Host`.
fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| **name != header::HOST)
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// The headers that name tasks.
fn named<'a>(started: impl Iterator<Item = &'a StartedTask>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for task in started {
        let names = [
            ("x-semaphore-task-id", Some(task.id.0)),
            ("x-semaphore-template-id", Some(task.template_id.0)),
            ("x-semaphore-project-id", Some(task.project_id.0)),
            ("x-semaphore-integration-id", Some(task.integration_id.0)),
            ("x-semaphore-inventory-id", task.inventory_id.map(|id| id.0)),
        ];
        for (name, id) in names.into_iter().filter_map(|(name, id)| Some((name, id?))) {
            headers.append(HeaderName::from_static(name), HeaderValue::from(id));
        }
    }
    headers
}
