//! From a project to its document.

use std::collections::{HashMap, HashSet};

use semaphore_model::{
    AccessKey, AccessKeyId, Environment, EnvironmentId, Integration, IntegrationId, Inventory, InventoryId, Project,
    Repository, RepositoryId, Role, Schedule, SecretStorageId, SurveyVariable, TaskParams, Template, TemplateId,
    TemplateRole, TemplateVault, View, ViewId, time,
};
use semaphore_store::{AccessKeyFilter, InventoryFilter, ListOptions};

use super::document::{
    Backup, ChoicePart, EnvironmentPart, IntegrationPart, InventoryPart, KeyPart, MatcherPart, Meta, ParamsPart,
    RepositoryPart, RolePart, SchedulePart, StoragePart, SurveyPart, TemplatePart, TemplateRolePart, ValuePart,
    VaultPart, ViewPart,
};
use crate::{crypto::hexadecimal, error::Result, services::Services};

/// What a project has, with names that are unique within their kind.
struct Loaded {
    templates: Vec<Template>,
    repositories: Vec<Repository>,
    keys: Vec<AccessKey>,
    views: Vec<View>,
    inventories: Vec<Inventory>,
    environments: Vec<Environment>,
    integrations: Vec<Integration>,
    schedules: Vec<Schedule>,
    roles: Vec<Role>,
    global_roles: Vec<Role>,
    template_roles: Vec<TemplateRole>,
    /// Whether the members that the reference does not have are wanted.
    extended: bool,
}

/// Names by id.
struct Names {
    templates: HashMap<TemplateId, String>,
    repositories: HashMap<RepositoryId, String>,
    keys: HashMap<AccessKeyId, String>,
    views: HashMap<ViewId, String>,
    inventories: HashMap<InventoryId, String>,
    environments: HashMap<EnvironmentId, String>,
    storages: HashMap<SecretStorageId, String>,
}

impl Services {
    /// The document of a project. `extended` adds what the reference's documents lack: times of schedules, the repositories
    /// and templates of inventories, the environments of secrets, and two flags of templates.
    pub async fn backup(&self, project: &Project, extended: bool) -> Result<Backup> {
        let (store, id, all) = (&self.store, project.id, ListOptions::default());
        let filter = InventoryFilter { any_template: true, ..InventoryFilter::default() };
        let mut loaded = Loaded {
            templates: store.list_whole_templates(id).await?,
            repositories: store.list_repositories(id, &all).await?,
            keys: store.list_access_keys(id, AccessKeyFilter::All, &all).await?,
            views: store.list_views(id).await?,
            inventories: store.list_inventories(id, &filter, &all).await?,
            environments: store.list_environments(id, &all).await?,
            integrations: store.list_integrations_with_params(id, &all).await?,
            schedules: store.list_schedules_with_params(id).await?,
            roles: store.list_project_roles(id).await?,
            global_roles: store.list_global_roles().await?,
            template_roles: store.list_all_template_roles(id).await?,
            extended,
        };
        loaded.make_names_unique();
        let storages = store.list_secret_storages(id).await?;
        let names = loaded.names(storages.iter().map(|storage| (storage.id, storage.name.clone())).collect());
        let mut backup = loaded.document(project, &names);
        backup.secret_storages = storages
            .into_iter()
            .map(|storage| StoragePart {
                name: storage.name,
                params: storage.params.unwrap_or_default(),
                readonly: storage.readonly,
                r#type: storage.r#type,
            })
            .collect();
        self.add_integrations(&mut backup, project, &loaded.integrations, &names).await?;
        Ok(backup)
    }

    async fn add_integrations(
        &self,
        backup: &mut Backup,
        project: &Project,
        integrations: &[Integration],
        names: &Names,
    ) -> Result<()> {
        let project = project.id;
        let mut parts: HashMap<IntegrationId, IntegrationPart> = HashMap::new();
        for matcher in self.store.list_all_integration_matchers(project).await? {
            parts.entry(matcher.integration_id).or_default().matchers.push(MatcherPart {
                body_data_type: matcher.body_data_type,
                key: matcher.key,
                match_type: matcher.match_type,
                method: matcher.method,
                name: matcher.name,
                value: matcher.value,
            });
        }
        for value in self.store.list_all_integration_values(project).await? {
            parts.entry(value.integration_id).or_default().extract_values.push(ValuePart {
                body_data_type: value.body_data_type,
                key: value.key,
                name: value.name,
                value_source: value.value_source,
                variable: value.variable,
                variable_type: value.variable_type,
            });
        }
        for alias in self.store.list_all_integration_aliases(project).await? {
            match alias.integration_id {
                Some(id) => parts.entry(id).or_default().aliases.push(alias.alias),
                None => backup.integration_aliases.push(alias.alias),
            }
        }
        for integration in integrations {
            let Some(template) = names.templates.get(&integration.template_id) else { continue };
            backup.integrations.push(IntegrationPart {
                auth_header: integration.auth_header.clone(),
                auth_method: integration.auth_method.clone(),
                auth_secret: name_of(&names.keys, integration.auth_secret_id),
                name: integration.name.clone(),
                searchable: integration.searchable,
                task_params: integration.task_params.as_ref().map(|params| params_part(params, names)),
                template: template.clone(),
                ..parts.remove(&integration.id).unwrap_or_default()
            });
        }
        Ok(())
    }
}

