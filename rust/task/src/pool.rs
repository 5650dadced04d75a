//! The queue and the set of running tasks.
//!
//! Event-driven: a task is looked at when it is submitted and whenever another one ends; there is no polling. First come,
//! first served, except that a task which a limit holds back does not hold back those behind it.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::Utc;
use semaphore_engine::EngineConfig;
use semaphore_model::{Flavour, JobStage, ProjectId, TaskId, TaskStatus, TemplateId};
use tokio::sync::{Notify, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    places::{Claim, Places},
    ports::{NewLine, PortError, QueuedTask, TaskChange, TaskEvent, TaskObserver, TaskRepository},
    runner::{Command, Runner},
};

/// Limits that hold for the whole server.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// `max_parallel_tasks`: tasks running at once; 0 = no limit.
    pub max_parallel_tasks: u32,
    /// `max_task_duration_sec`: time a job may take before it is stopped. Reference: kept for remote runners only.
    pub max_task_duration: Option<Duration>,
}

/// Where an unfinished task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// Waits for its turn.
    Queue,
    /// Being executed.
    Running,
}

/// An unfinished task as the administrator's list shows it.
#[derive(Clone, Debug)]
pub struct ActiveTask {
    /// Row of `task`.
    pub id: TaskId,
    /// Its project.
    pub project_id: ProjectId,
    /// Login of the user who started it.
    pub username: String,
    /// Current status.
    pub status: TaskStatus,
    /// Where it is.
    pub location: Location,
}

/// A stop, confirmation or rejection that is not possible.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The task is neither queued nor running here.
    #[error("task is not active")]
    NotActive,
    /// There is no plan to decide about.
    #[error("the task does not wait for a confirmation")]
    NothingToConfirm,
    /// The change could not be stored.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Queue and running tasks of this server. Cheap to clone; all clones are the same pool.
#[derive(Clone)]
pub struct Pool {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) repository: Arc<dyn TaskRepository>,
    pub(crate) observer: Arc<dyn TaskObserver>,
    pub(crate) engine: Arc<EngineConfig>,
    pub(crate) limits: PoolLimits,
    state: Mutex<State>,
    wake: Notify,
    pub(crate) closing: CancellationToken,
    tracker: TaskTracker,
}

#[derive(Default)]
struct State {
    queue: VecDeque<QueuedTask>,
    running: HashMap<TaskId, Running>,
    places: Places,
}

struct Running {
    task: QueuedTask,
    stages: Vec<JobStage>,
    commands: mpsc::UnboundedSender<Command>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("active", &self.active().len()).finish_non_exhaustive()
    }
}

