//! How the tasks of one inventory share its hosts.
//!
//! Ours: in the reference tasks of different templates always run beside each other, on the same hosts too, which is what the
//! default says.

use serde::{Deserialize, Serialize};

/// Rules of one inventory beside its hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InventoryPolicy {
    /// Whether one task at a time uses it, of whichever template and on whichever server.
    pub exclusive: bool,
}
