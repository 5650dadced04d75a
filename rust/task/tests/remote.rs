//! The pool with tasks on a remote runner, and a storage that fails now and then.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use semaphore_engine::EngineConfig;
use semaphore_model::{ProjectId, RunnerId, TaskId, TaskStatus, TemplateId};
use semaphore_task::{
    Begin, NewLine, Pool, PoolLimits, PortError, PreparedJob, QueuedTask, Reported, RunnerLoss, RunnerReport,
    TaskChange, TaskObserver, TaskRepository, TaskState,
};
use tokio::sync::watch;

/// Remembers the status of the one task.
#[derive(Default)]
struct Desk {
    status: watch::Sender<Option<TaskStatus>>,
    given: watch::Sender<bool>,
    /// How many more times these fail.
    give_fails: AtomicU32,
    take_back_fails: AtomicU32,
}

/// An error for as long as there are any left.
fn fails(left: &AtomicU32) -> Result<(), PortError> {
    let one_less = |left: u32| left.checked_sub(1);
    match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less) {
        Ok(_) => Err(PortError::Unavailable("the database is away".into())),
        Err(_) => Ok(()),
    }
}

#[async_trait]
impl TaskRepository for Desk {
    async fn store(&self, _task: &TaskState, change: TaskChange<'_>) -> Result<(), PortError> {
        if let Some(state) = change.state {
            self.status.send_replace(Some(state.status));
        }
        Ok(())
    }

    async fn begin(&self, task: &QueuedTask, change: TaskChange<'_>) -> Result<Begin, PortError> {
        self.store(&task.state, change).await.map(|()| Begin::Remote(Some(RunnerId(1))))
    }

    async fn prepare(&self, _task: &QueuedTask) -> Result<PreparedJob, PortError> {
        Err(PortError::Refused("no job is run here".to_owned()))
    }

    async fn give(&self, _task: &QueuedTask) -> Result<(), PortError> {
        fails(&self.give_fails)?;
        self.given.send_replace(true);
        Ok(())
    }

    async fn take_back(&self, _task: &QueuedTask) -> Result<bool, PortError> {
        fails(&self.take_back_fails).map(|()| true)
    }

    async fn released(&self, _task: &QueuedTask, _runner: RunnerId) {}

    async fn project_limit(&self, _project: ProjectId) -> Result<u32, PortError> {
        Ok(0)
    }

    async fn follow_ups(&self, _task: &TaskState) -> Result<Vec<QueuedTask>, PortError> {
        Ok(Vec::new())
    }
}

struct Nobody;

impl TaskObserver for Nobody {
    fn lines(&self, _task: &TaskState, _lines: &[NewLine]) {}
    fn changed(&self, _task: &TaskState) {}
}

const TASK: TaskId = TaskId(1);

/// A pool that begins the task at this desk.
async fn begun(desk: &Arc<Desk>) -> Pool {
    let limits = PoolLimits { max_parallel_tasks: 1, max_task_duration: None };
    let repository: Arc<dyn TaskRepository> = desk.clone();
    let pool = Pool::start(repository, Arc::new(Nobody), Arc::new(EngineConfig::default()), limits);
    let state = TaskState {
        id: TASK,
        project_id: ProjectId(1),
        template_id: TemplateId(1),
        user_id: None,
        status: TaskStatus::Waiting,
        start: None,
        end: None,
        version: None,
    };
    let task = QueuedTask {
        state,
        template_name: "T".to_owned(),
        allow_parallel: false,
        username: String::new(),
        inventory: None,
    };
    pool.submit(task).await.unwrap();
    pool
}

async fn becomes<T: Copy + PartialEq + std::fmt::Debug>(what: &watch::Sender<T>, wanted: T) {
    let mut changes = what.subscribe();
    let waited = tokio::time::timeout(Duration::from_secs(20), changes.wait_for(|now| *now == wanted)).await;
    assert!(waited.is_ok(), "{wanted:?} expected, {:?} found", *what.borrow());
}

#[tokio::test]
async fn a_database_that_is_away_for_a_moment_fails_no_task_that_is_given_away() {
    let desk = Arc::new(Desk { give_fails: AtomicU32::new(3), ..Desk::default() });
    let pool = begun(&desk).await;
    becomes(&desk.given, true).await;
    let done = RunnerReport { status: Some(TaskStatus::Success), ..RunnerReport::default() };
    assert_eq!(pool.report(TASK, done).await, Reported::Stored);
    assert_eq!(*desk.status.borrow(), Some(TaskStatus::Success));
}

#[tokio::test]
async fn a_task_that_waits_for_being_given_away_can_be_stopped() {
    let desk = Arc::new(Desk { give_fails: AtomicU32::new(u32::MAX), ..Desk::default() });
    let pool = begun(&desk).await;
    becomes(&desk.status, Some(TaskStatus::Starting)).await;
    pool.stop(TASK, false).await.unwrap();
    becomes(&desk.status, Some(TaskStatus::Stopped)).await;
}

#[tokio::test]
async fn a_stop_that_did_not_reach_the_database_ends_the_task_when_it_does() {
    let desk = Arc::new(Desk { take_back_fails: AtomicU32::new(2), ..Desk::default() });
    let pool = begun(&desk).await;
    becomes(&desk.given, true).await;
    pool.stop(TASK, false).await.unwrap();
    becomes(&desk.status, Some(TaskStatus::Stopping)).await;
    for _ in 0..2 {
        // As the host of the pool does each second.
        pool.lose_runner(TASK, RunnerLoss::NeverCame("it was not told of it".to_owned()));
    }
    becomes(&desk.status, Some(TaskStatus::Stopped)).await;
}
