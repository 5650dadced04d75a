//! Many waiting tasks: in turns, in order, and in a time that grows with their number.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use semaphore_engine::EngineConfig;
use semaphore_model::{ProjectId, RunnerId, TaskId, TaskStatus, TemplateId};
use semaphore_task::{
    Begin, Hold, NewLine, Pool, PoolLimits, PortError, PreparedJob, QueuedTask, TaskChange, TaskObserver,
    TaskRepository, TaskState,
};
use tokio::sync::{Semaphore, watch};

/// Jobs end as soon as they have a permit, without a program.
struct Desk {
    permits: Semaphore,
    begun: watch::Sender<Vec<(ProjectId, TaskId)>>,
    ended: watch::Sender<usize>,
    running: Mutex<HashMap<TaskId, (ProjectId, TemplateId, bool)>>,
    limits: BTreeMap<i32, u32>,
    /// What tasks of other servers hold back.
    held: Mutex<HashMap<ProjectId, Hold>>,
    is_taken: AtomicBool,
}

#[async_trait]
impl TaskRepository for Desk {
    async fn store(&self, task: &TaskState, change: TaskChange<'_>) -> Result<(), PortError> {
        if self.is_taken.load(Ordering::SeqCst) {
            return Err(PortError::Taken);
        }
        if change.state.is_some_and(|state| state.status.is_finished()) {
            self.running.lock().unwrap().remove(&task.id);
            self.ended.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    async fn begin(&self, task: &QueuedTask, _change: TaskChange<'_>) -> Result<Begin, PortError> {
        if self.is_taken.load(Ordering::SeqCst) {
            return Err(PortError::Taken);
        }
        let project = task.state.project_id;
        if let Some(hold) = self.held.lock().unwrap().get(&project) {
            return Ok(Begin::Held(*hold));
        }
        let mut running = self.running.lock().unwrap();
        let limit = self.limits.get(&project.0).copied().unwrap_or(0) as usize;
        let of_project = running.values().filter(|(of, ..)| *of == project).count();
        assert!(limit == 0 || of_project < limit, "the limit of project {project} is passed");
        let same = (project, task.state.template_id);
        let of_template = running.values().any(|(project, template, _)| (*project, *template) == same);
        assert!(task.allow_parallel || !of_template, "two tasks of template {} run", task.state.template_id);
        running.insert(task.state.id, (project, task.state.template_id, task.allow_parallel));
        self.begun.send_modify(|begun| begun.push((project, task.state.id)));
        Ok(Begin::Begun)
    }

    async fn prepare(&self, _task: &QueuedTask) -> Result<PreparedJob, PortError> {
        self.permits.acquire().await.unwrap().forget();
        Err(PortError::Refused("no job is run here".to_owned()))
    }

    async fn give(&self, _task: &QueuedTask) -> Result<(), PortError> {
        Err(PortError::Refused("there are no runners here".to_owned()))
    }

    async fn take_back(&self, _task: &QueuedTask) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn released(&self, _task: &QueuedTask, _runner: RunnerId) {}

    async fn project_limit(&self, project: ProjectId) -> Result<u32, PortError> {
        Ok(self.limits.get(&project.0).copied().unwrap_or(0))
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

fn world(max_parallel_tasks: u32, limits: &[(i32, u32)]) -> (Arc<Desk>, Pool) {
    let desk = Arc::new(Desk {
        permits: Semaphore::new(0),
        begun: watch::Sender::default(),
        ended: watch::Sender::default(),
        running: Mutex::default(),
        limits: limits.iter().copied().collect(),
        held: Mutex::default(),
        is_taken: AtomicBool::new(false),
    });
    let limits = PoolLimits { max_parallel_tasks, max_task_duration: None };
    let pool = Pool::start(desk.clone(), Arc::new(Nobody), Arc::new(EngineConfig::default()), limits);
    (desk, pool)
}

impl Desk {
    async fn until_begun(&self, count: usize) -> Vec<(ProjectId, TaskId)> {
        let mut begun = self.begun.subscribe();
        let waited = tokio::time::timeout(Duration::from_mins(1), begun.wait_for(|begun| begun.len() >= count)).await;
        let begun = waited.expect("tasks do not begin").unwrap().clone();
        assert_eq!(begun.len(), count, "{begun:?}");
        begun
    }

    async fn until_ended(&self, count: usize) {
        let mut ended = self.ended.subscribe();
        let waited = tokio::time::timeout(Duration::from_mins(1), ended.wait_for(|ended| *ended >= count)).await;
        waited.expect("tasks do not end").unwrap();
    }
}

fn task(id: i32, project: i32, template: i32, allow_parallel: bool) -> QueuedTask {
    let state = TaskState {
        id: TaskId(id),
        project_id: ProjectId(project),
        template_id: TemplateId(template),
        user_id: None,
        status: TaskStatus::Waiting,
        start: None,
        end: None,
        version: None,
    };
    QueuedTask { state, template_name: format!("T{template}"), allow_parallel, username: String::new() }
}

/// Time to submit, list and drain so many tasks of a few projects and many templates.
async fn walk(count: i32) -> [Duration; 3] {
    let (desk, pool) = world(10, &[(0, 3), (1, 0), (2, 1)]);
    let start = Instant::now();
    for id in 0..count {
        // A third of the templates does not run in parallel; one of them has very many tasks.
        let template = if id % 2 == 0 { 0 } else { id % 50 };
        pool.submit(task(id, id % 3, template, template % 3 != 0)).await.unwrap();
    }
    let submitted = start.elapsed();
    let start = Instant::now();
    assert_eq!(pool.active().len(), count as usize);
    assert!(pool.is_active(TaskId(count - 1)));
    let listed = start.elapsed();
    let start = Instant::now();
    desk.permits.add_permits(count as usize);
    desk.until_ended(count as usize).await;
    [submitted, listed, start.elapsed()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_tasks_are_drained_and_no_limit_is_passed() {
    let few = walk(1_000).await;
    let many = walk(10_000).await;
    // A queue that is walked through for each of them takes a hundred times as long; half of that is far from both.
    assert!(many[2] < few[2].max(Duration::from_millis(50)) * 50, "not linear: {few:?} {many:?}");
}

#[tokio::test]
async fn a_project_with_very_many_tasks_does_not_starve_another() {
    let (desk, pool) = world(1, &[]);
    for id in 0..10_000 {
        pool.enqueue(task(id, 1, 1, true));
    }
    desk.until_begun(1).await;
    for (id, project) in [(10_001, 2), (10_002, 3), (10_003, 2)] {
        pool.enqueue(task(id, project, 1, true));
    }
    desk.permits.add_permits(6);
    let begun = desk.until_begun(7).await;
    let projects: Vec<_> = begun.iter().map(|(project, _)| project.0).collect();
    assert_eq!(projects, [1, 1, 2, 3, 1, 2, 1], "one of each in turn");
    let of_first: Vec<_> = begun.iter().filter(|(project, _)| project.0 == 1).map(|(_, id)| id.0).collect();
    assert_eq!(of_first, [0, 1, 2, 3], "within a project the oldest comes first");
    assert!(pool.close(Duration::ZERO).await || !pool.active().is_empty());
}

#[tokio::test]
async fn what_other_servers_hold_back_keeps_its_place_and_holds_nobody_else_back() {
    let (desk, pool) = world(2, &[]);
    desk.held.lock().unwrap().insert(ProjectId(1), Hold::Project);
    for id in 0..4 {
        pool.enqueue(task(id, 1, id, true));
    }
    pool.enqueue(task(10, 2, 1, false));
    assert_eq!(desk.until_begun(1).await, [(ProjectId(2), TaskId(10))]);
    // A stop finds what went back into the queue.
    pool.stop(TaskId(1), false).await.unwrap();
    desk.until_ended(1).await;
    desk.held.lock().unwrap().clear();
    pool.look_again();
    desk.permits.add_permits(10);
    desk.until_ended(5).await;
    let begun: Vec<_> = desk.begun.borrow().iter().map(|(_, id)| id.0).collect();
    assert_eq!(begun, [10, 0, 2, 3]);
}

#[tokio::test]
async fn a_task_of_another_server_is_forgotten_without_a_word() {
    let (desk, pool) = world(1, &[]);
    pool.enqueue(task(1, 1, 1, true));
    desk.until_begun(1).await;
    pool.enqueue(task(2, 1, 1, true));
    pool.enqueue(task(3, 1, 1, true));
    pool.lose(TaskId(2));
    pool.lose(TaskId(1));
    desk.is_taken.store(true, Ordering::SeqCst);
    desk.permits.add_permits(3);
    tokio::time::timeout(Duration::from_secs(20), async {
        while !pool.active().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("they are given up");
    assert_eq!(*desk.ended.borrow(), 0, "nothing was stored");
}
