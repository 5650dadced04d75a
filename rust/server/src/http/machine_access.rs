//! Access of programs that have no user: remote runners with their token, Terraform with the secret address of a state.
//!
//! Like the levels of `access`, but the secret is the caller's own and not that of a session. Invariant: the body of a request
//! is not read before its secret is known to be good.

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use semaphore_model::Runner;
use semaphore_service::{Error, Kind, terraform_backend::StateOwner};

use super::{
    access::{Access, AccessLevel, path_parameters},
    error::{ApiError, Result},
    state::AppState,
};

/// Header with the token of a runner.
const RUNNER_TOKEN: &str = "x-runner-token";

/// Header in which a runner of ours says how many tasks it would begin now.
const RUNNER_ROOM: &str = "x-runner-room";

/// A remote runner that proved who it is.
#[derive(Clone, Debug)]
pub struct RunnerAccess {
    /// Its row.
    pub runner: Runner,
    /// How many tasks it would begin now beside those that it has reported, if it says so.
    pub room: Option<u32>,
}

impl AccessLevel for RunnerAccess {
    const LEVEL: Access = Access::Secret;
}

impl FromRequestParts<AppState> for RunnerAccess {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let token = text(RUNNER_TOKEN).unwrap_or_default();
        let room = text(RUNNER_ROOM).and_then(|room| room.parse().ok());
        Ok(Self { runner: state.services().runner_by_token(token).await?, room })
    }
}

/// A program that knows the address of a Terraform state, and its login and password.
#[derive(Clone, Copy, Debug)]
pub struct StateAccess {
    /// Whose state it is.
    pub owner: StateOwner,
}

impl AccessLevel for StateAccess {
    const LEVEL: Access = Access::Secret;
}

/// Why a program does not get at a state.
#[derive(Debug)]
pub struct StateRefusal(ApiError);

impl<E: Into<ApiError>> From<E> for StateRefusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for StateRefusal {
    fn into_response(self) -> Response {
        let asks_again = self.0.0.kind == Kind::Unauthenticated;
        let mut response = self.0.into_response();
        if asks_again {
            let scheme = HeaderValue::from_static("Basic realm=\"terraform state\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl FromRequestParts<AppState> for StateAccess {
    type Rejection = StateRefusal;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, StateRefusal> {
        let names = path_parameters(parts, state).await?;
        let alias = names.get("alias").ok_or_else(|| Error::not_found("alias"))?;
        let authorization =
            parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let pool = state.tasks().pool()?;
        let owner = state.services().state_owner(alias, authorization, |task| pool.is_active(task)).await?;
        Ok(Self { owner })
    }
}
