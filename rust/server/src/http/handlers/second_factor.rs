//! The second factor of a user: setting it up, its QR code, taking it away. Giving codes is part of the log-in (`auth`).

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use semaphore_model::{UserId, UserTotp, UserTotpId};
use semaphore_service::{Error, auth::not_enabled};

use crate::{
    http::{
        access::Session,
        error::{ApiError, Result},
        extract::{PathId, PathIdRejection},
        state::AppState,
    },
    qr,
};

/// `POST /api/users/{user_id}/2fas/totp`
pub(crate) async fn enable_totp(
    session: Session,
    State(state): State<AppState>,
    PathId(id): PathId<UserId>,
) -> Result<Json<UserTotp>> {
    let target = state.services().user_to_change(&session.user, id).await?;
    Ok(Json(state.services().enable_totp(&target).await?))
}

/// `GET /api/users/{user_id}/2fas/totp/{totp_id}/qr`. Reference: the id of the factor is not looked at.
pub(crate) async fn get_totp_qr(
    session: Session,
    State(state): State<AppState>,
    PathId(id): PathId<UserId>,
) -> Result<Response> {
    let target = state.services().user_to_change(&session.user, id).await?;
    let address = state.services().totp_address(&target)?;
    let picture = qr::png(address.expose());
    let picture =
        picture.ok_or_else(|| Error::invalid("the address of the second factor is too long for a QR code"))?;
    let mut response = picture.into_response();
    let headers = response.headers_mut();
    // Reference: both, in this order; browsers take the last one.
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.append(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    // The picture is the secret.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// `DELETE /api/users/{user_id}/2fas/totp/{totp_id}`. Reference: whether there is a factor is looked at before its id.
pub(crate) async fn disable_totp(
    session: Session,
    State(state): State<AppState>,
    PathId(id): PathId<UserId>,
    totp: Result<PathId<UserTotpId>, PathIdRejection>,
) -> Result<StatusCode, Response> {
    let refuse = |error: Error| ApiError::from(error).into_response();
    let services = state.services();
    let target = services.user_to_change(&session.user, id).await.map_err(refuse)?;
    if target.totp.is_none() {
        return Err(refuse(not_enabled()));
    }
    let PathId(totp) = totp.map_err(IntoResponse::into_response)?;
    services.disable_totp(&target, totp).await.map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}
