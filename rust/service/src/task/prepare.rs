//! Loading what a task needs: its rows, and its keys, opened.
//!
//! Not for what follows from them: `semaphore_task::specification` makes the specification, here for a task of this machine, at a
//! remote runner for one that is sent there.
//!
//! Reference: `TaskRunner.populateDetails`.

use semaphore_engine::config::AppConfig;
use semaphore_model::{
    AccessKey, AccessKeyId, Environment, EnvironmentSecret, EnvironmentSecretType, Inventory, InventoryId, Repository,
    Secret, Task, Template, TemplateType, TemplateVaultType,
    remote::{JobData, JobExtras},
};
use semaphore_store::{AccessKeyFilter, ListOptions, StoreError};
use semaphore_task::{
    PortError, PreparedJob, QueuedTask,
    specification::{self, Keys, specify},
};

use super::ports::port_error;
use crate::{
    Services,
    key::{KeyRecord, secret::SecretError},
    terraform_backend::StateOwner,
};

type Result<T, E = PortError> = std::result::Result<T, E>;

/// Everything the job of `queued` needs on this machine. `survey` holds the secret survey values, a JSON object as text.
pub(super) async fn prepare(services: &Services, queued: &QueuedTask, survey: Option<Secret>) -> Result<PreparedJob> {
    let (job, keys) = load(services, queued, survey, None).await?;
    let (spec, secrets) = specify(&job, &keys, "")?;
    // As administrators left them last, not as they were at the start of the server.
    let apps = services.apps.list().into_iter();
    let apps = apps.map(|found| (found.id, AppConfig { path: found.app.path, args: found.app.args })).collect();
    Ok(PreparedJob { spec, secrets, apps })
}

/// The rows of a task as its job takes them, and all keys that it uses. A task of the Terraform family has got an address for
/// its state with it, or has the one with the secret part `alias`.
pub(super) async fn load(
    services: &Services,
    queued: &QueuedTask,
    survey: Option<Secret>,
    alias: Option<&str>,
) -> Result<(JobData, Keys)> {
    let project = queued.state.project_id;
    let task = services.store.get_task(project, queued.state.id).await.map_err(port_error)?;
    let template = services.store.get_template(project, task.template_id).await.map_err(port_error)?;
    let policy = services.store.get_host_key_policy(project).await.map_err(port_error)?;
    let mut loader = Loader { services, template, task, keys: Keys::new() };
    let repository = loader.repository().await?;
    let (inventory, inventory_repository) = loader.inventory().await?;
    let environment = loader.environment().await?;
    loader.vault_keys().await?;
    let incoming_version = match loader.template.r#type {
        TemplateType::Task => None,
        _ => services.incoming_version(&loader.task).await.map_err(port_error)?,
    };
    let token = services.task_token(&loader.task).await;
    let token = token.map_err(|error| PortError::Unavailable(Box::new(error)))?;
    let (alias, terraform_address) = loader.state_address(alias, inventory.as_ref().map(|inventory| inventory.id));
    let Loader { template, task, keys, .. } = loader;
    let mut job = JobData {
        username: queued.username.clone(),
        incoming_version,
        alias,
        task,
        template,
        inventory: inventory.unwrap_or_default(),
        inventory_repository,
        repository,
        environment,
        rs: None,
    };
    job.rs = Some(JobExtras {
        survey_secrets: survey.unwrap_or_default(),
        host_keys: policy,
        task_token: token.unwrap_or_default(),
        task_url: specification::task_url(&services.settings.web_host, &job),
        terraform_address,
        first_record: 0,
    });
    Ok((job, keys))
}

struct Loader<'a> {
    services: &'a Services,
    template: Template,
    task: Task,
    keys: Keys,
}

