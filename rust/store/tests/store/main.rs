//! The store through its public door: one story on a fresh database, databases made by the Go server, migrations, and rates.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bolt;
mod fixture;
mod go_model;
mod migration;
mod migration_server;
mod migration_undo;
mod output;
mod own_delete;
mod own_table;
mod recorded;
mod story;
mod story_automation;
mod transfer;
