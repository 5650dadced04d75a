//! Projects, and what is asked of a project as a whole.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use semaphore_model::{Permissions, Project, ProjectRole};
use semaphore_service::project::NewProject;
use serde::Serialize;

use crate::http::{
    access::{ManageResources, Member, ProjectAccess, Session, UpdateProject},
    error::Result,
    extract::Body,
    state::AppState,
};

/// `GET /api/projects`
pub(crate) async fn get_projects(session: Session, State(state): State<AppState>) -> Result<Response> {
    // The list is shared between requests; it is written out without being copied.
    let projects = state.services().projects(&session.user).await?;
    Ok(Json(projects.as_slice()).into_response())
}

/// `POST /api/projects`
pub(crate) async fn create_project(
    session: Session,
    State(state): State<AppState>,
    body: Result<Body<NewProject>>,
) -> Result<(StatusCode, Json<Project>)> {
    // Reference: the right is looked at before the body.
    state.services().check_may_create_project(&session.user)?;
    let project = state.services().create_project(&session.user, body?.0).await?;
    Ok((StatusCode::CREATED, Json(project)))
}

/// `GET /api/project/{project_id}`
pub(crate) async fn get_project(access: ProjectAccess<Member>) -> Json<Project> {
    Json(access.project)
}

/// `PUT /api/project/{project_id}`
pub(crate) async fn update_project(
    access: ProjectAccess<UpdateProject>,
    State(state): State<AppState>,
    Body(body): Body<Project>,
) -> Result<StatusCode> {
    state.services().update_project(access.project_id(), &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}`
pub(crate) async fn delete_project(
    access: ProjectAccess<UpdateProject>,
    State(state): State<AppState>,
) -> Result<StatusCode> {
    state.services().delete_project(access.project_id()).await?;
    state.tasks().pool()?.abandon(access.project_id(), None);
    Ok(StatusCode::NO_CONTENT)
}

/// What the caller is in the project.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RoleAnswer {
    role: ProjectRole,
    permissions: Permissions,
}

/// `GET /api/project/{project_id}/role`
pub(crate) async fn get_own_role(access: ProjectAccess<Member>) -> Json<RoleAnswer> {
    Json(RoleAnswer { role: access.role, permissions: access.permissions })
}

/// `DELETE /api/project/{project_id}/cache`. Reference: every member may; here whoever manages resources.
pub(crate) async fn clear_project_cache(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
) -> Result<StatusCode> {
    state.services().clear_project_cache(access.project_id()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/project/{project_id}/notifications/test`; the body is not read.
pub(crate) async fn send_test_notification(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
) -> Result<StatusCode> {
    state.services().send_test_notification(&access.project).await?;
    Ok(StatusCode::NO_CONTENT)
}