impl Pool {
    /// Makes a pool and starts its dispatcher on the current runtime.
    pub fn start(
        repository: Arc<dyn TaskRepository>,
        observer: Arc<dyn TaskObserver>,
        engine: Arc<EngineConfig>,
        limits: PoolLimits,
    ) -> Self {
        let shared = Arc::new(Shared {
            repository,
            observer,
            engine,
            limits,
            state: Mutex::default(),
            wake: Notify::new(),
            closing: CancellationToken::new(),
            tracker: TaskTracker::new(),
        });
        let dispatcher = Arc::clone(&shared);
        shared.tracker.spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    () = dispatcher.closing.cancelled() => return,
                    () = dispatcher.wake.notified() => dispatch(&dispatcher).await,
                }
            }
        });
        Self { shared }
    }

    /// Puts a stored task into the queue. Its row must be `waiting`. A database that is away costs the line that says so,
    /// not the task: its row is stored, and outside the queue it would wait for ever.
    pub async fn submit(&self, task: QueuedTask) -> Result<(), PortError> {
        let line = NewLine::whole(Utc::now(), format!("Task {} {} added to queue", task.template_name, task.state.id));
        let lines = std::slice::from_ref(&line);
        let event = Some(status_event(&task));
        match self.shared.repository.store(&task.state, TaskChange { lines, event, ..TaskChange::default() }).await {
            Ok(()) => self.shared.observer.lines(&task.state, lines),
            Err(error @ PortError::Refused(_)) => return Err(error),
            Err(error) => {
                tracing::error!(task.id = %task.state.id, error = &error as &dyn std::error::Error, "the first line of a task is not stored");
            }
        }
        self.shared.observer.changed(&task.state);
        self.enqueue(task);
        Ok(())
    }

    /// Puts a task that was queued before a restart back, without telling anybody.
    pub fn enqueue(&self, task: QueuedTask) {
        self.shared.lock().queue.push_back(task);
        self.shared.wake.notify_one();
    }

    /// Queued and running tasks, the queue first.
    pub fn active(&self) -> Vec<ActiveTask> {
        let state = self.shared.lock();
        let mut running: Vec<_> = state.running.values().map(|running| &running.task).collect();
        running.sort_by_key(|task| task.state.id);
        let show = |task: &QueuedTask, location| ActiveTask {
            id: task.state.id,
            project_id: task.state.project_id,
            username: task.username.clone(),
            status: task.state.status,
            location,
        };
        let queued = state.queue.iter().map(|task| show(task, Location::Queue));
        queued.chain(running.into_iter().map(|task| show(task, Location::Running))).collect()
    }

    /// Whether the task is queued or running here.
    pub fn is_active(&self, task: TaskId) -> bool {
        let state = self.shared.lock();
        state.running.contains_key(&task) || state.queue.iter().any(|queued| queued.state.id == task)
    }

    /// What the job of a running task did so far; `None` if the task does not run here.
    pub fn job_stages(&self, task: TaskId) -> Option<Vec<JobStage>> {
        self.shared.lock().running.get(&task).map(|running| running.stages.clone())
    }

    /// Stops a task: a waiting one at once, a running one by its app's stop plan, or immediately if `forced`.
    ///
    /// Returns when the first change of status is stored, not when the process has ended.
    pub async fn stop(&self, task: TaskId, forced: bool) -> Result<(), StopError> {
        let queued = {
            let mut state = self.shared.lock();
            let position = state.queue.iter().position(|queued| queued.state.id == task);
            position.and_then(|position| state.queue.remove(position))
        };
        if let Some(queued) = queued {
            return self.stop_queued(queued, forced).await;
        }
        self.command(task, |reply| Command::Stop { forced, reply }).await
    }

    /// Accepts or refuses the plan that a task waits with.
    pub async fn confirm(&self, task: TaskId, accepted: bool) -> Result<(), StopError> {
        self.command(task, |reply| Command::Confirm { accepted, reply }).await
    }

    /// Ids of the queued and running tasks of a template.
    pub fn of_template(&self, project: ProjectId, template: TemplateId) -> Vec<TaskId> {
        let state = self.shared.lock();
        let tasks = state.queue.iter().chain(state.running.values().map(|running| &running.task));
        tasks
            .filter(|task| task.state.project_id == project && task.state.template_id == template)
            .map(|task| task.state.id)
            .collect()
    }

    /// Gives up the tasks of a project, or of one of its templates, whose rows were deleted: waiting ones are forgotten, running
    /// ones are ended at once.
    pub fn abandon(&self, project: ProjectId, template: Option<TemplateId>) {
        let is_meant = |task: &QueuedTask| {
            task.state.project_id == project && template.is_none_or(|template| task.state.template_id == template)
        };
        let mut state = self.shared.lock();
        state.queue.retain(|task| !is_meant(task));
        for running in state.running.values().filter(|running| is_meant(&running.task)) {
            // Nobody waits for the answer; a runner that has just ended needs no command.
            let _ = running.commands.send(Command::Stop { forced: true, reply: tokio::sync::oneshot::channel().0 });
        }
    }

    /// Takes no more tasks, stops the running ones and waits until their final status is stored, at most `limit`.
    /// Waiting tasks stay in the database as they are. Returns whether everything ended in time.
    pub async fn close(&self, limit: Duration) -> bool {
        self.shared.closing.cancel();
        self.shared.tracker.close();
        tokio::time::timeout(limit, self.shared.tracker.wait()).await.is_ok()
    }

    async fn stop_queued(&self, mut queued: QueuedTask, forced: bool) -> Result<(), StopError> {
        if !forced {
            queued.state.status = TaskStatus::Stopping;
            self.shared.observer.changed(&queued.state);
        }
        queued.state.status = TaskStatus::Stopped;
        queued.state.end = Some(Utc::now());
        let change =
            TaskChange { state: Some(&queued.state), event: Some(status_event(&queued)), ..TaskChange::default() };
        let stored = self.shared.repository.store(&queued.state, change).await;
        if stored.is_ok() {
            self.shared.observer.changed(&queued.state);
        } else {
            queued.state.status = TaskStatus::Waiting;
            queued.state.end = None;
            self.enqueue(queued);
        }
        Ok(stored?)
    }

    async fn command(
        &self,
        task: TaskId,
        command: impl FnOnce(tokio::sync::oneshot::Sender<Result<(), StopError>>) -> Command,
    ) -> Result<(), StopError> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let sent =
            self.shared.lock().running.get(&task).is_some_and(|running| running.commands.send(command(reply)).is_ok());
        if !sent {
            return Err(StopError::NotActive);
        }
        answer.await.unwrap_or(Err(StopError::NotActive))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements that hold the lock, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Mirrors a runner's status into the list that [`Pool::active`] shows.
    pub(crate) fn set_status(&self, task: TaskId, status: TaskStatus) {
        if let Some(running) = self.lock().running.get_mut(&task) {
            running.task.state.status = status;
        }
    }

    /// Mirrors what a runner's job did so far into what [`Pool::job_stages`] shows.
    pub(crate) fn set_stages(&self, task: TaskId, stages: &[JobStage]) {
        if let Some(running) = self.lock().running.get_mut(&task) {
            running.stages = stages.to_vec();
        }
    }

    fn forget(&self, task: TaskId) {
        let mut state = self.lock();
        if let Some(running) = state.running.remove(&task) {
            state.places.give_back(&claim(&running.task));
        }
        drop(state);
        self.wake.notify_one();
    }
}

