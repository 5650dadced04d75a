//! Terraform state that is kept here, for members of a project.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{Inventory, Permissions, TerraformState, TerraformStateId};
use semaphore_service::{
    Error,
    terraform_state::{StateAddress, StateAddressBody},
};

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::{Body, PathTexts},
    object::Object,
    state::AppState,
};

const ALIAS: &str = "alias_id";

/// The version of the path. Reference: a text that is no number is an unknown version as well.
fn version(path: &PathTexts) -> Result<TerraformStateId> {
    Ok(path.get("state_id").parse().map(TerraformStateId).map_err(|_| Error::not_found("state"))?)
}

/// A state holds every secret that the configuration made: whoever may only look on does not get its text.
fn check_may_read(access: &ProjectAccess<Member>) -> Result<()> {
    if access.may(Permissions::RUN_TASKS) || access.may(Permissions::MANAGE_RESOURCES) {
        return Ok(());
    }
    Err(Error::forbidden("your role in this project does not allow to read states").into())
}

/// `GET /api/project/{project_id}/inventory/{inventory_id}/terraform/aliases`
pub(crate) async fn get_state_addresses(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
) -> Result<Json<Vec<StateAddress>>> {
    Ok(Json(state.services().state_addresses(&inventory).await?))
}

/// `POST /api/project/{project_id}/inventory/{inventory_id}/terraform/aliases`
pub(crate) async fn create_state_address(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
    Body(body): Body<StateAddressBody>,
) -> Result<(StatusCode, Json<StateAddress>)> {
    let address = state.services().create_state_address(access.user.id, &inventory, body).await?;
    Ok((StatusCode::CREATED, Json(address)))
}

/// `GET /api/project/{project_id}/inventory/{inventory_id}/terraform/aliases/{alias_id}`
pub(crate) async fn get_state_address(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
    path: PathTexts,
) -> Result<Json<StateAddress>> {
    Ok(Json(state.services().state_address(&inventory, path.get(ALIAS)).await?))
}

/// `PUT /api/project/{project_id}/inventory/{inventory_id}/terraform/aliases/{alias_id}`
pub(crate) async fn update_state_address(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
    path: PathTexts,
    Body(body): Body<StateAddressBody>,
) -> Result<StatusCode> {
    state.services().update_state_address(access.user.id, &inventory, path.get(ALIAS), body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/inventory/{inventory_id}/terraform/aliases/{alias_id}`
pub(crate) async fn delete_state_address(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
    path: PathTexts,
) -> Result<StatusCode> {
    state.services().delete_state_address(access.user.id, &inventory, path.get(ALIAS)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/inventory/{inventory_id}/terraform/states`
pub(crate) async fn get_states(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
) -> Result<Json<Vec<TerraformState>>> {
    Ok(Json(state.services().state_versions(&inventory).await?))
}

/// `GET /api/project/{project_id}/inventory/{inventory_id}/terraform/states/latest`
pub(crate) async fn get_latest_state(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
) -> Result<Json<TerraformState>> {
    let latest = state.services().latest_state(&inventory).await?;
    check_may_read(&access)?;
    Ok(Json(latest))
}

/// `GET /api/project/{project_id}/inventory/{inventory_id}/terraform/states/{state_id}`
pub(crate) async fn get_state(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
    path: PathTexts,
) -> Result<Json<TerraformState>> {
    let found = state.services().state_version(&inventory, version(&path)?).await?;
    check_may_read(&access)?;
    Ok(Json(found))
}

/// `DELETE /api/project/{project_id}/inventory/{inventory_id}/terraform/states/{state_id}`
pub(crate) async fn delete_state(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(inventory): Object<Inventory>,
    path: PathTexts,
) -> Result<StatusCode> {
    state.services().delete_state_version(access.user.id, &inventory, version(&path)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
