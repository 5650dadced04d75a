//! What uses an object: the answer of the `refs` routes and the reason why a delete is refused.

use serde::{Deserialize, Serialize};

/// One object that uses another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Referrer {
    /// Its row; the kind follows from the list it is in.
    pub id: i32,
    /// Its name.
    pub name: String,
}

/// Everything that uses one object, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Referrers {
    /// Templates.
    pub templates: Vec<Referrer>,
    /// Inventories.
    pub inventories: Vec<Referrer>,
    /// Repositories.
    pub repositories: Vec<Referrer>,
    /// Integrations. Reference: always empty for the objects of a project.
    pub integrations: Vec<Referrer>,
    /// Templates whose schedules use the object (templates, not schedules: kept from the reference).
    pub schedules: Vec<Referrer>,
    /// Access keys that belong to nobody in particular.
    pub access_keys: Vec<Referrer>,
}

impl Referrers {
    /// Whether nothing uses the object.
    pub fn is_empty(&self) -> bool {
        self.templates.is_empty()
            && self.inventories.is_empty()
            && self.repositories.is_empty()
            && self.integrations.is_empty()
            && self.schedules.is_empty()
            && self.access_keys.is_empty()
    }
}
