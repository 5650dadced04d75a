//! What roles add on single templates.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{Template, TemplateRole, TemplateRoleId};

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::{Body, PathId},
    object::Object,
    state::AppState,
};

/// `GET /api/project/{project_id}/templates/{template_id}/perms`
pub(crate) async fn get_template_roles(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
) -> Result<Json<Vec<TemplateRole>>> {
    Ok(Json(state.services().template_roles(&template).await?))
}

/// `POST /api/project/{project_id}/templates/{template_id}/perms`
pub(crate) async fn create_template_role(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
    Body(body): Body<TemplateRole>,
) -> Result<(StatusCode, Json<TemplateRole>)> {
    let created = state.services().create_template_role(&template, body).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /api/project/{project_id}/templates/{template_id}/perms/{perm_id}`
pub(crate) async fn get_template_role(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
    PathId(id): PathId<TemplateRoleId>,
) -> Result<Json<TemplateRole>> {
    Ok(Json(state.services().template_role(&template, id).await?))
}

/// `PUT /api/project/{project_id}/templates/{template_id}/perms/{perm_id}`
pub(crate) async fn update_template_role(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
    PathId(id): PathId<TemplateRoleId>,
    Body(body): Body<TemplateRole>,
) -> Result<StatusCode> {
    state.services().update_template_role(&template, id, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/templates/{template_id}/perms/{perm_id}`
pub(crate) async fn delete_template_role(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
    PathId(id): PathId<TemplateRoleId>,
) -> Result<StatusCode> {
    state.services().delete_template_role(&template, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
