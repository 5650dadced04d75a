//! The task host: a small process that runs one job and outlives the server that started it.
//!
//! [`Hosts::start`] starts one, [`attach`] finds it again after the server was killed, restarted or replaced; both give a
//! [`Hosted`] job with the same events as [`crate::job::start`]. [`serve`] is what the process does. The order (specification and
//! secrets) goes through the inherited socket; later servers come by a socket in the host's directory, which is private, and both
//! sides look at the user of the other. Not for deciding who may come: the last server that connects has the job.
//!
//! Invariants: an event is kept until a server has said that it is stored, and told again to the next server if it was not;
//! events are numbered and never left out; the host ends when everything is stored, and leaves its outcome in its directory until
//! the final status is stored, too. A host that was killed leaves a record of what it had started, and whoever notices ends that. What the server sends is known to hosts of the same version only, what a host tells to all newer
//! servers. All paths of a host are relative to its directory.

mod client;
mod frame;
mod left;
mod link;
mod order;
mod serve;
mod spool;
#[cfg(test)]
mod tests;

pub use client::{Attached, HostControl, HostEvents, Hosted, Hosts, attach};
pub use frame::StateAddress;
pub use left::{abandon, end, forget, out_of_memory};
pub use serve::serve;

/// Name of the command of the program that becomes a host; its argument is the host's directory.
pub const COMMAND: &str = "task-host";

/// Where a host waits for servers.
const SOCKET: &str = "socket";

/// How the job ended, as soon as it has.
const OUTCOME: &str = "outcome";
