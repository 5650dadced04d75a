//! JSON Web Tokens of ours: making one, and the keys to check them with.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use semaphore_service::jwt::IssuedToken;

use crate::http::{
    access::{Public, Session, credentials},
    error::Result,
    state::AppState,
};

/// `POST /api/auth/token`; the body is not read.
pub(crate) async fn create_token(
    session: Session,
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<IssuedToken>)> {
    let token = state.services().issue_token(&session.user, &credentials(&headers)).await?;
    Ok((StatusCode::CREATED, Json(token)))
}

/// `GET /.well-known/jwks.json`
pub(crate) async fn get_keys(_: Public, State(state): State<AppState>) -> Result<Response> {
    let keys = state.services().public_keys().await?;
    // Shorter than the day for which a key is published before it is used.
    Ok(([(header::CACHE_CONTROL, "public, max-age=3600")], Json(keys)).into_response())
}
