//! Backups of projects, and projects made of backups.

use axum::{Json, extract::State};
use semaphore_model::Project;
use semaphore_service::{Error, backup::Backup};

use crate::http::{
    access::{Member, ProjectAccess, Session},
    error::Result,
    extract::{QueryTexts, WholeBody},
    state::AppState,
};

/// `GET /api/project/{project_id}/backup`; with `?extended=true` also what the reference's documents lack.
///
/// Reference: every member. Here not whoever may do nothing but read: the document holds all variables and addresses.
pub(crate) async fn get_backup(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<Backup>> {
    if access.only_reads() {
        return Err(Error::forbidden("your role in this project does not allow to back it up").into());
    }
    let extended = query.get("extended") == Some("true");
    Ok(Json(state.services().backup(&access.project, extended).await?))
}

/// `POST /api/projects/restore`
pub(crate) async fn restore_backup(
    session: Session,
    State(state): State<AppState>,
    body: Result<WholeBody<Backup>>,
) -> Result<Json<Project>> {
    // As for new projects: the right is looked at before the body.
    state.services().check_may_create_project(&session.user)?;
    Ok(Json(state.services().restore_backup(&session.user, &body?.0).await?))
}
