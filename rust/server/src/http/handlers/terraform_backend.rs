//! Terraform's HTTP backend: what Terraform itself sends to the address of a state.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use semaphore_service::terraform_backend::LockOutcome;

use crate::http::{
    error::Result,
    extract::{QueryTexts, RawBody},
    machine_access::StateAccess,
    state::AppState,
};

fn json(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// `GET /api/terraform/{alias}`; 204 before the first state was written.
pub(crate) async fn read_state(access: StateAccess, State(state): State<AppState>) -> Result<Response> {
    let found = state.services().read_state(access.owner).await?;
    Ok(found.map_or_else(|| StatusCode::NO_CONTENT.into_response(), |text| json(StatusCode::OK, text)))
}

/// `POST /api/terraform/{alias}`; `ID` in the query is the caller's lock.
pub(crate) async fn write_state(
    access: StateAccess,
    State(state): State<AppState>,
    query: QueryTexts,
    RawBody(body): RawBody,
) -> Result<StatusCode> {
    state.services().write_state(access.owner, query.get("ID").unwrap_or_default(), &body).await?;
    Ok(StatusCode::OK)
}

/// `LOCK /api/terraform/{alias}`; 423 with what the holder said about itself, if there is another one.
pub(crate) async fn lock_state(
    access: StateAccess,
    State(state): State<AppState>,
    RawBody(body): RawBody,
) -> Result<Response> {
    Ok(match state.services().lock_state(access.owner, &body).await? {
        LockOutcome::Locked => StatusCode::OK.into_response(),
        LockOutcome::Held(holder) => json(StatusCode::LOCKED, holder),
    })
}

/// `UNLOCK /api/terraform/{alias}`
pub(crate) async fn unlock_state(
    access: StateAccess,
    State(state): State<AppState>,
    RawBody(body): RawBody,
) -> Result<StatusCode> {
    state.services().unlock_state(access.owner, &body).await?;
    Ok(StatusCode::OK)
}
