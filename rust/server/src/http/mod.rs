//! HTTP: the routing table, what handlers take as arguments, how errors become answers, the web page.
//!
//! Not for rules (service). A request goes: [`app::App::call`] (path, panics, content type) -> [`routes`] -> an access type
//! -> the handler.

pub mod access;
pub mod app;
mod assets;
mod client_address;
mod csrf;
pub mod error;
mod extension_method;
pub mod extract;
mod handlers;
pub mod hub;
pub mod machine_access;
pub mod metrics;
pub mod object;
mod path;
mod rehearsal;
pub mod routes;
pub mod serve;
pub mod state;
mod ws;

pub use app::App;
pub use assets::{Assets, PageError};
pub use client_address::AddressRange;
pub use state::AppState;
