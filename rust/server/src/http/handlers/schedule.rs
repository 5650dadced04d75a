//! Schedules of a project.

use std::borrow::Cow;

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, FixedOffset, Utc};
use schemars::JsonSchema;
use semaphore_model::{Schedule, SchedulePolicy, ScheduleWithTemplate, Template, json, time};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::http::{
    access::{ManageResources, Member, ProjectAccess},
    error::Result,
    extract::Body,
    object::Object,
    state::AppState,
};

/// `GET /api/project/{project_id}/schedules`
pub(crate) async fn get_schedules(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
) -> Result<Json<Vec<ScheduleWithTemplate>>> {
    Ok(Json(state.services().schedules(access.project_id()).await?))
}

/// `POST /api/project/{project_id}/schedules`
pub(crate) async fn create_schedule(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(body): Body<AsWritten>,
) -> Result<(StatusCode, Json<AsWritten>)> {
    let created = state.services().create_schedule(access.user.id, access.project_id(), body.schedule).await?;
    Ok((StatusCode::CREATED, Json(AsWritten { schedule: created, run_at: body.run_at })))
}

/// A schedule with its moment as it was written, which the first answer repeats; stored and read is UTC.
pub(crate) struct AsWritten {
    schedule: Schedule,
    run_at: Option<DateTime<FixedOffset>>,
}

impl<'de> Deserialize<'de> for AsWritten {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let mut members = value.as_object().into_iter().flatten();
        let written = members.rfind(|(name, _)| name.eq_ignore_ascii_case("run_at"));
        let run_at = written.and_then(|(_, time)| DateTime::parse_from_rfc3339(time.as_str()?).ok());
        let schedule = json::from_value(value).map_err(serde::de::Error::custom)?;
        Ok(Self { schedule, run_at })
    }
}

impl Serialize for AsWritten {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut value = serde_json::to_value(&self.schedule).map_err(serde::ser::Error::custom)?;
        if let (Some(stored), Some(written)) = (value.get_mut("run_at"), &self.run_at) {
            *stored = time::format_with_offset(written).into();
        }
        value.serialize(serializer)
    }
}

impl JsonSchema for AsWritten {
    fn schema_name() -> Cow<'static, str> {
        Schedule::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        Schedule::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Schedule::json_schema(generator)
    }
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct CronBody {
    cron_format: String,
}

/// `POST /api/project/{project_id}/schedules/validate`
pub(crate) async fn validate_cron(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(body): Body<Schedule>,
) -> Result<StatusCode> {
    state.services().check_cron(&body.cron_format)?;
    Ok(StatusCode::OK)
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Preview {
    runs: Vec<DateTime<Utc>>,
}

/// `POST /api/project/{project_id}/schedules/preview`: the next runs of an expression that need not be stored. Ours.
pub(crate) async fn preview_cron(
    _: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Body(body): Body<CronBody>,
) -> Result<Json<Preview>> {
    Ok(Json(Preview { runs: state.services().next_moments(&body.cron_format)? }))
}

/// `GET /api/project/{project_id}/schedules/{schedule_id}/policy`. Ours.
pub(crate) async fn get_schedule_policy(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(schedule): Object<Schedule>,
) -> Result<Json<SchedulePolicy>> {
    Ok(Json(state.services().schedule_policy(&schedule).await?))
}

/// `PUT /api/project/{project_id}/schedules/{schedule_id}/policy`: both rules must be there. Ours.
pub(crate) async fn set_schedule_policy(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(schedule): Object<Schedule>,
    Body(body): Body<SchedulePolicy>,
) -> Result<StatusCode> {
    state.services().set_schedule_policy(access.user.id, &schedule, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/schedules/{schedule_id}`
pub(crate) async fn get_schedule(_: ProjectAccess<Member>, Object(schedule): Object<Schedule>) -> Json<Schedule> {
    Json(schedule.into_inner())
}

/// `PUT /api/project/{project_id}/schedules/{schedule_id}`
pub(crate) async fn update_schedule(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(schedule): Object<Schedule>,
    Body(body): Body<Schedule>,
) -> Result<StatusCode> {
    state.services().update_schedule(access.user.id, &schedule, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub(crate) struct ActiveBody {
    active: bool,
}

/// `PUT /api/project/{project_id}/schedules/{schedule_id}/active`
pub(crate) async fn set_schedule_active(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(schedule): Object<Schedule>,
    Body(body): Body<ActiveBody>,
) -> Result<StatusCode> {
    state.services().set_schedule_active(access.user.id, &schedule, body.active).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/project/{project_id}/schedules/{schedule_id}`
pub(crate) async fn delete_schedule(
    access: ProjectAccess<ManageResources>,
    State(state): State<AppState>,
    Object(schedule): Object<Schedule>,
) -> Result<StatusCode> {
    state.services().delete_schedule(access.user.id, &schedule).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/project/{project_id}/templates/{template_id}/schedules`
pub(crate) async fn get_template_schedules(
    _: ProjectAccess<Member>,
    State(state): State<AppState>,
    Object(template): Object<Template>,
) -> Result<Json<Vec<Schedule>>> {
    Ok(Json(state.services().template_schedules(&template).await?))
}
