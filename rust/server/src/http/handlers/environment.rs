//! Environments of a project.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{Environment, Referrers};

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::{Body, QueryTexts},
    object::Object,
    state::AppState,
};

/// The environment as somebody sees it who is in the project to look only. Reference: the password is shown to every member.
fn without_password(environment: Environment) -> Environment {
    Environment { password: None, ..environment }
}

/// `GET /api/project/{project_id}/environment`
pub(crate) async fn get_environments(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Vec<Environment>>> {
    let mut environments = state.services().environments(access.project_id(), &query.list_options()).await?;
    if access.only_reads() {
        environments = environments.into_iter().map(without_password).collect();
    }
    Ok(Json(environments))
}

/// `POST /api/project/{project_id}/environment`
pub(crate) async fn create_environment(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(body): Body<Environment>,
) -> Result<(StatusCode, Json<Environment>)> {
    let created = state.services().create_environment(access.user.id, access.project_id(), body).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /api/project/{project_id}/environment/{environment_id}`
pub(crate) async fn get_environment(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(environment): Object<Environment>,
) -> Result<Json<Environment>> {
    let environment = state.services().environment_with_secrets(environment).await?;
    Ok(Json(if access.only_reads() { without_password(environment) } else { environment }))
}

/// `GET /api/project/{project_id}/environment/{environment_id}/refs`
pub(crate) async fn get_environment_referrers(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(environment): Object<Environment>,
) -> Result<Json<Referrers>> {
    Ok(Json(state.services().environment_referrers(&environment).await?))
}

/// `PUT /api/project/{project_id}/environment/{environment_id}`
pub(crate) async fn update_environment(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(environment): Object<Environment>,
    Body(body): Body<Environment>,
) -> Result<StatusCode> {
    state.services().update_environment(access.user.id, &environment, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/environment/{environment_id}`
pub(crate) async fn delete_environment(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(environment): Object<Environment>,
) -> Result<StatusCode> {
    state.services().delete_environment(access.user.id, &environment).await?;
    Ok(StatusCode::NO_CONTENT)
}
