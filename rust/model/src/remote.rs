//! What a server and a remote runner tell each other, as both write it.
//!
//! Not for who may say it, nor for what follows from it. Reference: `services/runners/types.go`: a mix of Go names and tagged
//! names, and empty lists are null. Read all of it with [`crate::json::decode`], which takes keys and nulls as Go does; what it
//! does not know it passes over, so a member `rs` is ours alone: the reference's server and runner never write it and never miss it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use crate::{
    AccessKey, AccessKeyId, Environment, HostKeyPolicy, Inventory, InventoryId, ProjectId, Repository, Secret, Task,
    TaskId, TaskStatus, Template, time, validation::is_false,
};

/// How a runner asks for a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Registration {
    /// What lets runners register: `runner_registration_token` of the configuration.
    pub registration_token: Secret,
    /// Address that is called when there is something to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub webhook: String,
    /// How many tasks at once; 0 for no limit.
    pub max_parallel_tasks: i32,
    /// The runner's public key as PEM; without one it gets plain answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// What a runner is told when it asks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RunnerState {
    /// Tasks of the runner that have begun.
    #[serde(rename = "CurrentJobs", serialize_with = "null_if_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<JobState>>"))]
    pub current_jobs: Vec<JobState>,
    /// Tasks it is to begin.
    #[serde(serialize_with = "null_if_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<JobData>>"))]
    pub new_jobs: Vec<JobData>,
    /// Keys of the new tasks by id, with their secrets in clear.
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, AccessKey>"))]
    pub access_keys: BTreeMap<AccessKeyId, AccessKey>,
    /// Whether it is to empty its directory of working copies.
    #[serde(skip_serializing_if = "is_false")]
    pub clear_cache: bool,
    /// Only of this project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_clean_project_id: Option<ProjectId>,
}

/// Where a task stands that the runner has begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct JobState {
    /// Which task.
    pub id: TaskId,
    /// Its status at the server.
    pub status: String,
}

impl JobState {
    /// The status, if this version knows it.
    pub fn known_status(&self) -> Option<TaskStatus> {
        TaskStatus::parse(&self.status)
    }
}

/// A task that a runner is to run, with all rows that it needs: those that count, after every override by the task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct JobData {
    /// Login of the user who started it; empty for schedules, webhooks and follow-up tasks.
    #[serde(rename = "Username")]
    pub username: String,
    /// Version that a deploy uses.
    #[serde(rename = "IncomingVersion")]
    pub incoming_version: Option<String>,
    /// The secret part of the address where a task of the Terraform family finds its state; empty for others.
    #[serde(rename = "Alias")]
    pub alias: String,
    /// The task.
    pub task: Task,
    /// Its template, with vaults.
    pub template: Template,
    /// Its inventory; one with the id 0 if it has none.
    pub inventory: Inventory,
    /// Repository of an inventory file.
    pub inventory_repository: Option<Repository>,
    /// Its repository.
    pub repository: Repository,
    /// Its variables, those of the task merged in, with secrets in clear.
    pub environment: Environment,
    /// What only our runner is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rs: Option<JobExtras>,
}

impl JobData {
    /// The inventory, if the task has one.
    pub fn own_inventory(&self) -> Option<&Inventory> {
        (self.inventory.id != InventoryId(0)).then_some(&self.inventory)
    }
}

/// What our server adds to a task for our runner. Ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct JobExtras {
    /// Secret survey values: a JSON object as text; empty for none.
    pub survey_secrets: Secret,
    /// What the project knows about the keys of hosts.
    pub host_keys: HostKeyPolicy,
    /// The task's own token for the API; empty for none.
    pub task_token: Secret,
    /// Page of the task; none without `web_host`.
    pub task_url: Option<String>,
    /// Whole address of the state, [`JobData::alias`] included; empty for none.
    pub terraform_address: Secret,
    /// Number of the first record that the runner is to write, counted from 0 over all lines of the task.
    pub first_record: u64,
}

/// Report of a runner about its tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Progress {
    /// One entry per task.
    #[serde(rename = "Jobs", serialize_with = "null_if_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<JobProgress>>"))]
    pub jobs: Vec<JobProgress>,
}

/// Report about one task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct JobProgress {
    /// Which task.
    #[serde(rename = "ID")]
    pub id: TaskId,
    /// Its status at the runner. Reference: empty for a moment after the start.
    #[serde(rename = "Status")]
    pub status: String,
    /// What was printed since the last report.
    #[serde(rename = "LogRecords", serialize_with = "null_if_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<RemoteRecord>>"))]
    pub log_records: Vec<RemoteRecord>,
    /// The commit that was checked out; in each report from then on.
    #[serde(rename = "Commit")]
    pub commit: Option<RemoteCommit>,
    /// What only our runner tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rs: Option<ProgressExtras>,
}

impl JobProgress {
    /// The status, if this version knows it.
    pub fn known_status(&self) -> Option<TaskStatus> {
        TaskStatus::parse(&self.status)
    }
}

/// One line of output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RemoteRecord {
    /// When it was read.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub time: DateTime<Utc>,
    /// The line, without its line feed.
    pub message: String,
}

impl Default for RemoteRecord {
    fn default() -> Self {
        Self { time: time::zero(), message: String::new() }
    }
}

/// A commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RemoteCommit {
    /// Full hash.
    pub hash: String,
    /// First line of its message.
    pub message: String,
}

