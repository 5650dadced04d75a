//! What the pool needs from its host: durable rows and somebody to tell. The adapters live in `semaphore-service` and
//! `semaphore-server`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use semaphore_engine::{
    config::AppConfig,
    job::{JobSpec, Problem, SecretSet},
    log::Stream,
};
use semaphore_model::{InventoryId, JobStage, ProjectId, RunnerId, TaskId, TaskStatus, TemplateId, UserId};

/// A task in the queue: what the pool has to know before it is started.
#[derive(Clone, Debug)]
pub struct QueuedTask {
    /// Its state as stored.
    pub state: TaskState,
    /// Name of the template, for log lines and events.
    pub template_name: String,
    /// Whether another task of the same template may run at the same time.
    pub allow_parallel: bool,
    /// Login of the user who started it; empty for schedules, webhooks and follow-up tasks.
    pub username: String,
    /// The inventory that it uses.
    pub inventory: Option<InventoryId>,
}

/// The part of a task's row that changes while it lives.
#[derive(Clone, Debug)]
pub struct TaskState {
    /// Row of `task`.
    pub id: TaskId,
    /// Its project.
    pub project_id: ProjectId,
    /// Its template.
    pub template_id: TemplateId,
    /// Who started it.
    pub user_id: Option<UserId>,
    /// Current status.
    pub status: TaskStatus,
    /// Start of the run, UTC.
    pub start: Option<DateTime<Utc>>,
    /// End of the run, UTC. Set together with the final status.
    pub end: Option<DateTime<Utc>>,
    /// Version that a build makes.
    pub version: Option<String>,
}

/// One line for `task__output`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLine {
    /// When it was read, UTC.
    pub time: DateTime<Utc>,
    /// Text without its line feed.
    pub text: String,
    /// The line goes on in the next one (lines over 1 MiB).
    pub continued: bool,
}

impl NewLine {
    /// A line that is complete.
    pub fn whole(time: DateTime<Utc>, text: impl Into<String>) -> Self {
        Self { time, text: text.into(), continued: false }
    }
}

/// An entry of the activity list about a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEvent {
    /// Text as the reference writes it.
    pub description: String,
    /// Name of the task's template.
    pub template_name: String,
    /// Login of the user who started it; empty for schedules, webhooks and follow-up tasks.
    pub username: String,
}

/// One durable step of a task. Everything in it is stored in one transaction, lines before the row; only the known hosts,
/// which belong to the project, go before it in one of their own (adding them twice changes nothing).
#[derive(Debug, Default)]
pub struct TaskChange<'a> {
    /// Lines to append.
    pub lines: &'a [NewLine],
    /// Number of the first of them in the task, counted from 1: a step may be given twice, and its lines are stored once.
    /// Without a number they are new.
    pub first_line: Option<i64>,
    /// Row to write: status, start, end.
    pub state: Option<&'a TaskState>,
    /// Commit that was checked out: hash and subject.
    pub commit: Option<(&'a str, &'a str)>,
    /// Activity to record.
    pub event: Option<TaskEvent>,
    /// Why the task does not do well.
    pub problem: Option<&'a Problem>,
    /// What its job did so far, all of it; none if nothing has changed. Given together with the final state, and on the way by a
    /// task that a remote runner has.
    pub stages: &'a [JobStage],
    /// Lines for the known hosts of the project.
    pub known_hosts: Option<&'a str>,
    /// Directory of the process in which the job is going to run; given with the step with which the task begins.
    pub host: Option<&'a str>,
    /// Said by the server that ran the task after its final status: the task belongs to nobody any more.
    pub is_afterword: bool,
    /// With a final state: a remote runner may still work on the task, and is told to stop.
    pub is_left_to_runner: bool,
}

/// What is stored of a task that another server began.
#[derive(Clone, Debug, Default)]
pub struct StoredProgress {
    /// Number of its last line.
    pub lines: i64,
    /// Time of that line.
    pub last_time: DateTime<Utc>,
    /// Why its process has gone, if it has.
    pub interruption: Option<String>,
    /// Code and sentence of the problems that were found.
    pub problems: Vec<(String, String)>,
    /// What its job did so far, as far as that was stored.
    pub stages: Vec<JobStage>,
}

