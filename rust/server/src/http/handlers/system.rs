//! Facts about the server itself.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::auth::AuthMethods;
use crate::http::{
    access::{Admin, Public, Session},
    error::Result,
    state::AppState,
};

/// `GET /api/ping`
pub(crate) async fn ping(_: Public) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "pong").into_response()
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Info {
    version: String,
    ansible: String,
    web_host: String,
    use_remote_runner: bool,
    auth_methods: AuthMethods,
    premium_features: BTreeMap<&'static str, bool>,
    git_client: String,
    schedule_timezone: String,
    teams: Teams,
    roles: Vec<semaphore_model::Role>,
}

/// Reference: `util.TeamsConfig`, which leaves out what is not set.
#[derive(Serialize, JsonSchema)]
struct Teams {
    #[serde(skip_serializing_if = "is_off")]
    #[schemars(default)]
    invites_enabled: bool,
    invite_type: String,
    #[serde(skip_serializing_if = "is_off")]
    #[schemars(default)]
    members_can_leave: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_off(value: &bool) -> bool {
    !*value
}

/// What the page of the reference marks as part of another edition unless the server says that it is there.
///
/// Keys of a storage are read from and written to it, states and the hosts of an Ansible run are kept, runners of projects get
/// tasks. The first and the third are not keys of the reference's free edition, but its page looks at them: without them it
/// switches its own buttons for storages and roles off, which work here.
const FEATURES: &[(&str, bool)] = &[
    ("custom_roles_management", true),
    ("project_runners", true),
    ("secret_storage_management", true),
    ("secret_storages", true),
    ("task_summary", true),
    ("terraform_backend", true),
];

/// `GET /api/info`
pub(crate) async fn get_info(_: Session, State(state): State<AppState>) -> Result<Json<Info>> {
    let services = state.services();
    let settings = &services.settings;
    Ok(Json(Info {
        version: settings.version.clone(),
        ansible: services.ansible_version().await,
        web_host: settings.web_host.clone(),
        use_remote_runner: settings.use_remote_runner,
        auth_methods: AuthMethods::new(settings),
        premium_features: FEATURES.iter().copied().collect(),
        git_client: settings.git_client.clone(),
        schedule_timezone: settings.schedule_timezone.clone(),
        teams: Teams {
            invites_enabled: settings.team_invites_enabled,
            invite_type: settings.team_invite_type.clone(),
            members_can_leave: settings.team_members_can_leave,
        },
        roles: services.store.list_global_roles().await.map_err(semaphore_service::Error::from)?,
    }))
}

/// `HEAD /api/cache`: whether the caller may clear it. Reference: it was cleared, although HEAD must not change anything.
pub(crate) async fn head_cache(_: Admin) -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `DELETE /api/cache`
pub(crate) async fn clear_cache(_: Admin, State(state): State<AppState>) -> Result<StatusCode> {
    state.services().clear_cache().await?;
    Ok(StatusCode::NO_CONTENT)
}
