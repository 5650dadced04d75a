//! Inventories of a project.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{Inventory, InventoryPolicy, Referrers, TemplateApp, TemplateId};

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::{Body, QueryTexts},
    object::Object,
    state::AppState,
};

/// `GET /api/project/{project_id}/inventory`
pub(crate) async fn get_inventories(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Vec<Inventory>>> {
    let template = query.get("template_id").and_then(|text| text.parse().ok()).map(TemplateId);
    let app = query.get("app").map(TemplateApp::from);
    let options = query.list_options();
    Ok(Json(state.services().inventories(access.project_id(), template, app.as_ref(), options).await?))
}

/// `POST /api/project/{project_id}/inventory`
pub(crate) async fn create_inventory(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(body): Body<Inventory>,
) -> Result<(StatusCode, Json<Inventory>)> {
    let created = state.services().create_inventory(access.user.id, access.project_id(), body).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /api/project/{project_id}/inventory/{inventory_id}`
pub(crate) async fn get_inventory(_: ProjectAccess<Member>, Object(inventory): Object<Inventory>) -> Json<Inventory> {
    Json(inventory.into_inner())
}

/// `GET /api/project/{project_id}/inventory/{inventory_id}/refs`
pub(crate) async fn get_inventory_referrers(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
) -> Result<Json<Referrers>> {
    Ok(Json(state.services().inventory_referrers(&inventory).await?))
}

/// `GET /api/project/{project_id}/inventory/{inventory_id}/policy`. Ours.
pub(crate) async fn get_inventory_policy(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
) -> Result<Json<InventoryPolicy>> {
    Ok(Json(state.services().inventory_policy(&inventory).await?))
}

/// `PUT /api/project/{project_id}/inventory/{inventory_id}/policy`. Ours.
pub(crate) async fn set_inventory_policy(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
    Body(body): Body<InventoryPolicy>,
) -> Result<StatusCode> {
    state.services().set_inventory_policy(state.tasks(), access.user.id, &inventory, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /api/project/{project_id}/inventory/{inventory_id}`
pub(crate) async fn update_inventory(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
    Body(body): Body<Inventory>,
) -> Result<StatusCode> {
    state.services().update_inventory(access.user.id, &inventory, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/inventory/{inventory_id}`
pub(crate) async fn delete_inventory(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
) -> Result<StatusCode> {
    state.services().delete_inventory(access.user.id, &inventory).await?;
    Ok(StatusCode::NO_CONTENT)
}
