//! From the rows of a task to the specification of its job, the same for a task of this machine and for one that a server gives
//! to a remote runner.
//!
//! Not for finding the rows or opening keys: whoever runs the task brings them. Pure: no clock, no storage.
//!
//! Reference: `TaskRunner.populateDetails`, `LocalJob.getTaskDetails`, `getEnvironmentENV`, `getCLIArgs`.

use std::collections::BTreeMap;

use semaphore_engine::job::{
    AnsibleParams, EnvironmentSpec, HostKeys, InventoryKind, InventorySpec, JobSpec, KeyKind, KeySpec, RepositorySpec,
    SecretSet, SecretVar, SecretVarKind, TaskDetails, TemplateKind, TerraformParams, VaultKind, VaultSpec,
};
use semaphore_model::{
    AccessKey, AccessKeyId, AccessKeyType, EnvironmentSecretType, Inventory, InventoryType, JsonMap, Repository,
    Secret, TemplateApp, TemplateType, TemplateVaultType,
    remote::{JobData, JobExtras},
};

use crate::{parameters, ports::PortError};

type Result<T, E = PortError> = std::result::Result<T, E>;

/// The variable that holds the task's own token.
pub const TASK_TOKEN_VARIABLE: &str = "SEMAPHORE_TASK_JWT";

/// Opened keys by their ids.
pub type Keys = BTreeMap<AccessKeyId, AccessKey>;

/// The specification of a task's job and the values of its secrets.
///
/// `server` is the address of the server that gave the task; it counts for what that server does not say itself.
///
/// # Errors
/// [`PortError::Refused`] with what does not fit.
pub fn specify(job: &JobData, keys: &Keys, server: &str) -> Result<(JobSpec, SecretSet)> {
    let none = JobExtras::default();
    let extras = job.rs.as_ref().unwrap_or(&none);
    let mut builder = Builder { job, keys, extras, secrets: SecretSet::default() };
    let (task, template) = (&job.task, &job.template);
    let repository = builder.repository()?;
    let inventory = builder.inventory()?;
    let mut environment = builder.environment()?;
    environment.secrets.extend(builder.token());
    let vaults = builder.vaults()?;
    let terraform = builder.terraform(server)?;
    let (template_arguments, task_arguments) = builder.arguments()?;
    let is_ansible = template.app == TemplateApp::Ansible;
    let ansible = if is_ansible {
        parameters::ansible(template, &task.params).map_err(PortError::Refused)?
    } else {
        AnsibleParams::default()
    };
    let playbook = if is_ansible && !task.playbook.is_empty() { &task.playbook } else { &template.playbook };
    let spec = JobSpec {
        task_id: task.id.0,
        project_id: task.project_id.0,
        template_id: template.id.0,
        template_kind: match template.r#type {
            TemplateType::Build => TemplateKind::Build,
            TemplateType::Deploy => TemplateKind::Deploy,
            _ => TemplateKind::Task,
        },
        app: template.app.as_str().to_owned(),
        playbook: playbook.clone(),
        repository,
        commit_hash: task.commit_hash.clone(),
        inventory,
        environment,
        template_arguments,
        task_arguments,
        ansible,
        terraform,
        vaults,
        details: builder.details(server),
        host_keys: HostKeys { mode: extras.host_keys.mode, known_hosts: extras.host_keys.known_hosts.clone() },
        first_seq: extras.first_record,
    };
    Ok((spec, builder.secrets))
}

struct Builder<'a> {
    job: &'a JobData,
    keys: &'a Keys,
    extras: &'a JobExtras,
    secrets: SecretSet,
}

impl<'a> Builder<'a> {
    fn repository(&mut self) -> Result<RepositorySpec> {
        let mut repository = self.repository_spec(&self.job.repository)?;
        let branches = [&self.job.task.git_branch, &self.job.template.git_branch];
        if let Some(branch) = branches.into_iter().flatten().find(|branch| !branch.is_empty()) {
            repository.branch.clone_from(branch);
        }
        Ok(repository)
    }

