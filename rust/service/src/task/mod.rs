//! Tasks: starting them, reading them, stopping them, and what the pool needs of the database.
//!
//! The pool itself is `semaphore_task`; here are the rules about who gives what to a task and the adapter between the pool's
//! ports and the store.

mod active;
mod ansible;
mod follow;
mod incoming;
mod log;
mod output;
mod ownership;
mod placement;
mod ports;
mod prepare;
mod presence;
mod remote;
mod runner_report;
mod runner_watch;
mod submit;
mod waiting;

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use schemars::JsonSchema;
use semaphore_model::{
    JobStage, Project, ProjectId, Task, TaskId, TaskOutput, TaskProblem, TaskStage, TaskStatus, TaskWithTemplate,
    TemplateId, User, UserId, time,
};
use semaphore_store::{OutputCursor, Page, TaskCommand, TaskFilter, TaskStatistics, TaskStatisticsFilter};
use semaphore_task::{ActiveTask, Location, Pool, StopError};
use serde::Serialize;

pub use self::{
    active::ListedTask,
    ansible::{AnsibleError, AnsibleHost},
    log::{TaskLog, TaskRecord},
    output::{DEFAULT_LINES, FoundLine, FoundLines, MOST_LINES},
    ownership::Ownership,
    ports::TaskPorts,
    waiting::WaitingReason,
};
pub(crate) use self::{ansible::ReportCache, incoming::unless_gone, placement::heard_since, submit::TaskOrigin};
use crate::{Error, Result, Services};

/// Lines of output that are read at a time.
const CHUNK: u32 = 4_000;

/// Why a task is as it is. Ours; the reference has nothing of the kind.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TaskReason {
    /// Its status.
    pub status: TaskStatus,
    /// What its job does at the moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Start of the run.
    #[serde(with = "time::rfc3339_option")]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub start: Option<DateTime<Utc>>,
    /// End of the run.
    #[serde(with = "time::rfc3339_option")]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub end: Option<DateTime<Utc>>,
    /// What was found, in order.
    pub problems: Vec<TaskProblem>,
    /// What it waits for, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitingReason>,
}

impl Services {
    /// A task of a project; 400 with an empty body if there is none. Reference: not 404.
    pub async fn task(&self, project: ProjectId, task: TaskId) -> Result<Task> {
        self.store.get_task(project, task).await.map_err(|error| unknown_task(error.into()))
    }

    /// Those of these tasks that run a program of the Terraform family.
    pub async fn terraform_tasks(&self, active: Vec<ActiveTask>) -> Vec<TaskId> {
        let mut found = Vec::new();
        for task in active.into_iter().filter(|task| task.location == Location::Running) {
            let Ok(row) = self.store.get_task(task.project_id, task.id).await else { continue };
            let template = self.store.get_plain_template(task.project_id, row.template_id).await;
            if template.is_ok_and(|template| template.app.is_terraform()) {
                found.push(task.id);
            }
        }
        found
    }

    /// Newest tasks of a project, or of one of its templates.
    pub async fn tasks(
        &self,
        project: ProjectId,
        template: Option<TemplateId>,
        limit: u32,
    ) -> Result<Vec<TaskWithTemplate>> {
        let filter = TaskFilter { template_id: template, ..TaskFilter::default() };
        Ok(self.store.list_tasks(project, &filter, Page::first(limit)).await?)
    }

    /// The next lines after a place in the output, in the order in which they were read; the caller has checked that the task is the project's.
    pub async fn task_output_chunk(
        &self,
        task: TaskId,
        after: OutputCursor,
    ) -> Result<(Vec<TaskOutput>, OutputCursor)> {
        Ok(self.store.read_task_output(task, after, CHUNK).await?)
    }

    /// Stages of a task.
    pub async fn task_stages(&self, project: ProjectId, task: TaskId) -> Result<Vec<TaskStage>> {
        let task = self.task(project, task).await?;
        Ok(self.store.list_task_stages(project, task.id).await?)
    }

    /// Why a task is as it is: its status, what its job does at the moment, and the problems that were found.
    pub async fn task_state(&self, pool: &Pool, project: ProjectId, task: TaskId) -> Result<TaskReason> {
        let task = self.task(project, task).await?;
        let stage = pool.job_stages(task.id).and_then(|mut stages| Some(stages.pop()?.stage));
        let problems = self.store.list_task_problems(task.id).await?;
        let waiting = match task.status {
            TaskStatus::Waiting => Some(self.waiting_reason(&task).await?),
            _ => None,
        };
        Ok(TaskReason { status: task.status, stage, start: task.start, end: task.end, problems, waiting })
    }

