//! Remote runners: other machines that ask for tasks, of all projects or of one.
//!
//! Not for what runners and server say to each other: that is `runner_protocol`. Invariants: token and private key are told
//! once, in the answer that makes the runner; a runner never changes its project.

use chrono::Utc;
use schemars::JsonSchema;
use semaphore_model::{EventObject, ProjectId, Runner, RunnerId, RunnerTag, Secret, UserId};
use semaphore_store::StoreError;
use serde::Serialize;

use crate::{
    crypto::runner_key,
    error::{Error, Kind, Result},
    event::event,
    owned::Owned,
    services::Services,
};

/// A new runner with what only its owner may know.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewRunner {
    /// The runner.
    #[serde(flatten)]
    pub runner: Runner,
    /// What the runner proves itself with.
    pub token: Secret,
    /// Opens what the runner is sent.
    pub private_key: Secret,
}

impl Services {
    /// All runners, also those of projects, the newest first.
    pub async fn runners(&self) -> Result<Vec<Runner>> {
        Ok(self.store.list_runners().await?)
    }

    /// A runner for an administrator, of whichever project. Reference: the refusal carries a text.
    pub async fn runner(&self, id: RunnerId) -> Result<Runner> {
        self.store.get_runner(id).await.map_err(|error| match error {
            StoreError::NotFound => Error::new(Kind::NotFound, "Runner not found"),
            error => error.into(),
        })
    }

    /// Runners of a project, the newest first.
    pub async fn project_runners(&self, project: ProjectId) -> Result<Vec<Runner>> {
        Ok(self.store.list_project_runners(project).await?)
    }

    /// Tags of the runners of a project, each with the number of runners that have it.
    pub async fn runner_tags(&self, project: ProjectId) -> Result<Vec<RunnerTag>> {
        Ok(self.store.list_runner_tags(project).await?)
    }

    /// Adds a runner of all projects. Reference: the project in the body is not looked at, and there is no event.
    pub async fn create_runner(&self, runner: Runner) -> Result<NewRunner> {
        let (runner, private_key) = with_keys(Runner { project_id: None, ..runner }).await?;
        let runner = self.store.insert_runner(runner).await?;
        Ok(NewRunner { token: runner.token.clone(), private_key, runner })
    }

    /// Adds a runner of one project.
    pub async fn create_project_runner(&self, user: UserId, project: ProjectId, runner: Runner) -> Result<NewRunner> {
        let (runner, private_key) = with_keys(Runner { project_id: Some(project), ..runner }).await?;
        let mut transaction = self.store.begin().await?;
        let runner = transaction.insert_runner(runner).await?;
        let description = format!("Runner {} created", runner.name);
        transaction.insert_event(event(user, project, runner_object(), runner.id, description)).await?;
        transaction.commit().await?;
        Ok(NewRunner { token: runner.token.clone(), private_key, runner })
    }

    /// Changes name, activity, webhook, limit and tag; everything else stays.
    pub async fn update_runner(&self, old: &Runner, runner: Runner) -> Result<()> {
        Ok(self.store.update_runner(&Runner { id: old.id, ..runner }).await?)
    }

    /// The same for a runner of a project.
    pub async fn update_project_runner(&self, user: UserId, old: &Owned<Runner>, runner: Runner) -> Result<()> {
        let mut transaction = self.store.begin().await?;
        transaction.update_runner(&Runner { id: old.id, ..runner }).await?;
        if let Some(project) = old.project_id {
            let description = format!("Runner {} updated", old.name);
            transaction.insert_event(event(user, project, runner_object(), old.id, description)).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Says whether a runner gets tasks.
    pub async fn set_runner_active(&self, runner: Runner, active: bool) -> Result<()> {
        Ok(self.store.update_runner(&Runner { active, ..runner }).await?)
    }

    /// Asks a runner to empty its directory of working copies; it is told when it asks for work the next time.
    pub async fn clear_runner_cache(&self, runner: &Runner) -> Result<()> {
        Ok(self.store.request_runner_cleaning(runner.id, Utc::now()).await?)
    }

    /// Removes a runner; its token is worth nothing from then on.
    pub async fn delete_runner(&self, runner: &Runner) -> Result<()> {
        Ok(self.store.delete_runner(runner.id).await?)
    }

    /// The same for a runner of a project.
    pub async fn delete_project_runner(&self, user: UserId, runner: &Owned<Runner>) -> Result<()> {
        let mut transaction = self.store.begin().await?;
        transaction.delete_runner(runner.id).await?;
        if let Some(project) = runner.project_id {
            let description = format!("Runner {} deleted", runner.name);
            transaction.insert_event(event(user, project, runner_object(), runner.id, description)).await?;
        }
        Ok(transaction.commit().await?)
    }
}

fn runner_object() -> EventObject {
    EventObject::from("runner")
}

/// The runner with a new token and the public half of a new key pair, and the private half.
async fn with_keys(runner: Runner) -> Result<(Runner, Secret)> {
    let pair = tokio::task::spawn_blocking(runner_key::generate)
        .await
        .map_err(|error| Error::internal("cannot make a key pair for a runner", error))?
        .map_err(|error| Error::internal("cannot make a key pair for a runner", error))?;
    let runner = Runner { token: runner_key::generate_token(), public_key: Some(pair.public), ..runner };
    Ok((runner, pair.private))
}
