//! Events.

use axum::{Json, extract::State};
use semaphore_model::Event;
use semaphore_service::event::EventRange;

use crate::http::{
    access::{Member, ProjectAccess, Session},
    error::Result,
    state::AppState,
};

/// `GET /api/events`
pub(crate) async fn get_events(session: Session, State(state): State<AppState>) -> Result<Json<Vec<Event>>> {
    Ok(Json(state.services().user_events(session.user.id, EventRange::All).await?))
}

/// `GET /api/events/last`; the query is not read.
pub(crate) async fn get_last_events(session: Session, State(state): State<AppState>) -> Result<Json<Vec<Event>>> {
    Ok(Json(state.services().user_events(session.user.id, EventRange::Last).await?))
}

/// `GET /api/project/{project_id}/events`
pub(crate) async fn get_project_events(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
) -> Result<Json<Vec<Event>>> {
    Ok(Json(state.services().project_events(access.project_id(), EventRange::All).await?))
}

/// `GET /api/project/{project_id}/events/last`; the query is not read.
pub(crate) async fn get_last_project_events(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
) -> Result<Json<Vec<Event>>> {
    Ok(Json(state.services().project_events(access.project_id(), EventRange::Last).await?))
}