fn name_of<I: Eq + std::hash::Hash>(names: &HashMap<I, String>, id: Option<I>) -> Option<String> {
    id.and_then(|id| names.get(&id).cloned())
}

/// Gives every name that stands twice a tail, except the first. Reference: `makeUniqueNames`.
fn make_unique<T>(items: &mut [T], name: impl Fn(&mut T) -> &mut String) {
    let mut seen = HashSet::new();
    for item in items {
        let name = name(item);
        if !seen.insert(name.clone()) {
            *name = format!("{name} - {}", hexadecimal::random::<5>());
        }
    }
}

fn params_part(params: &TaskParams, names: &Names) -> ParamsPart {
    ParamsPart {
        arguments: params.arguments.clone(),
        environment: params.environment.clone(),
        git_branch: params.git_branch.clone(),
        inventory_name: name_of(&names.inventories, params.inventory_id),
        message: params.message.clone(),
        params: params.params.clone(),
        version: params.version.clone(),
    }
}

impl Loaded {
    fn make_names_unique(&mut self) {
        make_unique(&mut self.templates, |item| &mut item.name);
        make_unique(&mut self.repositories, |item| &mut item.name);
        make_unique(&mut self.inventories, |item| &mut item.name);
        make_unique(&mut self.environments, |item| &mut item.name);
        make_unique(&mut self.keys, |item| &mut item.name);
        make_unique(&mut self.views, |item| &mut item.title);
        make_unique(&mut self.integrations, |item| &mut item.name);
        make_unique(&mut self.schedules, |item| &mut item.name);
        make_unique(&mut self.roles, |item| &mut item.name);
    }

    fn names(&self, storages: HashMap<SecretStorageId, String>) -> Names {
        Names {
            templates: self.templates.iter().map(|item| (item.id, item.name.clone())).collect(),
            repositories: self.repositories.iter().map(|item| (item.id, item.name.clone())).collect(),
            keys: self.keys.iter().map(|item| (item.id, item.name.clone())).collect(),
            views: self.views.iter().map(|item| (item.id, item.title.clone())).collect(),
            inventories: self.inventories.iter().map(|item| (item.id, item.name.clone())).collect(),
            environments: self.environments.iter().map(|item| (item.id, item.name.clone())).collect(),
            storages,
        }
    }

    /// Everything but secret storages and integrations.
    fn document(&self, project: &Project, names: &Names) -> Backup {
        Backup {
            meta: Meta {
                alert: project.alert,
                alert_chat: project.alert_chat.clone(),
                max_parallel_tasks: project.max_parallel_tasks,
                name: project.name.clone(),
                r#type: project.r#type.clone(),
            },
            environments: self.environments.iter().map(environment_part).collect(),
            inventories: self.inventories.iter().map(|item| self.inventory_part(item, names)).collect(),
            keys: self.keys.iter().map(|item| self.key_part(item, names)).collect(),
            repositories: self.repositories.iter().map(|item| repository_part(item, names)).collect(),
            roles: self.roles.iter().map(role_part).collect(),
            schedules: self.schedules.iter().filter_map(|item| self.schedule_part(item, names)).collect(),
            templates: self.templates.iter().map(|item| self.template_part(item, names)).collect(),
            views: self.views.iter().map(view_part).collect(),
            ..Backup::default()
        }
    }

    fn inventory_part(&self, inventory: &Inventory, names: &Names) -> InventoryPart {
        InventoryPart {
            become_key: name_of(&names.keys, inventory.become_key_id),
            inventory: inventory.inventory.clone(),
            name: inventory.name.clone(),
            repository: name_of(&names.repositories, inventory.repository_id).filter(|_| self.extended),
            runner_tag: inventory.runner_tag.clone(),
            ssh_key: name_of(&names.keys, inventory.ssh_key_id),
            template: name_of(&names.templates, inventory.template_id).filter(|_| self.extended),
            r#type: inventory.r#type.clone(),
        }
    }

    fn key_part(&self, key: &AccessKey, names: &Names) -> KeyPart {
        KeyPart {
            environment: name_of(&names.environments, key.environment_id).filter(|_| self.extended),
            name: key.name.clone(),
            owner: key.owner.clone(),
            plain: key.plain.clone(),
            source_storage: name_of(&names.storages, key.source_storage_id),
            source_storage_key: key.source_storage_key.clone(),
            source_storage_type: key.source_storage_type.clone(),
            storage: name_of(&names.storages, key.storage_id),
            r#type: key.r#type.clone(),
        }
    }

