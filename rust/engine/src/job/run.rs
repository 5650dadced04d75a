//! Starts a job and drives it through its stages to its outcome.

use std::{path, sync::Arc};

use semaphore_model::TaskStatus;
use tokio::runtime::Handle;

use super::{
    JobEvent, JobSpec, Outcome, SecretSet, StopReason,
    program::{Confirmation, Programs, StopRequest, redacted},
    stage::{self, StageError, Stages, keys::Keys, workspace::Workspace},
};
use crate::{
    EngineConfig,
    app::{self, AppContext},
    git::GitUrl,
    log::{self, Batch, LogOptions, LogReader, LogWriter, Redactor},
};

/// A job that was started.
#[derive(Debug)]
pub struct Job {
    /// What happens.
    pub events: JobEvents,
    /// How to influence it.
    pub control: JobControl,
}

/// The events of one job.
///
/// Whoever does not read slows the job's programs down, not the engine. Dropping this lets the job run on: what it says is
/// thrown away, its end is not told.
#[derive(Debug)]
pub struct JobEvents {
    reader: LogReader<JobEvent>,
}

impl JobEvents {
    /// Waits for the next event; `None` after [`JobEvent::Done`]. Safe to cancel.
    pub async fn next(&mut self) -> Option<JobEvent> {
        Some(match self.reader.next_batch().await? {
            Batch::Records(records) => JobEvent::Log(records),
            Batch::Marker(event) => event,
        })
    }
}

/// Stops a job or answers its question; usable from any thread, cheap to clone. Dropping it changes nothing.
#[derive(Clone, Debug)]
pub struct JobControl {
    stop: StopRequest,
    confirmation: Confirmation,
}

impl JobControl {
    /// Asks for the end: by the running program's stop plan, or (`forced`) at once. Asking again is harmless; a forced stop
    /// overtakes a graceful one. A job that is over is not changed.
    pub fn stop(&self, forced: bool) {
        self.stop_because(if forced { StopReason::Forced } else { StopReason::Requested });
    }

    /// As [`JobControl::stop`], with the reason that the outcome will tell.
    pub fn stop_because(&self, reason: StopReason) {
        self.stop.stop(reason);
    }

    /// Accepts or refuses what a job in the status `waiting_confirmation` wants to do; `false` if it does not wait.
    pub fn confirm(&self, accepted: bool) -> bool {
        self.confirmation.answer(accepted)
    }
}

/// Starts a job on `runtime`, which must have IO and time enabled, and returns at once.
///
/// Everything that can go wrong is told by the events. [`JobEvent::Done`] comes last: after every log record, when no process,
/// file or directory of the job is left but the clone that the next job of the template will use, and the program's own works.
/// Reference: a program's background children live on when it ends by itself; a stop ends them too.
pub fn start(config: Arc<EngineConfig>, spec: JobSpec, secrets: SecretSet, runtime: &Handle) -> Job {
    let (log, reader) = log::channel(LogOptions { first_seq: spec.first_seq, ..LogOptions::default() });
    let stop = StopRequest::default();
    let confirmation = Confirmation::default();
    let control = JobControl { stop: stop.clone(), confirmation: confirmation.clone() };
    let work = work(config, spec, secrets, log.clone(), stop, confirmation);
    runtime.spawn(async move {
        // In a task of its own, so that a defect of ours ends the job and not the host's wait for its end.
        let outcome = tokio::spawn(work).await.unwrap_or_else(|error| Outcome::Broken {
            stage: "engine".to_owned(),
            error: format!("internal error: {error}; please report it"),
        });
        let outcome = match outcome {
            Outcome::Broken { stage, error } => Outcome::Broken { stage, error: redacted(&log, &error) },
            other => other,
        };
        log.marker(JobEvent::Done(outcome));
        log.close();
    });
    Job { events: JobEvents { reader }, control }
}

