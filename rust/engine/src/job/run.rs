//! Starts a job and drives it through its stages to its outcome.

use std::{path, sync::Arc};

use semaphore_model::TaskStatus;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{
    JobEvent, JobSpec, KeyKind, KeySpec, Outcome, Problem, ProblemCode, SecretSet, StopReason,
    known_hosts::{KnownHosts, known_hosts_name},
    program::{Confirmation, Programs, StopRequest, redacted},
    stage::{self, StageError, Stages, Told, keys::Keys, workspace::Workspace},
};
use crate::{
    EngineConfig,
    app::{self, AppContext},
    config::{HomeDirMode, SandboxMode},
    git::GitUrl,
    log::{self, Batch, LogOptions, LogReader, LogWriter, Redactor, Stream},
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
    over: CancellationToken,
    /// None where the events end with the last writer.
    log: Option<LogWriter<JobEvent>>,
}

impl JobControl {
    /// Writes a line of the host into the job's log; nothing happens if the job is over.
    pub fn say(&self, line: impl Into<String>) {
        if let Some(log) = &self.log {
            log.line(Stream::System, line.into());
        }
    }

    /// Waits until the job is over and all its events can be read: a host that reads slowly on purpose, so that the programs wait,
    /// has nothing to wait for any more.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }

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
    start_with(config, spec, secrets, runtime, false)
}

/// As [`start`], for a host that compares jobs: each program is told by [`JobEvent::Program`] before it is started.
pub fn start_telling_programs(config: Arc<EngineConfig>, spec: JobSpec, secrets: SecretSet, runtime: &Handle) -> Job {
    start_with(config, spec, secrets, runtime, true)
}

fn start_with(config: Arc<EngineConfig>, spec: JobSpec, secrets: SecretSet, runtime: &Handle, told: bool) -> Job {
    let (log, reader) = log::channel(LogOptions { first_seq: spec.first_seq, ..LogOptions::default() });
    log.show_partials(|stream, text| JobEvent::Partial { stream, text });
    let stop = StopRequest::default();
    let confirmation = Confirmation::default();
    let over = CancellationToken::new();
    let (line, over_too) = (Some(log.clone()), over.clone());
    let control = JobControl { stop: stop.clone(), confirmation: confirmation.clone(), over: over_too, log: line };
    let programs = move |config, log| Programs::new(config, log, stop, confirmation).telling(told);
    let work = work(config, spec, secrets, log.clone(), programs);
    runtime.spawn(async move {
        // In a task of its own, so that a defect of ours ends the job and not the host's wait for its end.
        let outcome = tokio::spawn(work)
            .await
            .unwrap_or_else(|error| broken(&log, "engine", format!("internal error: {error}; please report it")));
        let outcome = match outcome {
            Outcome::Broken { stage, error } => Outcome::Broken { stage, error: redacted(&log, &error) },
            other => other,
        };
        log.marker(JobEvent::Done(outcome));
        log.close();
        over.cancel();
    });
    Job { events: JobEvents { reader }, control }
}

/// Programs without a job for work that a caller follows, such as one operation of git: what they say arrives as events, without
/// the `secrets`, and the control stops them. [`JobEvent::Done`] never comes; the events end with the last clone of the programs.
///
/// # Errors
/// If a secret cannot be hidden.
pub fn attended<'a>(
    config: Arc<EngineConfig>,
    secrets: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Programs, Job), log::RedactorError> {
    let (log, reader) = log::channel(LogOptions { redactor: Redactor::new(secrets)?, ..LogOptions::default() });
    let (stop, confirmation, over) = (StopRequest::default(), Confirmation::default(), CancellationToken::new());
    let control = JobControl { stop: stop.clone(), confirmation: confirmation.clone(), over, log: None };
    Ok((Programs::new(config, log, stop, confirmation), Job { events: JobEvents { reader }, control }))
}

