//! Rules of an integration: what its requests must contain, and what is taken from them.

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use semaphore_model::{
    Integration, IntegrationExtractValue, IntegrationExtractValueId, IntegrationMatcher, IntegrationMatcherId, Referrer,
};
use semaphore_service::Error;
use serde::Serialize;

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::{ApiError, Result},
    extract::{Body, PathId, PathIdRejection, QueryTexts, RawBody},
    object::Object,
    state::AppState,
};

/// The id of a rule as the path has it, not yet looked at.
type RuleId<T> = Result<PathId<T>, PathIdRejection>;

/// The id, or the refusal with the reference's text. A number that no id can be is an unknown id there; here as well.
fn known<T>(id: RuleId<T>, refusal: &str) -> Result<T, PathIdRejection> {
    match id {
        Ok(PathId(id)) => Ok(id),
        Err(PathIdRejection::Error(ApiError(error))) if !error.is_not_found() => Err(answer(Error::invalid(refusal))),
        Err(rejection) => Err(rejection),
    }
}

/// What uses a rule: nothing can. Reference: an empty list.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RuleReferrers {
    integrations: Vec<Referrer>,
}

const MATCHER_ID: &str = "Invalid Matcher ID";
const VALUE_ID: &str = "Invalid Value ID";

/// `GET /api/project/{project_id}/integrations/{integration_id}/matchers`
pub(crate) async fn get_matchers(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
) -> Result<Json<Vec<IntegrationMatcher>>> {
    Ok(Json(state.services().integration_matchers(&integration).await?))
}

/// `POST /api/project/{project_id}/integrations/{integration_id}/matchers`. Reference: 200, not 201.
pub(crate) async fn create_matcher(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    Body(body): Body<IntegrationMatcher>,
) -> Result<Json<IntegrationMatcher>> {
    Ok(Json(state.services().create_integration_matcher(&integration, body).await?))
}

/// `GET /api/project/{project_id}/integrations/{integration_id}/matchers/{matcher_id}`
pub(crate) async fn get_matcher(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    id: RuleId<IntegrationMatcherId>,
) -> Result<Json<IntegrationMatcher>, PathIdRejection> {
    let found = state.services().integration_matcher(&integration, known(id, MATCHER_ID)?).await;
    found.map(Json).map_err(answer)
}

/// `GET /api/project/{project_id}/integrations/{integration_id}/matchers/{matcher_id}/refs`
pub(crate) async fn get_matcher_referrers(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    id: RuleId<IntegrationMatcherId>,
) -> Result<Json<RuleReferrers>, PathIdRejection> {
    state.services().integration_matcher(&integration, known(id, MATCHER_ID)?).await.map_err(answer)?;
    Ok(Json(RuleReferrers { integrations: Vec::new() }))
}

/// `PUT /api/project/{project_id}/integrations/{integration_id}/matchers/{matcher_id}`
pub(crate) async fn update_matcher(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    id: RuleId<IntegrationMatcherId>,
    body: Result<Body<IntegrationMatcher>>,
) -> Result<StatusCode, PathIdRejection> {
    let id = known(id, MATCHER_ID)?;
    let Body(body) = body.map_err(PathIdRejection::Error)?;
    state.services().update_integration_matcher(&integration, id, body).await.map_err(answer)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/integrations/{integration_id}/matchers/{matcher_id}`
pub(crate) async fn delete_matcher(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    id: RuleId<IntegrationMatcherId>,
) -> Result<StatusCode, PathIdRejection> {
    let id = known(id, MATCHER_ID)?;
    state.services().delete_integration_matcher(&integration, id).await.map_err(answer)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/integrations/{integration_id}/values`
pub(crate) async fn get_values(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    query: QueryTexts,
) -> Result<Json<Vec<IntegrationExtractValue>>> {
    Ok(Json(state.services().integration_values(&integration, &query.list_options()).await?))
}

/// `POST /api/project/{project_id}/integrations/{integration_id}/values`
pub(crate) async fn create_value(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    Body(body): Body<IntegrationExtractValue>,
) -> Result<(StatusCode, Json<IntegrationExtractValue>)> {
    let created = state.services().create_integration_value(&integration, body).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /api/project/{project_id}/integrations/{integration_id}/values/{value_id}`. Reference: 400 for an unknown one.
pub(crate) async fn get_value(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    id: RuleId<IntegrationExtractValueId>,
) -> Result<Json<IntegrationExtractValue>, PathIdRejection> {
    const UNKNOWN: &str = "Failed to get IntegrationExtractValue, no rows in result set";
    let id = known(id, "Invalid IntegrationExtractValue ID")?;
    let found = state.services().integration_value(&integration, id).await;
    found.map(Json).map_err(|error| answer(if error.is_not_found() { Error::invalid(UNKNOWN) } else { error }))
}

/// `GET /api/project/{project_id}/integrations/{integration_id}/values/{value_id}/refs`
pub(crate) async fn get_value_referrers(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    id: RuleId<IntegrationExtractValueId>,
) -> Result<Json<RuleReferrers>, PathIdRejection> {
    state.services().integration_value(&integration, known(id, VALUE_ID)?).await.map_err(answer)?;
    Ok(Json(RuleReferrers { integrations: Vec::new() }))
}

/// `PUT /api/project/{project_id}/integrations/{integration_id}/values/{value_id}`. Reference: what the body leaves out stays.
pub(crate) async fn update_value(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    id: RuleId<IntegrationExtractValueId>,
    body: Result<RawBody>,
) -> Result<StatusCode, PathIdRejection> {
    let id = known(id, VALUE_ID)?;
    let old = state.services().integration_value(&integration, id).await.map_err(answer)?;
    let RawBody(body) = body.map_err(PathIdRejection::Error)?;
    state.services().update_integration_value(&integration, old, &body).await.map_err(answer)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/integrations/{integration_id}/values/{value_id}`
pub(crate) async fn delete_value(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(integration): Object<Integration>,
    id: RuleId<IntegrationExtractValueId>,
) -> Result<StatusCode, PathIdRejection> {
    let id = known(id, VALUE_ID)?;
    state.services().delete_integration_value(&integration, id).await.map_err(answer)?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(error: Error) -> PathIdRejection {
    PathIdRejection::Error(ApiError(error))
}
