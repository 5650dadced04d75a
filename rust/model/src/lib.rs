//! Domain types of Semaphore: entities, the status state machine, permissions and validation.
//!
//! Not for IO, async, clocks or randomness: everything here is a pure function of its arguments, so that the server, the
//! runner and the C library share one set of rules.

pub mod id;
pub mod status;

pub use id::{
    AccessKeyId, EnvironmentId, EventId, InventoryId, ProjectId, RepositoryId, SessionId, TaskId, TemplateId, UserId,
    ViewId,
};
pub use status::{Flavour, TaskStatus};
