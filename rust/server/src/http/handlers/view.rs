//! Views of a project.

use std::collections::BTreeMap;

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::{Body, QueryTexts},
    object::Object,
    state::AppState,
};
use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{TemplateWithPermissions, View};

/// `GET /api/project/{project_id}/views`
pub(crate) async fn get_views(access: ProjectAccess<Member>, State(state): State<AppState>) -> Result<Json<Vec<View>>> {
    Ok(Json(state.services().views(access.project_id()).await?))
}

/// `POST /api/project/{project_id}/views`
pub(crate) async fn create_view(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(body): Body<View>,
) -> Result<(StatusCode, Json<View>)> {
    let created = state.services().create_view(access.user.id, access.project_id(), body).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /api/project/{project_id}/views/{view_id}`
pub(crate) async fn get_view(_: ProjectAccess<Member>, Object(view): Object<View>) -> Json<View> {
    Json(view.into_inner())
}

/// `PUT /api/project/{project_id}/views/{view_id}`
pub(crate) async fn update_view(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(view): Object<View>,
    Body(body): Body<View>,
) -> Result<StatusCode> {
    state.services().update_view(access.user.id, &view, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/views/{view_id}`
pub(crate) async fn delete_view(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(view): Object<View>,
) -> Result<StatusCode> {
    state.services().delete_view(access.user.id, &view).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/project/{project_id}/views/positions`
pub(crate) async fn set_view_positions(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(positions): Body<Option<BTreeMap<String, Option<i32>>>>,
) -> Result<StatusCode> {
    state.services().set_view_positions(access.project_id(), &positions.unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/views/{view_id}/templates`
pub(crate) async fn get_view_templates(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(view): Object<View>,
    query: QueryTexts,
) -> Result<Json<Vec<TemplateWithPermissions>>> {
    let options = query.list_options();
    Ok(Json(state.services().view_templates(access.user.id, access.project_id(), view.id, &options).await?))
}