    /// What the job of a task did from when to when, so far if it runs.
    pub async fn job_stages(&self, pool: &Pool, project: ProjectId, task: TaskId) -> Result<Vec<JobStage>> {
        let task = self.task(project, task).await?;
        match pool.job_stages(task.id) {
            Some(stages) => Ok(stages),
            None => Ok(self.store.list_job_stages(task.id).await?),
        }
    }

    /// Numbers of tasks per day and status.
    pub async fn task_statistics(
        &self,
        project: ProjectId,
        template: Option<TemplateId>,
        start: Option<&str>,
        end: Option<&str>,
        user: Option<&str>,
    ) -> Result<Vec<TaskStatistics>> {
        let day = |text: Option<&str>, refusal: &str| -> Result<Option<DateTime<Utc>>> {
            let day = text.map(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d")).transpose();
            Ok(day.map_err(|_| Error::invalid(refusal))?.map(|day| day.and_time(NaiveTime::MIN).and_utc()))
        };
        let filter = TaskStatisticsFilter {
            template_id: template,
            start: day(start, "Invalid start date")?,
            end: day(end, "Invalid end date")?,
            user_id: user
                .map(|text| text.parse().map(UserId))
                .transpose()
                .map_err(|_| Error::invalid("Invalid user_id"))?,
        };
        Ok(self.store.list_task_statistics(project, &filter).await?)
    }

    /// Stops a task. A task that has ended already keeps its status (the reference rewrites it to `stopped`). One of another
    /// server is stopped there, a moment later.
    pub async fn stop_task(&self, pool: &Pool, project: ProjectId, task: TaskId, forced: bool) -> Result<()> {
        let task = self.task(project, task).await?;
        self.stop(pool, task.id, forced).await
    }

    /// Stops every unfinished task of a template, on whichever server.
    pub async fn stop_tasks_of_template(
        &self,
        pool: &Pool,
        project: ProjectId,
        template: TemplateId,
        forced: bool,
    ) -> Result<()> {
        let command = if forced { TaskCommand::ForceStop } else { TaskCommand::Stop };
        self.store.send_template_command(&self.server_id, project, template, command).await?;
        for task in pool.of_template(project, template) {
            match pool.stop(task, forced).await {
                Ok(()) | Err(StopError::NotActive) => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Ok(())
    }

    /// Accepts or refuses the plan of a task; 400 unless it waits for that.
    pub async fn confirm_task(&self, pool: &Pool, project: ProjectId, task: TaskId, accepted: bool) -> Result<()> {
        let task = self.task(project, task).await?;
        let answer = pool.confirm(task.id, accepted).await;
        if matches!(answer, Err(StopError::NotActive)) && task.status == TaskStatus::WaitingConfirmation {
            let command = if accepted { TaskCommand::Confirm } else { TaskCommand::Reject };
            if self.store.send_task_command(&self.server_id, task.id, command).await? {
                return Ok(());
            }
        }
        answer.map_err(refused)
    }

    /// Stops a task of any project, for administrators; one that is not active is no error.
    pub async fn stop_any_task(&self, pool: &Pool, task: TaskId) -> Result<()> {
        self.stop(pool, task, false).await
    }

    /// Stops a task; one that has ended in the meantime is no error.
    async fn stop(&self, pool: &Pool, task: TaskId, forced: bool) -> Result<()> {
        match pool.stop(task, forced).await {
            Ok(()) => Ok(()),
            Err(StopError::NotActive) => {
                let command = if forced { TaskCommand::ForceStop } else { TaskCommand::Stop };
                Ok(self.store.send_task_command(&self.server_id, task, command).await.map(drop)?)
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// Whether the user is an administrator, and the projects of which they are a member: what they may watch.
    pub async fn visible_projects(&self, user: UserId) -> Result<(bool, HashSet<ProjectId>)> {
        let user = self.store.get_user(user).await?;
        Ok((user.admin, self.store.list_project_ids_of_user(user.id).await?.into_iter().collect()))
    }

    /// Deletes a finished task with its output. Reference: only administrators may (401), and not while it is active (400).
    pub async fn delete_task(&self, pool: &Pool, user: &User, project: &Project, task: TaskId) -> Result<()> {
        let task = self.task(project.id, task).await?;
        if pool.is_active(task.id) || self.store.find_task_owner(task.id).await?.is_some() {
            return Err(Error::invalid("stop the task before deleting it").bare());
        }
        if !user.admin {
            return Err(Error::unauthenticated("only administrators may delete tasks"));
        }
        Ok(self.store.delete_task(project.id, task.id).await?)
    }
}

fn unknown_task(error: Error) -> Error {
    if error.is_not_found() { Error::invalid("there is no such task in this project").bare() } else { error }
}

fn refused(error: StopError) -> Error {
    match error {
        StopError::NotActive | StopError::NothingToConfirm => Error::invalid(error.to_string()).bare(),
        StopError::Port(error) => Error::internal("changing a task", error),
    }
}
