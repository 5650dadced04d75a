//! One job from its specification to its outcome: an ordered list of stages with guards that undo on every exit path.

mod event;
mod secret;
mod spec;

pub use event::{JobEvent, Outcome, StopReason};
pub use secret::{SecretRef, SecretSet};
pub use spec::{
    AnsibleParams, EnvironmentSpec, InventoryKind, InventorySpec, JobSpec, KeyKind, KeySpec, RepositorySpec, SecretVar,
    SecretVarKind, TaskDetails, TemplateKind, VaultKind, VaultSpec,
};
