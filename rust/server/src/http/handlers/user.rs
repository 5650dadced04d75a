//! Users.

use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use semaphore_model::{NewUser, Secret, User, UserId};
use semaphore_service::user::{OwnUser, UserList};
use serde::Deserialize;

use crate::http::{
    access::Session,
    error::Result,
    extract::{Body, PathId, QueryTexts},
    state::AppState,
};

/// `GET /api/user`
pub(crate) async fn get_own_user(session: Session, State(state): State<AppState>) -> Json<OwnUser> {
    Json(state.services().own_user(&session.user))
}

/// `GET /api/users`
pub(crate) async fn get_users(
    session: Session,
    State(state): State<AppState>,
    query: QueryTexts,
) -> Result<Json<UserList>> {
    let prefix = query.get("s").unwrap_or_default();
    Ok(Json(state.services().list_users(&session.user, prefix).await?))
}

/// `POST /api/users`
pub(crate) async fn create_user(
    session: Session,
    State(state): State<AppState>,
    Body(body): Body<NewUser>,
) -> Result<(StatusCode, Json<User>)> {
    let user = state.services().create_user(&session.user, &body).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// `GET /api/users/{user_id}`
pub(crate) async fn get_user(
    session: Session,
    State(state): State<AppState>,
    PathId(id): PathId<UserId>,
) -> Result<Json<User>> {
    Ok(Json(state.services().get_user(&session.user, id).await?))
}

/// `PUT /api/users/{user_id}`
pub(crate) async fn update_user(
    session: Session,
    State(state): State<AppState>,
    PathId(id): PathId<UserId>,
    body: Result<Body<NewUser>>,
) -> Result<StatusCode> {
    let services = state.services();
    // Reference: the target is looked at before the body.
    let target = services.user_to_change(&session.user, id).await?;
    services.update_user(&session.user, &target, &body?.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/users/{user_id}`
pub(crate) async fn delete_user(
    session: Session,
    State(state): State<AppState>,
    PathId(id): PathId<UserId>,
) -> Result<StatusCode> {
    let target = state.services().user_to_change(&session.user, id).await?;
    state.services().delete_user(&target).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct PasswordBody {
    password: Secret,
}

/// `POST /api/users/{user_id}/password`
pub(crate) async fn set_user_password(
    session: Session,
    State(state): State<AppState>,
    PathId(id): PathId<UserId>,
    body: Result<Body<PasswordBody>>,
) -> Result<StatusCode> {
    let services = state.services();
    let target = services.user_to_change(&session.user, id).await?;
    services.set_password(&target, body?.0.password.expose()).await?;
    Ok(StatusCode::NO_CONTENT)
}
