//! The loop of a remote runner: reports and polls, begins tasks, passes on what people want of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use semaphore_engine::{
    host::{self, Attached, Hosted, Hosts},
    job::{JobEvent, Outcome, Problem, ProblemCode, StopReason, remove_leftovers},
};
use semaphore_model::{
    ProjectId, TaskId,
    remote::{JobData, Progress, RunnerState},
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    RemoteSettings, Upstream, UpstreamError,
    follow::{Told, follow},
    held::Held,
};
use crate::specification::{Keys, specify};

/// How often the server is asked. Reference: the same.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a server may not know this runner before its tasks are ended.
const LONGEST_EXILE: Duration = Duration::from_mins(1);
/// How long processes of tasks whose end is stored may take to go.
const END_PATIENCE: Duration = Duration::from_secs(6);
/// How long the server may take to answer when the tasks are to stop: they must not wait for one that hangs.
const STOP_PATIENCE: Duration = Duration::from_secs(2);
/// What a runner without a limit says of its room.
const UNLIMITED: u32 = 1_000_000;

/// Begin the names of directories for the tasks of a project; they are of one length.
const EXPLAINED: &str = "ours_";
const UNEXPLAINED: &str = "task_";

/// A process that an earlier runner has started.
struct LeftBehind {
    project: ProjectId,
    task: TaskId,
    /// Whether the server says itself why the task fails.
    is_explained: bool,
    directory: PathBuf,
}

/// A remote runner.
pub struct RemoteRunner {
    settings: RemoteSettings,
    upstream: Arc<dyn Upstream>,
    held: BTreeMap<TaskId, Held>,
    said: mpsc::Receiver<Told>,
    say: mpsc::Sender<Told>,
    followers: JoinSet<()>,
    /// What is to be removed as soon as nothing uses it; `None` for everything.
    to_clear: BTreeSet<Option<ProjectId>>,
    /// What is wrong with the server, as it was said.
    trouble: Option<UpstreamError>,
    /// Since when the server does not know this runner.
    exiled_since: Option<Instant>,
    connected: CancellationToken,
    has_worked: bool,
}

impl RemoteRunner {
    /// A runner, with the tasks that an earlier process of it has left at work.
    ///
    /// # Errors
    /// If the directory of the processes cannot be read.
    pub async fn new(settings: RemoteSettings, upstream: Arc<dyn Upstream>) -> io::Result<Self> {
        let (say, said) = mpsc::channel(16);
        let mut runner = Self {
            settings,
            upstream,
            held: BTreeMap::new(),
            said,
            say,
            followers: JoinSet::new(),
            to_clear: BTreeSet::new(),
            trouble: None,
            exiled_since: None,
            connected: CancellationToken::new(),
            has_worked: false,
        };
        for left in runner.left_behind()? {
            runner.find(left).await;
        }
        Ok(runner)
    }

    /// Cancelled when the server has answered for the first time.
    pub fn connected(&self) -> CancellationToken {
        self.connected.clone()
    }

