//! The pool with real jobs and a storage that can be switched off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use semaphore_engine::{
    EngineConfig,
    job::{JobSpec, SecretSet},
};
use semaphore_model::{ProjectId, RunnerId, TaskId, TaskStatus, TemplateId};
use semaphore_task::{
    Begin, Location, NewLine, Pool, PoolLimits, PortError, PreparedJob, QueuedTask, StopError, TaskChange,
    TaskObserver, TaskRepository, TaskState,
};
use serde_json::json;
use tokio::sync::watch;

/// What is stored of one task.
#[derive(Clone, Debug, Default)]
struct Row {
    status: Option<TaskStatus>,
    has_end: bool,
    lines: Vec<String>,
    events: Vec<String>,
    problems: Vec<&'static str>,
}

struct Storage {
    directory: tempfile::TempDir,
    rows: watch::Sender<HashMap<TaskId, Row>>,
    scripts: Mutex<HashMap<TaskId, String>>,
    away: AtomicBool,
    refusals: AtomicU32,
    project_limit: u32,
    /// Held by a test: questions for limits wait.
    limits_away: tokio::sync::RwLock<()>,
    questions: watch::Sender<u32>,
}

impl Storage {
    fn row(&self, task: i32) -> Row {
        self.rows.borrow().get(&TaskId(task)).cloned().unwrap_or_default()
    }

    async fn until(&self, what: &str, condition: impl Fn(&HashMap<TaskId, Row>) -> bool) {
        let mut rows = self.rows.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(20), rows.wait_for(|rows| condition(rows))).await;
        assert!(waited.is_ok(), "{what} did not happen: {:#?}", self.rows.borrow());
    }

    async fn until_status(&self, task: i32, status: TaskStatus) {
        let is = |rows: &HashMap<TaskId, Row>| rows.get(&TaskId(task)).is_some_and(|row| row.status == Some(status));
        self.until(&format!("task {task} {status}"), is).await;
    }
}

#[async_trait]
impl TaskRepository for Storage {
    async fn store(&self, task: &TaskState, change: TaskChange<'_>) -> Result<(), PortError> {
        if self.away.load(Ordering::SeqCst) {
            self.refusals.fetch_add(1, Ordering::SeqCst);
            return Err(PortError::Unavailable("the disk is full".into()));
        }
        if change.lines.iter().any(|line| line.text.contains("poison")) {
            return Err(PortError::Rejected("these letters are not known".into()));
        }
        self.rows.send_modify(|rows| {
            let row = rows.entry(task.id).or_default();
            row.lines.extend(change.lines.iter().map(|line| line.text.clone()));
            row.problems.extend(change.problem.map(|problem| problem.code.as_str()));
            row.events.extend(change.event.into_iter().map(|event| event.description));
            if let Some(state) = change.state {
                row.status = Some(state.status);
                row.has_end = state.end.is_some();
            }
        });
        Ok(())
    }

    async fn begin(&self, task: &QueuedTask, change: TaskChange<'_>) -> Result<Begin, PortError> {
        self.store(&task.state, change).await.map(|()| Begin::Begun)
    }

    async fn prepare(&self, task: &QueuedTask) -> Result<PreparedJob, PortError> {
        let Some(script) = self.scripts.lock().unwrap().get(&task.state.id).cloned() else {
            return Err(PortError::Refused("the template was deleted".into()));
        };
        assert!(script != "panic", "asked for by the test");
        let name = format!("{}.sh", task.state.id);
        std::fs::write(self.directory.path().join(&name), script).unwrap();
        let spec: JobSpec = serde_json::from_value(json!({
            "task_id": task.state.id, "project_id": task.state.project_id, "template_id": task.state.template_id,
            "app": "bash", "playbook": name, "details": {},
            "repository": {"id": 1, "name": "here", "url": self.directory.path(), "branch": "", "key": {"id": 1, "kind": {"type": "none"}}},
        }))
        .unwrap();
        Ok(PreparedJob { spec, secrets: SecretSet::default(), apps: BTreeMap::new() })
    }

    async fn give(&self, _task: &QueuedTask) -> Result<(), PortError> {
        Err(PortError::Refused("there are no runners here".to_owned()))
    }

    async fn take_back(&self, _task: &QueuedTask) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn released(&self, _task: &QueuedTask, _runner: RunnerId) {}

    async fn project_limit(&self, _project: ProjectId) -> Result<u32, PortError> {
        self.questions.send_modify(|count| *count += 1);
        drop(self.limits_away.read().await);
        Ok(self.project_limit)
    }

    async fn follow_ups(&self, _task: &TaskState) -> Result<Vec<QueuedTask>, PortError> {
        Ok(Vec::new())
    }
}

