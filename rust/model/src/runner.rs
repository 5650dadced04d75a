//! Remote runners: other machines that run tasks.

use crate::id::{ProjectId, RunnerId};
use crate::secret::Secret;
use crate::time;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A machine that asks for tasks and runs them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Runner {
    /// Row of `runner`.
    pub id: RunnerId,
    /// What it proves itself with. Never in answers.
    #[serde(skip)]
    pub token: Secret,
    /// The only project whose tasks it runs; none for all.
    pub project_id: Option<ProjectId>,
    /// Address that is called when it has something to do.
    pub webhook: String,
    /// How many tasks at once; 0 for no limit.
    pub max_parallel_tasks: i32,
    /// Whether it gets tasks.
    pub active: bool,
    /// Name for people.
    pub name: String,
    /// Templates with this tag run here.
    pub tag: String,
    /// When it was heard of last.
    #[serde(with = "time::rfc3339_option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub touched: Option<DateTime<Utc>>,
    /// When somebody asked it to empty its caches.
    #[serde(with = "time::rfc3339_option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub cleaning_requested: Option<DateTime<Utc>>,
    /// Its public key as PEM; what is sent to it is encrypted with that. Never in answers.
    #[serde(skip)]
    pub public_key: Option<String>,
}

/// A tag that runners of a project have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunnerTag {
    /// The tag.
    pub tag: String,
    /// How many runners have it.
    pub number_of_runners: i64,
}