async fn work(
    config: Arc<EngineConfig>,
    spec: JobSpec,
    secrets: SecretSet,
    log: LogWriter<JobEvent>,
    programs: impl FnOnce(Arc<EngineConfig>, LogWriter<JobEvent>) -> Programs,
) -> Outcome {
    log.marker(JobEvent::Status(TaskStatus::Running));
    match redactor(&spec, &secrets) {
        Ok(redactor) => log.set_redactor(redactor),
        Err(error) => return broken(&log, "workspace", error.to_string()),
    }
    let config = match with_absolute_paths(config) {
        Ok(config) => config,
        Err(error) => return broken(&log, "workspace", format!("cannot find the directory of tmp_path: {error}")),
    };
    let app = app::create(&spec.app, &config);
    let programs = programs(Arc::clone(&config), log);
    let (app, told) = (app.as_ref(), Told::default());
    let stages = Stages { config: &config, spec: &spec, secrets: &secrets, programs: &programs, app, told };
    through_stages(&stages).await.unwrap_or_else(|(stage, error)| {
        stages.tell_failure(&error);
        error.outcome(stage)
    })
}

/// The end of a job that broke outside of its stages, with its problem told.
fn broken(log: &LogWriter<JobEvent>, stage: &str, error: String) -> Outcome {
    let problem = Problem { code: ProblemCode::Machine, message: redacted(log, &error) };
    log.marker(JobEvent::Problem(problem));
    Outcome::Broken { stage: stage.to_owned(), error }
}

/// Programs run in other directories, so a relative path would mean something else to them. In the strict sandbox HOME is the
/// project's directory: the server's is not shown.
fn with_absolute_paths(config: Arc<EngineConfig>) -> std::io::Result<Arc<EngineConfig>> {
    let is_strict = config.process.sandbox == SandboxMode::Strict;
    if config.tmp_path.is_absolute() && !is_strict {
        return Ok(config);
    }
    let tmp_path = path::absolute(&config.tmp_path)?;
    let home_dir_mode = if is_strict { HomeDirMode::ProjectHome } else { config.home_dir_mode };
    Ok(Arc::new(EngineConfig { tmp_path, home_dir_mode, ..EngineConfig::clone(&config) }))
}

/// Hides all secrets of the job, the credentials that are part of a URL, and logins together with their passwords, as they are
/// encoded for a server.
fn redactor(spec: &JobSpec, secrets: &SecretSet) -> Result<Redactor, log::RedactorError> {
    let repositories = spec.inventory.iter().filter_map(|inventory| inventory.repository.as_ref());
    let urls: Vec<GitUrl> =
        repositories.chain([&spec.repository]).filter_map(|repository| repository.url.parse().ok()).collect();
    let mut derived: Vec<_> = keys(spec).filter_map(|key| login_and_password(key, secrets)).collect();
    derived.extend(app::quoted_secrets(spec, secrets));
    let in_urls = urls.iter().flat_map(GitUrl::secret_texts);
    let values = secrets.values().chain(in_urls.map(str::as_bytes));
    Redactor::new(values.chain(derived.iter().map(|secret| secret.as_slice())))
}

/// All keys that the job names.
fn keys(spec: &JobSpec) -> impl Iterator<Item = &KeySpec> {
    let of_inventory = spec.inventory.iter().flat_map(|inventory| {
        let repository = inventory.repository.as_ref().map(|repository| &repository.key);
        [inventory.key.as_ref(), inventory.become_key.as_ref(), repository]
    });
    of_inventory.flatten().chain([&spec.repository.key])
}

fn login_and_password(key: &KeySpec, secrets: &SecretSet) -> Option<Zeroizing<Vec<u8>>> {
    let KeyKind::LoginPassword { login, password } = &key.kind else { return None };
    let password = secrets.get(password).filter(|password| !password.is_empty())?;
    Some(Zeroizing::new([login.as_bytes(), b":", password].concat()))
}

