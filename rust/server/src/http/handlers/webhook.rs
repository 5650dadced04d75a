//! Requests from outside that start templates: `/api/integrations/{integration_alias}`.
//!
//! Everybody may send them: the address is a secret, and each integration asks for a proof of its own. Invariant: the answer
//! does not tell whether a proof was good; only a task that was started is named, in headers.

use axum::{
    extract::{FromRequest, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use semaphore_service::{
    Error,
    integration::{ReceivedRequest, StartedTask},
};

use crate::http::{
    access::Public,
    client_address::ClientAddress,
    error::Result,
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
    let headers = readable(request.headers());
    // Only now: nobody who does not know an address makes the server read what is large.
    let RawBody(body) = RawBody::from_request(request, &state).await?;
    // On its own, so that a sender that does not wait for the answer leaves no task that is in no queue.
    let starting = tokio::spawn(async move {
        let request = ReceivedRequest { headers: &headers, body: &body, address: &address };
        state.services().receive_integration(state.tasks(), &received, request).await
    });
    let started = starting.await.map_err(|error| Error::internal("starting the tasks of a request", error))??;
    Ok((StatusCode::NO_CONTENT, named(&started)).into_response())
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
fn named(started: &[StartedTask]) -> HeaderMap {
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
