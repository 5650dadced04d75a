//! Looking at the server itself: memory, and whether it is alive and ready.

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::{
    access::{Admin, Public},
    error::Result,
    state::AppState,
};

/// `POST /api/debug/gc`
pub(crate) async fn give_memory_back(_: Admin, State(state): State<AppState>) -> StatusCode {
    state.services().give_memory_back().await;
    StatusCode::NO_CONTENT
}

/// `POST /api/debug/pprof/dump`
pub(crate) async fn write_profile(_: Admin, State(state): State<AppState>) -> Result<StatusCode> {
    let path = state.services().write_profile().await?;
    tracing::info!(path = %path.display(), "a memory profile is written");
    Ok(StatusCode::NO_CONTENT)
}

/// Whether the server can do its work, and if not, which part of it cannot.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

const GOOD: Health = Health { status: "ok", reason: None };

/// `GET /healthz`: the process answers.
pub(crate) async fn is_alive(_: Public) -> Json<Health> {
    Json(GOOD)
}

/// `GET /readyz`: it also takes tasks and reaches its database. 503 otherwise.
pub(crate) async fn is_ready(_: Public, State(state): State<AppState>) -> (StatusCode, Json<Health>) {
    let reason = if state.tasks().pool().is_err() {
        Some("tasks are not taken")
    } else if let Err(error) = state.services().check_database().await {
        tracing::warn!(%error, cause = ?error.source, "not ready");
        Some("the database does not answer")
    } else {
        None
    };
    match reason {
        None => (StatusCode::OK, Json(GOOD)),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, Json(Health { status: "unavailable", reason })),
    }
}
