//! The API from outside: every writing route has an effect that survives a restart; who may not, cannot.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod connection;
mod effects;
mod output;
mod world;
