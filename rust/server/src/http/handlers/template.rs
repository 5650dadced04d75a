//! Templates of a project.

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use semaphore_model::{Inventory, Referrers, Template, TemplateApp, TemplateWithPermissions};
use serde::Deserialize;

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::{Body, QueryTexts},
    object::Object,
    state::AppState,
};

/// `GET /api/project/{project_id}/templates`
pub(crate) async fn get_templates(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Vec<TemplateWithPermissions>>> {
    let app = query.get("app").map(TemplateApp::from);
    let options = query.list_options();
    Ok(Json(state.services().templates(access.user.id, access.project_id(), app, &options).await?))
}

/// `POST /api/project/{project_id}/templates`
pub(crate) async fn create_template(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(body): Body<Template>,
) -> Result<(StatusCode, Json<Template>)> {
    let created = state.services().create_template(access.user.id, access.project_id(), body).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /api/project/{project_id}/templates/{template_id}`, with what the caller may do with it.
pub(crate) async fn get_template(
    access: ProjectAccess<Member>,
    Object(template): Object<Template>,
) -> Json<TemplateWithPermissions> {
    Json(TemplateWithPermissions { template: template.into_inner(), permissions: Some(access.permissions) })
}

/// `GET /api/project/{project_id}/templates/{template_id}/refs`
pub(crate) async fn get_template_referrers(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
) -> Result<Json<Referrers>> {
    Ok(Json(state.services().template_referrers(&template).await?))
}

/// `PUT /api/project/{project_id}/templates/{template_id}`
pub(crate) async fn update_template(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
    Body(body): Body<Template>,
) -> Result<StatusCode> {
    state.services().update_template(access.user.id, &template, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/templates/{template_id}`
pub(crate) async fn delete_template(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
) -> Result<StatusCode> {
    state.services().delete_template(access.user.id, &template).await?;
    state.tasks().pool()?.abandon(access.project_id(), Some(template.id));
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct DescriptionBody {
    description: String,
}

/// `PUT /api/project/{project_id}/templates/{template_id}/description`
pub(crate) async fn update_template_description(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
    Body(body): Body<DescriptionBody>,
) -> Result<StatusCode> {
    state.services().update_template_description(access.user.id, &template, &body.description).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/project/{project_id}/templates/{template_id}/inventory/{inventory_id}/set_default`
pub(crate) async fn set_template_inventory(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
    Object(inventory): Object<Inventory>,
) -> Result<StatusCode> {
    state.services().set_template_inventory(template, &inventory).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/project/{project_id}/templates/{template_id}/inventory/{inventory_id}/attach`
pub(crate) async fn attach_inventory(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
    Object(inventory): Object<Inventory>,
) -> Result<StatusCode> {
    state.services().attach_inventory(&template, inventory).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/project/{project_id}/templates/{template_id}/inventory/{inventory_id}/detach`
pub(crate) async fn detach_inventory(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
    Object(inventory): Object<Inventory>,
) -> Result<StatusCode> {
    state.services().detach_inventory(&template, inventory).await?;
    Ok(StatusCode::NO_CONTENT)
}
