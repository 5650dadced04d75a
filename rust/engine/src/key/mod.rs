//! Access keys of a job: private keys in an agent of the job's own, and what ssh is told about hosts.
//!
//! Not for storing keys or deciding who may use them. Invariants: a private key or passphrase is in no file, argument, log
//! or error; memory that held one is zeroized; what a key makes on disk (a socket in a private directory) goes with its guard.

mod agent;
mod error;
mod install;
mod private;
mod ssh_options;

#[cfg(fuzzing)]
pub(crate) use agent::answer_to as agent_answer;
pub(crate) use agent::remove_leftovers;
pub use agent::{Agent, AgentPlace, SocketOwner};
pub use error::KeyError;
pub use install::{Installation, KeyRole, install};
pub use private::PrivateKey;
pub use ssh_options::SshOptions;
