//! Settings kept in the database.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use semaphore_model::ServerOption;

use crate::http::{access::Admin, error::Result, extract::Body, state::AppState};

/// `GET /api/options`
pub(crate) async fn get_options(_: Admin, State(state): State<AppState>) -> Result<Json<BTreeMap<String, String>>> {
    Ok(Json(state.services().list_options().await?))
}

/// `POST /api/options`
pub(crate) async fn set_option(
    _: Admin,
    State(state): State<AppState>,
    Body(option): Body<ServerOption>,
) -> Result<Json<ServerOption>> {
    state.services().set_option(&option).await?;
    Ok(Json(option))
}
