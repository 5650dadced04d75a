//! What the integration tests share: the real program on a free port with data of its own, a client with a session, and
//! a project to run tasks in.
//!
//! Nothing here looks inside the server: it is started as a process, spoken to over HTTP, and its database is read with
//! another program. A fixture that cannot do its work panics with the reason; that is a failed test.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a fixture that fails is a failed test")]

mod browser;
mod cgroup;
mod client;
mod clock;
mod directory;
mod left;
mod machine;
mod mail;
mod project;
mod runner_desk;
mod secret;
mod server;

pub use browser::{Page, visit};
pub use cgroup::ControlGroup;
pub use client::{Answer, Client};
pub use clock::Clock;
pub use directory::ldap_config;
pub use left::assert_nothing_left;
pub use machine::{ansible, processes_in, processes_with, program, task_hosts, tofu, zombies_below};
pub use mail::mail_options;
pub use project::{Project, git_repository};
pub use runner_desk::{Fault, Heard, RUNNER_TOKEN, Reported, RunnerDesk, RunnerProcess};
pub use secret::SecretWatch;
pub use semaphore_test_machine::{free_port, project_root, wait_until};
pub use server::{Options, PASSWORD, REGISTRATION_TOKEN, Server, base_config};
