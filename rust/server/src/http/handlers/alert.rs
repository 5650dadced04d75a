//! Rules about alerts, and what became of those about a task. Ours.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::{AlertRules, TaskId, TemplateId};
use semaphore_service::alert::TaskAlert;

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::{Body, PathId},
    state::AppState,
};

/// `GET /api/project/{project_id}/templates/{template_id}/alerts`
pub(crate) async fn get_template_alerts(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(template): PathId<TemplateId>,
) -> Result<Json<AlertRules>> {
    Ok(Json(state.services().alert_rules(access.project_id(), template).await?))
}

/// `PUT /api/project/{project_id}/templates/{template_id}/alerts`: the rules given are all that the template has then.
pub(crate) async fn set_template_alerts(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    PathId(template): PathId<TemplateId>,
    Body(rules): Body<AlertRules>,
) -> Result<StatusCode> {
    state.services().set_alert_rules(access.user.id, access.project_id(), template, &rules).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/tasks/{task_id}/alerts`
pub(crate) async fn get_task_alerts(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
) -> Result<Json<Vec<TaskAlert>>> {
    Ok(Json(state.services().task_alerts(access.project_id(), task).await?))
}
