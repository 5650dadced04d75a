//! How much of a project and its templates is kept. Ours.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{RetentionRule, TemplateId};
use semaphore_service::retention::ProjectRetention;

use crate::http::{
    access::{Member, ProjectAccess, UpdateProject},
    error::Result,
    extract::{Body, PathId},
    state::AppState,
};

/// `GET /api/project/{project_id}/retention`
pub(crate) async fn get_retention(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
) -> Result<Json<ProjectRetention>> {
    Ok(Json(state.services().retention(access.project_id()).await?))
}

/// `PUT /api/project/{project_id}/retention`: limits that are left out or null are none.
pub(crate) async fn set_retention(
    access: ProjectAccess<UpdateProject>,
    State(state): State<AppState>,
    Body(rule): Body<RetentionRule>,
) -> Result<StatusCode> {
    state.services().set_retention(access.user.id, access.project_id(), None, rule).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /api/project/{project_id}/templates/{template_id}/retention`
pub(crate) async fn set_template_retention(
    access: ProjectAccess<UpdateProject>,
    State(state): State<AppState>,
    PathId(template): PathId<TemplateId>,
    Body(rule): Body<RetentionRule>,
) -> Result<StatusCode> {
    state.services().set_retention(access.user.id, access.project_id(), Some(template), rule).await?;
    Ok(StatusCode::NO_CONTENT)
}
