//! Parts of the output of a task, and looking for a text in it. Ours.

use std::str::FromStr;

use axum::{Json, extract::State};
use semaphore_model::{ProjectId, TaskId, TaskOutput};
use semaphore_service::{
    Error,
    task::{DEFAULT_LINES, FoundLines},
};
use semaphore_store::{OutputRange, OutputSearch};

use crate::http::{
    access::{Member, ProjectAccess},
    error::Result,
    extract::{PathId, QueryTexts},
    state::AppState,
};

/// The part of the output that a query asks for; `None` without one of `limit`, `offset`, `tail` and `since_id`.
pub(super) fn range(query: &QueryTexts) -> Result<Option<OutputRange>> {
    let limit = number(query, "limit")?;
    let offset = number(query, "offset")?;
    let tail = number(query, "tail")?;
    let since_id = number(query, "since_id")?;
    if limit.is_none() && offset.is_none() && tail.is_none() && since_id.is_none() {
        return Ok(None);
    }
    if limit.is_some() && tail.is_some() {
        return Err(Error::invalid("limit counts from the beginning and tail from the end: give one of them").into());
    }
    Ok(Some(OutputRange {
        since_id,
        offset: offset.unwrap_or(0),
        limit: tail.or(limit).unwrap_or(DEFAULT_LINES),
        from_end: tail.is_some(),
    }))
}

/// The part as JSON.
pub(super) async fn part(
    state: &AppState,
    project: ProjectId,
    task: TaskId,
    range: OutputRange,
) -> Result<Json<Vec<TaskOutput>>> {
    Ok(Json(state.services().task_output_range(project, task, range).await?))
}

/// `GET /api/project/{project_id}/tasks/{task_id}/output/search`: lines with the text `q`. The search ends when the client goes.
pub(crate) async fn search_task_output(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
    query: QueryTexts,
) -> Result<Json<FoundLines>> {
    let search = OutputSearch {
        text: query.get("q").unwrap_or_default().to_owned(),
        ignore_case: query.get("ignore_case") == Some("true"),
        after_line: number(&query, "after_line")?.unwrap_or(0),
        limit: number(&query, "limit")?.unwrap_or(DEFAULT_LINES),
    };
    Ok(Json(state.services().search_task_output(access.project_id(), task, search).await?))
}

/// A parameter that must be a number that is not negative, if it is there.
pub(super) fn number<T: FromStr + Default + PartialOrd>(query: &QueryTexts, name: &str) -> Result<Option<T>> {
    let Some(text) = query.get(name) else { return Ok(None) };
    match text.parse::<T>() {
        Ok(number) if number >= T::default() => Ok(Some(number)),
        _ => Err(Error::invalid(format!("{name} must be a number that is not negative")).into()),
    }
}
