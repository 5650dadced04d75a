//! One job from its specification to its outcome: an ordered list of stages with guards that undo on every exit path.
//!
//! [`start`] is the only way in; [`JobSpec`] and [`SecretSet`] go in, [`JobEvent`]s come out. Not for queues, databases or who
//! may start what. Invariants: the events are in the order in which things happened, [`JobEvent::Done`] is the last and comes
//! when everything is cleaned up; a secret is in no event; two jobs never work in one clone (see `directory.rs`).

mod claim_lock;
mod directory;
mod event;
mod known_hosts;
mod problem;
mod program;
mod run;
mod secret;
mod spec;
mod stage;
#[cfg(test)]
mod tests;

pub(crate) use directory::secret_variables_name;
pub use directory::{OWN_DIRECTORY, mirror_path, own_directory, remove_leftovers};
pub use event::{JobEvent, Outcome, StopReason};
pub use known_hosts::KnownHosts;
pub use problem::{Problem, ProblemCode};
pub use program::{ProgramEnd, ProgramError, Programs, StartedProgram};
pub use run::{Job, JobControl, JobEvents, attended, start, start_telling_programs};
pub use secret::{SecretRef, SecretSet};
pub use semaphore_model::HostKeyMode;
pub use spec::{
    AnsibleParams, EnvironmentSpec, HostKeys, InventoryKind, InventorySpec, JobSpec, KeyKind, KeySpec, RepositorySpec,
    SecretVar, SecretVarKind, TaskDetails, TemplateKind, TerraformParams, VaultKind, VaultSpec,
};
