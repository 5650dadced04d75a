//! Tabs over the list of templates.

use crate::JsonMap;
use crate::id::{ProjectId, ViewId};
use crate::open_enum::open_enum;
use crate::validation::{ValidationError, is_false};
use serde::{Deserialize, Serialize};

open_enum! {
    /// Which templates a view shows.
    ViewType {
        /// Those put into it.
        Custom = "",
        /// All of the project.
        All = "all",
    }
}

/// A view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct View {
    /// Row of `project__view`.
    pub id: ViewId,
    /// Its project.
    pub project_id: ProjectId,
    /// Title for people.
    pub title: String,
    /// Order among the views; smaller comes first.
    pub position: i32,
    /// Which templates it shows.
    #[serde(skip_serializing_if = "is_custom")]
    pub r#type: ViewType,
    /// Whether the tab is hidden.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// Free-form filter. Reference: accepted and echoed, never stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<JsonMap>,
    /// Column the templates are sorted by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_column: Option<String>,
    /// Whether they are sorted downwards.
    #[serde(skip_serializing_if = "is_false")]
    pub sort_reverse: bool,
}

fn is_custom(kind: &ViewType) -> bool {
    *kind == ViewType::Custom
}

impl View {
    /// Checks the title.
    pub fn validate(&self) -> Result<(), ValidationError> {
        if self.title.is_empty() { Err(ValidationError::new("title can not be empty")) } else { Ok(()) }
    }
}
