//! Persistence: the only crate that knows SQL.
//!
//! What it is for: one [`Store`] with `get_`, `list_`, `insert_`, `update_` and `delete_` methods per entity, a [`Transaction`]
//! for use cases that write several objects, and the migrations of the schema. Not for rules, permissions, encryption of
//! secrets or hashing of passwords: the service does those.
//!
//! Invariants:
//! - the schema is the reference's, through its own numbered history: a database can go back to the Go server;
//! - every write of one call is one transaction; a method that takes several steps is all or nothing;
//! - state commits with `synchronous=FULL`, output of tasks with `NORMAL`; a later `FULL` commit makes earlier output durable;
//! - no list needs more queries when it has more rows;
//! - ids of objects are looked up together with the project they must belong to.

#![forbid(unsafe_code)]

pub mod bolt;
mod cache;
mod copy_file;
mod db;
mod db_time;
mod delivery;
mod error;
mod inspection;
mod list;
mod open;
mod open_file;
mod open_server;
mod orphan;
mod own_table;
mod param;
mod row;
mod sql;
pub mod transfer;

mod access_key;
mod active_task;
mod alert_outbox;
mod alert_rule;
mod api_token;
mod audit_outbox;
mod backup;
mod email_otp;
mod environment;
mod event;
mod event_tap;
mod hashed_token;
mod health;
mod host_key_policy;
mod integration;
mod integration_alias;
mod integration_rule;
mod inventory;
mod inventory_policy;
mod job_stage;
mod jwt_key;
mod login_throttle;
mod mapped_right;
mod member;
pub mod migration;
mod oidc_subject;
mod project;
mod project_invite;
mod referrer;
mod repository;
mod retention;
mod retention_rule;
mod role;
mod runner;
mod runner_report;
mod runner_room;
mod schedule;
mod schedule_policy;
mod secret_storage;
mod server;
mod server_option;
mod session;
mod stored_secret;
mod task;
mod task_archive;
mod task_archive_chunk;
mod task_command;
mod task_follow;
mod task_host;
mod task_lease;
mod task_list;
mod task_output;
mod task_output_mark;
mod task_output_pack;
mod task_output_range;
mod task_output_search;
mod task_output_write;
mod task_params;
mod task_problem;
mod task_runner;
mod task_stage;
mod task_start;
mod task_statistics;
mod task_step;
mod task_waiting;
mod template;
mod template_list;
mod template_vault;
mod terraform_lock;
mod terraform_state;
mod user;
mod view;

pub use access_key::AccessKeyFilter;
pub use active_task::ForeignTask;
pub use alert_outbox::{AlertEnd, ClaimedAlert, NewAlert, NextAlert, SentAlert};
pub use alert_rule::AlertFacts;
pub use audit_outbox::AuditRecord;
pub use copy_file::copy_sqlite;
pub use db::Transaction;
pub use db_time::DbTime;
pub use delivery::{Delivery, DeliveryVerdict, NewDelivery};
pub use error::StoreError;
pub use event_tap::EventListener;
pub use hashed_token::{HashedToken, NamedToken};
pub use health::Connections;
pub use inspection::SchemaState;
pub use inventory::InventoryFilter;
pub use jwt_key::JwtKey;
pub use list::{ListOptions, Page};
pub use login_throttle::{AttemptFailures, AttemptKey};
pub use mapped_right::{MappedAdmin, MappedRole};
pub use member::ProjectAccess;
pub use oidc_subject::{OIDC_IDENTITY_CHARACTERS, OidcSubject};
pub use open::{SqliteOptions, Store};
pub use open_server::{ServerKind, ServerOptions};
pub use orphan::{Orphans, Repair};
pub use retention_rule::ScopedRule;
pub use runner_report::RunnerReportMail;
pub use server::{OtherServers, ServerPresence};
pub use session::{Identity, SessionActivity};
pub use stored_secret::{OwnSecret, OwnTable};
pub use task_archive::Archived;
pub use task_command::TaskCommand;
pub use task_host::TaskHost;
pub use task_lease::{Beside, Hold};
pub use task_list::TaskFilter;
pub use task_output::OutputCursor;
pub use task_output_range::OutputRange;
pub use task_output_search::{OutputHit, OutputHits, OutputSearch};
pub use task_runner::{Candidate, RunnerStage, RunnerTags, RunnerTask, RunnerWish, WatchedTask};
pub use task_start::{ScheduleFire, TaskStart};
pub use task_statistics::{TaskStatistics, TaskStatisticsFilter};
pub use task_step::{RemoteBegin, StatusChange, TaskStep};
pub use task_waiting::WaitingFacts;
pub use template_list::TemplateFilter;
pub use terraform_lock::TerraformLock;

/// Result of a store call.
pub type Result<T> = std::result::Result<T, StoreError>;
