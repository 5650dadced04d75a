//! The pool's view of the database.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use semaphore_engine::{
    host,
    job::{Problem, ProblemCode, remove_leftovers},
};
use semaphore_model::{
    InventoryId, ProjectId, RunnerId, Secret, Task, TaskId, TaskOutput, TaskProblem, TaskStatus, Template, TemplateId,
    UserId,
};
use semaphore_store::{Beside, Hold, RemoteBegin, RunnerWish, StoreError, TaskHost, TaskStep};
use semaphore_task::{
    Begin, NewLine, Pool, PortError, PreparedJob, QueuedTask, StoredProgress, TaskChange, TaskEvent, TaskRepository,
    TaskState,
};

use super::{
    log::{TaskLog, TaskRecord},
    prepare,
    submit::{Extra, asks_for_secrets, queued},
};
use crate::{Error, Result, Services, terraform_backend::StateOwner};

/// Why a waiting task with secret survey values cannot go on after a restart.
const LOST_SECRETS: &str =
    "its secret survey values are not in the database any more (its rs_ tables were removed): start it again";

/// Adapter of the pool's ports over the store.
#[derive(Debug)]
pub struct TaskPorts {
    pub(super) services: Arc<Services>,
    pool: OnceLock<Pool>,
    /// What servers have in common that can reach each other's processes.
    place: OnceLock<String>,
    log: OnceLock<Arc<dyn TaskLog>>,
    /// Held while reports of remote runners are taken, so that they are in order.
    pub(super) runner_mail: tokio::sync::Mutex<()>,
}

/// What was read while tasks were taken up: thousands of them may have one template.
#[derive(Debug, Default)]
pub(super) struct Known {
    templates: HashMap<(ProjectId, TemplateId), Arc<Template>>,
    users: HashMap<UserId, String>,
}

impl TaskPorts {
    /// An adapter without a pool; give it one with [`TaskPorts::set_pool`] before tasks are started.
    pub fn new(services: Arc<Services>) -> Arc<Self> {
        Arc::new(Self {
            services,
            pool: OnceLock::new(),
            place: OnceLock::new(),
            log: OnceLock::new(),
            runner_mail: tokio::sync::Mutex::default(),
        })
    }

    /// Tells which pool runs the tasks. Only the first call counts.
    pub fn set_pool(&self, pool: Pool) {
        let _ = self.pool.set(pool);
    }

    /// Tells where processes of tasks are that this server starts. Only the first call counts.
    pub(super) fn set_place(&self, place: String) {
        let _ = self.place.set(place);
    }

    /// Where they are.
    pub(super) fn place(&self) -> &str {
        self.place.get().map_or("", String::as_str)
    }

    /// Tells who notes what becomes of tasks. Only the first call counts.
    pub fn set_log(&self, log: Arc<dyn TaskLog>) {
        let _ = self.log.set(log);
    }

    /// The pool that runs the tasks.
    pub fn pool(&self) -> Result<&Pool> {
        self.pool.get().ok_or_else(|| Error::unavailable("the server is starting, try again"))
    }

    /// The secret survey values of a task that has not ended. Reference: kept in memory, so that a restart loses them.
    pub(super) async fn secret(&self, task: TaskId) -> Result<Option<Secret>, PortError> {
        let Some(sealed) = self.services.store.get_task_secret(task).await.map_err(port_error)? else {
            return Ok(None);
        };
        let opened = self.services.access_key_cipher.decrypt(sealed.expose());
        let opened = opened.map_err(|error| {
            PortError::Refused(format!("the secret survey values of the task cannot be decrypted: {error}"))
        })?;
        Ok(Some(String::from_utf8_lossy(&opened).into_owned().into()))
    }

    /// Takes up tasks that another process left and that are this server's now: waiting tasks go back into the queue, tasks
    /// that were under way go on if they have a process of their own, and otherwise end as `error` with a line that says why. The reference leaves both as they are for ever. Answers
    /// whether all of them were taken up; it may be called again with the others, and with those that were, too.
    pub(super) async fn take_up(&self, tasks: &[Task], reason: &str) -> Result<bool> {
        let pool = self.pool()?;
        let mut known = Known::default();
        let mut complete = true;
        for task in tasks.iter().filter(|task| !pool.is_active(task.id)) {
            // One task that cannot be taken up keeps neither the others nor the server from going on.
            if let Err(error) = self.take_up_one(pool, &mut known, task, reason).await {
                tracing::error!(task.id = %task.id, %error, cause = ?error.source, "a task that another server left is left as it is");
                complete = false;
            }
        }
        Ok(complete)
    }

