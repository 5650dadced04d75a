//! HTTP: the routing table, what handlers take as arguments, how errors become answers, the web page.
//!
//! Not for rules (service). A request goes: [`app::App::call`] (path, panics, content type) -> [`routes`] -> an access type
//! -> the handler.

pub mod access;
pub mod app;
mod assets;
mod auto_redirect;
mod client_address;
mod csrf;
mod edge;
pub mod error;
mod extension_method;
pub mod extract;
mod handlers;
pub mod hub;
pub mod machine_access;
pub mod metrics;
pub mod object;
pub mod openapi;
mod path;
mod patient_body;
mod rehearsal;
pub mod routes;
pub mod run_access;
pub mod serve;
pub mod state;
mod task_feed;
mod task_news;
pub mod tls;
mod ws;
mod ws_batch;

pub use app::App;
pub use assets::{Assets, PageError};
pub use client_address::AddressRange;
pub use edge::{EdgeSettings, RequestLog};
pub use state::AppState;