#[derive(Default)]
struct Watcher(Mutex<Vec<(TaskStatus, bool)>>);

impl TaskObserver for Watcher {
    fn lines(&self, _task: &TaskState, _lines: &[NewLine]) {}

    fn changed(&self, task: &TaskState) {
        self.0.lock().unwrap().push((task.status, task.end.is_some()));
    }
}

struct World {
    storage: Arc<Storage>,
    watcher: Arc<Watcher>,
    pool: Pool,
}

fn world(max_parallel_tasks: u32, project_limit: u32) -> World {
    world_with(PoolLimits { max_parallel_tasks, max_task_duration: None }, project_limit)
}

fn world_with(limits: PoolLimits, project_limit: u32) -> World {
    let directory = tempfile::tempdir().unwrap();
    let config = EngineConfig {
        tmp_path: directory.path().join("tmp"),
        path: "/usr/bin:/bin".into(),
        home: directory.path().to_owned(),
        ..EngineConfig::default()
    };
    let storage = Arc::new(Storage {
        directory,
        rows: watch::Sender::default(),
        scripts: Mutex::default(),
        away: AtomicBool::new(false),
        refusals: AtomicU32::new(0),
        project_limit,
        limits_away: tokio::sync::RwLock::new(()),
        questions: watch::Sender::default(),
    });
    let watcher = Arc::new(Watcher::default());
    let pool = Pool::start(storage.clone(), watcher.clone(), Arc::new(config), limits);
    World { storage, watcher, pool }
}

impl World {
    async fn submit(&self, id: i32, template: i32, allow_parallel: bool, script: &str) {
        self.submit_to(1, id, template, allow_parallel, script).await;
    }

    async fn submit_to(&self, project: i32, id: i32, template: i32, allow_parallel: bool, script: &str) {
        self.storage.scripts.lock().unwrap().insert(TaskId(id), script.to_owned());
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
        let task = QueuedTask {
            state,
            template_name: format!("T{template}"),
            allow_parallel,
            username: "ann".into(),
            inventory: None,
        };
        self.pool.submit(task).await.unwrap();
    }

    fn locations(&self) -> Vec<(i32, Location)> {
        self.pool.active().into_iter().map(|task| (task.id.0, task.location)).collect()
    }
}

/// A script that ends when the file `go` appears beside it.
fn waits(world: &World) -> String {
    let go = world.storage.directory.path().join("go");
    format!("echo up; until [ -e {} ]; do sleep 0.02; done", go.display())
}

#[tokio::test]
async fn a_task_that_takes_too_long_fails_and_says_so_once() {
    let limits = PoolLimits { max_parallel_tasks: 1, max_task_duration: Some(Duration::from_millis(300)) };
    let world = world_with(limits, 0);
    world.submit(1, 7, false, "echo up; sleep 30").await;
    world.storage.until_status(1, TaskStatus::Error).await;
    let row = world.storage.row(1);
    assert_eq!(row.problems, ["time_limit"]);
    assert!(row.lines.last().unwrap().contains("limit of this server"), "{:?}", row.lines);
}