    async fn take_up_one(&self, pool: &Pool, known: &mut Known, task: &Task, reason: &str) -> Result<()> {
        let Some(template) = self.template(known, task).await? else {
            let unknown = Template { id: task.template_id, ..Template::default() };
            return self.end_lost(queued(task, &unknown, ""), "its template cannot be read any more").await;
        };
        let entry = queued(task, &template, &self.username(known, task).await?);
        if task.status != TaskStatus::Waiting {
            if let Some(held) = self.services.store.find_runner_of_task(task.id).await? {
                pool.attach_remote(entry, held.runner_id, self.progress(task.id).await?);
                return Ok(());
            }
            return match self.services.store.find_task_host(task.id).await? {
                Some(directory) => self.attach(pool, entry, Path::new(&directory), reason).await,
                None => self.end_lost(entry, reason).await,
            };
        }
        if asks_for_secrets(&template) && self.services.store.get_task_secret(task.id).await?.is_none() {
            return self.end_lost(entry, LOST_SECRETS).await;
        }
        pool.enqueue(entry);
        Ok(())
    }

    /// Goes on with a task that has a process of its own; ends it if that has gone, too.
    async fn attach(&self, pool: &Pool, task: QueuedTask, directory: &Path, reason: &str) -> Result<()> {
        let Some(attached) = host::attach(directory).await else {
            let memory = host::out_of_memory(directory).map(|memory| format!("; {memory}")).unwrap_or_default();
            self.end_lost(task, &format!("{}{memory}", ended_with(reason))).await?;
            host::forget(directory);
            return Ok(());
        };
        let id = task.state.id;
        if let Some(found) = &attached.state_address
            && let Some((_, alias)) = found.address.rsplit_once('/')
        {
            let (project_id, inventory_id) = (task.state.project_id, InventoryId(found.inventory_id));
            self.services.open_task_address(alias, StateOwner { project_id, inventory_id, task_id: Some(id) });
        }
        let mut progress = self.progress(id).await?;
        progress.interruption = attached.is_killed.then(|| ended_with(reason));
        pool.attach(task, attached, progress);
        Ok(())
    }

    /// What is stored of a task that another process began.
    async fn progress(&self, task: TaskId) -> Result<StoredProgress> {
        let store = &self.services.store;
        let problems = store.list_task_problems(task).await?.into_iter().map(|problem| (problem.code, problem.message));
        Ok(StoredProgress {
            lines: store.task_output_number(task).await?,
            last_time: store.task_output_time(task).await?,
            interruption: None,
            problems: problems.collect(),
            stages: store.list_job_stages(task).await?,
        })
    }

    /// Ends processes of tasks that are not in the database any more: they were deleted while no server was there.
    pub(super) async fn end_abandoned(&self) -> Result<()> {
        let Some(hosts) = self.pool()?.hosts() else { return Ok(()) };
        // The row of a task is stored before its directory is made.
        let mut directories = hosts.directories();
        // By the names, which are made up and never used twice: the path to them may have been spelled in another way.
        let known = self.services.store.list_task_hosts(self.place()).await?;
        let known: HashSet<_> = known.iter().filter_map(|directory| Path::new(directory).file_name()).collect();
        directories.retain(|directory| directory.file_name().is_none_or(|name| !known.contains(name)));
        for directory in directories {
            tracing::warn!(directory = %directory.display(), "a task that was deleted is ended");
            tokio::spawn(async move { host::abandon(&directory).await });
        }
        Ok(())
    }

    /// The template of a task; none if it cannot be read, now and later.
    async fn template(&self, known: &mut Known, task: &Task) -> Result<Option<Arc<Template>>> {
        let id = (task.project_id, task.template_id);
        if let Some(template) = known.templates.get(&id) {
            return Ok(Some(Arc::clone(template)));
        }
        match self.services.store.get_plain_template(task.project_id, task.template_id).await {
            Ok(template) => Ok(Some(Arc::clone(known.templates.entry(id).or_insert(Arc::new(template))))),
            Err(error) if error.is_temporary() => Err(error.into()),
            Err(error) => {
                tracing::warn!(task.id = %task.id, %error, "the template of a task of an earlier run cannot be read");
                Ok(None)
            }
        }
    }

