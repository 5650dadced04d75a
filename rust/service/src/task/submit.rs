//! Making a task: the rules of the start request, the row, the queue.

use chrono::Utc;
use semaphore_model::{
    IntegrationId, NewTask, ProjectId, ScheduleId, Secret, Task, TaskStatus, Template, TemplateType, User,
};
use semaphore_store::{ScheduleFire, TaskStart};
use semaphore_task::{QueuedTask, TaskState, parameters, version::next_build_version};

use super::TaskPorts;
use crate::{Error, Result, Services};

/// Who starts a task.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TaskOrigin<'a> {
    /// Somebody.
    User(&'a User),
    /// A schedule, by itself, at one of its moments.
    Schedule(ScheduleId, ScheduleFire<'a>),
    /// A request from outside.
    Integration(IntegrationId),
    /// The same request once more, by somebody.
    Replay(IntegrationId, &'a User),
}

impl Services {
    /// Starts a task for a user: checks the request, stores the row and queues it.
    ///
    /// 404 for a template that is not the project's; 400 with the reason for anything else that does not fit, and then
    /// nothing is stored (the reference answers 500 and keeps some of the rows).
    pub async fn create_task(&self, ports: &TaskPorts, user: &User, project: ProjectId, new: NewTask) -> Result<Task> {
        let mut task = self.create_task_by(ports, TaskOrigin::User(user), project, new).await?;
        task.secret = Secret::new("{}");
        Ok(task)
    }

    /// The same for whoever starts it.
    pub(crate) async fn create_task_by(
        &self,
        ports: &TaskPorts,
        origin: TaskOrigin<'_>,
        project: ProjectId,
        new: NewTask,
    ) -> Result<Task> {
        if let Some(text) = &self.settings.rehearsal {
            return Err(Error::conflict(format!("no task is run here: {text}")));
        }
        let template = self.store.get_template(project, new.template_id).await?;
        self.check_new_task(&template, &new).await?;
        let secret = new.secret.clone();
        let mut fire = None;
        let mut task = new.into_task(project);
        let mut username = "";
        match origin {
            TaskOrigin::User(user) => {
                task.user_id = Some(user.id);
                username = &user.username;
            }
            TaskOrigin::Schedule(id, moment) => {
                task.schedule_id = Some(id);
                fire = Some(moment);
            }
            TaskOrigin::Integration(id) => task.integration_id = Some(id),
            TaskOrigin::Replay(id, user) => {
                task.integration_id = Some(id);
                task.user_id = Some(user.id);
                username = &user.username;
            }
        }
        let extra = Extra { secret: Some(secret), fire };
        let (task, queued) = self.insert_task(&template, task, username, extra).await?;
        ports.pool()?.submit(queued).await.map_err(|error| Error::internal("queueing a task", error))?;
        Ok(task)
    }

    async fn check_new_task(&self, template: &Template, new: &NewTask) -> Result<()> {
        parameters::check(&template.app, &new.params).map_err(Error::invalid)?;
        check_object("environment", &new.environment)?;
        check_object("secret", new.secret.expose())?;
        if template.allow_override_args_in_task
            && let Some(arguments) = &new.arguments
        {
            check_arguments(template, arguments)?;
        }
        if let Some(inventory) = new.inventory_id {
            let known = self.store.get_inventory(template.project_id, inventory).await.map_err(Error::from);
            known.map_err(|error| absent(error, "the inventory is not one of this project"))?;
        }
        if let Some(build) = new.build_task_id {
            let known = self.store.get_task(template.project_id, build).await.map_err(Error::from);
            known.map_err(|error| absent(error, "the build task is not one of this project"))?;
        }
        if let Some(schedule) = new.schedule_id {
            let known = self.store.get_schedule(template.project_id, schedule).await.map_err(Error::from);
            known.map_err(|error| absent(error, "the schedule is not one of this project"))?;
        }
        if let Some(integration) = new.integration_id {
            let known = self.store.get_integration(template.project_id, integration).await.map_err(Error::from);
            known.map_err(|error| absent(error, "the integration is not one of this project"))?;
        }
        Ok(())
    }

    /// Stores the row of a new task and tells what the pool has to know of it.
    pub(super) async fn insert_task(
        &self,
        template: &Template,
        mut task: Task,
        username: &str,
        extra: Extra<'_>,
    ) -> Result<(Task, QueuedTask)> {
        task.created = Utc::now();
        task.status = TaskStatus::Waiting;
        let is_build = template.r#type == TemplateType::Build;
        let _turn = if is_build { Some(self.build_versions.lock().await) } else { None };
        if is_build {
            task.version = self.next_version(template).await?;
        }
        // A template that asks for secrets has a row of them for each task, be it empty: without one they were lost.
        let has_secret = extra.secret.as_ref().is_some_and(|secret| !secret.is_empty() && secret.expose() != "{}");
        let sealed = if has_secret || asks_for_secrets(template) {
            let values = extra.secret.filter(|_| has_secret).unwrap_or_else(|| Secret::new("{}"));
            let sealed = self.access_key_cipher.encrypt(values.expose().as_bytes());
            Some(Secret::from(
                sealed.map_err(|error| Error::internal("encrypting the secret values of a task", error))?,
            ))
        } else {
            None
        };
        let start = TaskStart { task, sealed: sealed.as_ref(), fire: extra.fire, owner: Some(&self.server_id) };
        let task = self.store.start_task(&start).await?;
        let task = task.ok_or_else(|| Error::conflict("this moment of the schedule was fired before"))?;
        self.housekeeping.task_added(task.template_id);
        let queued = queued(&task, template, username);
        Ok((task, queued))
    }

    /// Reference: the version of the newest task counts, whatever became of it.
    async fn next_version(&self, template: &Template) -> Result<Option<String>> {
        let last = self.tasks(template.project_id, Some(template.id), 1).await?;
        let current = last.into_iter().next().and_then(|last| last.task.version);
        Ok(match (&template.start_version, current) {
            (Some(start), Some(current)) => Some(next_build_version(start, &current)),
            (start, _) => start.clone(),
        })
    }
}

/// What is stored with a new task.
#[derive(Debug, Default)]
pub(super) struct Extra<'a> {
    /// Secret survey values, a JSON object as text.
    pub(super) secret: Option<Secret>,
    /// The moment of the schedule that starts it.
    pub(super) fire: Option<ScheduleFire<'a>>,
}

/// Whether the survey of a template has a question whose answer is a secret.
pub(super) fn asks_for_secrets(template: &Template) -> bool {
    template.survey_vars.iter().any(|variable| variable.r#type.as_str() == "secret")
}

/// A stored task as the pool's queue holds it.
pub(super) fn queued(task: &Task, template: &Template, username: &str) -> QueuedTask {
    QueuedTask {
        state: TaskState {
            id: task.id,
            project_id: task.project_id,
            template_id: template.id,
            user_id: task.user_id,
            status: task.status,
            start: task.start,
            end: task.end,
            version: task.version.clone(),
        },
        template_name: template.name.clone(),
        allow_parallel: template.allow_parallel_tasks,
        username: username.to_owned(),
        inventory: template.inventory_of(task.inventory_id),
    }
}

fn absent(error: Error, message: &str) -> Error {
    if error.is_not_found() { Error::invalid(message) } else { error }
}

fn check_object(field: &str, text: &str) -> Result<()> {
    if text.is_empty() || serde_json::from_str::<semaphore_model::JsonMap>(text).is_ok() {
        return Ok(());
    }
    Err(Error::invalid(format!("{field} must be a JSON object as text, for example {{\"name\":\"value\"}}")))
}

fn check_arguments(template: &Template, text: &str) -> Result<()> {
    if template.app.is_terraform() {
        return parameters::stages(Some(text)).map(drop).map_err(Error::invalid);
    }
    if serde_json::from_str::<Vec<String>>(text).is_ok() {
        return Ok(());
    }
    Err(Error::invalid("arguments must be a JSON array of texts as text, for example [\"--tags\",\"web\"]"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use semaphore_model::{Repository, TemplateApp};
    use semaphore_store::ListOptions;

    use super::*;
    use crate::fixture::Fixture;

    #[tokio::test]
    async fn builds_started_together_get_versions_of_their_own() {
        let fixture = Fixture::new().await;
        let (services, project) = (&fixture.services, fixture.project.id);
        let key = services.keys(project, &ListOptions::default()).await.unwrap()[0].id;
        let repository = Repository {
            name: "Repository".into(),
            project_id: project,
            git_url: "/srv/repository".into(),
            ssh_key_id: key,
            ..Repository::default()
        };
        let template = Template {
            name: "Build".into(),
            app: TemplateApp::Bash,
            playbook: "build.sh".into(),
            r#type: TemplateType::Build,
            start_version: Some("1.0".into()),
            repository_id: services.create_repository(fixture.user(), project, repository).await.unwrap().id,
            ..Template::default()
        };
        let template = services.create_template(fixture.user(), project, template).await.unwrap();
        let build = || Task { template_id: template.id, project_id: project, ..Task::default() };
        let start = || services.insert_task(&template, build(), "admin", Extra::default());
        let (one, two, three) = tokio::join!(start(), start(), start());
        let versions: BTreeSet<_> = [one, two, three].map(|made| made.unwrap().0.version.unwrap()).into();
        assert_eq!(versions, ["1.0", "1.1", "1.2"].map(str::to_owned).into());
    }
}
