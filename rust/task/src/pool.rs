//! The queue and the set of running tasks.
//!
//! Event-driven: a task is looked at when it is submitted and whenever another one ends; there is no polling. Projects take
//! turns; within one it is first come, first served, except that a task which a limit holds back does not hold back those behind
//! it. What tasks of other servers hold back is looked at again when the host says so ([`Pool::look_again`]).

mod command;
mod dispatch;
mod remote;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::Utc;
use semaphore_engine::{
    EngineConfig,
    host::{Attached, Hosts},
};
use semaphore_model::{InventoryId, JobStage, ProjectId, TaskId, TaskStatus, TemplateId};
use tokio::sync::{Notify, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    active::{ActiveTask, Location},
    places::Places,
    ports::{
        Hold, NewLine, PortError, QueuedTask, StoredProgress, TaskChange, TaskEvent, TaskObserver, TaskRepository,
    },
    queue::{Arrival, Queue},
    runner::{Command, Runner},
};

use dispatch::{Place, claim, dispatch};

/// Limits that hold for the whole server.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// `max_parallel_tasks`: tasks running at once; 0 = no limit.
    pub max_parallel_tasks: u32,
    /// `max_task_duration_sec`: time a job may take before it is stopped. Reference: kept for remote runners only.
    pub max_task_duration: Option<Duration>,
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
    /// Where jobs get a process of their own; none if they run in this one.
    pub(crate) hosts: Option<Hosts>,
    state: Mutex<State>,
    wake: Notify,
    pub(crate) closing: CancellationToken,
    handing_over: AtomicBool,
    tracker: TaskTracker,
}

#[derive(Default)]
struct State {
    queue: Queue,
    running: HashMap<TaskId, Running>,
    places: Places,
}

struct Running {
    task: QueuedTask,
    arrival: Arrival,
    stages: Vec<JobStage>,
    commands: mpsc::UnboundedSender<Command>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("active", &self.active().len()).finish_non_exhaustive()
    }
}

impl Pool {
    /// Makes a pool whose jobs run in this process, and starts its dispatcher on the current runtime.
    pub fn start(
        repository: Arc<dyn TaskRepository>,
        observer: Arc<dyn TaskObserver>,
        engine: Arc<EngineConfig>,
        limits: PoolLimits,
    ) -> Self {
        Self::start_with_hosts(repository, observer, engine, limits, None)
    }

