//! Integrations of a project and their addresses.

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use semaphore_model::{Integration, IntegrationAliasId};
use semaphore_service::{Error, integration::PublicAlias};
use serde::Serialize;

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::{Body, PathId, QueryTexts},
    object::Object,
    state::AppState,
};

/// `GET /api/project/{project_id}/integrations`
pub(crate) async fn get_integrations(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Vec<Integration>>> {
    Ok(Json(state.services().integrations(access.project_id(), &query.list_options()).await?))
}

/// `POST /api/project/{project_id}/integrations`
pub(crate) async fn create_integration(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    body: Result<Body<Integration>>,
) -> Result<(StatusCode, Json<Integration>)> {
    // Reference: a body that cannot be read is answered like one for another project.
    let Body(body) =
        body.map_err(|refusal| Error::invalid("Project ID in body and URL must be the same").with_source(refusal.0))?;
    let created = state.services().create_integration(access.project_id(), body).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /api/project/{project_id}/integrations/{integration_id}`
pub(crate) async fn get_integration(
    _: ProjectAccess<Member>,
    Object(integration): Object<Integration>,
) -> Json<Integration> {
    Json(integration.into_inner())
}

/// `PUT /api/project/{project_id}/integrations/{integration_id}`
pub(crate) async fn update_integration(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    Body(body): Body<Integration>,
) -> Result<StatusCode> {
    state.services().update_integration(&integration, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/integrations/{integration_id}`
pub(crate) async fn delete_integration(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
) -> Result<StatusCode> {
    state.services().delete_integration(&integration).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What uses an integration: nothing can. Reference: both members are always null.
#[derive(Serialize, JsonSchema)]
pub(crate) struct IntegrationReferrers {
    matchers: Option<()>,
    values: Option<()>,
}

/// `GET /api/project/{project_id}/integrations/{integration_id}/refs`
pub(crate) async fn get_integration_referrers(
    _: ProjectAccess<Member>,
    Object(_): Object<Integration>,
) -> Json<IntegrationReferrers> {
    Json(IntegrationReferrers { matchers: None, values: None })
}

/// `GET /api/project/{project_id}/integrations/aliases`
pub(crate) async fn get_project_aliases(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
) -> Result<Json<Vec<PublicAlias>>> {
    Ok(Json(state.services().integration_aliases(access.project_id(), None).await?))
}

/// `POST /api/project/{project_id}/integrations/aliases`; the body is not read.
pub(crate) async fn create_project_alias(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
) -> Result<Json<PublicAlias>> {
    Ok(Json(state.services().create_integration_alias(access.project_id(), None).await?))
}

/// `DELETE /api/project/{project_id}/integrations/aliases/{alias_id}`
pub(crate) async fn delete_project_alias(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    PathId(alias): PathId<IntegrationAliasId>,
) -> Result<StatusCode> {
    state.services().delete_integration_alias(access.project_id(), None, alias).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/integrations/{integration_id}/aliases`
pub(crate) async fn get_integration_aliases(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
) -> Result<Json<Vec<PublicAlias>>> {
    Ok(Json(state.services().integration_aliases(access.project_id(), Some(&integration)).await?))
}

/// `POST /api/project/{project_id}/integrations/{integration_id}/aliases`; the body is not read.
pub(crate) async fn create_integration_alias(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
) -> Result<Json<PublicAlias>> {
    Ok(Json(state.services().create_integration_alias(access.project_id(), Some(&integration)).await?))
}

/// `DELETE /api/project/{project_id}/integrations/{integration_id}/aliases/{alias_id}`
pub(crate) async fn delete_integration_alias(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    PathId(alias): PathId<IntegrationAliasId>,
) -> Result<StatusCode> {
    state.services().delete_integration_alias(access.project_id(), Some(&integration), alias).await?;
    Ok(StatusCode::NO_CONTENT)
}
