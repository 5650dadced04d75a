//! The object a path names, already looked up in the project of the path.
//!
//! Invariants: it is read after the access type (which stands first in every handler) and before the body, so that whoever
//! may not see the project learns nothing and an unknown id is 404 whatever the body says; an object of another project is
//! as unknown as one that does not exist. Reference: the middlewares between project and handler.

use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use semaphore_model::ProjectId;
use semaphore_service::{
    Error,
    owned::{Owned, ProjectObject},
};

use super::{
    access::path_parameters,
    extract::{PathId, PathIdRejection, PathIdentifier},
    state::AppState,
};

/// The object of the path, in the project of the path.
#[derive(Clone, Debug)]
pub struct Object<T>(pub Owned<T>);

/// Why there is no object.
#[derive(Debug)]
pub struct ObjectRejection(PathIdRejection);

impl<E: Into<super::error::ApiError>> From<E> for ObjectRejection {
    fn from(error: E) -> Self {
        Self(PathIdRejection::Error(error.into()))
    }
}

impl IntoResponse for ObjectRejection {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T> FromRequestParts<AppState> for Object<T>
where
    T: ProjectObject,
    T::Id: PathIdentifier,
{
    type Rejection = ObjectRejection;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ObjectRejection> {
        let PathId(id) = PathId::<T::Id>::from_request_parts(parts, state).await.map_err(ObjectRejection)?;
        let names = path_parameters(parts, state).await?;
        // The access type has read the same text before.
        let project = names.get("project_id").and_then(|text| text.parse().ok()).map(ProjectId);
        let project = project.ok_or_else(|| Error::not_found("project"))?;
        Ok(Self(state.services().find::<T>(project, id).await?))
    }
}
