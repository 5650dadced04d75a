//! Facts about the server itself.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::auth::AuthMethods;
use crate::http::{
    access::{Admin, Public, Session},
    error::Result,
    state::AppState,
};

/// `GET /api/ping`
pub(crate) async fn ping(_: Public) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "pong").into_response()
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Info {
    version: String,
    ansible: String,
    web_host: String,
    use_remote_runner: bool,
    auth_methods: AuthMethods,
    premium_features: BTreeMap<&'static str, bool>,
    git_client: String,
    schedule_timezone: String,
    teams: Teams,
    roles: Vec<semaphore_model::Role>,
}

#[derive(Serialize, JsonSchema)]
struct Teams {
    invite_type: String,
}

/// `GET /api/info`
pub(crate) async fn get_info(_: Session, State(state): State<AppState>) -> Result<Json<Info>> {
    let services = state.services();
    let settings = &services.settings;
    Ok(Json(Info {
        version: settings.version.clone(),
        ansible: services.ansible_version().await,
        web_host: settings.web_host.clone(),
        use_remote_runner: false,
        auth_methods: AuthMethods::new(settings),
        // What the page of the reference shows only if the server says so. States are kept here; runners of a project get no
        // tasks yet and nothing reads a secret storage, so the page does not offer them.
        premium_features: ["project_runners", "terraform_backend", "task_summary", "secret_storages"]
            .into_iter()
            .map(|feature| (feature, feature == "terraform_backend"))
            .collect(),
        git_client: settings.git_client.clone(),
        schedule_timezone: settings.schedule_timezone.clone(),
        teams: Teams { invite_type: settings.team_invite_type.clone() },
        roles: services.store.list_global_roles().await.map_err(semaphore_service::Error::from)?,
    }))
}

/// `HEAD /api/cache`: whether the caller may clear it. Reference: it was cleared, although HEAD must not change anything.
pub(crate) async fn head_cache(_: Admin) -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `DELETE /api/cache`
pub(crate) async fn clear_cache(_: Admin, State(state): State<AppState>) -> Result<StatusCode> {
    state.services().clear_cache().await?;
    Ok(StatusCode::NO_CONTENT)
}
