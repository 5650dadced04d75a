//! The semaphore program as a library: HTTP, web page, command line, configuration.
//!
//! Not for rules or persistence. What the binary does is [`cli::run`]; tests build an [`http::App`] or read
//! [`http::routes::routes`].

#![forbid(unsafe_code)]

pub mod cli;
pub mod config;
pub mod http;
pub mod journal;
mod qr;
pub mod signal;
pub mod survival;
pub mod telemetry;
pub mod version;
