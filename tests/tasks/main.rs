//! Tasks through the real program: what they print is stored, what they are is shown, what they leave behind is nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alerts;
mod ansible;
mod ansible_galaxy;
mod ansible_inventory;
mod ansible_login;
mod ansible_options;
mod ansible_report;
mod ansible_vault;
mod apps;
mod clock;
mod database_restart;
mod disk_full;
mod failure;
mod git_http;
mod git_kill;
mod git_ssh;
mod host;
mod host_cgroup;
mod host_end;
mod host_keys;
mod inventory_repository;
mod logs;
mod memory;
mod output;
mod output_faults;
mod owners;
mod preflight;
mod rekeyed;
mod restart;
mod robust;
mod sandbox;
mod schedule;
mod sse;
mod stop;
mod terraform;
mod terraform_backend;
mod terraform_state;
mod two_servers;
mod websocket;
mod websocket_v2;