/// The activity text for the task's present status. Reference: `TaskRunner.createTaskEvent`.
pub(crate) fn status_event(task: &QueuedTask) -> TaskEvent {
    let verb = if task.state.status.is_finished() { "finished with status " } else { "" };
    let status = task.state.status.as_str().to_uppercase();
    TaskEvent { description: format!("Task ID {} ({}) {verb}{status}", task.state.id, task.template_name) }
}

/// Starts every queued task that no limit holds back.
async fn dispatch(shared: &Arc<Shared>) {
    let projects: HashSet<ProjectId> = shared.lock().queue.iter().map(|task| task.state.project_id).collect();
    let mut limits = HashMap::with_capacity(projects.len());
    for project in projects {
        match shared.repository.project_limit(project).await {
            Ok(limit) => limits.insert(project, limit),
            // Without an answer the project's own limit is not applied now; the global one still is.
            Err(error) => {
                tracing::warn!(project.id = %project, error = &error as &dyn std::error::Error, "cannot read the limit of a project");
                limits.insert(project, 0)
            }
        };
    }
    let mut state = shared.lock();
    if shared.closing.is_cancelled() {
        // Asked for while the limits were read: what waits stays as it is.
        return;
    }
    let mut position = 0;
    while position < state.queue.len() {
        if !may_start(&state, &state.queue[position], shared.limits, &limits) {
            position += 1;
            continue;
        }
        let Some(mut task) = state.queue.remove(position) else { break };
        debug_assert!(task.state.status.may_become(TaskStatus::Starting, Flavour::Strict));
        task.state.status = TaskStatus::Starting;
        let (commands, inbox) = mpsc::unbounded_channel();
        let id = task.state.id;
        let runner = Runner::new(Arc::clone(shared), task.clone(), inbox);
        state.places.take(&claim(&task));
        state.running.insert(id, Running { task, stages: Vec::new(), commands });
        let shared = Arc::clone(shared);
        let tracker = shared.tracker.clone();
        tracker.spawn(async move {
            let _place = Place { shared, id };
            runner.run().await;
        });
    }
}

/// The place of a task among the running ones; given back however its runner ends, by a panic too.
struct Place {
    shared: Arc<Shared>,
    id: TaskId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.forget(self.id);
    }
}

fn may_start(state: &State, task: &QueuedTask, limits: PoolLimits, projects: &HashMap<ProjectId, u32>) -> bool {
    match projects.get(&task.state.project_id) {
        Some(&limit) => state.places.admits(&claim(task), limits.max_parallel_tasks, limit),
        // It came while the limits were read; its own look at the queue follows.
        None => false,
    }
}

fn claim(task: &QueuedTask) -> Claim {
    Claim { project: task.state.project_id, template: task.state.template_id, allow_parallel: task.allow_parallel }
}
