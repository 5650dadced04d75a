//! The logs of a running server beside its standard error: the files of events and tasks, and syslog.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use anyhow::Context;
use semaphore_model::Event;
use semaphore_service::{Services, TaskPorts};
use semaphore_store::EventListener;

use crate::{
    config::Config,
    http::metrics::Metrics,
    journal::{Journal, LostRecords},
    telemetry::{self, Syslog},
};

/// Time to write what waits when the server ends.
const GRACE: Duration = Duration::from_secs(5);

/// What is written while the server runs.
#[derive(Debug)]
pub(super) struct Logs {
    journal: Option<Arc<Journal>>,
    syslog: Option<Syslog>,
}

/// Hears of events: for the file and for the audit webhook.
struct Listener {
    journal: Option<Arc<Journal>>,
    services: Weak<Services>,
}

impl EventListener for Listener {
    fn stored(&self, event: &Event) {
        if let Some(journal) = &self.journal {
            journal.stored(event);
        }
        if let Some(services) = self.services.upgrade() {
            services.event_stored();
        }
    }
}

impl Logs {
    /// Starts what the configuration asks for. A rehearsal writes nothing that belongs to the server it is a copy of.
    pub(super) fn start(
        config: &Config,
        metrics: &Arc<Metrics>,
        services: &Arc<Services>,
        is_rehearsal: bool,
    ) -> anyhow::Result<Self> {
        if is_rehearsal {
            return Ok(Self { journal: None, syslog: None });
        }
        let settings = config.logs.clone();
        let lost = LostRecords::new(|log| metrics.lost_records(log));
        let journal = Journal::start(settings.journal, lost).context("cannot start writing log files")?.map(Arc::new);
        if journal.is_some() || settings.audit.is_some() {
            // The store belongs to the services: it must not keep them.
            let listener = Listener { journal: journal.clone(), services: Arc::downgrade(services) };
            services.store.listen_to_events(Arc::new(listener));
        }
        let start = |syslog| telemetry::start_syslog(syslog, metrics.lost_records("syslog"));
        let syslog = settings.syslog.map(start).transpose().context("cannot start sending to syslog")?;
        if syslog.is_some() {
            // Reference: the same words.
            tracing::info!("Syslog logging enabled");
        }
        Ok(Self { journal, syslog })
    }

    /// Has the statuses of tasks noted.
    pub(super) fn note_tasks(&self, tasks: &TaskPorts) {
        if let Some(journal) = &self.journal {
            tasks.set_log(journal.clone());
        }
    }

    /// Opens the files anew; answers whether there are any.
    pub(super) fn reopen(&self) -> bool {
        let Some(journal) = &self.journal else { return false };
        journal.reopen();
        tracing::info!("the log files are opened anew");
        true
    }

    /// Writes and sends what waits.
    pub(super) async fn close(self) {
        let closing = tokio::task::spawn_blocking(move || {
            if let Some(journal) = &self.journal {
                journal.close(GRACE);
            }
            if let Some(syslog) = self.syslog {
                syslog.close(GRACE);
            }
        });
        let _ = closing.await;
    }
}
