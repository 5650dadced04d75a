//! From the rows of a task to the specification of its job.
//!
//! Reference: `TaskRunner.populateDetails`, `LocalJob.getTaskDetails`, `getEnvironmentENV`, `getCLIArgs`.

use std::collections::BTreeMap;

use semaphore_engine::config::AppConfig;
use semaphore_engine::job::{
    AnsibleParams, EnvironmentSpec, HostKeys, InventoryKind, InventorySpec, JobSpec, KeyKind, KeySpec, RepositorySpec,
    SecretSet, SecretVar, SecretVarKind, TaskDetails, TemplateKind, TerraformParams, VaultKind, VaultSpec,
};
use semaphore_model::{
    AccessKey, AccessKeyId, AccessKeyOwner, AccessKeyType, Environment, Inventory, InventoryId, InventoryType, JsonMap,
    Repository, Secret, Task, Template, TemplateApp, TemplateType, TemplateVaultType,
};
use semaphore_store::{AccessKeyFilter, ListOptions, StoreError};
use semaphore_task::{PortError, PreparedJob, QueuedTask};

use super::{parameters, ports::port_error};
use crate::{
    Services,
    jwt::TASK_TOKEN_VARIABLE,
    key::{KeyRecord, secret::SecretError},
    terraform_backend::StateOwner,
};

type Result<T, E = PortError> = std::result::Result<T, E>;

/// Collects everything the job of `queued` needs. `survey` holds the secret survey values, a JSON object as text.
pub(super) async fn prepare(services: &Services, queued: &QueuedTask, survey: Option<Secret>) -> Result<PreparedJob> {
    let project = queued.state.project_id;
    let task = services.store.get_task(project, queued.state.id).await.map_err(port_error)?;
    let template = services.store.get_template(project, task.template_id).await.map_err(port_error)?;
    let policy = services.store.get_host_key_policy(project).await.map_err(port_error)?;
    let mut builder = Builder { services, template, task, secrets: SecretSet::default(), inventory_id: None };
    let repository = builder.repository().await?;
    let inventory = builder.inventory().await?;
    let mut environment = builder.environment(survey).await?;
    environment.secrets.extend(builder.token().await?);
    let vaults = builder.vaults().await?;
    let details = builder.details(&queued.username).await?;
    let terraform = builder.terraform()?;
    let (template_arguments, task_arguments) = builder.arguments()?;
    let Builder { template, task, secrets, .. } = builder;
    let is_ansible = template.app == TemplateApp::Ansible;
    let ansible = if is_ansible {
        parameters::ansible(&template, &task.params).map_err(PortError::Refused)?
    } else {
        AnsibleParams::default()
    };
    let playbook = if is_ansible && !task.playbook.is_empty() { task.playbook } else { template.playbook };
    let spec = JobSpec {
        task_id: task.id.0,
        project_id: project.0,
        template_id: template.id.0,
        template_kind: match template.r#type {
            TemplateType::Build => TemplateKind::Build,
            TemplateType::Deploy => TemplateKind::Deploy,
            _ => TemplateKind::Task,
        },
        app: template.app.as_str().to_owned(),
        playbook,
        repository,
        commit_hash: task.commit_hash,
        inventory,
        environment,
        template_arguments,
        task_arguments,
        ansible,
        terraform,
        vaults,
        details,
        host_keys: HostKeys { mode: policy.mode, known_hosts: policy.known_hosts },
        first_seq: 0,
    };
    // As administrators left them last, not as they were at the start of the server.
    let apps = services.apps.list().into_iter();
    let apps = apps.map(|found| (found.id, AppConfig { path: found.app.path, args: found.app.args })).collect();
    Ok(PreparedJob { spec, secrets, apps })
}

struct Builder<'a> {
    services: &'a Services,
    template: Template,
    task: Task,
    secrets: SecretSet,
    /// The inventory that counts, once it is known.
    inventory_id: Option<InventoryId>,
}