#[tokio::test]
async fn a_task_goes_through_its_statuses_and_keeps_its_lines() {
    let world = world(10, 0);
    world.submit(1, 7, false, "echo one; echo two >&2; exit 3").await;
    world.storage.until_status(1, TaskStatus::Error).await;
    let row = world.storage.row(1);
    assert!(row.has_end, "the end is stored with the final status");
    let lines: Vec<_> = row.lines.iter().map(String::as_str).collect();
    assert_eq!(
        lines[..4],
        ["Task T7 1 added to queue", "Started: 1", "Run TaskRunner with template: T7\n", "Preparing: 1"]
    );
    assert!(lines.contains(&"one") && lines.contains(&"two"), "{lines:?}");
    assert_eq!(lines.last(), Some(&"Failed to run task: exit status 3"));
    assert_eq!(
        row.events,
        ["Task ID 1 (T7) WAITING", "Task ID 1 (T7) STARTING", "Task ID 1 (T7) finished with status ERROR"]
    );
    // The pool tells its observers after the row, so they may need a moment more.
    tokio::time::timeout(Duration::from_secs(5), async {
        while world.watcher.0.lock().unwrap().len() < 5 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let told = world.watcher.0.lock().unwrap().clone();
    assert_eq!(
        told,
        [
            (TaskStatus::Waiting, false),
            (TaskStatus::Starting, false),
            (TaskStatus::Running, false),
            (TaskStatus::Error, false),
            (TaskStatus::Error, true),
        ]
    );
}

#[tokio::test]
async fn limits_hold_back_only_what_they_are_about() {
    let world = world(3, 2);
    let script = waits(&world);
    world.submit(1, 7, false, &script).await;
    world.submit(2, 7, false, &script).await; // the same template must wait
    world.submit(3, 8, false, &script).await; // another one overtakes it
    world.submit(4, 9, true, &script).await; // two of the project run already
    world.storage.until_status(1, TaskStatus::Running).await;
    world.storage.until_status(3, TaskStatus::Running).await;
    assert_eq!(
        world.locations(),
        [(2, Location::Queue), (4, Location::Queue), (1, Location::Running), (3, Location::Running)]
    );
    std::fs::write(world.storage.directory.path().join("go"), "").unwrap();
    for task in 1..=4 {
        world.storage.until_status(task, TaskStatus::Success).await;
    }
}

#[tokio::test]
async fn stopping_works_in_the_queue_and_while_running() {
    let world = world(1, 0);
    let script = waits(&world);
    world.submit(1, 7, false, &script).await;
    world.submit(2, 7, false, &script).await;
    world.storage.until("the first line", |rows| rows[&TaskId(1)].lines.iter().any(|line| line == "up")).await;
    world.submit(3, 8, false, &script).await;
    let of_template = |template| world.pool.of_template(ProjectId(1), TemplateId(template));
    assert_eq!((of_template(7), of_template(8)), (vec![TaskId(2), TaskId(1)], vec![TaskId(3)]));
    assert!(world.pool.of_template(ProjectId(2), TemplateId(7)).is_empty());
    let active = [1, 2, 3, 9].map(|task| world.pool.is_active(TaskId(task)));
    assert_eq!(active, [true, true, true, false]);
    let told = || world.watcher.0.lock().unwrap().iter().rev().take(2).map(|told| told.0).collect::<Vec<_>>();
    world.pool.stop(TaskId(2), false).await.unwrap();
    assert_eq!(told(), [TaskStatus::Stopped, TaskStatus::Stopping]);
    assert_eq!(world.storage.row(2).status, Some(TaskStatus::Stopped));
    assert_eq!(world.storage.row(2).events.last().unwrap(), "Task ID 2 (T7) finished with status STOPPED");
    world.pool.stop(TaskId(3), true).await.unwrap();
    assert_eq!(told(), [TaskStatus::Stopped, TaskStatus::Stopped], "a forced stop leaves out `stopping`");
    assert!(matches!(world.pool.confirm(TaskId(1), true).await, Err(StopError::NothingToConfirm)));
    world.pool.stop(TaskId(1), false).await.unwrap();
    world.storage.until_status(1, TaskStatus::Stopped).await;
    assert!(matches!(world.pool.stop(TaskId(9), true).await, Err(StopError::NotActive)));
    let last = world.storage.row(1).lines.pop().unwrap();
    assert!(!last.starts_with("Failed"), "a stop is no failure: {last}");
}

#[tokio::test]
async fn what_the_storage_never_takes_holds_up_nothing_else() {
    let world = world(10, 0);
    world.submit(1, 7, false, "echo before; sleep 0.2; echo poison; sleep 0.2; echo after").await;
    world.storage.until_status(1, TaskStatus::Success).await;
    let lines = world.storage.row(1).lines;
    let printed: Vec<_> = lines.iter().skip_while(|line| *line != "before").map(String::as_str).collect();
    assert!(printed[1].contains("cannot be stored"), "{printed:?}");
    assert_eq!((printed[0], printed[2]), ("before", "after"));
}

#[tokio::test]
async fn no_line_is_lost_while_the_storage_is_away() {
    let world = world(10, 0);
    let script = format!("{}; seq 1 2000", waits(&world));
    world.submit(1, 7, false, &script).await;
    world.storage.until("the first line", |rows| rows[&TaskId(1)].lines.iter().any(|line| line == "up")).await;
    world.storage.away.store(true, Ordering::SeqCst);
    std::fs::write(world.storage.directory.path().join("go"), "").unwrap();
    tokio::time::timeout(Duration::from_secs(10), async {
        while world.storage.refusals.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the pool keeps trying");
    world.storage.away.store(false, Ordering::SeqCst);
    world.storage.until_status(1, TaskStatus::Success).await;
    let numbers: Vec<_> = world.storage.row(1).lines.iter().filter_map(|line| line.parse::<u32>().ok()).collect();
    assert_eq!(numbers, (1..=2000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_task_that_cannot_be_prepared_says_why() {
    let world = world(10, 0);
    // The first task of the template waits, so the second is still in the queue when its template goes.
    let script = waits(&world);
    world.submit(6, 7, false, &script).await;
    world.submit(7, 7, false, "true").await;
    world.storage.until("the first line", |rows| rows[&TaskId(6)].lines.iter().any(|line| line == "up")).await;
    world.storage.scripts.lock().unwrap().clear();
    std::fs::write(world.storage.directory.path().join("go"), "").unwrap();
    world.storage.until("task 7 ends", |rows| rows.get(&TaskId(7)).is_some_and(|row| row.has_end)).await;
    let row = world.storage.row(7);
    assert_eq!(row.status, Some(TaskStatus::Error));
    assert_eq!(row.lines.last().unwrap(), "Failed to run task: the template was deleted");
}

#[tokio::test]
async fn deleted_rows_take_their_tasks_with_them() {
    let world = world(1, 0);
    let script = waits(&world);
    world.submit(1, 7, true, &script).await;
    world.submit(2, 7, true, &script).await;
    world.submit(3, 8, true, &script).await;
    world.storage.until("the first line", |rows| rows[&TaskId(1)].lines.iter().any(|line| line == "up")).await;
    world.pool.abandon(ProjectId(1), Some(TemplateId(7)));
    world.storage.until_status(1, TaskStatus::Stopped).await;
    world.storage.until_status(3, TaskStatus::Running).await;
    assert_eq!(world.locations(), [(3, Location::Running)], "the waiting task of the template is forgotten");
}

#[tokio::test]
async fn closing_stops_what_runs_and_leaves_what_waits() {
    let world = world(1, 0);
    let script = waits(&world);
    world.submit(1, 7, true, &script).await;
    world.submit(2, 7, true, &script).await;
    world.storage.until("the first line", |rows| rows[&TaskId(1)].lines.iter().any(|line| line == "up")).await;
    assert!(world.pool.close(Duration::from_secs(10)).await);
    assert_eq!(world.storage.row(1).status, Some(TaskStatus::Stopped));
    assert!(world.storage.row(1).lines.contains(&"The server is shutting down: the task is stopped".to_owned()));
    assert_eq!(world.storage.row(2).status, None, "a waiting task stays as it is");
}

#[tokio::test]
async fn a_task_whose_first_line_cannot_be_stored_is_queued_all_the_same() {
    let world = world(10, 0);
    world.storage.away.store(true, Ordering::SeqCst);
    world.submit(1, 7, false, "echo one").await;
    world.storage.away.store(false, Ordering::SeqCst);
    world.storage.until_status(1, TaskStatus::Success).await;
}

#[tokio::test]
async fn a_stop_that_comes_before_the_job_is_not_forgotten() {
    let world = world(10, 0);
    let script = waits(&world);
    world.storage.away.store(true, Ordering::SeqCst);
    world.submit(1, 7, false, &script).await;
    let stopping = world.pool.stop(TaskId(1), false);
    let available = async {
        // The runner answers between two attempts to store its first lines.
        while world.storage.refusals.load(Ordering::SeqCst) < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world.storage.away.store(false, Ordering::SeqCst);
    };
    let (stopped, ()) = tokio::join!(
        async {
            while world.locations() != [(1, Location::Running)] {
                tokio::task::yield_now().await;
            }
            stopping.await
        },
        available
    );
    stopped.unwrap();
    world.storage.until_status(1, TaskStatus::Stopped).await;
    assert!(!world.storage.row(1).lines.contains(&"up".to_owned()), "{:?}", world.storage.row(1).lines);
}

#[tokio::test]
async fn a_project_whose_limit_is_not_known_yet_waits_for_it() {
    let world = world(0, 1);
    let script = waits(&world);
    let away = world.storage.limits_away.write().await;
    world.submit_to(1, 1, 7, false, &script).await;
    world.storage.questions.subscribe().wait_for(|count| *count > 0).await.unwrap();
    // These come while the limit of the first project is asked for.
    world.submit_to(2, 2, 8, false, &script).await;
    world.submit_to(2, 3, 9, false, &script).await;
    drop(away);
    world.storage.until_status(1, TaskStatus::Running).await;
    world.storage.until_status(2, TaskStatus::Running).await;
    assert_eq!(world.locations(), [(3, Location::Queue), (1, Location::Running), (2, Location::Running)]);
    std::fs::write(world.storage.directory.path().join("go"), "").unwrap();
    world.storage.until_status(3, TaskStatus::Success).await;
}

#[tokio::test]
async fn a_task_whose_runner_panics_does_not_keep_its_place() {
    let world = world(1, 0);
    world.submit(1, 7, false, "panic").await;
    world.submit(2, 7, false, "true").await;
    world.storage.until_status(2, TaskStatus::Success).await;
}
