//! The store through its public door: one story on a fresh database, databases made by the Go server, migrations, and rates.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;
mod go_model;
mod migration;
mod output;
mod own_table;
mod recorded;
mod story;
mod story_automation;
mod story_backup;
