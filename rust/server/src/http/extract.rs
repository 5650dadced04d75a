//! Parts of a request that handlers take as arguments: ids of the path, JSON bodies, query texts.

use std::collections::HashMap;

use axum::{
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use semaphore_model::{
    AccessKeyId, DeliveryId, EnvironmentId, IntegrationAliasId, IntegrationExtractValueId, IntegrationId,
    IntegrationMatcherId, InventoryId, ProjectInviteId, RepositoryId, ScheduleId, SecretStorageId, TaskId, TemplateId,
    TemplateRoleId, UserId, UserTotpId, ViewId,
};
use semaphore_service::{Error, Kind};
use semaphore_store::ListOptions;
use serde::de::DeserializeOwned;

use super::{
    access::path_parameters,
    error::{ApiError, Result},
    state::AppState,
};

/// Largest request body in bytes. The reference has no limit; backups of large projects are the largest known bodies.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// Largest body of a request that needs no session, in bytes.
pub const MAX_PUBLIC_BODY_BYTES: usize = 64 << 10;

/// An id newtype that stands in paths under a fixed name.
pub trait PathIdentifier: From<i32> + Send {
    /// Name of the parameter, for example `template_id`.
    const NAME: &'static str;
    /// What it names, for messages.
    const OBJECT: &'static str;
}

macro_rules! path_identifiers {
    ($($id:ty = $name:literal, $object:literal;)*) => {$(
        impl PathIdentifier for $id {
            const NAME: &'static str = $name;
            const OBJECT: &'static str = $object;
        }
    )*};
}

path_identifiers! {
    UserId = "user_id", "user";
    UserTotpId = "totp_id", "second factor";
    AccessKeyId = "key_id", "key";
    RepositoryId = "repository_id", "repository";
    InventoryId = "inventory_id", "inventory";
    EnvironmentId = "environment_id", "environment";
    TemplateId = "template_id", "template";
    ViewId = "view_id", "view";
    TaskId = "task_id", "task";
    ScheduleId = "schedule_id", "schedule";
    IntegrationId = "integration_id", "integration";
    IntegrationAliasId = "alias_id", "address";
    DeliveryId = "delivery_id", "delivery";
    IntegrationMatcherId = "matcher_id", "matcher";
    IntegrationExtractValueId = "value_id", "value";
    SecretStorageId = "storage_id", "secret storage";
    ProjectInviteId = "invite_id", "invitation";
    TemplateRoleId = "perm_id", "permission";
}

/// An id of the path. A text that is no number answers 400 with an empty body, a number no id can have 404.
#[derive(Clone, Copy, Debug)]
pub struct PathId<T>(pub T);

/// Why an id of the path is refused.
#[derive(Debug)]
pub enum PathIdRejection {
    /// Reference: `GetIntParam` sends browsers (whoever accepts text/html) to a page.
    Browser,
    /// Everybody else.
    Error(ApiError),
}

impl IntoResponse for PathIdRejection {
    fn into_response(self) -> Response {
        match self {
            Self::Browser => (StatusCode::FOUND, [(header::LOCATION, "/404")]).into_response(),
            Self::Error(error) => error.into_response(),
        }
    }
}

impl<T: PathIdentifier> FromRequestParts<AppState> for PathId<T> {
    type Rejection = PathIdRejection;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PathIdRejection> {
        let names = path_parameters(parts, state).await.map_err(PathIdRejection::Error)?;
        let text = names.get(T::NAME).map(String::as_str).unwrap_or_default();
        let Ok(number) = text.parse::<i64>() else {
            let accepts = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
            return Err(if accepts.is_some_and(|accepts| accepts.contains("text/html")) {
                PathIdRejection::Browser
            } else {
                PathIdRejection::Error(Error::invalid(format!("the {} id must be a number", T::OBJECT)).bare().into())
            });
        };
        i32::try_from(number)
            .map(|id| Self(T::from(id)))
            .map_err(|_| PathIdRejection::Error(Error::not_found(T::OBJECT).into()))
    }
}

/// The parameters of the path as texts, by name.
#[derive(Clone, Debug)]
pub struct PathTexts(HashMap<String, String>);

impl PathTexts {
    /// The decoded parameter; empty if the route has none of this name.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl FromRequestParts<AppState> for PathTexts {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        path_parameters(parts, state).await.map(Self)
    }
}

