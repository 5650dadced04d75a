//! Host keys of a project. Ours; the reference accepts every host.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::HostKeyPolicy;

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::Body,
    state::AppState,
};

/// `GET /api/project/{project_id}/host_keys`
pub(crate) async fn get_host_keys(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
) -> Result<Json<HostKeyPolicy>> {
    Ok(Json(state.services().host_keys(access.project_id()).await?))
}

/// `PUT /api/project/{project_id}/host_keys`: both parts must be there.
pub(crate) async fn set_host_keys(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(body): Body<HostKeyPolicy>,
) -> Result<StatusCode> {
    state.services().set_host_keys(access.user.id, access.project_id(), body).await?;
    Ok(StatusCode::NO_CONTENT)
}
