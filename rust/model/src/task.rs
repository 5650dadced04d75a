//! Tasks, their output and their stages.

use crate::JsonMap;
use crate::id::{IntegrationId, InventoryId, ProjectId, ScheduleId, TaskId, TaskStageId, TemplateId, UserId};
use crate::secret::Secret;
use crate::status::TaskStatus;
use crate::task_params::TaskParams;
use crate::template::{TemplateApp, TemplateType, is_plain_task, is_unset};
use crate::time;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A run of a template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Task {
    /// Row of `task`.
    pub id: TaskId,
    /// What it runs.
    pub template_id: TemplateId,
    /// Its project.
    pub project_id: ProjectId,
    /// Where it stands.
    pub status: TaskStatus,
    /// Playbook in place of the template's; empty for none.
    pub playbook: String,
    /// Variables of the survey and of the caller: a JSON object as text; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub environment: String,
    /// Secret survey variables: a JSON object as text. Never stored. Reference: the answer of the create route has `{}`.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub secret: Secret,
    /// Arguments in place of the template's: a JSON array as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// Branch in place of the template's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_branch: Option<String>,
    /// Who started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Which integration started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_id: Option<IntegrationId>,
    /// Which schedule started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<ScheduleId>,
    /// When it was asked for.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub created: DateTime<Utc>,
    /// When it began to run.
    #[serde(with = "time::rfc3339_option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub start: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(with = "time::rfc3339_option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub end: Option<DateTime<Utc>>,
    /// Text of the person who started it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Commit it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_hash: Option<String>,
    /// First line of that commit's message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub commit_message: String,
    /// Build task whose version is deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_task_id: Option<TaskId>,
    /// Version a build task makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Inventory in place of the template's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory_id: Option<InventoryId>,
    /// Parameters of the app, free-form.
    #[serde(skip_serializing_if = "JsonMap::is_empty")]
    pub params: JsonMap,
    /// Old way to give the hosts, separated by commas; goes into `params` when stored, so it reads back as empty.
    pub limit: String,
}

impl Default for Task {
    fn default() -> Self {
        Self {
            id: TaskId::default(),
            template_id: TemplateId::default(),
            project_id: ProjectId::default(),
            status: TaskStatus::Waiting,
            playbook: String::new(),
            environment: String::new(),
            secret: Secret::default(),
            arguments: None,
            git_branch: None,
            user_id: None,
            integration_id: None,
            schedule_id: None,
            created: time::zero(),
            start: None,
            end: None,
            message: String::new(),
            commit_hash: None,
            commit_message: String::new(),
            build_task_id: None,
            version: None,
            inventory_id: None,
            params: JsonMap::new(),
            limit: String::new(),
        }
    }
}

impl Task {
    /// Moves the hosts of `limit` into `params.limit` unless `params` has its own, as the reference does before it stores
    /// a task. `limit` itself stays, so that the answer of the create route still shows it.
    pub fn move_limit_into_params(&mut self) {
        if !self.limit.is_empty() && !self.params.contains_key("limit") {
            let hosts = self.limit.split(',').map(|host| host.trim().into()).collect();
            self.params.insert("limit".to_owned(), serde_json::Value::Array(hosts));
        }
    }
}

/// A member of a body that is not a client's to decide: it must be of its type or null, and is passed over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unread<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Unread<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(|_| Self(std::marker::PhantomData))
    }
}

/// Body of the request that starts a task.
///
/// Only what a client may decide: the reference also takes status, times, commit message and user from the body, which lets
/// a client invent history.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NewTask {
    /// What to run.
    pub template_id: TemplateId,
    /// Project; the one of the path counts.
    pub project_id: ProjectId,
    /// Playbook in place of the template's.
    pub playbook: String,
    /// Survey and extra variables: a JSON object as text.
    pub environment: String,
    /// Secret survey variables: a JSON object as text.
    pub secret: Secret,
    /// Arguments in place of the template's: a JSON array as text.
    pub arguments: Option<String>,
    /// Branch in place of the template's.
    pub git_branch: Option<String>,
    /// Text for people.
    pub message: String,
    /// Commit to run in place of the branch's newest.
    pub commit_hash: Option<String>,
    /// Build task whose version to deploy.
    pub build_task_id: Option<TaskId>,
    /// Version of a build.
    pub version: Option<String>,
    /// Inventory in place of the template's.
    pub inventory_id: Option<InventoryId>,
    /// Parameters of the app, free-form.
    pub params: JsonMap,
    /// Hosts separated by commas.
    pub limit: String,
    /// Schedule of the project that it is shown under.
    pub schedule_id: Option<ScheduleId>,
    /// Integration of the project that it is shown under.
    pub integration_id: Option<IntegrationId>,
    /// The task's own number.
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub id: Unread<i64>,
    /// Who starts it.
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub user_id: Unread<i64>,
    /// Where it stands.
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub status: Unread<String>,
    /// What the commit says.
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub commit_message: Unread<String>,
    /// When it was made.
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub created: Unread<DateTime<Utc>>,
    /// When it began.
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub start: Unread<DateTime<Utc>>,
    /// When it ended.
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub end: Unread<DateTime<Utc>>,
}

