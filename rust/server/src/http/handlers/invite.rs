//! Invitations into projects.

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use semaphore_model::{ProjectInvite, ProjectInviteWithUsers, Secret};
use semaphore_service::{
    Services,
    invite::{AcceptedInvite, InviteChange, NewInvite, SentInvite},
};
use serde::Deserialize;

use crate::http::{
    access::{ManageUsers, ProjectAccess, ReadInvites, Session},
    error::Result,
    extract::{Body, QueryTexts},
    object::Object,
    state::AppState,
};

/// `GET /api/project/{project_id}/invites`
pub(crate) async fn get_invites(
    access: ProjectAccess<ReadInvites>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Vec<ProjectInviteWithUsers>>> {
    Ok(Json(state.services().invites(access.project_id(), &query.list_options()).await?))
}

/// `POST /api/project/{project_id}/invites`
pub(crate) async fn create_invite(
    access: ProjectAccess<ManageUsers>,
    State(state): State<AppState>,
    Body(body): Body<NewInvite>,
) -> Result<(StatusCode, Json<SentInvite>)> {
    let invite = state.services().create_invite(&access.user, access.project_id(), body).await?;
    Ok((StatusCode::CREATED, Json(invite)))
}

/// `GET /api/project/{project_id}/invites/{invite_id}`
pub(crate) async fn get_invite(
    _: ProjectAccess<ReadInvites>,
    Object(invite): Object<ProjectInvite>,
) -> Json<ProjectInvite> {
    Json(Services::invite_now(invite))
}

/// `PUT /api/project/{project_id}/invites/{invite_id}`
pub(crate) async fn update_invite(
    access: ProjectAccess<ManageUsers>,
    State(state): State<AppState>,
    Object(invite): Object<ProjectInvite>,
    Body(change): Body<InviteChange>,
) -> Result<StatusCode> {
    state.services().update_invite(access.user.id, &invite, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/invites/{invite_id}`
pub(crate) async fn delete_invite(
    access: ProjectAccess<ManageUsers>,
    State(state): State<AppState>,
    Object(invite): Object<ProjectInvite>,
) -> Result<StatusCode> {
    state.services().delete_invite(access.user.id, &invite).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Body of the request that accepts an invitation.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct AcceptBody {
    token: Secret,
}

/// `POST /api/invites/accept`
pub(crate) async fn accept_invite(
    session: Session,
    State(state): State<AppState>,
    Body(body): Body<AcceptBody>,
) -> Result<Json<AcceptedInvite>> {
    Ok(Json(state.services().accept_invite(&session.user, &body.token).await?))
}