impl Loader<'_> {
    async fn repository(&mut self) -> Result<Repository> {
        let row = self.services.store.get_repository(self.template.project_id, self.template.repository_id).await;
        let row = row.map_err(port_error)?;
        self.load(row.ssh_key_id).await?;
        Ok(row)
    }

    async fn inventory(&mut self) -> Result<(Option<Inventory>, Option<Repository>)> {
        let store = &self.services.store;
        let project = self.template.project_id;
        let mut row: Option<Inventory> = None;
        if self.template.allows_override_of_inventory()
            && let Some(id) = self.task.inventory_id
        {
            // Reference: an inventory of the task that is gone falls back to the template's.
            // Any other failure must not: the task would run on other hosts than it was asked to.
            row = unless_gone(store.get_inventory(project, id).await)?;
        }
        if row.is_none()
            && let Some(id) = self.template.inventory_id
        {
            row = Some(store.get_inventory(project, id).await.map_err(port_error)?);
        }
        let Some(row) = row else { return Ok((None, None)) };
        for id in [row.ssh_key_id, row.become_key_id].into_iter().flatten() {
            self.load(id).await?;
        }
        let mut repository = None;
        if let Some(id) = row.repository_id {
            let found = store.get_repository(project, id).await.map_err(port_error)?;
            self.load(found.ssh_key_id).await?;
            repository = Some(found);
        }
        Ok((Some(row), repository))
    }

    async fn environment(&self) -> Result<Environment> {
        let mut row = Environment::default();
        if let Some(id) = self.template.environment_id {
            let store = &self.services.store;
            row = store.get_environment(self.template.project_id, id).await.map_err(port_error)?;
            let secrets = AccessKeyFilter::Environment(id);
            let keys = store.list_access_keys(row.project_id, secrets, &ListOptions::default()).await;
            row.secrets.clear();
            for key in keys.map_err(port_error)? {
                let Some(kind) = EnvironmentSecretType::from_key_owner(&key.owner) else { continue };
                let key = self.open(key).await?;
                let (name, secret) = (key.name, key.string);
                row.secrets.push(EnvironmentSecret {
                    id: key.id,
                    r#type: kind,
                    name,
                    secret,
                    ..EnvironmentSecret::default()
                });
            }
        }
        // Reference: `populateTaskEnvironment`.
        let of_task = specification::json_object("environment of the task", &self.task.environment)?;
        if !of_task.is_empty() {
            let mut merged = specification::json_object("variables", &row.json)?;
            merged.extend(of_task);
            row.json = serde_json::Value::Object(merged).to_string();
        }
        Ok(row)
    }

    async fn vault_keys(&mut self) -> Result<()> {
        let vaults = self.template.vaults.iter().filter(|vault| vault.r#type == TemplateVaultType::Password);
        for id in vaults.filter_map(|vault| vault.vault_key_id).collect::<Vec<_>>() {
            self.load(id).await?;
        }
        Ok(())
    }

    /// Secret part and whole of the address where a task of the Terraform family finds its state; empty for any other.
    fn state_address(&self, alias: Option<&str>, inventory: Option<InventoryId>) -> (String, Secret) {
        if !self.template.app.is_terraform() {
            return (String::new(), Secret::default());
        }
        let alias = alias.map_or_else(|| self.open_address(inventory), str::to_owned);
        let address = specification::terraform_address(&self.services.settings.public_address, &alias);
        (alias, address.into())
    }

    /// A new address, for as long as the task runs here.
    fn open_address(&self, inventory: Option<InventoryId>) -> String {
        let alias = format!("{:032x}", rand::random::<u128>());
        if let Some(inventory_id) = inventory {
            let owner = StateOwner { project_id: self.template.project_id, inventory_id, task_id: Some(self.task.id) };
            self.services.open_task_address(&alias, owner);
        }
        alias
    }

    async fn load(&mut self, id: AccessKeyId) -> Result<()> {
        if !self.keys.contains_key(&id) {
            let key = self.services.store.get_access_key(self.template.project_id, id).await.map_err(port_error)?;
            let key = self.open(key).await?;
            self.keys.insert(id, key);
        }
        Ok(())
    }

    async fn open(&self, key: AccessKey) -> Result<AccessKey> {
        let record = KeyRecord::from(&key);
        self.services.open_key(key).await.map_err(|error| match error {
            SecretError::Store { source, .. } => port_error(*source),
            SecretError::Elsewhere { .. } => PortError::Refused(format!("{record} cannot be used: {error}")),
            error => {
                let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                PortError::Refused(format!("{record} cannot be used: {cause}"))
            }
        })
    }
}

/// `None` for what was deleted; every other failure stays one.
fn unless_gone<T>(found: Result<T, StoreError>) -> Result<Option<T>> {
    match found {
        Err(StoreError::NotFound) => Ok(None),
        found => found.map(Some).map_err(port_error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_was_deleted_counts_as_absent() {
        assert_eq!(unless_gone(Ok(1)).unwrap(), Some(1));
        assert_eq!(unless_gone::<i32>(Err(StoreError::NotFound)).unwrap(), None);
        let unreadable = StoreError::Unreadable { column: "type".into(), value: "x".into(), expected: "a number" };
        assert!(unless_gone::<i32>(Err(unreadable)).is_err(), "the template's inventory must not be taken instead");
    }
}
