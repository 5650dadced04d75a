//! Access levels as types: a handler's first argument says who may call it, and the routing table checks that it is there.
//!
//! Invariants: a handler without an access level does not compile into the table; permissions of a project are read from
//! the database for every request, so a removed member is out at once.

use std::{collections::HashMap, marker::PhantomData};

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, header, request::Parts},
};
use semaphore_model::{Permissions, Project, ProjectId, ProjectRole, TemplateId};
use semaphore_service::{
    Error,
    auth::{Caller, Credentials},
};

use super::{
    error::{ApiError, Result},
    state::AppState,
};

/// Who may call a route; the value of an access type, for tests and documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Whoever is logged in.
    Session,
    /// Administrators.
    Admin,
    /// Programs with a secret of their own, such as the token of a runner; sessions count for nothing.
    Secret,
    /// Members of the project in the path (and administrators) with these permissions; reading needs membership only.
    Project(Permissions),
}

/// An access type: names its level.
pub trait AccessLevel: Send + 'static {
    /// The level.
    const LEVEL: Access;
}

/// Handlers whose first argument is the access type `A`. Implemented for the argument lists of handlers.
pub trait Guarded<A> {}

macro_rules! guarded {
    ($($name:ident)*) => {
        impl<M, A, $($name),*> Guarded<A> for (M, A, $($name),*) {}
    };
}
guarded!();
guarded!(T1);
guarded!(T1 T2);
guarded!(T1 T2 T3);
guarded!(T1 T2 T3 T4);
guarded!(T1 T2 T3 T4 T5);

/// Everybody.
#[derive(Clone, Copy, Debug)]
pub struct Public;

impl AccessLevel for Public {
    const LEVEL: Access = Access::Public;
}

impl<S: Send + Sync> FromRequestParts<S> for Public {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_parts: &mut Parts, _state: &S) -> std::result::Result<Self, Self::Rejection> {
        Ok(Self)
    }
}

/// Whoever is logged in, by cookie or API token.
#[derive(Clone, Debug)]
pub struct Session {
    /// The caller.
    pub user: Caller,
}

impl AccessLevel for Session {
    const LEVEL: Access = Access::Session;
}

impl FromRequestParts<AppState> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let user = state.services().authenticate(&credentials(&parts.headers)).await?;
        tracing::Span::current().record("user", user.id.0);
        Ok(Self { user })
    }
}

/// What a request brings to prove who sends it.
pub fn credentials(headers: &HeaderMap) -> Credentials<'_> {
    Credentials {
        authorization: headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default(),
        cookie: cookie(headers, semaphore_service::crypto::cookie::COOKIE_NAME).unwrap_or_default(),
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.trim_matches('"'))
}

/// An administrator.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The caller.
    pub user: Caller,
}

impl AccessLevel for Admin {
    const LEVEL: Access = Access::Admin;
}

impl FromRequestParts<AppState> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let Session { user } = Session::from_request_parts(parts, state).await?;
        if !user.admin {
            return Err(Error::forbidden("only administrators may do this").into());
        }
        Ok(Self { user })
    }
}

/// A permission as a type, for [`ProjectAccess`].
pub trait Permission: Send + Sync + 'static {
    /// What is needed; ignored for GET and HEAD, which every member may. Reference: `GetMustCanMiddleware`.
    const NEEDED: Permissions;
    /// Whether GET and HEAD want it as well: for what not every member may know.
    const ALSO_TO_READ: bool = false;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $permissions:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Permission for $name {
            const NEEDED: Permissions = $permissions;
        }
    )*};
}

permissions! {
    /// Any member.
    Member = Permissions::NONE;
    /// May change or delete the project.
    UpdateProject = Permissions::UPDATE_PROJECT;
    /// May manage keys, repositories, inventories, environments, templates and views.
    ManageResources = Permissions::MANAGE_RESOURCES;
    /// May manage members.
    ManageUsers = Permissions::MANAGE_USERS;
}

/// May manage members, and only then reads: invitations hold addresses of people outside.
#[derive(Clone, Copy, Debug)]
pub struct ReadInvites;

impl Permission for ReadInvites {
    const NEEDED: Permissions = Permissions::MANAGE_USERS;
    const ALSO_TO_READ: bool = true;
}

/// May manage resources, and only then reads: what strangers sent to an integration may hold anything.
#[derive(Clone, Copy, Debug)]
pub struct ReadDeliveries;

impl Permission for ReadDeliveries {
    const NEEDED: Permissions = Permissions::MANAGE_RESOURCES;
    const ALSO_TO_READ: bool = true;
}

/// A caller in the project of the path, with the permission `P`.
#[derive(Clone, Debug)]
pub struct ProjectAccess<P> {
    /// The caller.
    pub user: Caller,
    /// The project of the path.
    pub project: Project,
    /// The caller's role; empty for an administrator who is not a member.
    pub role: ProjectRole,
    /// What the role allows, with what the template of the path adds.
    pub permissions: Permissions,
    permission: PhantomData<P>,
}

impl<P: Permission> AccessLevel for ProjectAccess<P> {
    const LEVEL: Access = Access::Project(P::NEEDED);
}

impl<P> ProjectAccess<P> {
    /// Whether the caller is in the project to look only: a guest, or a role that allows nothing. Administrators are not.
    ///
    /// Such people see what the page lists, and neither copies of the project nor what is meant for those who work in it.
    pub fn only_reads(&self) -> bool {
        !self.user.admin && self.permissions == Permissions::NONE
    }

    /// Id of the project of the path.
    pub fn project_id(&self) -> ProjectId {
        self.project.id
    }

    /// Whether the caller may do something more than the route demands.
    pub fn may(&self, permissions: Permissions) -> bool {
        self.user.admin || self.permissions.contains(permissions)
    }
}

impl<P: Permission> FromRequestParts<AppState> for ProjectAccess<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let Session { user } = Session::from_request_parts(parts, state).await?;
        let names = path_parameters(parts, state).await?;
        let project_id = names.get("project_id").and_then(|text| text.parse::<i64>().ok());
        // Reference: the only id whose refusal carries a text.
        let project_id = project_id.ok_or_else(|| Error::invalid("Invalid project ID"))?;
        let project_id = i32::try_from(project_id).map(ProjectId).map_err(|_| Error::not_found("project"))?;
        let template_id = names.get("template_id").and_then(|text| text.parse().ok()).map(TemplateId);
        let membership = state.services().project_membership(&user, project_id, template_id).await?;
        let reads = !P::ALSO_TO_READ && matches!(parts.method.as_str(), "GET" | "HEAD");
        if !user.admin && !reads && !membership.permissions.contains(P::NEEDED) {
            return Err(Error::forbidden("your role in this project does not allow this").into());
        }
        Ok(Self {
            user,
            project: membership.project,
            role: membership.role,
            permissions: membership.permissions,
            permission: PhantomData,
        })
    }
}

/// The parameters of the matched route, decoded.
pub(crate) async fn path_parameters(parts: &mut Parts, state: &AppState) -> Result<HashMap<String, String>> {
    let raw = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| Error::invalid("the path is not valid UTF-8").bare())?;
    Ok(raw.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}