    /// Works until `drain` is cancelled and everything that was begun has ended; `stop` ends it sooner. Dropped before its end, it
    /// leaves the tasks at work to the next runner.
    pub async fn run(&mut self, drain: &CancellationToken, stop: &CancellationToken) {
        let mut tick = tokio::time::interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut drains, mut stops) = (false, false);
        loop {
            // Ahead of whatever else is to be done: with a server that hangs each of it takes a while.
            if stop.is_cancelled() && !stops {
                (drains, stops) = (true, true);
                for held in self.held.values_mut() {
                    held.stop(StopReason::Requested);
                }
            }
            if drain.is_cancelled() && !drains {
                drains = true;
                tracing::info!(tasks = self.held.len(), "no more tasks are taken; those that run go on to their end");
            }
            let is_done = drains || self.settings.one_off && self.has_worked;
            if self.held.is_empty() && is_done {
                return self.finish().await;
            }
            tokio::select! {
                () = stop.cancelled(), if !stops => {}
                () = drain.cancelled(), if !drains => {}
                Some(told) = self.said.recv() => {
                    let task = told.task;
                    self.hear(told).await;
                    // While the server is away it is asked once in a while only.
                    if self.trouble.is_none() {
                        let sent = self.send(task, (!stops).then_some(stop)).await;
                        self.note(sent);
                    }
                }
                _ = tick.tick() => {
                    let done = self.round(drains, (!stops).then_some(stop)).await;
                    self.note(done);
                }
            }
        }
    }

    async fn finish(&mut self) {
        let ended = async { while self.followers.join_next().await.is_some() {} };
        if tokio::time::timeout(END_PATIENCE, ended).await.is_err() {
            tracing::warn!("a process of a task does not end although its task is over");
        }
    }

    /// Tells what there is to tell, and asks. `stop` is what was not acted upon yet, here and below.
    async fn round(&mut self, drains: bool, stop: Option<&CancellationToken>) -> Result<(), UpstreamError> {
        while self.followers.try_join_next().is_some() {}
        let mut busy = None;
        for task in self.held.keys().copied().collect::<Vec<_>>() {
            keep_busy(self.send(task, stop).await, &mut busy)?;
        }
        let told = self.beat(stop).await;
        // The server takes a task that it was not told of for one that is not here: it must know them all.
        let room = told.is_ok().then(|| self.room(drains));
        keep_busy(told, &mut busy)?;
        let state = unless_stopped(stop, self.upstream.poll(room)).await?;
        self.connected.cancel();
        self.obey(state, drains).await;
        self.clear().await;
        self.sweep();
        busy.map_or(Ok(()), Err)
    }

    /// How many tasks would be begun now.
    fn room(&self, drains: bool) -> u32 {
        let is_deaf = matches!(self.trouble, Some(UpstreamError::Unreadable(_)));
        if drains || is_deaf || self.settings.one_off && self.has_worked {
            return 0;
        }
        let left = self.settings.max_parallel_tasks.map(|most| most.saturating_sub(self.held.len()));
        left.and_then(|left| u32::try_from(left).ok()).unwrap_or(UNLIMITED)
    }

    /// Sends the report about one task, if there is one.
    async fn send(&mut self, task: TaskId, stop: Option<&CancellationToken>) -> Result<(), UpstreamError> {
        let Some(report) = self.held.get(&task).and_then(Held::report) else { return Ok(()) };
        match unless_stopped(stop, self.upstream.report(&Progress { jobs: vec![report] })).await {
            Ok(()) => {
                if self.held.get_mut(&task).is_some_and(Held::reported) {
                    self.held.remove(&task);
                    tracing::info!(task.id = %task, "a task has ended");
                }
                Ok(())
            }
            Err(UpstreamError::Refused(why)) => {
                self.discard(task, &why);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Tells which tasks are here. Reference: in the same report as what they say.
    async fn beat(&mut self, stop: Option<&CancellationToken>) -> Result<(), UpstreamError> {
        let all = Progress { jobs: self.held.values().map(Held::heartbeat).collect() };
        let refused = match unless_stopped(stop, self.upstream.report(&all)).await {
            Err(UpstreamError::Refused(why)) => why,
            done => return done,
        };
        // One of them is not this runner's any more; which one is not said.
        for job in all.jobs {
            let task = job.id;
            match unless_stopped(stop, self.upstream.report(&Progress { jobs: vec![job] })).await {
                Err(UpstreamError::Refused(why)) => self.discard(task, &why),
                done => done?,
            }
        }
        tracing::debug!(refused, "the server has refused a report");
        Ok(())
    }

    fn discard(&mut self, task: TaskId, why: &str) {
        tracing::warn!(task.id = %task, why, "a task is ended: the server refuses what is told about it");
        if let Some(held) = self.held.remove(&task) {
            held.discard();
        }
    }

    /// What the answer of the server says about it; the same trouble is told once.
    fn note(&mut self, done: Result<(), UpstreamError>) {
        match done {
            Ok(()) => {
                self.exiled_since = None;
                if self.trouble.take().is_some() {
                    tracing::info!("the server answers again");
                }
            }
            Err(error) => {
                let is_stranger = matches!(error, UpstreamError::Stranger(_));
                if self
                    .trouble
                    .as_ref()
                    .is_none_or(|told| std::mem::discriminant(told) != std::mem::discriminant(&error))
                {
                    tracing::error!(%error, tasks = self.held.len(), "the server cannot be asked; trying again each second");
                }
                self.trouble = Some(error);
                if !is_stranger {
                    self.exiled_since = None;
                } else if self.exiled_since.get_or_insert_with(Instant::now).elapsed() >= LONGEST_EXILE {
                    // A Go server says so, too, when it cannot ask its database.
                    let explained = self.held.iter().filter(|(_, held)| held.is_explained());
                    for task in explained.map(|(task, _)| *task).collect::<Vec<_>>() {
                        self.discard(task, "it does not know this runner any more");
                    }
                }
            }
        }
    }

    async fn obey(&mut self, state: RunnerState, drains: bool) {
        if state.clear_cache {
            self.to_clear.insert(state.cache_clean_project_id);
        }
        for job in &state.current_jobs {
            if let Some(held) = self.held.get_mut(&job.id) {
                match job.known_status() {
                    Some(status) => held.hear(status),
                    None => held.is_named(),
                }
            }
        }
        for (task, held) in &mut self.held {
            if state.new_jobs.iter().any(|job| job.task.id == *task) {
                held.is_named();
            } else if !state.current_jobs.iter().any(|job| job.id == *task) && held.is_missed() {
                tracing::warn!(task.id = %task, "a task is ended: the server does not name it any more");
                held.stop(StopReason::Forced);
            }
        }
        if drains || self.settings.one_off && self.has_worked {
            return;
        }
        let RunnerState { new_jobs, access_keys, .. } = state;
        for job in new_jobs {
            let has_room = self.settings.max_parallel_tasks.is_none_or(|most| self.held.len() < most);
            if has_room && !self.held.contains_key(&job.task.id) {
                self.begin(&job, &access_keys).await;
            }
        }
    }

    /// Starts a task; one that cannot be started has ended with the reason.
    async fn begin(&mut self, job: &JobData, keys: &Keys) {
        self.has_worked = true;
        let (task, project) = (job.task.id, job.task.project_id);
        let (first, is_explained) = (job.rs.as_ref().map_or(0, |extras| extras.first_record), job.rs.is_some());
        tracing::info!(task.id = %task, project.id = %project, template = job.template.name, "a task begins");
        let (control, error) = match self.start(job, keys).await {
            Ok((hosted, directory)) => {
                self.followers.spawn(follow(task, hosted.events, directory, self.say.clone()));
                (Some(hosted.control), None)
            }
            Err(problem) => (None, Some(problem)),
        };
        let mut held = Held::new(task, project, control, Some(first)).explained(is_explained);
        if let Some(problem) = error {
            let outcome = Outcome::Broken { stage: "prepare".to_owned(), error: problem.message.clone() };
            held.take(vec![JobEvent::Problem(problem), JobEvent::Done(outcome)], None);
        }
        self.held.insert(task, held);
    }

    async fn start(&self, job: &JobData, keys: &Keys) -> Result<(Hosted, PathBuf), Problem> {
        let (spec, secrets) = specify(job, keys, &self.settings.server)
            .map_err(|error| Problem { code: ProblemCode::Specification, message: error.to_string() })?;
        let machine = |error: io::Error| Problem {
            code: ProblemCode::Machine,
            message: format!("its process cannot be started: {error}"),
        };
        let hosts = self.hosts(job.task.project_id, job.rs.is_some()).map_err(machine)?;
        let directory = hosts.directory(job.task.id.0).map_err(machine)?;
        let engine = self.settings.engine.clone();
        let hosted = hosts.start(&directory, engine, &spec, secrets).await.map_err(machine)?;
        Ok((hosted, directory))
    }

    /// Goes on with a task that an earlier process of this runner has begun.
    async fn find(&mut self, LeftBehind { project, task, is_explained, directory }: LeftBehind) {
        self.has_worked = true;
        if let Some(Attached { job: Hosted { events, control }, is_asking, .. }) = host::attach(&directory).await {
            tracing::info!(task.id = %task, "going on with a task that outlived its runner");
            self.followers.spawn(follow(task, events, directory, self.say.clone()));
            let held = Held::new(task, project, Some(control), None).explained(is_explained).asking(is_asking);
            self.held.insert(task, held);
            return;
        }
        let events = self.has_gone(project, task, &directory).await;
        host::forget(&directory);
        let mut held = Held::new(task, project, None, None).explained(is_explained);
        held.take(events, None);
        self.held.insert(task, held);
    }

    async fn hear(&mut self, told: Told) {
        let Some(project) = self.held.get(&told.task).map(|held| held.project) else {
            let _ = told.verdict.send(super::follow::Verdict::Unwanted);
            return;
        };
        let events = match told.gone {
            Some(directory) => self.has_gone(project, told.task, &directory).await,
            None => told.events,
        };
        if let Some(held) = self.held.get_mut(&told.task) {
            held.take(events, Some(told.verdict));
        }
    }

    /// The end of a task whose process was killed.
    async fn has_gone(&self, project: ProjectId, task: TaskId, directory: &Path) -> Vec<JobEvent> {
        if let Err(error) = remove_leftovers(&self.settings.engine, project.0, task.0).await {
            tracing::warn!(task.id = %task, %error, "files of a task whose process was killed cannot be removed");
        }
        let memory = host::out_of_memory(directory).map(|memory| format!("; {memory}")).unwrap_or_default();
        let message =
            format!("the process that ran it (its task host) was killed; what it had started was ended, too{memory}");
        let problem = Problem { code: ProblemCode::Interrupted, message: message.clone() };
        vec![JobEvent::Problem(problem), JobEvent::Done(Outcome::Broken { stage: "run".to_owned(), error: message })]
    }

    async fn clear(&mut self) {
        let due = |wish: &Option<ProjectId>| match wish {
            None => self.held.is_empty(),
            Some(project) => !self.held.values().any(|held| held.project == *project),
        };
        for wish in self.to_clear.extract_if(.., due).collect::<Vec<_>>() {
            match self.upstream.clear_cache(wish).await {
                Ok(()) => tracing::info!(project = ?wish, "working copies were removed"),
                Err(error) => tracing::error!(%error, "working copies cannot be removed"),
            }
        }
    }

    /// Where the processes of a project's tasks are; those whose server says itself why they fail have another place.
    fn hosts(&self, project: ProjectId, is_explained: bool) -> io::Result<Hosts> {
        let kind = if is_explained { EXPLAINED } else { UNEXPLAINED };
        let root = self.settings.directory.join(format!("{kind}{project}"));
        Ok(Hosts::within(&self.settings.program, &root)?.grouped(self.settings.groups.clone()))
    }

    /// Removes control groups that ended tasks have left, once what lived on in them has ended.
    fn sweep(&self) {
        let Some(groups) = &self.settings.groups else { return };
        let projects: Vec<_> = std::fs::read_dir(&self.settings.directory).into_iter().flatten().flatten().collect();
        groups.sweep(|task| projects.iter().any(|project| project.path().join(task).exists()));
    }

    /// Processes that an earlier runner has started.
    fn left_behind(&self) -> io::Result<Vec<LeftBehind>> {
        let entries = match std::fs::read_dir(&self.settings.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let Some((kind, number)) = name.to_str().and_then(|name| name.split_at_checked(EXPLAINED.len())) else {
                continue;
            };
            let Ok(project) = number.parse::<ProjectId>() else { continue };
            let is_explained = kind == EXPLAINED;
            let tasks = self.hosts(project, is_explained)?.found()?.into_iter();
            found.extend(tasks.map(|(task, directory)| LeftBehind {
                project,
                task: TaskId(task),
                is_explained,
                directory,
            }));
        }
        Ok(found)
    }
}

/// Waits for the server, but not for long once the tasks are to stop.
async fn unless_stopped<T>(
    stop: Option<&CancellationToken>,
    call: impl Future<Output = Result<T, UpstreamError>>,
) -> Result<T, UpstreamError> {
    let Some(stop) = stop else { return call.await };
    let impatience = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_PATIENCE).await;
    };
    tokio::select! {
        answer = call => answer,
        () = impatience => Err(UpstreamError::Away("the server has not answered yet".to_owned())),
    }
}

/// A report that the server cannot store now keeps nothing else from being told or asked.
fn keep_busy(done: Result<(), UpstreamError>, busy: &mut Option<UpstreamError>) -> Result<(), UpstreamError> {
    match done {
        Err(error @ UpstreamError::Busy(_)) => {
            busy.get_or_insert(error);
            Ok(())
        }
        done => done,
    }
}
