//! Secret storages of a project.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{Referrers, SecretStorage};

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::Body,
    object::Object,
    state::AppState,
};

/// `GET /api/project/{project_id}/secret_storages`
pub(crate) async fn get_secret_storages(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
) -> Result<Json<Vec<SecretStorage>>> {
    Ok(Json(state.services().secret_storages(access.project_id()).await?))
}

/// `POST /api/project/{project_id}/secret_storages`
pub(crate) async fn create_secret_storage(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(storage): Body<SecretStorage>,
) -> Result<(StatusCode, Json<SecretStorage>)> {
    let storage = state.services().create_secret_storage(access.user.id, access.project_id(), storage).await?;
    Ok((StatusCode::CREATED, Json(storage)))
}

/// `GET /api/project/{project_id}/secret_storages/{storage_id}`
pub(crate) async fn get_secret_storage(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(storage): Object<SecretStorage>,
) -> Result<Json<SecretStorage>> {
    Ok(Json(state.services().described_secret_storage(storage).await?))
}

/// `GET /api/project/{project_id}/secret_storages/{storage_id}/refs`
pub(crate) async fn get_secret_storage_referrers(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(storage): Object<SecretStorage>,
) -> Result<Json<Referrers>> {
    Ok(Json(state.services().secret_storage_referrers(&storage).await?))
}

/// `PUT /api/project/{project_id}/secret_storages/{storage_id}`. Reference: it answers the storage.
pub(crate) async fn update_secret_storage(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(old): Object<SecretStorage>,
    Body(storage): Body<SecretStorage>,
) -> Result<Json<SecretStorage>> {
    Ok(Json(state.services().update_secret_storage(access.user.id, &old, storage).await?))
}

/// `DELETE /api/project/{project_id}/secret_storages/{storage_id}`
pub(crate) async fn delete_secret_storage(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(storage): Object<SecretStorage>,
) -> Result<StatusCode> {
    state.services().delete_secret_storage(access.user.id, &storage).await?;
    Ok(StatusCode::NO_CONTENT)
}
