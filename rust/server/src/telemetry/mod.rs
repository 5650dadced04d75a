//! What the server says of itself: as text or JSON on the standard error, and to syslog.
//!
//! Not for events and tasks, which have files of their own ([`crate::journal`]). One subscriber for the whole process: it has to be there
//! before the configuration is read, so the form and syslog are switched while it works. Invariant: nobody waits for syslog.

mod line;
mod record;
mod syslog;
mod syslog_line;

use std::{
    io::IsTerminal,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{LevelFilter, dynamic_filter_fn},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use self::record::Records;
pub use self::{
    syslog::{Syslog, SyslogSettings},
    syslog_line::SyslogFormat,
};

/// Whether the standard error gets JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// Where records for syslog go, once it is on.
static SYSLOG: OnceLock<syslog::Entrance> = OnceLock::new();

/// Starts logging to the standard error; the first call of a process counts.
pub fn start(level: LevelFilter, json: bool) {
    set_json(json);
    // Libraries below us stay quiet unless something is wrong.
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).parse_lossy(
        ["server", "service", "store", "task", "engine", "model"]
            .map(|name| format!("semaphore_{name}={level}"))
            .join(","),
    );
    let text = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(dynamic_filter_fn(|_, _| !JSON.load(Ordering::Relaxed)));
    let _already_set = tracing_subscriber::registry().with(text).with(Records).with(filter).try_init();
}

/// Chooses JSON or text from now on.
pub fn set_json(json: bool) {
    JSON.store(json, Ordering::Relaxed);
}

/// Sends everything that is said to syslog, too. `lost` counts what could not be sent.
pub fn start_syslog(
    settings: SyslogSettings,
    lost: prometheus_client::metrics::counter::Counter,
) -> std::io::Result<Syslog> {
    let (syslog, entrance) = Syslog::start(settings, lost)?;
    let _already_set = SYSLOG.set(entrance);
    Ok(syslog)
}