impl Builder<'_> {
    async fn repository(&mut self) -> Result<RepositorySpec> {
        let row = self.services.store.get_repository(self.template.project_id, self.template.repository_id).await;
        let mut repository = self.repository_spec(row.map_err(port_error)?).await?;
        let branches = [&self.task.git_branch, &self.template.git_branch];
        if let Some(branch) = branches.into_iter().flatten().find(|branch| !branch.is_empty()) {
            repository.branch.clone_from(branch);
        }
        Ok(repository)
    }

    async fn repository_spec(&mut self, row: Repository) -> Result<RepositorySpec> {
        let key = self.key(row.ssh_key_id).await?;
        Ok(RepositorySpec { id: row.id.0, name: row.name, url: row.git_url, branch: row.git_branch, key })
    }

    async fn inventory(&mut self) -> Result<Option<InventorySpec>> {
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
        let Some(row) = row else { return Ok(None) };
        self.inventory_id = Some(row.id);
        let key = self.optional_key(row.ssh_key_id).await?;
        let become_key = self.optional_key(row.become_key_id).await?;
        let repository = match row.repository_id {
            Some(id) => {
                let row = self.services.store.get_repository(project, id).await.map_err(port_error)?;
                Some(self.repository_spec(row).await?)
            }
            None => None,
        };
        let kind = match row.r#type {
            InventoryType::Static => InventoryKind::Static,
            InventoryType::StaticYaml => InventoryKind::StaticYaml,
            InventoryType::File => InventoryKind::File,
            InventoryType::TerraformWorkspace => InventoryKind::TerraformWorkspace,
            InventoryType::TofuWorkspace => InventoryKind::TofuWorkspace,
            InventoryType::TerragruntWorkspace => InventoryKind::TerragruntWorkspace,
            InventoryType::Unset | InventoryType::Other(_) => {
                return Err(PortError::Refused(format!(
                    "inventory `{}` has no valid type: choose one and save it",
                    row.name
                )));
            }
        };
        Ok(Some(InventorySpec {
            id: row.id.0,
            name: row.name,
            kind,
            content: row.inventory,
            key,
            become_key,
            repository,
        }))
    }

    async fn environment(&mut self, survey: Option<Secret>) -> Result<EnvironmentSpec> {
        let (row, keys) = match self.template.environment_id {
            Some(id) => {
                let row =
                    self.services.store.get_environment(self.template.project_id, id).await.map_err(port_error)?;
                let secrets = AccessKeyFilter::Environment(id);
                let keys = self.services.store.list_access_keys(row.project_id, secrets, &ListOptions::default()).await;
                let keys = keys.map_err(port_error)?;
                (row, keys)
            }
            None => (Environment::default(), Vec::new()),
        };
        let mut extra_vars = object("variables", &row.json)?;
        extra_vars.extend(object("environment of the task", &self.task.environment)?);
        let mut env = Vec::new();
        for (name, value) in object("environment variables", row.env.as_deref().unwrap_or_default())? {
            // Reference: Go reads `null` as an empty text.
            let value = if value.is_null() { serde_json::Value::String(String::new()) } else { value };
            let serde_json::Value::String(value) = value else {
                return Err(PortError::Refused(format!(
                    "environment variable `{name}` must be a text: put it into quotes"
                )));
            };
            env.push((name, value));
        }
        let mut secrets = Vec::new();
        for key in keys {
            let kind = match key.owner {
                AccessKeyOwner::Environment => SecretVarKind::Env,
                AccessKeyOwner::Variable => SecretVarKind::Var,
                _ => continue,
            };
            let key = self.open(key).await?;
            let value = self.secrets.insert(format!("environment/{}", key.id), key.string.expose().as_bytes().to_vec());
            secrets.push(SecretVar { name: key.name.clone(), kind, value });
        }
        let mut secret_extra_vars = BTreeMap::new();
        for (name, value) in object("secret survey values", survey.as_ref().map_or("", Secret::expose))? {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            secret_extra_vars.insert(name.clone(), self.secrets.insert(format!("survey/{name}"), text.into_bytes()));
        }
        Ok(EnvironmentSpec { extra_vars, secret_extra_vars, env, secrets })
    }

    /// The task's own token, as a variable behind all others.
    async fn token(&mut self) -> Result<Option<SecretVar>> {
        let token = self.services.task_token(&self.task).await;
        let token = token.map_err(|error| PortError::Unavailable(Box::new(error)))?;
        Ok(token.map(|token| {
            let value = self.secrets.insert("task/token", token.expose().as_bytes().to_vec());
            SecretVar { name: TASK_TOKEN_VARIABLE.to_owned(), kind: SecretVarKind::Env, value }
        }))
    }

    async fn vaults(&mut self) -> Result<Vec<VaultSpec>> {
        let mut vaults = Vec::with_capacity(self.template.vaults.len());
        for vault in self.template.vaults.clone() {
            let name = vault.name.unwrap_or_else(|| "default".to_owned());
            let kind = match (vault.r#type, vault.vault_key_id, vault.script) {
                (TemplateVaultType::Script, _, Some(script)) => VaultKind::Script(script),
                (TemplateVaultType::Password, Some(id), _) => {
                    let key = self.load(id).await?;
                    if key.r#type != AccessKeyType::LoginPassword {
                        return Err(PortError::Refused(format!(
                            "key `{}` of vault `{name}` is not a password",
                            key.name
                        )));
                    }
                    let password = key.login_password.password.expose().as_bytes().to_vec();
                    VaultKind::Password(self.secrets.insert(format!("vault/{}", vault.id), password))
                }
                _ => {
                    return Err(PortError::Refused(format!(
                        "vault `{name}` of the template has neither a key nor a script"
                    )));
                }
            };
            vaults.push(VaultSpec { name, kind });
        }
        Ok(vaults)
    }

    async fn details(&self, username: &str) -> Result<TaskDetails> {
        let web_host = self.services.settings.web_host.trim_end_matches('/');
        let url = format!("{web_host}/project/{}/history?t={}", self.task.project_id, self.task.id);
        let is_plain = self.template.r#type == TemplateType::Task;
        Ok(TaskDetails {
            message: self.task.message.clone(),
            username: username.to_owned(),
            url: (!web_host.is_empty()).then_some(url),
            incoming_version: if is_plain {
                None
            } else {
                self.services.incoming_version(&self.task).await.map_err(port_error)?
            },
            target_version: self.task.version.clone().filter(|_| self.template.r#type == TemplateType::Build),
        })
    }

    /// Parameters and arguments of the Terraform family.
    ///
    /// Reference: every such task gets an address of its own for its state (`TaskPool.AddTask`, `GetPublicAliasURL`), whether
    /// or not its backend uses it. In the community edition nothing answers there; here it is the state of the inventory.
    fn terraform(&mut self) -> Result<TerraformParams> {
        if !self.template.app.is_terraform() {
            return Ok(TerraformParams::default());
        }
        let parameters = parameters::terraform(&self.template, &self.task).map_err(PortError::Refused)?;
        let host = self.services.settings.public_address.trim_end_matches('/');
        let alias = format!("{:032x}", rand::random::<u128>());
        if let Some(inventory_id) = self.inventory_id {
            let owner = StateOwner { project_id: self.template.project_id, inventory_id, task_id: Some(self.task.id) };
            self.services.open_task_address(&alias, owner);
        }
        let address = self.secrets.insert("terraform/address", format!("{host}/api/terraform/{alias}").into_bytes());
        Ok(TerraformParams { http_address: Some(address), ..parameters })
    }

    /// Arguments of template and task; those of the Terraform family are parameters.
    fn arguments(&self) -> Result<(Vec<String>, Vec<String>)> {
        if self.template.app.is_terraform() {
            return Ok((Vec::new(), Vec::new()));
        }
        let parse =
            |text: Option<&String>, whose: &str| match text.map(|text| text.trim()).filter(|text| !text.is_empty()) {
                None => Ok(Vec::new()),
                Some(text) => {
                    serde_json::from_str::<Option<Vec<String>>>(text).map(Option::unwrap_or_default).map_err(|_| {
                        PortError::Refused(format!("invalid format of the {whose} extra arguments, must be valid JSON"))
                    })
                }
            };
        let of_template = parse(self.template.arguments.as_ref(), "template")?;
        let allowed = self.template.allow_override_args_in_task;
        Ok((of_template, parse(self.task.arguments.as_ref().filter(|_| allowed), "TaskRunner")?))
    }

    async fn optional_key(&mut self, id: Option<AccessKeyId>) -> Result<Option<KeySpec>> {
        match id {
            Some(id) => self.key(id).await.map(Some),
            None => Ok(None),
        }
    }

    async fn key(&mut self, id: AccessKeyId) -> Result<KeySpec> {
        let key = self.load(id).await?;
        let mut keep =
            |part: &str, secret: &Secret| self.secrets.insert(format!("key/{id}/{part}"), secret.expose().into());
        let kind = match key.r#type {
            AccessKeyType::None => KeyKind::None,
            AccessKeyType::Ssh => KeyKind::Ssh {
                login: key.ssh.login.clone(),
                private_key: keep("private_key", &key.ssh.private_key),
                passphrase: (!key.ssh.passphrase.is_empty()).then(|| keep("passphrase", &key.ssh.passphrase)),
            },
            AccessKeyType::LoginPassword => KeyKind::LoginPassword {
                login: key.login_password.login.clone(),
                password: keep("password", &key.login_password.password),
            },
            AccessKeyType::String => KeyKind::String { value: keep("value", &key.string) },
            AccessKeyType::Other(kind) => {
                return Err(PortError::Refused(format!("key `{}` has the unknown type `{kind}`", key.name)));
            }
        };
        Ok(KeySpec { id: id.0, kind })
    }

    async fn load(&self, id: AccessKeyId) -> Result<AccessKey> {
        let key = self.services.store.get_access_key(self.template.project_id, id).await.map_err(port_error)?;
        self.open(key).await
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

/// A JSON object stored as text; an empty text is an empty object.
fn object(what: &str, text: &str) -> Result<JsonMap> {
    if text.trim().is_empty() {
        return Ok(JsonMap::new());
    }
    serde_json::from_str::<Option<JsonMap>>(text)
        .map(Option::unwrap_or_default)
        .map_err(|error| PortError::Refused(format!("{what}: not a JSON object: {error}")))
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
