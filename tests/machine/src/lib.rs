//! Real parts for tests: servers of SSH, git, LDAP, OpenID Connect, mail, webhooks, a secret storage, PostgreSQL and MariaDB on loopback, Bolt files, and the tools
//! of the machine.
//!
//! Not for anything of the product: this crate uses none of ours, so that every crate's tests may use it. Everything lives in
//! directories of its own, nothing of the machine is changed, and all of it ends with the value that stands for it. A value
//! in a `static` is never dropped and would leave its directory behind: keep fixtures in variables.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a fixture that fails is a failed test")]

pub mod bolt;
mod certificate;
pub mod database;
pub mod git;
pub mod git_http;
pub mod hook;
pub mod ldap;
pub mod oidc;
mod port;
pub mod smtp;
pub mod ssh;
mod tool;
pub mod vault;

pub use port::free_port;
pub use tool::{left_out, missing, project_root, tool, wait_until};
