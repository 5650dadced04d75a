//! The store through its public door: one story on a fresh database, databases made by the Go server, migrations, and rates.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alerts;
mod audit;
mod bolt;
mod deliveries;
mod fixture;
mod go_model;
mod migration;
mod migration_server;
mod migration_undo;
mod output;
mod output_archive;
mod output_pack;
mod output_scale;
mod own_delete;
mod own_table;
mod query_count;
mod recorded;
mod retention;
mod story;
mod story_automation;
mod story_backup;
mod task_lease;
mod task_runner;
mod task_start;
mod transfer;
