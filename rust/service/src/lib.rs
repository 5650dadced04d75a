//! Use cases: rules, permissions, secrets and side effects, one file per resource.
//!
//! Not for SQL (store), HTTP (server) or processes (engine). Invariants: every use case checks that the objects it touches
//! belong to the project it was called for; an [`Error`] tells clients nothing about the inside.

#![forbid(unsafe_code)]

pub mod alert;
pub mod app;
pub mod audit;
pub mod auth;
pub mod backup;
pub mod crypto;
mod diagnostics;
pub mod environment;
pub mod error;
pub mod event;
#[cfg(test)]
mod fixture;
pub mod group_mapping;
pub mod host_keys;
pub mod housekeeping;
pub mod integration;
pub mod inventory;
pub mod invite;
pub mod jwt;
pub mod key;
pub mod mail;
pub mod member;
pub mod membership;
pub mod owned;
pub mod project;
pub mod repository;
pub mod retention;
pub mod role;
pub mod runner;
pub mod runner_client;
pub mod runner_protocol;
mod runner_webhook;
pub mod schedule;
pub mod secret_storage;
pub mod server_option;
pub mod services;
pub mod settings;
pub mod sign_in;
mod system;
pub mod task;
pub mod template;
pub mod terraform_backend;
pub mod terraform_state;
mod tls;
pub mod user;
pub mod view;
mod working_copy;

pub use error::{Error, Kind, Result};
pub use membership::Membership;
pub use services::Services;
pub use settings::Settings;
pub use task::TaskPorts;
