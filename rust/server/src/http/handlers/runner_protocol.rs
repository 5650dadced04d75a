//! What remote runners ask of the server.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use semaphore_model::{
    Secret,
    remote::{Progress, Registration},
};
use semaphore_service::{Error, runner_protocol::Poll};
use serde::Serialize;

use crate::http::{
    access::Public,
    client_address::ClientAddress,
    error::Result,
    extract::{Body, SmallBody},
    machine_access::RunnerAccess,
    state::AppState,
};

/// Answer to a registration.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Registered {
    token: Secret,
}

fn unreadable() -> Error {
    Error::invalid("Invalid format")
}

/// `POST /api/internal/runners`
pub(crate) async fn register_runner(
    _: Public,
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    body: Result<SmallBody<Registration>>,
) -> Result<Json<Registered>> {
    let SmallBody(registration) = body.map_err(|_| unreadable())?;
    Ok(Json(Registered { token: state.services().register_runner(registration, &address).await? }))
}

/// `GET /api/internal/runners`
pub(crate) async fn poll_runner(access: RunnerAccess, State(state): State<AppState>) -> Result<Response> {
    Ok(match state.services().poll_runner(state.tasks(), &access.runner, access.room).await? {
        Poll::Plain(told) => Json(told).into_response(),
        Poll::Encrypted(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
    })
}

/// `PUT /api/internal/runners`
pub(crate) async fn take_runner_progress(
    access: RunnerAccess,
    State(state): State<AppState>,
    body: Result<Body<Progress>>,
) -> Result<StatusCode> {
    let Body(progress) = body.map_err(|_| unreadable())?;
    state.tasks().take_progress(&access.runner, progress).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/internal/runners`
pub(crate) async fn unregister_runner(access: RunnerAccess, State(state): State<AppState>) -> Result<StatusCode> {
    state.services().delete_runner(&access.runner).await?;
    Ok(StatusCode::NO_CONTENT)
}
