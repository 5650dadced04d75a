//! Runs one job on this machine: processes, logs, git, inventories, executors, job stages.
//!
//! Not for databases, HTTP or configuration files. Nothing here reads the environment, HOME or a global: everything arrives
//! in [`EngineConfig`] and [`job::JobSpec`]. No signal handler is installed, only own children are waited for, and no thread
//! is started that could receive the host's signals.

pub mod app;
pub mod config;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod git;
pub mod host;
pub mod job;
pub mod key;
pub mod log;
pub mod process;

pub use config::EngineConfig;
