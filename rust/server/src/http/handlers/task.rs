//! Tasks: starting, watching and ending them.

use axum::{
    Json,
    body::Body as HttpBody,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use schemars::JsonSchema;
use semaphore_model::{
    NewTask, ProjectId, RunnerId, Task, TaskId, TaskOutput, TaskStatus, TaskWithTemplate, TemplateId, ansi,
};
use semaphore_service::{
    Error,
    task::{AnsibleError, AnsibleHost, ListedTask, TaskReason},
};
use semaphore_store::{OutputCursor, TaskStatistics};
use semaphore_task::Location;
use serde::{Deserialize, Serialize};

use super::output;
use crate::http::{
    access::{Admin, ManageResources, Member, ProjectAccess},
    error::Result,
    extract::{Body, PathId, PathTexts, QueryTexts},
    run_access::RunAccess,
    state::AppState,
};

/// Tasks in a list without a limit.
const ALL_TASKS: u32 = 1000;
/// Largest and standard limit of the list of the last tasks.
const LAST_TASKS: u32 = 200;

/// `POST /api/project/{project_id}/tasks`
pub(crate) async fn create_task(
    access: RunAccess,
    State(state): State<AppState>,
    Body(body): Body<NewTask>,
) -> Result<(StatusCode, Json<Task>)> {
    let access = access.for_template(body.template_id)?;
    let task = state.services().create_task(state.tasks(), &access.user, access.project_id(), body).await?;
    Ok((StatusCode::CREATED, Json(task)))
}

/// `GET /api/project/{project_id}/tasks`
pub(crate) async fn get_tasks(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
) -> Result<Json<Vec<TaskWithTemplate>>> {
    Ok(Json(state.services().tasks(access.project_id(), None, ALL_TASKS).await?))
}

/// `GET /api/project/{project_id}/tasks/last`
pub(crate) async fn get_last_tasks(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Vec<TaskWithTemplate>>> {
    Ok(Json(state.services().tasks(access.project_id(), None, last_limit(&query)).await?))
}

/// `GET /api/project/{project_id}/templates/{template_id}/tasks`
pub(crate) async fn get_template_tasks(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(template): PathId<TemplateId>,
) -> Result<Json<Vec<TaskWithTemplate>>> {
    let template = state.services().template(access.project_id(), template).await?;
    Ok(Json(state.services().tasks(access.project_id(), Some(template.id), ALL_TASKS).await?))
}

/// `GET /api/project/{project_id}/templates/{template_id}/tasks/last`
pub(crate) async fn get_last_template_tasks(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(template): PathId<TemplateId>,
    query: QueryTexts,
) -> Result<Json<Vec<TaskWithTemplate>>> {
    let template = state.services().template(access.project_id(), template).await?;
    Ok(Json(state.services().tasks(access.project_id(), Some(template.id), last_limit(&query)).await?))
}

/// Reference: what is no number from 1 to 200 counts as 200.
fn last_limit(query: &QueryTexts) -> u32 {
    let limit = query.get("limit").and_then(|text| text.parse().ok());
    limit.filter(|limit| (1..=LAST_TASKS).contains(limit)).unwrap_or(LAST_TASKS)
}

/// `GET /api/project/{project_id}/tasks/{task_id}`
pub(crate) async fn get_task(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
) -> Result<Json<Task>> {
    Ok(Json(state.services().task(access.project_id(), task).await?))
}

/// `DELETE /api/project/{project_id}/tasks/{task_id}`
pub(crate) async fn delete_task(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
) -> Result<StatusCode> {
    state.services().delete_task(state.tasks().pool()?, &access.user, &access.project, task).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/tasks/{task_id}/output`: all lines as a JSON array, read and sent in parts. With one of
/// `limit`, `offset`, `tail` and `since_id` a part of them, with the ids of their rows.
pub(crate) async fn get_task_output(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
    query: QueryTexts,
) -> Result<Response> {
    if let Some(range) = output::range(&query)? {
        return Ok(output::part(&state, access.project_id(), task, range).await?.into_response());
    }
    let mut separator = b'[';
    let write = move |lines: &[TaskOutput]| -> Result<Vec<u8>, serde_json::Error> {
        let mut text = Vec::with_capacity(lines.len() * 128);
        for line in lines {
            text.push(std::mem::replace(&mut separator, b','));
            serde_json::to_writer(&mut text, line)?;
        }
        if lines.is_empty() {
            text.extend_from_slice(if separator == b'[' { b"[]" } else { b"]" });
        }
        Ok(text)
    };
    in_parts(access, state, task, "application/json", write).await
}

/// `GET /api/project/{project_id}/tasks/{task_id}/raw_output`: the lines without terminal colours, read and sent in parts; what
/// was stored as several records of one line is one line again.
pub(crate) async fn get_task_raw_output(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
) -> Result<Response> {
    // The end of a part, in which a colour may begin.
    let mut held = String::new();
    let write = move |lines: &[TaskOutput]| -> Result<Vec<u8>, serde_json::Error> {
        let mut text = String::new();
        for line in lines {
            held.push_str(&line.output);
            if line.continued {
                let rest = held.split_off(colour_at_end(&held));
                ansi::strip_into(&mut text, &std::mem::replace(&mut held, rest));
            } else {
                ansi::strip_into(&mut text, &held);
                held.clear();
                text.push('\n');
            }
        }
        if lines.is_empty() {
            // The task was cut off in the middle of a line.
            text.push_str(&std::mem::take(&mut held));
        }
        Ok(text.into_bytes())
    };
    in_parts(access, state, task, "text/plain; charset=utf-8", write).await
}

/// Where the last bytes of a text may begin to set a colour; its length if they do not.
fn colour_at_end(text: &str) -> usize {
    const LONGEST: usize = 64;
    text.rfind('\u{1b}').filter(|begin| text.len() - begin <= LONGEST).unwrap_or(text.len())
}

/// Sends the output of a task as `write` makes it of the lines; the last call has none.
async fn in_parts(
    access: ProjectAccess<Member>,
    state: AppState,
    task: TaskId,
    content_type: &'static str,
    write: impl FnMut(&[TaskOutput]) -> Result<Vec<u8>, serde_json::Error> + Send + 'static,
) -> Result<Response> {
    let task = state.services().task(access.project_id(), task).await?;
    let first = state.services().task_output_chunk(task.id, OutputCursor::default()).await?;
    let parts = stream::try_unfold((state, write, Some(first)), move |(state, mut write, chunk)| async move {
        let Some((lines, place)) = chunk else { return Ok(None) };
        let text = write(&lines).map_err(|error| Error::internal("writing the output of a task", error))?;
        // An error here cuts the connection, so that nobody takes half of the output for all of it.
        let next =
            if lines.is_empty() { None } else { Some(state.services().task_output_chunk(task.id, place).await?) };
        Ok::<_, Error>(Some((Bytes::from(text), (state, write, next))))
    });
    Ok(([(header::CONTENT_TYPE, content_type)], HttpBody::from_stream(parts)).into_response())
}

/// `GET /api/project/{project_id}/tasks/{task_id}/ansible/hosts`
pub(crate) async fn get_ansible_hosts(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
) -> Result<Json<Vec<AnsibleHost>>> {
    Ok(Json(state.services().ansible_report(access.project_id(), task).await?.0))
}

/// `GET /api/project/{project_id}/tasks/{task_id}/ansible/errors`
pub(crate) async fn get_ansible_errors(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
) -> Result<Json<Vec<AnsibleError>>> {
    Ok(Json(state.services().ansible_report(access.project_id(), task).await?.1))
}

/// `GET /api/project/{project_id}/tasks/{task_id}/stages`: the reference's list; with `?extended=true` what the task's job did
/// from when to when.
pub(crate) async fn get_task_stages(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
    query: QueryTexts,
) -> Result<Response> {
    let (services, project) = (state.services(), access.project_id());
    if query.get("extended") == Some("true") {
        return Ok(Json(services.job_stages(state.tasks().pool()?, project, task).await?).into_response());
    }
    Ok(Json(services.task_stages(project, task).await?).into_response())
}

/// `GET /api/project/{project_id}/tasks/{task_id}/status`: why the task is as it is. Ours.
pub(crate) async fn get_task_status(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
) -> Result<Json<TaskReason>> {
    Ok(Json(state.services().task_state(state.tasks().pool()?, access.project_id(), task).await?))
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct StopBody {
    force: bool,
}

/// `POST /api/project/{project_id}/tasks/{task_id}/stop`
pub(crate) async fn stop_task(
    access: RunAccess,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
    Body(body): Body<StopBody>,
) -> Result<StatusCode> {
    let access = access.for_task(&state, task).await?;
    state.services().stop_task(state.tasks().pool()?, access.project_id(), task, body.force).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/project/{project_id}/templates/{template_id}/stop_all_tasks`
pub(crate) async fn stop_template_tasks(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    PathId(template): PathId<TemplateId>,
    body: Result<Body<StopBody>>,
) -> Result<StatusCode> {
    let template = state.services().template(access.project_id(), template).await?;
    // Reference: the refusal of this body carries a text.
    let Body(body) = body.map_err(|_| Error::invalid("Not allowed"))?;
    state
        .services()
        .stop_tasks_of_template(state.tasks().pool()?, access.project_id(), template.id, body.force)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/project/{project_id}/tasks/{task_id}/confirm`
pub(crate) async fn confirm_task(
    access: RunAccess,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
) -> Result<StatusCode> {
    let access = access.for_task(&state, task).await?;
    state.services().confirm_task(state.tasks().pool()?, access.project_id(), task, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/project/{project_id}/tasks/{task_id}/reject`
pub(crate) async fn reject_task(
    access: RunAccess,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
) -> Result<StatusCode> {
    let access = access.for_task(&state, task).await?;
    state.services().confirm_task(state.tasks().pool()?, access.project_id(), task, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/stats`
pub(crate) async fn get_task_stats(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Vec<TaskStatistics>>> {
    statistics(&state, access.project_id(), None, &query).await
}

/// `GET /api/project/{project_id}/templates/{template_id}/stats`
pub(crate) async fn get_template_task_stats(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(template): PathId<TemplateId>,
    query: QueryTexts,
) -> Result<Json<Vec<TaskStatistics>>> {
    let template = state.services().template(access.project_id(), template).await?;
    statistics(&state, access.project_id(), Some(template.id), &query).await
}

async fn statistics(
    state: &AppState,
    project: ProjectId,
    template: Option<TemplateId>,
    query: &QueryTexts,
) -> Result<Json<Vec<TaskStatistics>>> {
    let (start, end, user) = (query.get("start"), query.get("end"), query.get("user_id"));
    Ok(Json(state.services().task_statistics(project, template, start, end, user).await?))
}

/// An unfinished task in the administrator's list.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ActiveTaskRow {
    task_id: TaskId,
    project_id: ProjectId,
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    /// The remote runner that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    runner_id: Option<RunnerId>,
    status: TaskStatus,
    location: &'static str,
    /// Reference: has the field, and never fills it in.
    #[serde(skip_serializing_if = "String::is_empty")]
    runner_name: String,
}

/// `GET /api/tasks` and, Reference, `GET /api/tasks/{task_id}`, which ignores the id.
pub(crate) async fn get_active_tasks(
    _: Admin,
    State(state): State<AppState>,
    path: PathTexts,
) -> Result<Json<Vec<ActiveTaskRow>>> {
    let id = path.get("task_id");
    if !id.is_empty() && id.parse::<i32>().is_err() {
        return Err(Error::invalid("the task id must be a number").into());
    }
    let active = state.services().active_tasks(state.tasks().pool()?).await?;
    let rows = active.into_iter().map(|ListedTask { task, runner }| {
        let (runner_id, runner_name) = runner.unzip();
        ActiveTaskRow {
            task_id: task.id,
            project_id: task.project_id,
            username: task.username,
            runner_id,
            status: task.status,
            location: if task.location == Location::Queue { "queue" } else { "running" },
            runner_name: runner_name.unwrap_or_default(),
        }
    });
    Ok(Json(rows.collect()))
}

/// `DELETE /api/tasks/{task_id}`: stops a task of any project; one that is not active is no error.
pub(crate) async fn stop_active_task(_: Admin, State(state): State<AppState>, path: PathTexts) -> Result<StatusCode> {
    let text = path.get("task_id");
    // Reference: the only id whose refusal carries the words of Go's own reader of numbers.
    let number: i64 = text.parse().map_err(|_| {
        let is_number =
            !text.is_empty() && text.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit());
        let why = if is_number { "value out of range" } else { "invalid syntax" };
        Error::invalid(format!("strconv.Atoi: parsing {text:?}: {why}"))
    })?;
    let task = i32::try_from(number).map(TaskId).map_err(|_| Error::not_found("task"))?;
    state.services().stop_any_task(state.tasks().pool()?, task).await?;
    Ok(StatusCode::NO_CONTENT)
}