/// The stages in their order. Whatever happens, what they made is undone in the opposite order.
async fn through_stages(stages: &Stages<'_>) -> Result<Outcome, (&'static str, StageError)> {
    begin(stages, "workspace")?;
    let workspace = stage::workspace::prepare(stages).map_err(in_stage("workspace"))?;
    let outcome = async {
        stage::run::check(stages).map_err(in_stage("run"))?;
        begin(stages, "keys")?;
        let mut keys = stage::keys::install(stages, &workspace).await.map_err(in_stage("keys"))?;
        let outcome = with_known_hosts(stages, &workspace, &mut keys).await;
        keys.remove().await;
        outcome
    };
    let outcome = outcome.await;
    workspace.remove().await;
    outcome
}

/// Tells that a stage begins; an error if the job was stopped.
fn begin(stages: &Stages<'_>, stage: &'static str) -> Result<(), (&'static str, StageError)> {
    stages.programs.check_stop().map_err(|error| (stage, StageError::from(error)))?;
    stages.begin(stage);
    Ok(())
}

fn in_stage(stage: &'static str) -> impl Fn(StageError) -> (&'static str, StageError) {
    move |error| (stage, error)
}

/// The stages that use keys, with the file of known hosts; what it has at the end is told.
async fn with_known_hosts(
    stages: &Stages<'_>,
    workspace: &Workspace,
    keys: &mut Keys,
) -> Result<Outcome, (&'static str, StageError)> {
    let path = workspace.project_dir.join(known_hosts_name(stages.spec.task_id));
    let known_hosts = KnownHosts::write(&stages.spec.host_keys, &path)
        .map_err(|source| StageError::file("write", &path, source))
        .map_err(in_stage("keys"))?;
    if known_hosts.is_some() {
        let given = stages.programs.give(&path).map_err(|source| StageError::give(&path, source));
        given.map_err(in_stage("keys"))?;
    }
    keys.ssh.known_hosts = known_hosts.as_ref().map(|file| file.path().to_owned());
    let outcome = with_keys(stages, workspace, keys).await;
    if let Some(learned) = known_hosts.map(|file| file.learned()).filter(|learned| !learned.is_empty()) {
        stages.programs.event(JobEvent::KnownHosts(learned));
    }
    outcome
}

/// The stages that use keys.
async fn with_keys(
    stages: &Stages<'_>,
    workspace: &Workspace,
    keys: &Keys,
) -> Result<Outcome, (&'static str, StageError)> {
    begin(stages, "checkout")?;
    stage::preflight::before_checkout(stages, workspace);
    let files = stage::checkout::check_out(stages, workspace, keys).await.map_err(in_stage("checkout"))?;
    let outcome = async {
        begin(stages, "inventory")?;
        let inventory = stage::inventory::install(stages, workspace, keys).await.map_err(in_stage("inventory"))?;
        let git = stage::requirements::git(stages, workspace, keys).map_err(in_stage("requirements"))?;
        let context = AppContext {
            config: stages.config,
            spec: stages.spec,
            secrets: stages.secrets,
            work_dir: &files.work_dir,
            home_dir: &workspace.home_dir,
            inventory: inventory.argument.as_deref(),
            agent: keys.inventory_agent(),
            git: git.as_ref(),
            ssh: &keys.ssh,
            commit: &files.commit,
            programs: stages.programs,
        };
        let outcome = with_files(stages, &context).await;
        inventory.remove().await;
        outcome
    };
    let outcome = outcome.await;
    files.remove().await;
    outcome
}

/// The stages in which the app works.
async fn with_files(stages: &Stages<'_>, context: &AppContext<'_>) -> Result<Outcome, (&'static str, StageError)> {
    stage::preflight::before_run(stages, context);
    let temporary = stage::sandbox::make(stages, context).await.map_err(in_stage("requirements"))?;
    let outcome = async {
        begin(stages, "requirements")?;
        stage::requirements::install(stages, context).await.map_err(in_stage("requirements"))?;
        begin(stages, "run")?;
        let outcome = stage::run::run(stages, context).await.map_err(in_stage("run"))?;
        stages.diagnose(&outcome);
        Ok(outcome)
    };
    let outcome = outcome.await;
    if let Some(temporary) = temporary
        && let Err(error) = temporary.remove().await
    {
        tracing::warn!(%error, "cannot remove the directory for temporary files of a job");
    }
    outcome
}
