//! Schedules: when a template runs by itself.

use crate::id::{ProjectId, RepositoryId, ScheduleId, TemplateId};
use crate::open_enum::open_enum;
use crate::task_params::TaskParams;
use crate::time;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

open_enum! {
    /// What makes a schedule run.
    ScheduleType {
        /// Again and again, by `cron_format`.
        Cron = "",
        /// Once, at `run_at`.
        RunAt = "run_at",
    }
}

/// When a template runs by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Schedule {
    /// Row of `project__schedule`.
    pub id: ScheduleId,
    /// Its project.
    pub project_id: ProjectId,
    /// What it runs.
    pub template_id: TemplateId,
    /// Five fields of cron or a word such as `@daily`; empty with `run_at`.
    pub cron_format: String,
    /// Name for people.
    pub name: String,
    /// Whether it runs.
    pub active: bool,
    /// What makes it run.
    pub r#type: ScheduleType,
    /// Whether it goes when it has run once.
    pub delete_after_run: bool,
    /// The commit that it ran last; only with a repository. Not in answers.
    #[serde(skip)]
    pub last_commit_hash: Option<String>,
    /// It runs only when the branch of this repository has a new commit.
    pub repository_id: Option<RepositoryId>,
    /// When it runs once.
    #[serde(with = "time::rfc3339_option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub run_at: Option<DateTime<Utc>>,
    /// What its tasks get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_params: Option<TaskParams>,
}

/// A schedule with the name of its template, as lists show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScheduleWithTemplate {
    /// The schedule.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// Name of its template.
    pub tpl_name: String,
}
