//! Numbers about the server for Prometheus.

use std::time::Duration;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use chrono::Utc;
use semaphore_service::Error;
use semaphore_task::Location;

use crate::http::{access::Admin, error::Result, metrics::Reading, state::AppState};

/// The media type of the text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /api/metrics`
pub(crate) async fn get_metrics(_: Admin, State(state): State<AppState>) -> Result<Response> {
    let store = &state.services().store;
    let active = state.tasks().pool()?.active();
    let waiting = active.iter().filter(|task| task.location == Location::Queue);
    let mut oldest = Duration::ZERO;
    // Ids grow with time: the smallest one waits longest.
    if let Some(first) = waiting.clone().min_by_key(|task| task.id)
        && let Ok(task) = store.get_task(first.project_id, first.id).await
    {
        oldest = (Utc::now() - task.created).to_std().unwrap_or_default();
    }
    let connections = store.connections();
    let waiting = waiting.count();
    let reading = Reading {
        waiting,
        running: active.len() - waiting,
        oldest,
        database: (connections.open.saturating_sub(connections.idle), connections.idle),
        clients: state.hub().clients(),
    };
    let text =
        state.metrics().text(reading).map_err(|error| Error::internal("cannot write the numbers down", error))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
