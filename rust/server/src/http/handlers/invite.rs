//! Invitations into projects.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{Permissions, ProjectInvite, ProjectInviteWithUsers, Secret};
use semaphore_service::{
    Error, Services,
    invite::{AcceptedInvite, InviteChange, NewInvite, SentInvite},
};
use serde::Deserialize;

use crate::http::{
    access::{ManageUsers, ProjectAccess, Session},
    error::Result,
    extract::{Body, QueryTexts},
    object::Object,
    state::AppState,
};

/// Invitations hold e-mail addresses of people outside, so reading them needs the same right as sending them.
fn check_may_read(access: &ProjectAccess<ManageUsers>) -> Result<()> {
    if access.may(Permissions::MANAGE_USERS) {
        return Ok(());
    }
    Err(Error::forbidden("only who manages the members of the project sees its invitations").into())
}

/// `GET /api/project/{project_id}/invites`
pub(crate) async fn get_invites(
    access: ProjectAccess<ManageUsers>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Vec<ProjectInviteWithUsers>>> {
    check_may_read(&access)?;
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
    access: ProjectAccess<ManageUsers>,
    Object(invite): Object<ProjectInvite>,
) -> Result<Json<ProjectInvite>> {
    check_may_read(&access)?;
    Ok(Json(Services::invite_now(invite)))
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
#[derive(Default, Deserialize)]
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