/// The query of the address, by name.
#[derive(Clone, Debug, Default)]
pub struct QueryTexts(HashMap<String, String>);

impl QueryTexts {
    /// The texts of a query string; empty if it cannot be read.
    #[cfg(test)]
    pub(crate) fn parse(query: &str) -> Self {
        let uri = format!("/?{query}").parse().ok();
        let query = uri.and_then(|uri| Query::try_from_uri(&uri).ok());
        query.map(|Query(texts)| Self(texts)).unwrap_or_default()
    }

    /// The text of a parameter, `None` if it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// How a list is to be sorted: `sort` and `order`. Reference: lists of objects know no limit.
    pub fn list_options(&self) -> ListOptions {
        ListOptions {
            sort: self.get("sort").map(str::to_owned),
            descending: self.is_descending(),
            ..ListOptions::default()
        }
    }

    /// Whether `order=desc` is asked for.
    pub fn is_descending(&self) -> bool {
        self.get("order") == Some("desc")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for QueryTexts {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> std::result::Result<Self, Self::Rejection> {
        // Reference: a query that cannot be read is an empty one.
        let query = Query::<HashMap<String, String>>::from_request_parts(parts, state).await;
        Ok(query.map(|Query(texts)| Self(texts)).unwrap_or_default())
    }
}

/// A JSON body. Names match without regard to case, only the first value is read, unknown names are ignored, the content
/// type is not looked at; what cannot be read answers 400 with an empty body.
#[derive(Clone, Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest<AppState> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &AppState) -> Result<Self> {
        decode(&body_bytes(request, MAX_BODY_BYTES).await?).map(Self)
    }
}

/// Like [`Body`], at most [`MAX_PUBLIC_BODY_BYTES`] long: for routes that everybody may call. Parsed JSON takes many times
/// the memory of its text.
#[derive(Clone, Debug)]
pub struct SmallBody<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest<AppState> for SmallBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &AppState) -> Result<Self> {
        decode(&body_bytes(request, MAX_PUBLIC_BODY_BYTES).await?).map(Self)
    }
}

/// Like [`Body`], with nothing behind its value: where the reference reads the whole.
#[derive(Clone, Debug)]
pub struct WholeBody<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest<AppState> for WholeBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &AppState) -> Result<Self> {
        let bytes = body_bytes(request, MAX_BODY_BYTES).await?;
        semaphore_model::json::decode_whole(&bytes).map(Self).map_err(|error| unexpected(&error))
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    semaphore_model::json::decode(bytes).map_err(|error| unexpected(&error))
}

fn unexpected(error: &semaphore_model::json::DecodeError) -> ApiError {
    Error::invalid(format!("the body is not the JSON expected here: {error}")).bare().into()
}

/// A body as it came, for handlers that read it themselves.
#[derive(Clone, Debug)]
pub struct RawBody(pub bytes::Bytes);

impl FromRequest<AppState> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &AppState) -> Result<Self> {
        body_bytes(request, MAX_BODY_BYTES).await.map(Self)
    }
}

async fn body_bytes(request: Request, limit: usize) -> Result<bytes::Bytes> {
    let too_large = || Error::new(Kind::TooLarge, format!("the body is larger than {} KiB", limit >> 10));
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limit as u64) {
        return Err(too_large().into());
    }
    axum::body::to_bytes(request.into_body(), limit).await.map_err(|error| {
        let is_limit = std::error::Error::source(&error)
            .is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>);
        if is_limit { too_large().into() } else { Error::invalid("the body could not be read").bare().into() }
    })
}