/// What our runner adds to its report about a task. Ours.
///
/// A report that was not answered is sent again, and may have been taken: what is told here lets nothing count twice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ProgressExtras {
    /// Number of the first of the records, counted as [`JobExtras::first_record`].
    pub first_record: u64,
    /// Which of the records go on in the next one (a line too long for one), by their place in this report from 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub continued: Vec<u32>,
    /// What else happened since the last report, in order: events of the engine as JSON (`stage`, `plan`, `problem`,
    /// `known_hosts`, and `done` with the exact outcome in the last report). The server passes over what it does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<serde_json::Value>,
}

/// Go's nil slice.
fn null_if_empty<T: Serialize, S: Serializer>(list: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    if list.is_empty() { serializer.serialize_none() } else { list.serialize(serializer) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::json::decode;

    #[test]
    fn what_is_empty_is_written_as_the_reference_writes_it() {
        let written = |value: serde_json::Value| value.to_string();
        let state = serde_json::to_value(RunnerState::default()).unwrap();
        assert_eq!(written(state), r#"{"CurrentJobs":null,"new_jobs":null,"access_keys":{}}"#);
        assert_eq!(written(serde_json::to_value(Progress::default()).unwrap()), r#"{"Jobs":null}"#);
        let job = JobProgress { id: TaskId(3), ..JobProgress::default() };
        let progress = serde_json::to_value(Progress { jobs: vec![job] }).unwrap();
        assert_eq!(written(progress), r#"{"Jobs":[{"ID":3,"Status":"","LogRecords":null,"Commit":null}]}"#);
        let registration = serde_json::to_value(Registration::default()).unwrap();
        assert_eq!(written(registration), r#"{"registration_token":"","max_parallel_tasks":0}"#);
    }

    #[test]
    fn a_state_of_the_reference_is_read() {
        let body = json!({
            "CurrentJobs": [{"id": 2, "status": "stopping"}, {"id": 9, "status": "frozen"}],
            "new_jobs": [{"Username": "admin", "IncomingVersion": null, "Alias": "",
                "task": {"id": 3, "template_id": 1, "project_id": 1, "status": "starting", "playbook": "", "secret": "{}",
                    "user_id": 1, "created": "2026-11-22T00:36:53Z", "message": "remote one", "limit": ""},
                "template": {"id": 1, "project_id": 1, "inventory_id": 1, "repository_id": 1, "name": "bash",
                    "playbook": "hello.sh", "arguments": "[]", "last_task": {"id": 3, "tpl_alias": "bash"}, "app": "bash",
                    "vaults": [{"id": 1, "vault_key_id": 4, "type": "password"}], "tasks": 3},
                "inventory": {"id": 1, "name": "i", "project_id": 1, "inventory": "localhost", "ssh_key_id": 3,
                    "become_key_id": null, "type": "static", "template_id": null, "repository_id": null},
                "inventory_repository": null,
                "repository": {"id": 1, "name": "g", "project_id": 1, "git_url": "x", "git_branch": "main", "ssh_key_id": 2},
                "environment": {"id": 2, "name": "e", "project_id": 1, "password": null, "json": "{}", "env": null,
                    "secrets": [{"id": 6, "type": "env", "name": "SEC", "secret": "s", "operation": ""}]}}],
            "access_keys": {"3": {"id": 3, "name": "ssh", "type": "ssh", "project_id": 1, "string": "",
                "login_password": {"login": "", "password": ""},
                "ssh": {"login": "deploy", "passphrase": "", "private_key": "PEM"}}},
            "clear_cache": true, "cache_clean_project_id": 5, "later": [1]});
        let state: RunnerState = decode(body.to_string().as_bytes()).unwrap();
        let known: Vec<_> = state.current_jobs.iter().map(|job| (job.id.0, job.known_status())).collect();
        assert_eq!(known, [(2, Some(TaskStatus::Stopping)), (9, None)]);
        let job = &state.new_jobs[0];
        assert_eq!((job.username.as_str(), job.task.id, job.task.status), ("admin", TaskId(3), TaskStatus::Starting));
        assert_eq!(job.own_inventory().unwrap().ssh_key_id, Some(AccessKeyId(3)));
        assert_eq!(job.environment.secrets[0].secret.expose(), "s");
        assert_eq!(job.template.vaults[0].vault_key_id, Some(AccessKeyId(4)));
        assert_eq!(job.rs, None);
        assert_eq!(state.access_keys[&AccessKeyId(3)].ssh.private_key.expose(), "PEM");
        assert_eq!((state.clear_cache, state.cache_clean_project_id), (true, Some(ProjectId(5))));
        assert_eq!(JobData::default().own_inventory(), None);
    }

    #[test]
    fn what_is_ours_goes_there_and_back() {
        let extras = JobExtras { survey_secrets: "{\"a\":1}".into(), first_record: 7, ..JobExtras::default() };
        let job = JobData { rs: Some(extras), ..JobData::default() };
        let state = RunnerState { new_jobs: vec![job], ..RunnerState::default() };
        assert_eq!(decode::<RunnerState>(&serde_json::to_vec(&state).unwrap()).unwrap(), state);
        let extras = ProgressExtras { first_record: 7, continued: vec![0], events: vec![json!({"known_hosts": "a"})] };
        let record = RemoteRecord { message: "x".into(), ..RemoteRecord::default() };
        let job = JobProgress { log_records: vec![record], rs: Some(extras), ..JobProgress::default() };
        let progress = Progress { jobs: vec![job] };
        assert_eq!(decode::<Progress>(&serde_json::to_vec(&progress).unwrap()).unwrap(), progress);
    }
}
