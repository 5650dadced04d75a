//! The API from outside: every writing route has an effect that survives a restart; who may not, cannot.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod access_matrix;
mod accounts_elsewhere;
mod automation;
mod connection;
mod deliveries;
mod description;
mod edge;
mod effects;
mod effects_automation;
mod effects_email;
mod effects_machines;
mod effects_people;
mod email;
mod foreign;
mod guests;
mod health;
mod invites;
mod jwt;
mod output;
mod revocation;
mod roles;
mod secret_storage;
mod sign_in;
mod slow_down;
mod task_token;
mod tokens;
mod world;