impl NewTask {
    /// What a schedule or an integration starts.
    pub fn from_params(template_id: TemplateId, params: TaskParams) -> Self {
        Self {
            template_id,
            environment: params.environment,
            arguments: params.arguments,
            git_branch: params.git_branch,
            message: params.message,
            version: params.version,
            inventory_id: params.inventory_id,
            params: params.params,
            ..Self::default()
        }
    }

    /// The task this body describes, waiting, not yet stored.
    pub fn into_task(self, project_id: ProjectId) -> Task {
        Task {
            template_id: self.template_id,
            project_id,
            playbook: self.playbook,
            environment: self.environment,
            secret: self.secret,
            arguments: self.arguments,
            git_branch: self.git_branch,
            message: self.message,
            commit_hash: self.commit_hash,
            build_task_id: self.build_task_id,
            version: self.version,
            inventory_id: self.inventory_id,
            params: self.params,
            limit: self.limit,
            schedule_id: self.schedule_id,
            integration_id: self.integration_id,
            ..Task::default()
        }
    }
}

/// A task with what lists show of its template, its user and its build.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TaskWithTemplate {
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// Playbook of the template.
    pub tpl_playbook: String,
    /// Name of the template.
    pub tpl_alias: String,
    /// What the template is for.
    #[serde(skip_serializing_if = "is_plain_task")]
    pub tpl_type: TemplateType,
    /// Program of the template.
    #[serde(skip_serializing_if = "is_unset")]
    pub tpl_app: TemplateApp,
    /// Name of the user who started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The build task whose version it deploys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_task: Option<Box<Task>>,
}

/// One stored line of a task's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TaskOutput {
    /// Row of `task__output`; rows of one task ascend in the order of insertion.
    pub id: i64,
    /// Its task.
    pub task_id: TaskId,
    /// When the line was read.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub time: DateTime<Utc>,
    /// The line, without its line feed.
    pub output: String,
    /// Stage it belongs to.
    pub stage_id: Option<TaskStageId>,
    /// The line goes on in the next one: it is a part of a line that is too long for one record. Not in answers of the API.
    #[serde(skip)]
    pub continued: bool,
}

impl Default for TaskOutput {
    fn default() -> Self {
        Self {
            id: 0,
            task_id: TaskId::default(),
            time: time::zero(),
            output: String::new(),
            stage_id: None,
            continued: false,
        }
    }
}

/// A part of a task that left a result. Reference: made for Terraform plans and Ansible results, read by the stages route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TaskStage {
    /// Row of `task__stage`.
    pub id: TaskStageId,
    /// Its task.
    pub task_id: TaskId,
    /// When it began.
    #[serde(with = "time::rfc3339_option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub start: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(with = "time::rfc3339_option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub end: Option<DateTime<Utc>>,
    /// Reference: always null since schema 2.16.8.
    pub start_output_id: Option<i64>,
    /// Reference: always null since schema 2.16.8.
    pub end_output_id: Option<i64>,
    /// Kind of the stage.
    pub r#type: String,
    /// What it found, free-form.
    pub result: Option<serde_json::Value>,
}

/// Why a task does not do well: a code for programs, a sentence for people. Ours; the reference has nothing of the kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TaskProblem {
    /// One of the engine's codes, such as `tool_missing`.
    pub code: String,
    /// What, why, and what to do; no secret.
    pub message: String,
    /// When it was found.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub time: DateTime<Utc>,
}

/// A part of a task's job: what was done from when to when. Ours, not the reference's [`TaskStage`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobStage {
    /// Name of the part: `workspace`, `keys`, `checkout`, `inventory`, `requirements`, `run`.
    pub stage: String,
    /// When it began.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub start: DateTime<Utc>,
    /// When it ended; none if the server ended in the middle of it.
    #[serde(with = "time::rfc3339_option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub end: Option<DateTime<Utc>>,
    /// What the Terraform family planned in it; none for everything else, and as long as the plan is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanSummary>,
}

/// How many resources a plan of the Terraform family would touch, as its program counts them. A plan that changes nothing but
/// outputs has zeros only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanSummary {
    /// Resources to be made.
    pub add: u32,
    /// Resources to be changed in place.
    pub change: u32,
    /// Resources to be destroyed; one that is replaced counts here and under `add`.
    pub destroy: u32,
    /// Existing objects to be taken over.
    pub import: u32,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fresh_task_has_the_keys_of_the_reference() {
        let task = Task { id: TaskId(1), template_id: TemplateId(1), project_id: ProjectId(1), ..Task::default() };
        let expected = json!({"id": 1, "template_id": 1, "project_id": 1, "status": "waiting", "playbook": "",
            "created": "0001-01-01T00:00:00Z", "limit": ""});
        assert_eq!(serde_json::to_value(task).unwrap(), expected);
    }

    #[test]
    fn the_old_limit_becomes_a_parameter_unless_there_is_one() {
        let mut task = Task { limit: "a, b ,c".into(), ..Task::default() };
        task.move_limit_into_params();
        assert_eq!(json!(task.params), json!({"limit": ["a", "b", "c"]}));
        task.limit = "d".into();
        task.move_limit_into_params();
        assert_eq!(json!(task.params), json!({"limit": ["a", "b", "c"]}));
    }
}
