//! Remote runners, of all projects for administrators and of one project for its members.

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
};
use schemars::JsonSchema;
use semaphore_model::{Runner, RunnerId, RunnerTag};
use semaphore_service::{Error, owned::Owned, runner::NewRunner};
use serde::Deserialize;

use crate::http::{
    access::{Admin, ManageResources, Member, ProjectAccess, path_parameters},
    error::{ApiError, Result},
    extract::Body,
    openapi::describe::{Argument, Describer},
    state::AppState,
};

/// The runner of the path, of whichever project; only for rows of administrators. Reference: the refusals carry a text.
pub(crate) struct AnyRunner(Runner);

impl FromRequestParts<AppState> for AnyRunner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let names = path_parameters(parts, state).await?;
        let number = names.get("runner_id").and_then(|text| text.parse::<i64>().ok());
        let number = number.ok_or_else(|| Error::invalid("runner_id required"))?;
        // No row has an id outside of this.
        let id = RunnerId(i32::try_from(number).unwrap_or_default());
        Ok(Self(state.services().runner(id).await?))
    }
}

/// The runner of the path, in the project of the path. Reference: a text that is no number is an unknown runner as well.
pub(crate) struct ProjectRunner(Owned<Runner>);

impl FromRequestParts<AppState> for ProjectRunner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let names = path_parameters(parts, state).await?;
        let id = |name: &str| names.get(name).and_then(|text| text.parse::<i32>().ok());
        let (Some(project), Some(runner)) = (id("project_id"), id("runner_id")) else {
            return Err(Error::not_found("runner").into());
        };
        Ok(Self(state.services().find(project.into(), runner.into()).await?))
    }
}

impl Argument for AnyRunner {
    fn describe(describer: &mut Describer) {
        describer.path_number("runner_id");
    }
}

impl Argument for ProjectRunner {
    fn describe(describer: &mut Describer) {
        describer.path_number("runner_id");
    }
}

/// Body of the requests that say whether a runner gets tasks.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub(crate) struct ActiveBody {
    active: bool,
}

fn active(body: Result<Body<ActiveBody>>) -> Result<bool> {
    body.map(|Body(body)| body.active).map_err(|_| Error::invalid("Invalid request body").into())
}

/// `GET /api/runners`
pub(crate) async fn get_runners(_: Admin, State(state): State<AppState>) -> Result<Json<Vec<Runner>>> {
    Ok(Json(state.services().runners().await?))
}

/// `POST /api/runners`
pub(crate) async fn create_runner(
    _: Admin,
    State(state): State<AppState>,
    Body(runner): Body<Runner>,
) -> Result<(StatusCode, Json<NewRunner>)> {
    Ok((StatusCode::CREATED, Json(state.services().create_runner(runner).await?)))
}

/// `GET /api/runners/{runner_id}`
pub(crate) async fn get_runner(_: Admin, AnyRunner(runner): AnyRunner) -> Json<Runner> {
    Json(runner)
}

/// `PUT` and `POST /api/runners/{runner_id}`
pub(crate) async fn update_runner(
    _: Admin,
    State(state): State<AppState>,
    AnyRunner(old): AnyRunner,
    Body(runner): Body<Runner>,
) -> Result<StatusCode> {
    state.services().update_runner(&old, runner).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/runners/{runner_id}/active`
pub(crate) async fn set_runner_active(
    _: Admin,
    State(state): State<AppState>,
    AnyRunner(runner): AnyRunner,
    body: Result<Body<ActiveBody>>,
) -> Result<StatusCode> {
    state.services().set_runner_active(runner, active(body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/runners/{runner_id}/cache`
pub(crate) async fn clear_runner_cache(
    _: Admin,
    State(state): State<AppState>,
    AnyRunner(runner): AnyRunner,
) -> Result<StatusCode> {
    state.services().clear_runner_cache(&runner).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/runners/{runner_id}`
pub(crate) async fn delete_runner(
    _: Admin,
    State(state): State<AppState>,
    AnyRunner(runner): AnyRunner,
) -> Result<StatusCode> {
    state.services().delete_runner(&runner).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/runners`
pub(crate) async fn get_project_runners(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
) -> Result<Json<Vec<Runner>>> {
    Ok(Json(state.services().project_runners(access.project_id()).await?))
}

/// `GET /api/project/{project_id}/runner_tags`
pub(crate) async fn get_runner_tags(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
) -> Result<Json<Vec<RunnerTag>>> {
    Ok(Json(state.services().runner_tags(access.project_id()).await?))
}

/// `POST /api/project/{project_id}/runners`
pub(crate) async fn create_project_runner(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(runner): Body<Runner>,
) -> Result<(StatusCode, Json<NewRunner>)> {
    let runner = state.services().create_project_runner(access.user.id, access.project_id(), runner).await?;
    Ok((StatusCode::CREATED, Json(runner)))
}

/// `GET /api/project/{project_id}/runners/{runner_id}`
pub(crate) async fn get_project_runner(_: ProjectAccess<Member>, ProjectRunner(runner): ProjectRunner) -> Json<Runner> {
    Json(runner.into_inner())
}

/// `PUT` and `POST /api/project/{project_id}/runners/{runner_id}`
pub(crate) async fn update_project_runner(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    ProjectRunner(old): ProjectRunner,
    Body(runner): Body<Runner>,
) -> Result<StatusCode> {
    state.services().update_project_runner(access.user.id, &old, runner).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/project/{project_id}/runners/{runner_id}/active`
pub(crate) async fn set_project_runner_active(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    ProjectRunner(runner): ProjectRunner,
    body: Result<Body<ActiveBody>>,
) -> Result<StatusCode> {
    state.services().set_runner_active(runner.into_inner(), active(body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/runners/{runner_id}/cache`
pub(crate) async fn clear_project_runner_cache(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    ProjectRunner(runner): ProjectRunner,
) -> Result<StatusCode> {
    state.services().clear_runner_cache(&runner).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/runners/{runner_id}`
pub(crate) async fn delete_project_runner(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    ProjectRunner(runner): ProjectRunner,
) -> Result<StatusCode> {
    state.services().delete_project_runner(access.user.id, &runner).await?;
    Ok(StatusCode::NO_CONTENT)
}
