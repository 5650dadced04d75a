//! Repositories of a project.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use semaphore_model::{Referrers, Repository, RepositoryType};

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::{Body, QueryTexts},
    object::Object,
    state::AppState,
};

/// `GET /api/project/{project_id}/repositories`
pub(crate) async fn get_repositories(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Vec<Repository>>> {
    Ok(Json(state.services().repositories(access.project_id(), &query.list_options()).await?))
}

/// `POST /api/project/{project_id}/repositories`
pub(crate) async fn create_repository(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(body): Body<Repository>,
) -> Result<(StatusCode, Json<Repository>)> {
    let created = state.services().create_repository(access.user.id, access.project_id(), body).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /api/project/{project_id}/repositories/{repository_id}`
pub(crate) async fn get_repository(
    _: ProjectAccess<Member>,
    Object(repository): Object<Repository>,
) -> Json<Repository> {
    Json(repository.into_inner())
}

/// `GET /api/project/{project_id}/repositories/{repository_id}/refs`
pub(crate) async fn get_repository_referrers(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(repository): Object<Repository>,
) -> Result<Json<Referrers>> {
    Ok(Json(state.services().repository_referrers(&repository).await?))
}

/// `PUT /api/project/{project_id}/repositories/{repository_id}`
pub(crate) async fn update_repository(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(repository): Object<Repository>,
    Body(body): Body<Repository>,
) -> Result<StatusCode> {
    state.services().update_repository(access.user.id, &repository, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/repositories/{repository_id}`
pub(crate) async fn delete_repository(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(repository): Object<Repository>,
) -> Result<StatusCode> {
    state.services().delete_repository(access.user.id, &repository).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/repositories/{repository_id}/branches`
///
/// Reference: a repository on this machine is refused with a bare text, and of a name only the part behind the last `/` is
/// answered; `?extended=true` gives whole names.
pub(crate) async fn get_repository_branches(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(repository): Object<Repository>,
    query: QueryTexts,
) -> Result<Response> {
    let refused = match repository.kind() {
        RepositoryType::Local => Some("Wrong repository type: local"),
        RepositoryType::File => Some("Wrong repository type: file"),
        _ => None,
    };
    if let Some(text) = refused {
        return Ok((StatusCode::BAD_REQUEST, Json(text)).into_response());
    }
    let mut branches = state.services().repository_branches(&repository).await?;
    if query.get("extended") != Some("true") {
        for branch in &mut branches {
            let start = branch.rfind('/').map_or(0, |slash| slash + 1);
            branch.drain(..start);
        }
    }
    Ok(Json(branches).into_response())
}
