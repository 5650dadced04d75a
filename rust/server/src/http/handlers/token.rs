//! API tokens of the caller.

use axum::{Json, extract::State, http::StatusCode};
use semaphore_model::ApiToken;

use crate::http::{access::Session, error::Result, extract::PathTexts, state::AppState};

/// `GET /api/user/tokens`
pub(crate) async fn get_api_tokens(session: Session, State(state): State<AppState>) -> Result<Json<Vec<ApiToken>>> {
    Ok(Json(state.services().list_api_tokens(&session.user).await?))
}

/// `POST /api/user/tokens`; the body is not read.
pub(crate) async fn create_api_token(
    session: Session,
    State(state): State<AppState>,
) -> Result<(StatusCode, Json<ApiToken>)> {
    let token = state.services().create_api_token(&session.user).await?;
    Ok((StatusCode::CREATED, Json(token)))
}

/// `DELETE /api/user/tokens/{token_id}`
pub(crate) async fn delete_api_token(
    session: Session,
    State(state): State<AppState>,
    path: PathTexts,
) -> Result<StatusCode> {
    state.services().delete_api_token(&session.user, path.get("token_id")).await?;
    Ok(StatusCode::NO_CONTENT)
}