    async fn end_lost(&self, mut task: QueuedTask, reason: &str) -> Result<()> {
        let (project, id) = (task.state.project_id.0, task.state.id.0);
        if let Err(error) = remove_leftovers(&self.services.engine, project, id).await {
            tracing::warn!(task.id = id, %error, "files of a task of an earlier run cannot be removed");
        }
        task.state.status = TaskStatus::Error;
        // Behind what it has said, whatever the clock says now.
        let last = self.services.store.task_output_time(task.state.id).await?;
        let end = Utc::now().max(last).max(task.state.start.unwrap_or(last));
        task.state.end = Some(end);
        let line = NewLine::whole(end, format!("Failed to run task: {reason}"));
        let description = format!("Task ID {} ({}) finished with status ERROR", task.state.id, task.template_name);
        let problem = Problem { code: ProblemCode::Interrupted, message: reason.to_owned() };
        let change = TaskChange {
            lines: std::slice::from_ref(&line),
            state: Some(&task.state),
            event: Some(TaskEvent {
                description,
                template_name: task.template_name.clone(),
                username: task.username.clone(),
            }),
            problem: Some(&problem),
            is_left_to_runner: true,
            ..TaskChange::default()
        };
        match self.store(&task.state, change).await {
            // It ended in the meantime, or somebody else ends it.
            Ok(()) | Err(PortError::Taken) => Ok(()),
            Err(error) => Err(Error::internal("ending a task of an earlier process", error)),
        }
    }

    pub(super) async fn username(&self, known: &mut Known, task: &Task) -> Result<String> {
        let Some(user) = task.user_id else { return Ok(String::new()) };
        if let Some(name) = known.users.get(&user) {
            return Ok(name.clone());
        }
        let name = match self.services.store.get_user(user).await {
            Ok(user) => user.username,
            Err(StoreError::NotFound) => String::new(),
            Err(error) => return Err(error.into()),
        };
        known.users.insert(user, name.clone());
        Ok(name)
    }

    /// Stores a step, and with `begin` takes a place for the task.
    async fn store_step(
        &self,
        task: &TaskState,
        change: TaskChange<'_>,
        begin: Option<Beginning>,
    ) -> Result<Begin, PortError> {
        let stored = |line: &NewLine| TaskOutput {
            time: line.time,
            output: line.text.clone(),
            continued: line.continued,
            ..TaskOutput::default()
        };
        let lines: Vec<_> = change.lines.iter().map(stored).collect();
        let problem = change.problem.map(|Problem { code, message }| TaskProblem {
            code: code.as_str().to_owned(),
            message: message.clone(),
            time: Utc::now(),
        });
        let alerts = match change.state {
            Some(state) => self.services.alerts_about(state).await.map_err(port_error)?,
            None => Vec::new(),
        };
        let is_remote = begin.as_ref().is_some_and(|begin| begin.wish.is_some());
        let step = TaskStep {
            project_id: task.project_id,
            task_id: task.id,
            user_id: task.user_id,
            lines: &lines,
            first_line: change.first_line,
            status: change.state.map(|state| (state.status, state.start, state.end)),
            commit: change.commit,
            event: change.event.as_ref().map(|event| event.description.as_str()),
            stages: change.stages,
            problem: problem.as_ref(),
            owner: (!change.is_afterword).then_some(self.services.server_id.as_str()),
            alerts: &alerts,
            host: change.host.filter(|_| !is_remote).map(|directory| TaskHost { place: self.place(), directory }),
            is_left_to_runner: change.is_left_to_runner,
        };
        let store = &self.services.store;
        if let Some(lines) = change.known_hosts {
            store.merge_known_hosts(task.project_id, lines).await.map_err(port_error)?;
        }
        let begun = match begin {
            None => store.store_task_step(&step).await.map(|()| Begin::Begun),
            Some(Beginning { beside, wish: None }) => {
                let hold = store.begin_task(&step, beside).await;
                hold.map(|hold| hold.map_or(Begin::Begun, |hold| Begin::Held(held(hold))))
            }
            Some(Beginning { beside, wish: Some(wish) }) => {
                store.begin_remote_task(&step, beside, &wish).await.map(|begun| match begun {
                    RemoteBegin::Given(runner) => Begin::Remote(Some(runner)),
                    RemoteBegin::Nobody => Begin::Remote(None),
                    RemoteBegin::Held(hold) => Begin::Held(held(hold)),
                })
            }
        };
        let begun = begun.map_err(port_error)?;
        if !matches!(begun, Begin::Held(_)) {
            self.services.alerts.stored(&alerts);
            if let (Some(log), Some(event)) = (self.log.get(), change.event) {
                log.reached(TaskRecord::of(task, event));
            }
        }
        Ok(begun)
    }
}

