//! The apps that templates can run.

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use semaphore_service::{
    Error,
    app::{App, AppWithId},
};
use serde::Deserialize;

use crate::http::{
    access::{Admin, Session},
    error::Result,
    extract::{Body, PathTexts},
    state::AppState,
};

/// `GET /api/apps`
pub(crate) async fn get_apps(_: Session, State(state): State<AppState>) -> Json<Vec<AppWithId>> {
    Json(state.services().apps.list())
}

/// `GET /api/apps/{app_id}`
pub(crate) async fn get_app(_: Admin, State(state): State<AppState>, path: PathTexts) -> Result<Json<App>> {
    Ok(Json(state.services().get_app(path.get("app_id"))?))
}

/// `PUT /api/apps/{app_id}` and `POST /api/apps/{app_id}`
pub(crate) async fn set_app(
    _: Admin,
    State(state): State<AppState>,
    path: PathTexts,
    Body(body): Body<App>,
) -> Result<StatusCode> {
    state.services().set_app(path.get("app_id"), &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/apps/{app_id}`
pub(crate) async fn delete_app(_: Admin, State(state): State<AppState>, path: PathTexts) -> Result<StatusCode> {
    state.services().delete_app(path.get("app_id")).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub(crate) struct ActiveBody {
    active: bool,
}

/// `POST /api/apps/{app_id}/active`
pub(crate) async fn set_app_active(
    _: Admin,
    State(state): State<AppState>,
    path: PathTexts,
    body: Result<Body<ActiveBody>>,
) -> Result<StatusCode> {
    // Reference: the one body whose refusal carries a text.
    let Body(body) = body.map_err(|_| Error::invalid("Invalid request body"))?;
    state.services().set_app_active(path.get("app_id"), body.active).await?;
    Ok(StatusCode::NO_CONTENT)
}
