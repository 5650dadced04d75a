//! The pool's view of the database.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use chrono::Utc;
use semaphore_engine::job::{Problem, ProblemCode, remove_leftovers};
use semaphore_model::{ProjectId, Secret, Task, TaskId, TaskOutput, TaskProblem, TaskStatus, Template};
use semaphore_store::{StoreError, TaskStep};
use semaphore_task::{
    NewLine, Pool, PortError, PreparedJob, QueuedTask, TaskChange, TaskEvent, TaskRepository, TaskState,
};

use super::{
    prepare,
    submit::{Extra, asks_for_secrets, queued},
};
use crate::{Error, Result, Services};

/// Why a waiting task with secret survey values cannot go on after a restart.
const LOST_SECRETS: &str =
    "its secret survey values are not in the database any more (its rs_ tables were removed): start it again";

/// Adapter of the pool's ports over the store.
#[derive(Debug)]
pub struct TaskPorts {
    services: Arc<Services>,
    pool: OnceLock<Pool>,
}

impl TaskPorts {
    /// An adapter without a pool; give it one with [`TaskPorts::set_pool`] before tasks are started.
    pub fn new(services: Arc<Services>) -> Arc<Self> {
        Arc::new(Self { services, pool: OnceLock::new() })
    }

    /// Tells which pool runs the tasks. Only the first call counts.
    pub fn set_pool(&self, pool: Pool) {
        let _ = self.pool.set(pool);
    }

    /// The pool that runs the tasks.
    pub fn pool(&self) -> Result<&Pool> {
        self.pool.get().ok_or_else(|| Error::unavailable("the server is starting, try again"))
    }

    /// The secret survey values of a task that has not ended. Reference: kept in memory, so that a restart loses them.
    async fn secret(&self, task: TaskId) -> Result<Option<Secret>, PortError> {
        let Some(sealed) = self.services.store.get_task_secret(task).await.map_err(port_error)? else {
            return Ok(None);
        };
        let opened = self.services.access_key_cipher.decrypt(sealed.expose());
        let opened = opened.map_err(|error| {
            PortError::Refused(format!("the secret survey values of the task cannot be decrypted: {error}"))
        })?;
        Ok(Some(String::from_utf8_lossy(&opened).into_owned().into()))
    }

    /// Takes up what an earlier process left: waiting tasks go back into the queue, tasks that were under way end as `error`
    /// with a line that says why. The reference leaves both as they are for ever.
    pub async fn recover(&self) -> Result<()> {
        let pool = self.pool()?;
        for task in self.services.store.list_unfinished_tasks().await? {
            // One task that cannot be taken up keeps neither the others nor the server from going on.
            if let Err(error) = self.recover_task(pool, &task).await {
                tracing::error!(task.id = %task.id, %error, cause = ?error.source, "a task of an earlier run is left as it is");
            }
        }
        Ok(())
    }

    async fn recover_task(&self, pool: &Pool, task: &Task) -> Result<()> {
        let template = match self.services.store.get_plain_template(task.project_id, task.template_id).await {
            Ok(template) => template,
            Err(error) if error.is_temporary() => return Err(error.into()),
            Err(error) => {
                tracing::warn!(task.id = %task.id, %error, "the template of a task of an earlier run cannot be read");
                let unknown = Template { id: task.template_id, ..Template::default() };
                return self.end_lost(queued(task, &unknown, ""), "its template cannot be read any more").await;
            }
        };
        let entry = queued(task, &template, &self.username(task).await?);
        if task.status != TaskStatus::Waiting {
            return self.end_lost(entry, "the server was restarted while the task ran").await;
        }
        if asks_for_secrets(&template) && self.services.store.get_task_secret(task.id).await?.is_none() {
            return self.end_lost(entry, LOST_SECRETS).await;
        }
        pool.enqueue(entry);
        Ok(())
    }

    async fn end_lost(&self, mut task: QueuedTask, reason: &str) -> Result<()> {
        let (project, id) = (task.state.project_id.0, task.state.id.0);
        if let Err(error) = remove_leftovers(&self.services.engine, project, id).await {
            tracing::warn!(task.id = id, %error, "files of a task of an earlier run cannot be removed");
        }
        task.state.status = TaskStatus::Error;
        task.state.end = Some(Utc::now());
        let line = NewLine::whole(Utc::now(), format!("Failed to run task: {reason}"));
        let description = format!("Task ID {} ({}) finished with status ERROR", task.state.id, task.template_name);
        let problem = Problem { code: ProblemCode::Interrupted, message: reason.to_owned() };
        let change = TaskChange {
            lines: std::slice::from_ref(&line),
            state: Some(&task.state),
            event: Some(TaskEvent { description }),
            problem: Some(&problem),
            ..TaskChange::default()
        };
        let stored = self.store(&task.state, change).await;
        stored.map_err(|error| Error::internal("ending a task of an earlier process", error))
    }

    async fn username(&self, task: &Task) -> Result<String> {
        let Some(user) = task.user_id else { return Ok(String::new()) };
        match self.services.store.get_user(user).await {
            Ok(user) => Ok(user.username),
            Err(StoreError::NotFound) => Ok(String::new()),
            Err(error) => Err(error.into()),
        }
    }
}

#[async_trait]
impl TaskRepository for TaskPorts {
    async fn store(&self, task: &TaskState, change: TaskChange<'_>) -> Result<(), PortError> {
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
            alerts: &alerts,
        };
        let store = &self.services.store;
        if let Some(lines) = change.known_hosts {
            store.merge_known_hosts(task.project_id, lines).await.map_err(port_error)?;
        }
        store.store_task_step(&step).await.map_err(port_error)?;
        self.services.alerts.stored(&alerts);
        Ok(())
    }

    async fn prepare(&self, task: &QueuedTask) -> Result<PreparedJob, PortError> {
        prepare::prepare(&self.services, task, self.secret(task.state.id).await?).await
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

/// A store error as the pool understands it: only what cannot get better by waiting is a refusal.
pub(super) fn port_error(error: StoreError) -> PortError {
    match error {
        StoreError::NotFound | StoreError::Referenced { .. } => {
            PortError::Refused("the task or something it uses was deleted".to_owned())
        }
        error => PortError::Unavailable(Box::new(error)),
    }
}
