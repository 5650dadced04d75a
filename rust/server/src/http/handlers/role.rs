//! Custom roles, of all projects for administrators and of one project for its members, and what they add on templates.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{Permissions, Role, Template, TemplateRole, TemplateRoleId};
use semaphore_service::role::RoleEditor;

use crate::http::{
    access::{Admin, ManageResources, Member, ProjectAccess},
    error::Result,
    extract::{Body, PathId, PathTexts, QueryTexts},
    object::Object,
    state::AppState,
};

const SLUG: &str = "role_slug";

fn editor(access: &ProjectAccess<ManageResources>) -> RoleEditor {
    let permissions = if access.user.admin { Permissions::ALL } else { access.permissions };
    RoleEditor { user: access.user.id, permissions }
}

/// `GET /api/roles`
pub(crate) async fn get_global_roles(_: Admin, State(state): State<AppState>) -> Result<Json<Vec<Role>>> {
    Ok(Json(state.services().global_roles().await?))
}

/// `POST /api/roles`
pub(crate) async fn create_global_role(
    _: Admin,
    State(state): State<AppState>,
    Body(role): Body<Role>,
) -> Result<(StatusCode, Json<Role>)> {
    Ok((StatusCode::CREATED, Json(state.services().create_global_role(role).await?)))
}

/// `GET /api/roles/{role_slug}`
pub(crate) async fn get_global_role(_: Admin, State(state): State<AppState>, path: PathTexts) -> Result<Json<Role>> {
    Ok(Json(state.services().global_role(path.get(SLUG)).await?))
}

/// `PUT` and `POST /api/roles/{role_slug}`
pub(crate) async fn update_global_role(
    _: Admin,
    State(state): State<AppState>,
    path: PathTexts,
    body: Result<Body<Role>>,
) -> Result<StatusCode> {
    let old = state.services().global_role(path.get(SLUG)).await?;
    state.services().update_global_role(&old, body?.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/roles/{role_slug}`
pub(crate) async fn delete_global_role(_: Admin, State(state): State<AppState>, path: PathTexts) -> Result<StatusCode> {
    let role = state.services().global_role(path.get(SLUG)).await?;
    state.services().delete_global_role(&role).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/roles`; with `mode=merge` also the roles of all projects.
pub(crate) async fn get_project_roles(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Vec<Role>>> {
    let services = state.services();
    Ok(Json(match query.get("mode") {
        Some("merge") => services.usable_roles(access.project_id()).await?,
        _ => services.project_roles(access.project_id()).await?,
    }))
}

/// `GET /api/project/{project_id}/roles/all`
pub(crate) async fn get_usable_roles(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
) -> Result<Json<Vec<Role>>> {
    Ok(Json(state.services().usable_roles(access.project_id()).await?))
}

/// `POST /api/project/{project_id}/roles`
pub(crate) async fn create_project_role(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(role): Body<Role>,
) -> Result<(StatusCode, Json<Role>)> {
    let role = state.services().create_project_role(editor(&access), access.project_id(), role).await?;
    Ok((StatusCode::CREATED, Json(role)))
}

/// `GET /api/project/{project_id}/roles/{role_slug}`
pub(crate) async fn get_project_role(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    path: PathTexts,
) -> Result<Json<Role>> {
    Ok(Json(state.services().project_role(access.project_id(), path.get(SLUG)).await?))
}

/// `PUT` and `POST /api/project/{project_id}/roles/{role_slug}`
pub(crate) async fn update_project_role(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    path: PathTexts,
    body: Result<Body<Role>>,
) -> Result<StatusCode> {
    let old = state.services().project_role(access.project_id(), path.get(SLUG)).await?;
    state.services().update_project_role(editor(&access), access.project_id(), &old, body?.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/roles/{role_slug}`
pub(crate) async fn delete_project_role(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    path: PathTexts,
) -> Result<StatusCode> {
    let role = state.services().project_role(access.project_id(), path.get(SLUG)).await?;
    state.services().delete_project_role(editor(&access), access.project_id(), &role).await?;
    Ok(StatusCode::NO_CONTENT)
}

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
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
    Body(role): Body<TemplateRole>,
) -> Result<(StatusCode, Json<TemplateRole>)> {
    let role = state.services().create_template_role(editor(&access), &template, role).await?;
    Ok((StatusCode::CREATED, Json(role)))
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
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
    PathId(id): PathId<TemplateRoleId>,
    Body(role): Body<TemplateRole>,
) -> Result<StatusCode> {
    state.services().update_template_role(editor(&access), &template, id, role).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/templates/{template_id}/perms/{perm_id}`
pub(crate) async fn delete_template_role(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
    PathId(id): PathId<TemplateRoleId>,
) -> Result<StatusCode> {
    state.services().delete_template_role(editor(&access), &template, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