/// How a task is to begin.
struct Beginning {
    /// Beside which others.
    beside: Beside,
    /// On a remote runner.
    wish: Option<RunnerWish>,
}

fn held(hold: Hold) -> semaphore_task::Hold {
    match hold {
        Hold::Project(_) => semaphore_task::Hold::Project,
        Hold::Template(_) => semaphore_task::Hold::Template,
        Hold::Inventory(_) => semaphore_task::Hold::Inventory,
        Hold::Runner => semaphore_task::Hold::Runner,
    }
}

#[async_trait]
impl TaskRepository for TaskPorts {
    async fn store(&self, task: &TaskState, change: TaskChange<'_>) -> Result<(), PortError> {
        self.store_step(task, change, None).await.map(drop)
    }

    async fn begin(&self, task: &QueuedTask, change: TaskChange<'_>) -> Result<Begin, PortError> {
        let TaskState { id, project_id, template_id, .. } = task.state;
        let wish = self.services.runner_wish(project_id, template_id, id).await.map_err(port_error)?;
        let beside = Beside { allow_parallel: task.allow_parallel, inventory: task.inventory };
        self.store_step(&task.state, change, Some(Beginning { beside, wish })).await
    }

    async fn last_line(&self, task: TaskId) -> Result<DateTime<Utc>, PortError> {
        self.services.store.task_output_time(task).await.map_err(port_error)
    }

    async fn prepare(&self, task: &QueuedTask) -> Result<PreparedJob, PortError> {
        prepare::prepare(&self.services, task, self.secret(task.state.id).await?).await
    }

    async fn give(&self, task: &QueuedTask) -> Result<(), PortError> {
        self.give_to_runner(task).await
    }

    async fn take_back(&self, task: &QueuedTask) -> Result<bool, PortError> {
        self.services.store.take_back_runner_task(task.state.id).await.map_err(port_error)
    }

    async fn released(&self, task: &QueuedTask, runner: RunnerId) {
        self.release_runner(task, runner).await;
    }

    async fn project_limit(&self, project: ProjectId) -> Result<u32, PortError> {
        let project = self.services.store.get_project(project).await.map_err(port_error)?;
        Ok(u32::try_from(project.max_parallel_tasks).unwrap_or(0))
    }

    async fn follow_ups(&self, task: &TaskState) -> Result<Vec<QueuedTask>, PortError> {
        let store = &self.services.store;
        let templates = store.list_autorun_templates(task.project_id, task.template_id).await.map_err(port_error)?;
        let mut tasks = Vec::with_capacity(templates.len());
        for template in templates {
            let next = Task {
                template_id: template.id,
                project_id: task.project_id,
                build_task_id: Some(task.id),
                ..Task::default()
            };
            match self.services.insert_task(&template, next, "", Extra::default()).await {
                Ok((_, queued)) => tasks.push(queued),
                // Those that are stored already must reach the queue.
                Err(error) if tasks.is_empty() => return Err(PortError::Unavailable(Box::new(error))),
                Err(error) => {
                    tracing::error!(template.id = %template.id, %error, cause = ?error.source, "a deployment could not be started");
                }
            }
        }
        Ok(tasks)
    }
}

/// Why a task ends whose process is not there any more.
fn ended_with(reason: &str) -> String {
    format!("{reason}, and the process that ran it (its task host) has ended with it; its last output may be missing")
}

/// A store error as the pool understands it: only what cannot get better by waiting is a refusal or a rejection.
pub(super) fn port_error(error: StoreError) -> PortError {
    match error {
        StoreError::NotFound | StoreError::Referenced { .. } => {
            PortError::Refused("the task or something it uses was deleted".to_owned())
        }
        StoreError::Taken => PortError::Taken,
        StoreError::Refused { .. } | StoreError::Invalid(_) => PortError::Rejected(Box::new(error)),
        error => PortError::Unavailable(Box::new(error)),
    }
}