/// What became of the first step of a task that was to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// It is stored: the task runs on this machine.
    Begun,
    /// It is stored: the task runs on this remote runner; none if there is none that ever could.
    Remote(Option<RunnerId>),
    /// Nothing is stored: limits hold the task back, because of tasks of other servers or of remote runners.
    Held(Hold),
}

/// Who else is held back by what holds a task back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// All tasks of the project.
    Project,
    /// The tasks of its template that do not run beside others.
    Template,
    /// The tasks with its inventory, which one task at a time uses.
    Inventory,
    /// The tasks of its template that are like it: no remote runner can take one now.
    Runner,
}

/// Everything that is needed to start a task's job.
#[derive(Debug)]
pub struct PreparedJob {
    /// What to run.
    pub spec: JobSpec,
    /// Values of the secrets that it refers to.
    pub secrets: SecretSet,
    /// Programs and leading arguments of the apps as they are set now, by app id.
    pub apps: BTreeMap<String, AppConfig>,
}

/// A port that could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The task, or something it refers to, is gone or cannot be used. Trying again does not help.
    #[error("{0}")]
    Refused(String),
    /// The task belongs to another server now, and nothing of it may be written or told by this one.
    #[error("another server has taken the task over")]
    Taken,
    /// The storage will never take this change as it is: it has a text that is too long, or letters that it does not know.
    #[error("the database refuses the change")]
    Rejected(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The storage does not answer at the moment.
    #[error("the database does not take the change")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Durable storage of tasks.
#[async_trait]
pub trait TaskRepository: Send + Sync + 'static {
    /// Stores one step of a task; durable when it returns if it carries a state.
    async fn store(&self, task: &TaskState, change: TaskChange<'_>) -> Result<(), PortError>;

    /// Stores the step with which a waiting task begins to run, if the limits that count over all servers let it.
    async fn begin(&self, task: &QueuedTask, change: TaskChange<'_>) -> Result<Begin, PortError>;

    /// Time of the last line that is stored of a task; the beginning of all time if there is none.
    async fn last_line(&self, task: TaskId) -> Result<DateTime<Utc>, PortError> {
        let _ = task;
        Ok(DateTime::UNIX_EPOCH)
    }

    /// Collects what the task's job needs, with decrypted secrets.
    async fn prepare(&self, task: &QueuedTask) -> Result<PreparedJob, PortError>;

    /// Gives a task to the remote runner that was chosen for it: checks what its job needs, wakes the runner, and has it told of the
    /// task when it asks.
    async fn give(&self, task: &QueuedTask) -> Result<(), PortError>;

    /// Takes a task back from a remote runner that was not told of it yet; answers false, and changes nothing, if it was.
    async fn take_back(&self, task: &QueuedTask) -> Result<bool, PortError>;

    /// A task that a remote runner had has ended. Whether the runner hears of it does not matter to the task.
    async fn released(&self, task: &QueuedTask, runner: RunnerId);

    /// `max_parallel_tasks` of a project; 0 = no limit.
    async fn project_limit(&self, project: ProjectId) -> Result<u32, PortError>;

    /// Makes the tasks that follow a successful one (deploys with autorun) and returns them for the queue.
    async fn follow_ups(&self, task: &TaskState) -> Result<Vec<QueuedTask>, PortError>;
}

/// Somebody who watches tasks: the WebSocket. Must not block; called after the change is stored.
pub trait TaskObserver: Send + Sync + 'static {
    /// Lines were stored.
    fn lines(&self, task: &TaskState, lines: &[NewLine]);
    /// The row changed.
    fn changed(&self, task: &TaskState);
    /// What there is of the last line of a stream, redacted, for live viewers; it is stored nowhere, and the next call about the
    /// stream takes its place. An empty text: the line is complete (and stored), or was taken back.
    fn partial(&self, task: &TaskState, stream: Stream, text: &str) {
        let _ = (task, stream, text);
    }
}