async fn work(
    config: Arc<EngineConfig>,
    spec: JobSpec,
    secrets: SecretSet,
    log: LogWriter<JobEvent>,
    stop: StopRequest,
    confirmation: Confirmation,
) -> Outcome {
    log.marker(JobEvent::Status(TaskStatus::Running));
    let broken = |error: String| Outcome::Broken { stage: "workspace".to_owned(), error };
    match redactor(&spec, &secrets) {
        Ok(redactor) => log.set_redactor(redactor),
        Err(error) => return broken(error.to_string()),
    }
    let config = match with_absolute_paths(config) {
        Ok(config) => config,
        Err(error) => return broken(format!("cannot find the directory of tmp_path: {error}")),
    };
    let app = app::create(&spec.app, &config);
    let programs = Programs::new(Arc::clone(&config), log, stop, confirmation);
    let stages = Stages { config: &config, spec: &spec, secrets: &secrets, programs: &programs, app: app.as_ref() };
    through_stages(&stages).await.unwrap_or_else(|(stage, error)| error.outcome(stage))
}

/// Programs run in other directories, so a relative path would mean something else to them.
fn with_absolute_paths(config: Arc<EngineConfig>) -> std::io::Result<Arc<EngineConfig>> {
    if config.tmp_path.is_absolute() {
        return Ok(config);
    }
    let tmp_path = path::absolute(&config.tmp_path)?;
    Ok(Arc::new(EngineConfig { tmp_path, ..EngineConfig::clone(&config) }))
}

/// Hides all secrets of the job, and the credentials that are part of a URL.
fn redactor(spec: &JobSpec, secrets: &SecretSet) -> Result<Redactor, log::RedactorError> {
    let repositories = spec.inventory.iter().filter_map(|inventory| inventory.repository.as_ref());
    let urls: Vec<GitUrl> =
        repositories.chain([&spec.repository]).filter_map(|repository| repository.url.parse().ok()).collect();
    let quoted = app::quoted_secrets(spec, secrets);
    let in_urls = urls.iter().flat_map(GitUrl::secret_texts);
    let in_urls = in_urls.map(str::as_bytes);
    Redactor::new(secrets.values().chain(in_urls).chain(quoted.iter().map(|secret| secret.as_slice())))
}

/// The stages in their order. Whatever happens, what they made is undone in the opposite order.
async fn through_stages(stages: &Stages<'_>) -> Result<Outcome, (&'static str, StageError)> {
    let programs = stages.programs;
    let in_stage = |stage: &'static str| move |error: StageError| (stage, error);
    let check_stop = |stage| programs.check_stop().map_err(|error| (stage, StageError::from(error)));

    check_stop("workspace")?;
    let workspace = stage::workspace::prepare(stages).map_err(in_stage("workspace"))?;
    let outcome = async {
        stage::run::check(stages).map_err(in_stage("run"))?;
        check_stop("keys")?;
        let keys = stage::keys::install(stages, &workspace).await.map_err(in_stage("keys"))?;
        let outcome = with_keys(stages, &workspace, &keys).await;
        keys.remove().await;
        outcome
    };
    let outcome = outcome.await;
    workspace.remove().await;
    outcome
}

/// The stages that use keys.
async fn with_keys(
    stages: &Stages<'_>,
    workspace: &Workspace,
    keys: &Keys,
) -> Result<Outcome, (&'static str, StageError)> {
    let in_stage = |stage: &'static str| move |error: StageError| (stage, error);
    let check_stop = |stage| stages.programs.check_stop().map_err(|error| (stage, StageError::from(error)));

    check_stop("checkout")?;
    let files = stage::checkout::check_out(stages, workspace, keys).await.map_err(in_stage("checkout"))?;
    let outcome = async {
        check_stop("inventory")?;
        let inventory = stage::inventory::install(stages, workspace, keys).await.map_err(in_stage("inventory"))?;
        let context = AppContext {
            config: stages.config,
            spec: stages.spec,
            secrets: stages.secrets,
            work_dir: &files.work_dir,
            home_dir: &workspace.home_dir,
            inventory: inventory.argument.as_deref(),
            agent: keys.inventory_agent(),
            ssh: &keys.ssh,
            commit: &files.commit,
            programs: stages.programs,
        };
        let outcome = async {
            check_stop("requirements")?;
            stage::requirements::install(stages, &context).await.map_err(in_stage("requirements"))?;
            check_stop("run")?;
            stage::run::run(stages, &context).await.map_err(in_stage("run"))
        };
        let outcome = outcome.await;
        inventory.remove().await;
        outcome
    };
    let outcome = outcome.await;
    files.remove().await;
    outcome
}
