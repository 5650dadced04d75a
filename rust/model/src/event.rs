//! What happened in the installation, for people to read.

use crate::id::{EventId, IntegrationId, ProjectId, UserId};
use crate::open_enum::open_enum;
use crate::time;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

open_enum! {
    /// What kind of object an event is about.
    EventObject {
        /// A task.
        Task = "task",
        /// An environment.
        Environment = "environment",
        /// An inventory.
        Inventory = "inventory",
        /// An access key.
        Key = "key",
        /// A project.
        Project = "project",
        /// A repository.
        Repository = "repository",
        /// A schedule. Reference: also used when a template is created.
        Schedule = "schedule",
        /// A template.
        Template = "template",
        /// A user.
        User = "user",
        /// A view.
        View = "view",
        /// An integration.
        Integration = "integration",
        /// A value an integration extracts.
        IntegrationExtractValue = "integrationextractvalue",
        /// A rule of an integration.
        IntegrationMatcher = "integrationmatcher",
        /// An address of a Terraform state.
        TerraformInventoryAlias = "terraform_inventory_alias",
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Event {
    /// Row of `event`. Never in JSON.
    #[serde(skip)]
    pub id: EventId,
    /// Who did it.
    pub user_id: Option<UserId>,
    /// In which project.
    pub project_id: Option<ProjectId>,
    /// Which integration did it. Reference: not stored, always null.
    pub integration_id: Option<IntegrationId>,
    /// Row of the object.
    pub object_id: Option<i32>,
    /// Kind of the object.
    pub object_type: Option<EventObject>,
    /// Text for people.
    pub description: Option<String>,
    /// When it happened.
    #[serde(with = "time::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub created: DateTime<Utc>,
    /// For a task that still exists its playbook, otherwise empty.
    pub object_name: String,
    /// Name of the project.
    pub project_name: Option<String>,
    /// Login name of `user_id`.
    pub username: Option<String>,
}

impl Default for Event {
    fn default() -> Self {
        Self {
            id: EventId::default(),
            user_id: None,
            project_id: None,
            integration_id: None,
            object_id: None,
            object_type: None,
            description: None,
            created: time::zero(),
            object_name: String::new(),
            project_name: None,
            username: None,
        }
    }
}