    fn schedule_part(&self, schedule: &Schedule, names: &Names) -> Option<SchedulePart> {
        Some(SchedulePart {
            active: schedule.active,
            checkable_repository: name_of(&names.repositories, schedule.repository_id),
            cron_format: schedule.cron_format.clone(),
            delete_after_run: schedule.delete_after_run,
            name: schedule.name.clone(),
            run_at: schedule.run_at.map(|_| serde_json::Value::Object(serde_json::Map::new())),
            run_at_time: schedule.run_at.as_ref().map(time::format).filter(|_| self.extended),
            task_params: schedule.task_params.as_ref().map(|params| params_part(params, names)),
            template: names.templates.get(&schedule.template_id)?.clone(),
            r#type: schedule.r#type.clone(),
        })
    }

    fn template_part(&self, template: &Template, names: &Names) -> TemplatePart {
        TemplatePart {
            allow_override_args_in_task: template.allow_override_args_in_task,
            allow_override_branch_in_task: template.allow_override_branch_in_task,
            allow_parallel_tasks: template.allow_parallel_tasks,
            app: template.app.clone(),
            arguments: template.arguments.clone(),
            autorun: template.autorun && self.extended,
            build_template: name_of(&names.templates, template.build_template_id),
            description: template.description.clone(),
            environment: name_of(&names.environments, template.environment_id),
            git_branch: template.git_branch.clone(),
            inventory: name_of(&names.inventories, template.inventory_id),
            name: template.name.clone(),
            playbook: template.playbook.clone(),
            repository: name_of(&names.repositories, Some(template.repository_id)).unwrap_or_default(),
            roles: self.roles_of(template.id),
            runner_tag: template.runner_tag.clone(),
            start_version: template.start_version.clone(),
            suppress_success_alerts: template.suppress_success_alerts && self.extended,
            survey_vars: template.survey_vars.iter().map(survey_part).collect(),
            task_params: template.task_params.clone(),
            r#type: template.r#type.clone(),
            vaults: template.vaults.iter().map(|vault| vault_part(vault, names)).collect(),
            view: name_of(&names.views, template.view_id),
        }
    }

    fn roles_of(&self, template: TemplateId) -> Vec<TemplateRolePart> {
        let own = |slug: &str| self.roles.iter().find(|role| role.slug == slug).map(|role| (role, false));
        let global = |slug: &str| self.global_roles.iter().find(|role| role.slug == slug).map(|role| (role, true));
        self.template_roles
            .iter()
            .filter(|added| added.template_id == template)
            .filter_map(|added| {
                let (role, is_global) = own(&added.role_slug).or_else(|| global(&added.role_slug))?;
                Some(TemplateRolePart { is_global, permissions: added.permissions, role: role.name.clone() })
            })
            .collect()
    }
}

fn environment_part(environment: &Environment) -> EnvironmentPart {
    EnvironmentPart {
        env: environment.env.clone(),
        json: environment.json.clone(),
        name: environment.name.clone(),
        password: environment.password.clone(),
        secret_storage_key_prefix: environment.secret_storage_key_prefix.clone(),
    }
}

fn repository_part(repository: &Repository, names: &Names) -> RepositoryPart {
    RepositoryPart {
        git_branch: repository.git_branch.clone(),
        git_url: repository.git_url.clone(),
        name: repository.name.clone(),
        ssh_key: name_of(&names.keys, Some(repository.ssh_key_id)),
    }
}

fn role_part(role: &Role) -> RolePart {
    RolePart { name: role.name.clone(), permissions: role.permissions, project_id: role.project_id }
}

fn survey_part(variable: &SurveyVariable) -> SurveyPart {
    SurveyPart {
        default_value: variable.default_value.clone(),
        description: variable.description.clone(),
        name: variable.name.clone(),
        required: variable.required,
        title: variable.title.clone(),
        r#type: variable.r#type.clone(),
        values: variable
            .values
            .iter()
            .map(|choice| ChoicePart { name: choice.name.clone(), value: choice.value.clone() })
            .collect(),
    }
}

fn vault_part(vault: &TemplateVault, names: &Names) -> VaultPart {
    VaultPart {
        name: vault.name.clone(),
        script: vault.script.clone(),
        r#type: vault.r#type.clone(),
        vault_key: name_of(&names.keys, vault.vault_key_id),
    }
}

fn view_part(view: &View) -> ViewPart {
    ViewPart {
        filter: view.filter.clone(),
        hidden: view.hidden,
        position: view.position,
        sort_column: view.sort_column.clone(),
        sort_reverse: view.sort_reverse,
        title: view.title.clone(),
        r#type: view.r#type.clone(),
    }
}
