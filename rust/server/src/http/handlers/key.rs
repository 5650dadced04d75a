//! Keys of a project; no answer holds a secret.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{AccessKey, Referrers};

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::{Body, QueryTexts},
    object::Object,
    state::AppState,
};

/// `GET /api/project/{project_id}/keys`
pub(crate) async fn get_keys(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Vec<AccessKey>>> {
    Ok(Json(state.services().keys(access.project_id(), &query.list_options()).await?))
}

/// `POST /api/project/{project_id}/keys`
pub(crate) async fn create_key(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(body): Body<AccessKey>,
) -> Result<(StatusCode, Json<AccessKey>)> {
    let created = state.services().create_key(access.user.id, access.project_id(), body).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /api/project/{project_id}/keys/{key_id}`
pub(crate) async fn get_key(_: ProjectAccess<Member>, Object(key): Object<AccessKey>) -> Json<AccessKey> {
    Json(key.into_inner())
}

/// `GET /api/project/{project_id}/keys/{key_id}/refs`
pub(crate) async fn get_key_referrers(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(key): Object<AccessKey>,
) -> Result<Json<Referrers>> {
    Ok(Json(state.services().key_referrers(&key).await?))
}

/// `PUT /api/project/{project_id}/keys/{key_id}`
pub(crate) async fn update_key(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(key): Object<AccessKey>,
    Body(body): Body<AccessKey>,
) -> Result<StatusCode> {
    state.services().update_key(access.user.id, &key, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/keys/{key_id}`
pub(crate) async fn delete_key(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(key): Object<AccessKey>,
) -> Result<StatusCode> {
    state.services().delete_key(access.user.id, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}
