//! The job of a running task, in this process or in one of its own.
//!
//! Not for what its events mean: that is the runner's. Both kinds tell the same events and hear the same wishes.

use std::{path::Path, sync::Arc};

use semaphore_engine::{
    EngineConfig,
    host::{HostControl, HostEvents, Hosts},
    job::{self, JobControl, JobEvent, JobEvents, JobSpec, SecretSet, StopReason},
};

/// What happens in a job.
pub(crate) enum Events {
    /// It runs in this process.
    Here(JobEvents),
    /// It runs in its own.
    Hosted(HostEvents),
}

impl Events {
    /// The next event; asking for it says that the one before is stored. `None`: there will be none any more.
    pub(crate) async fn next(&mut self) -> Option<JobEvent> {
        match self {
            Self::Here(events) => events.next().await,
            Self::Hosted(events) => events.next().await,
        }
    }

    /// Waits until the process of the job has gone, everything of which is stored but its outcome.
    pub(crate) async fn finish(&mut self) {
        if let Self::Hosted(events) = self {
            events.finish().await;
        }
    }

    /// Whether the job outlives this process.
    pub(crate) fn is_hosted(&self) -> bool {
        matches!(self, Self::Hosted(_))
    }
}

/// How a job is influenced.
pub(crate) enum Control {
    /// It runs in this process.
    Here(JobControl),
    /// It runs in its own.
    Hosted(HostControl),
}

impl Control {
    /// Asks for its end.
    pub(crate) fn stop_because(&self, reason: StopReason) {
        match self {
            Self::Here(control) => control.stop_because(reason),
            Self::Hosted(control) => control.stop_because(reason),
        }
    }

    /// Accepts or refuses what it asks for.
    pub(crate) fn confirm(&self, accepted: bool) {
        match self {
            Self::Here(control) => {
                control.confirm(accepted);
            }
            Self::Hosted(control) => control.confirm(accepted),
        }
    }

    /// Writes a line into its log.
    pub(crate) fn say(&self, line: &str) {
        match self {
            Self::Here(control) => control.say(line),
            Self::Hosted(control) => control.say(line),
        }
    }
}

/// Starts a job, with the directory of its host if it gets one.
pub(crate) async fn start(
    host: Option<(&Hosts, &Path)>,
    config: EngineConfig,
    spec: JobSpec,
    secrets: SecretSet,
) -> std::io::Result<(Events, Control)> {
    if let Some((hosts, directory)) = host {
        let hosted = hosts.start(directory, config, &spec, secrets).await?;
        return Ok((Events::Hosted(hosted.events), Control::Hosted(hosted.control)));
    }
    let job = job::start(Arc::new(config), spec, secrets, &tokio::runtime::Handle::current());
    Ok((Events::Here(job.events), Control::Here(job.control)))
}