    fn repository_spec(&mut self, row: &Repository) -> Result<RepositorySpec> {
        Ok(RepositorySpec {
            id: row.id.0,
            name: row.name.clone(),
            url: row.git_url.clone(),
            branch: row.git_branch.clone(),
            key: self.key(row.ssh_key_id)?,
        })
    }

    fn inventory(&mut self) -> Result<Option<InventorySpec>> {
        let Some(row) = self.job.own_inventory() else { return Ok(None) };
        let key = row.ssh_key_id.map(|id| self.key(id)).transpose()?;
        let become_key = row.become_key_id.map(|id| self.key(id)).transpose()?;
        let repository = match &self.job.inventory_repository {
            Some(repository) => Some(self.repository_spec(repository)?),
            None => None,
        };
        Ok(Some(InventorySpec {
            id: row.id.0,
            name: row.name.clone(),
            kind: inventory_kind(row)?,
            content: row.inventory.clone(),
            key,
            become_key,
            repository,
        }))
    }

    fn environment(&mut self) -> Result<EnvironmentSpec> {
        let row = &self.job.environment;
        let extra_vars = json_object("variables", &row.json)?;
        let mut env = Vec::new();
        for (name, value) in json_object("environment variables", row.env.as_deref().unwrap_or_default())? {
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
        for secret in &row.secrets {
            let kind = match secret.r#type {
                EnvironmentSecretType::Environment => SecretVarKind::Env,
                EnvironmentSecretType::Variable => SecretVarKind::Var,
                EnvironmentSecretType::Unset | EnvironmentSecretType::Other(_) => continue,
            };
            let name = format!("environment/{}", secret.id);
            let value = self.secrets.insert(name, secret.secret.expose().as_bytes().to_vec());
            secrets.push(SecretVar { name: secret.name.clone(), kind, value });
        }
        let mut secret_extra_vars = BTreeMap::new();
        for (name, value) in json_object("secret survey values", self.extras.survey_secrets.expose())? {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            secret_extra_vars.insert(name.clone(), self.secrets.insert(format!("survey/{name}"), text.into_bytes()));
        }
        Ok(EnvironmentSpec { extra_vars, secret_extra_vars, env, secrets })
    }

    /// The task's own token, as a variable behind all others.
    fn token(&mut self) -> Option<SecretVar> {
        let token = &self.extras.task_token;
        (!token.is_empty()).then(|| {
            let value = self.secrets.insert("task/token", token.expose().as_bytes().to_vec());
            SecretVar { name: TASK_TOKEN_VARIABLE.to_owned(), kind: SecretVarKind::Env, value }
        })
    }

