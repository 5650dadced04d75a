//! Child processes: the one way in which the whole workspace starts, supervises, stops and reaps a program.
//!
//! [`spawn`] starts a [`ProcessSpec`] in a session of its own and returns a [`Child`]; [`Child::supervise`] drains its output
//! into a job's log, feeds its input, carries out its [`StopPlan`] when the [`StopToken`] says so, and reaps it. [`output`] does
//! all of this for a short query whose output is wanted in memory.
//!
//! Not for shells (argument vectors only), not for choosing programs or environments: the specification is complete.
//!
//! Invariants: no signal handler is installed and no SIGCHLD is needed; only own children are waited for, by their id; a
//! leader stays unreaped until the last signal was sent, so no signal can hit a stranger; output is drained all the while;
//! a child inherits nothing but umask, limits and the descriptors 0 to 2: neither signal mask nor environment nor files.
//! This is the only module of the crate with `unsafe`, all of it in `system.rs`, `fork.rs` and
//! `memory.rs` (the memory of this process itself).

mod capture;
mod cgroup;
mod child;
mod detached;
mod exit;
mod fork;
mod identity;
mod input;
mod leader;
mod memory;
mod output;
mod record;
mod resolve;
mod sandbox;
mod session;
mod spawn;
mod spec;
mod starting;
mod stop;
mod system;
mod thread;

#[cfg(test)]
mod tests;

pub use capture::{CapturedOutput, output};
pub use cgroup::{Group, Groups, Limits, SERVER_GROUP};
pub use child::{Child, ChildControl, ControlError};
pub use detached::{Detached, detach};
pub use exit::{Exit, Problem};
pub use identity::{Identity, IdentityError};
pub use memory::give_memory_back;
pub use output::{FlushHandle, OutputEnd, attach};
pub use record::{end_recorded, keep_record};
pub(crate) use resolve::find as find_program;
pub use sandbox::{Sandbox, SandboxError, SandboxPlan, sandbox_is_supported};
pub use spawn::{SpawnError, spawn};
pub use spec::{ProcessSpec, Prompt, Stdin};
pub use stop::{StopHandle, StopMode, StopPlan, StopToken};
pub use thread::thread;
