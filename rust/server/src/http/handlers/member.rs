//! Members of a project.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{User, UserId};
use semaphore_service::member::{Caller, Member, MemberRole, NewMember};

use crate::http::{
    access::{self, ManageUsers, ProjectAccess},
    error::Result,
    extract::{Body, PathId, QueryTexts},
    state::AppState,
};

fn caller<P>(access: &ProjectAccess<P>) -> Caller<'_> {
    Caller { user: &access.user, role: &access.role }
}

/// `GET /api/project/{project_id}/users`
pub(crate) async fn get_project_users(
    access: ProjectAccess<access::Member>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Vec<Member>>> {
    Ok(Json(state.services().members(access.project_id(), &query.list_options()).await?))
}

/// `POST /api/project/{project_id}/users`
pub(crate) async fn add_project_user(
    access: ProjectAccess<ManageUsers>,
    State(state): State<AppState>,
    Body(body): Body<NewMember>,
) -> Result<StatusCode> {
    state.services().add_member(caller(&access), access.project_id(), &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/users/{user_id}`
///
/// Reference: every member gets everybody's e-mail address. Here not whoever is in the project to look only.
pub(crate) async fn get_project_user(
    access: ProjectAccess<access::Member>,
    State(state): State<AppState>,
    PathId(user): PathId<UserId>,
) -> Result<Json<User>> {
    let mut member = state.services().member(access.project_id(), user).await?;
    if access.only_reads() && member.id != access.user.id {
        member.email.clear();
    }
    Ok(Json(member))
}

/// `PUT /api/project/{project_id}/users/{user_id}`
pub(crate) async fn update_project_user(
    access: ProjectAccess<ManageUsers>,
    State(state): State<AppState>,
    PathId(user): PathId<UserId>,
    body: Result<Body<MemberRole>>,
) -> Result<StatusCode> {
    // Reference: the target is looked at before the body.
    let target = state.services().member(access.project_id(), user).await?;
    state.services().update_member(caller(&access), access.project_id(), target.id, &body?.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/users/{user_id}`
pub(crate) async fn remove_project_user(
    access: ProjectAccess<ManageUsers>,
    State(state): State<AppState>,
    PathId(user): PathId<UserId>,
) -> Result<StatusCode> {
    let target = state.services().member(access.project_id(), user).await?;
    state.services().remove_member(caller(&access), access.project_id(), target.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/me`
pub(crate) async fn leave_project(
    access: ProjectAccess<access::Member>,
    State(state): State<AppState>,
) -> Result<StatusCode> {
    state.services().remove_member(caller(&access), access.project_id(), access.user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