    fn vaults(&mut self) -> Result<Vec<VaultSpec>> {
        let mut vaults = Vec::with_capacity(self.job.template.vaults.len());
        for vault in &self.job.template.vaults {
            let name = vault.name.clone().unwrap_or_else(|| "default".to_owned());
            let kind = match (&vault.r#type, vault.vault_key_id, &vault.script) {
                (TemplateVaultType::Script, _, Some(script)) => VaultKind::Script(script.clone()),
                (TemplateVaultType::Password, Some(id), _) => {
                    let key = self.opened(id)?;
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

    fn details(&self, server: &str) -> TaskDetails {
        let (task, kind) = (&self.job.task, &self.job.template.r#type);
        TaskDetails {
            message: task.message.clone(),
            username: self.job.username.clone(),
            url: match &self.job.rs {
                Some(extras) => extras.task_url.clone(),
                None => task_url(server, self.job),
            },
            incoming_version: self.job.incoming_version.clone().filter(|_| *kind != TemplateType::Task),
            target_version: task.version.clone().filter(|_| *kind == TemplateType::Build),
        }
    }

    /// Parameters and arguments of the Terraform family.
    ///
    /// Reference: every such task gets an address of its own for its state (`TaskPool.AddTask`, `GetPublicAliasURL`), whether
    /// or not its backend uses it. In the community edition nothing answers there; here it is the state of the inventory.
    fn terraform(&mut self, server: &str) -> Result<TerraformParams> {
        let template = &self.job.template;
        if !template.app.is_terraform() {
            return Ok(TerraformParams::default());
        }
        let parameters = parameters::terraform(template, &self.job.task).map_err(PortError::Refused)?;
        let address = match self.extras.terraform_address.expose() {
            "" => terraform_address(server, &self.job.alias),
            address => address.to_owned(),
        };
        let address = self.secrets.insert("terraform/address", address.into_bytes());
        Ok(TerraformParams { http_address: Some(address), ..parameters })
    }

    /// Arguments of template and task; those of the Terraform family are parameters.
    fn arguments(&self) -> Result<(Vec<String>, Vec<String>)> {
        let (task, template) = (&self.job.task, &self.job.template);
        if template.app.is_terraform() {
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
        let of_template = parse(template.arguments.as_ref(), "template")?;
        let allowed = template.allow_override_args_in_task;
        Ok((of_template, parse(task.arguments.as_ref().filter(|_| allowed), "TaskRunner")?))
    }

    fn key(&mut self, id: AccessKeyId) -> Result<KeySpec> {
        let key = self.opened(id)?;
        let mut keep =
            |part: &str, secret: &Secret| self.secrets.insert(format!("key/{id}/{part}"), secret.expose().into());
        let kind = match &key.r#type {
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

    fn opened(&self, id: AccessKeyId) -> Result<&'a AccessKey> {
        self.keys
            .get(&id)
            .ok_or_else(|| PortError::Refused(format!("key {id}, which the task uses, did not come with it")))
    }
}

/// Page of a task at a server with this address; none without one.
pub fn task_url(server: &str, job: &JobData) -> Option<String> {
    let server = server.trim_end_matches('/');
    let url = || format!("{server}/project/{}/history?t={}", job.task.project_id, job.task.id);
    (!server.is_empty()).then(url)
}

/// Where a task of the Terraform family finds its state at a server with this address.
pub fn terraform_address(server: &str, alias: &str) -> String {
    format!("{}/api/terraform/{alias}", server.trim_end_matches('/'))
}

fn inventory_kind(row: &Inventory) -> Result<InventoryKind> {
    Ok(match row.r#type {
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
    })
}

/// A JSON object stored as text; an empty text is an empty object, and so is `null`.
///
/// # Errors
/// [`PortError::Refused`] for any other text; `what` says whose it is.
pub fn json_object(what: &str, text: &str) -> Result<JsonMap> {
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
    use semaphore_model::{ProjectId, Task, TaskId, Template};

    use super::*;

    #[test]
    fn what_a_server_does_not_say_is_told_by_its_address() {
        let task = Task { id: TaskId(7), project_id: ProjectId(2), ..Task::default() };
        let template = Template { app: TemplateApp::Tofu, ..Template::default() };
        let mut job = JobData { task, template, alias: "abc".into(), ..JobData::default() };
        let none = AccessKey { r#type: AccessKeyType::None, ..AccessKey::default() };
        let keys = Keys::from([(AccessKeyId(0), none)]);
        let told = |job: &JobData, keys: &Keys| {
            let (spec, secrets) = specify(job, keys, "http://server/").unwrap();
            let address = secrets.get(&spec.terraform.http_address.unwrap()).unwrap().to_vec();
            (spec.details.url, String::from_utf8(address).unwrap())
        };
        let derived = told(&job, &keys);
        assert_eq!(derived.0.unwrap(), "http://server/project/2/history?t=7");
        assert_eq!(derived.1, "http://server/api/terraform/abc");
        job.rs = Some(JobExtras { terraform_address: "http://other/x".into(), ..JobExtras::default() });
        assert_eq!(told(&job, &keys), (None, "http://other/x".to_owned()));
        let error = specify(&job, &Keys::new(), "").unwrap_err().to_string();
        assert_eq!(error, "key 0, which the task uses, did not come with it");
    }
}