    /// The same; with `hosts` each job runs in a process of its own, which outlives this one.
    pub fn start_with_hosts(
        repository: Arc<dyn TaskRepository>,
        observer: Arc<dyn TaskObserver>,
        engine: Arc<EngineConfig>,
        limits: PoolLimits,
        hosts: Option<Hosts>,
    ) -> Self {
        let shared = Arc::new(Shared {
            repository,
            observer,
            engine,
            limits,
            hosts,
            state: Mutex::default(),
            wake: Notify::new(),
            closing: CancellationToken::new(),
            handing_over: AtomicBool::new(false),
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
            // It runs, only not here.
            Err(PortError::Taken) => return Ok(()),
            Err(error) => {
                tracing::error!(task.id = %task.state.id, error = &error as &dyn std::error::Error, "the first line of a task is not stored");
            }
        }
        self.shared.observer.changed(&task.state);
        self.enqueue(task);
        Ok(())
    }

    /// Puts a task that was queued before a restart, or by another server, into the queue without telling anybody. One that is
    /// known already stays as it is.
    pub fn enqueue(&self, task: QueuedTask) {
        let mut state = self.shared.lock();
        if !state.running.contains_key(&task.state.id) {
            state.queue.push(task);
        }
        drop(state);
        self.shared.wake.notify_one();
    }

    /// Goes on with a task whose host lives on, or has left its end; limits are not looked at, because it runs already. One that
    /// is known stays as it is.
    pub fn attach(&self, task: QueuedTask, attached: Attached, progress: StoredProgress) {
        self.go_on(task, |runner| runner.resume(attached, progress));
    }

    /// Takes a task that runs already, unless it is known.
    fn go_on<F>(&self, task: QueuedTask, work: impl FnOnce(Runner) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (commands, inbox) = mpsc::unbounded_channel();
        let id = task.state.id;
        let mut state = self.shared.lock();
        if state.running.contains_key(&id) {
            return;
        }
        state.places.take(&claim(&task));
        // Its place in the queue is the last one if it goes back there.
        let arrival = state.queue.arrive();
        state.running.insert(id, Running { task: task.clone(), arrival, stages: Vec::new(), commands });
        drop(state);
        let shared = Arc::clone(&self.shared);
        let work = work(Runner::new(Arc::clone(&shared), task, inbox));
        self.shared.tracker.spawn(async move {
            let _place = Place { shared, id };
            work.await;
        });
    }

    /// Where jobs get a process of their own, if they do.
    pub fn hosts(&self) -> Option<&Hosts> {
        self.shared.hosts.as_ref()
    }

    /// Looks at every waiting task once more: limits may have been changed, and tasks of other servers may have ended.
    pub fn look_again(&self) {
        self.shared.look_again();
    }

    /// One task at a time uses each of these inventories, and no other. Holds with the next look.
    pub fn replace_exclusive(&self, inventories: HashSet<InventoryId>) {
        self.shared.lock().places.replace_exclusive(inventories);
    }

    /// Gives up a task that belongs to another server now: forgotten if it waits, ended at once, without a word, if it runs.
    pub fn lose(&self, task: TaskId) {
        let mut state = self.shared.lock();
        if state.queue.remove(task).is_none()
            && let Some(running) = state.running.get(&task)
        {
            // A runner that has just ended needs no command.
            let _ = running.commands.send(Command::Lose);
        }
    }

    /// The limits that hold for the whole server.
    pub fn limits(&self) -> PoolLimits {
        self.shared.limits
    }

    /// Every task that is queued or running here, and whether it runs.
    pub fn tasks(&self) -> Vec<(TaskId, bool)> {
        let state = self.shared.lock();
        let queued = state.queue.in_order().into_iter().map(|task| (task.state.id, false));
        queued.chain(state.running.keys().map(|id| (*id, true))).collect()
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
        let queued = state.queue.in_order().into_iter().map(|task| show(task, Location::Queue));
        queued.chain(running.into_iter().map(|task| show(task, Location::Running))).collect()
    }

    /// Whether the task is queued or running here.
    pub fn is_active(&self, task: TaskId) -> bool {
        let state = self.shared.lock();
        state.running.contains_key(&task) || state.queue.contains(task)
    }

    /// What the job of a running task did so far; `None` if the task does not run here.
    pub fn job_stages(&self, task: TaskId) -> Option<Vec<JobStage>> {
        self.shared.lock().running.get(&task).map(|running| running.stages.clone())
    }

    /// Ids of the queued and running tasks of a template.
    pub fn of_template(&self, project: ProjectId, template: TemplateId) -> Vec<TaskId> {
        let state = self.shared.lock();
        let mut tasks = state.queue.of(project, Some(template));
        let running = state.running.values().map(|running| &running.task.state);
        tasks.extend(
            running.filter(|task| task.project_id == project && task.template_id == template).map(|task| task.id),
        );
        tasks
    }

    /// Gives up the tasks of a project, or of one of its templates, whose rows were deleted: waiting ones are forgotten, running
    /// ones are ended at once.
    pub fn abandon(&self, project: ProjectId, template: Option<TemplateId>) {
        let is_meant = |task: &QueuedTask| {
            task.state.project_id == project && template.is_none_or(|template| task.state.template_id == template)
        };
        let mut state = self.shared.lock();
        for task in state.queue.of(project, template) {
            state.queue.remove(task);
        }
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

    /// As [`Pool::close`], but jobs in processes of their own are left to the next server instead of being stopped.
    pub async fn hand_over(&self, limit: Duration) -> bool {
        self.shared.handing_over.store(true, Ordering::Relaxed);
        self.close(limit).await
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements that hold the lock, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at every waiting task once more.
    pub(crate) fn look_again(&self) {
        self.lock().queue.open_all();
        self.wake.notify_one();
    }

    /// Work that is done before the pool is closed.
    pub(crate) fn track(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(work);
    }

    /// Whether jobs in processes of their own are left to the next server.
    pub(crate) fn is_handing_over(&self) -> bool {
        self.closing.is_cancelled() && self.handing_over.load(Ordering::Relaxed)
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
            let project = running.task.state.project_id;
            state.queue.open(project, running.task.state.template_id);
            if let Some(inventory) = running.task.inventory.filter(|id| state.places.is_exclusive(*id)) {
                state.queue.open_inventory(project, inventory);
            }
        }
        drop(state);
        self.wake.notify_one();
    }

    /// A task that was to run goes back to where it was in the queue, to be looked at when something changes.
    pub(crate) fn put_back(&self, task: TaskId, hold: Hold) {
        let mut state = self.lock();
        let Some(Running { mut task, arrival, .. }) = state.running.remove(&task) else { return };
        state.places.give_back(&claim(&task));
        task.state.status = TaskStatus::Waiting;
        let (project, template, inventory) = (task.state.project_id, task.state.template_id, task.inventory);
        let allow_parallel = task.allow_parallel;
        state.queue.insert(arrival, task);
        match (hold, inventory) {
            (Hold::Project, _) => state.queue.park(project),
            (Hold::Inventory, Some(inventory)) => {
                state.places.set_exclusive(inventory);
                state.queue.close_inventory(project, inventory);
            }
            (Hold::Template | Hold::Inventory, _) => state.queue.close(project, template, false),
            (Hold::Runner, _) => state.queue.close(project, template, allow_parallel),
        }
        drop(state);
        self.wake.notify_one();
    }
}

/// The activity text for the task's present status. Reference: `TaskRunner.createTaskEvent`.
pub(crate) fn status_event(task: &QueuedTask) -> TaskEvent {
    let verb = if task.state.status.is_finished() { "finished with status " } else { "" };
    let status = task.state.status.as_str().to_uppercase();
    let description = format!("Task ID {} ({}) {verb}{status}", task.state.id, task.template_name);
    TaskEvent { description, template_name: task.template_name.clone(), username: task.username.clone() }
}
