//! From a document to a new project: everything that templates stand on. One transaction for all.

use std::collections::HashMap;

use semaphore_model::{
    AccessKey, AccessKeyId, Environment, EnvironmentId, Inventory, InventoryId, Project, ProjectId, ProjectRole,
    ProjectUser, Repository, RepositoryId, Role, SecretStorage, SecretStorageId, TemplateId, User, View, ViewId,
};
use semaphore_store::Transaction;

use super::{
    document::Backup,
    restore_automation, restore_template,
    verify::{Fault, verify},
};
use crate::{
    crypto::hexadecimal,
    error::{Error, Kind, Result},
    inventory, repository,
    services::Services,
};

/// A project under way, and the ids its objects have got, by name. Of equal names the first one counts, as in the reference.
pub(super) struct Restoring {
    pub(super) transaction: Transaction,
    pub(super) project: ProjectId,
    pub(super) storages: HashMap<String, SecretStorageId>,
    /// Slugs by name.
    pub(super) roles: HashMap<String, String>,
    pub(super) environments: HashMap<String, EnvironmentId>,
    pub(super) views: HashMap<String, ViewId>,
    pub(super) keys: HashMap<String, AccessKeyId>,
    pub(super) repositories: HashMap<String, RepositoryId>,
    pub(super) inventories: HashMap<String, InventoryId>,
    pub(super) templates: HashMap<String, TemplateId>,
}

impl Services {
    /// Makes a project of a document, with the user as its owner. 401 for whoever may not create projects (the reference
    /// lets everybody), 400 with the reason for a document that cannot be restored, and then nothing is stored.
    ///
    /// Reference: keys come back without their secrets; an address that is in use already is left out; no event.
    pub async fn restore_backup(&self, user: &User, backup: &Backup) -> Result<Project> {
        self.check_may_create_project(user)?;
        if backup.meta.name.is_empty() {
            return Err(Error::invalid("the backup has no project name in meta.name"));
        }
        verify(backup).map_err(refused)?;
        let global_roles = self.store.list_global_roles().await?;
        let mut transaction = self.store.begin().await?;
        if transaction.has_project_named(&backup.meta.name).await? {
            return Err(Error::invalid(format!("project with name '{}' already exists", backup.meta.name)));
        }
        let project = Project {
            name: backup.meta.name.clone(),
            alert: backup.meta.alert,
            alert_chat: backup.meta.alert_chat.clone(),
            max_parallel_tasks: backup.meta.max_parallel_tasks,
            r#type: backup.meta.r#type.clone(),
            ..Project::default()
        };
        let project = transaction.insert_project(project).await?;
        let owner = ProjectUser { project_id: project.id, user_id: user.id, role: ProjectRole::Owner };
        transaction.insert_project_user(&owner).await?;
        let mut restoring = Restoring::new(transaction, project.id);
        restoring.add_foundations(backup).await?;
        restore_template::add(&mut restoring, backup, &global_roles).await?;
        restoring.bind_inventories(backup).await?;
        restore_automation::add(&mut restoring, backup).await?;
        restoring.transaction.commit().await?;
        self.schedules_changed.notify_one();
        Ok(project)
    }
}

/// Reference: a document that cannot be restored answers 400 without a text.
pub(super) fn refused(fault: Fault) -> Error {
    Error::invalid(fault).bare()
}

/// The error of one object, with its place in front unless it is none of the document's.
pub(super) fn at<T>(list: &str, index: usize, done: Result<T>) -> Result<T> {
    done.map_err(|error| match error.kind {
        Kind::Invalid | Kind::NotFound => {
            let text = format!("error at {list}[{index}]: {}", error.message);
            Error { source: error.source, ..refused(text) }
        }
        _ => error,
    })
}

/// The id an object has got; 400 if the document has no such object.
pub(super) fn required<I: Clone>(ids: &HashMap<String, I>, what: &str, name: &str) -> Result<I> {
    ids.get(name).cloned().ok_or_else(|| refused(format!("{what} {name:?} does not exist in the backup")))
}

/// The same for a name that may be missing.
pub(super) fn optional<I: Clone>(ids: &HashMap<String, I>, what: &str, name: Option<&String>) -> Result<Option<I>> {
    name.map(|name| required(ids, what, name)).transpose()
}

impl Restoring {
    fn new(transaction: Transaction, project: ProjectId) -> Self {
        Self {
            transaction,
            project,
            storages: HashMap::new(),
            roles: HashMap::new(),
            environments: HashMap::new(),
            views: HashMap::new(),
            keys: HashMap::new(),
            repositories: HashMap::new(),
            inventories: HashMap::new(),
            templates: HashMap::new(),
        }
    }

    /// In the reference's order, which decides about ids.
    async fn add_foundations(&mut self, backup: &Backup) -> Result<()> {
        for index in 0..backup.secret_storages.len() {
            at("secret_storages", index, self.add_storage(backup, index).await)?;
        }
        for index in 0..backup.roles.len() {
            at("roles", index, self.add_role(backup, index).await)?;
        }
        for index in 0..backup.environments.len() {
            at("environments", index, self.add_environment(backup, index).await)?;
        }
        for index in 0..backup.views.len() {
            at("views", index, self.add_view(backup, index).await)?;
        }
        for index in 0..backup.keys.len() {
            at("keys", index, self.add_key(backup, index).await)?;
        }
        for index in 0..backup.repositories.len() {
            at("repositories", index, self.add_repository(backup, index).await)?;
        }
        for index in 0..backup.inventories.len() {
            at("inventories", index, self.add_inventory(backup, index).await)?;
        }
        Ok(())
    }

    async fn add_storage(&mut self, backup: &Backup, index: usize) -> Result<()> {
        let part = &backup.secret_storages[index];
        let storage = SecretStorage {
            project_id: self.project,
            name: part.name.clone(),
            r#type: part.r#type.clone(),
            params: Some(part.params.clone()),
            readonly: part.readonly,
            ..SecretStorage::default()
        };
        let id = self.transaction.insert_secret_storage(storage).await?.id;
        self.storages.entry(part.name.clone()).or_insert(id);
        Ok(())
    }

    /// Reference: the slug is a new one, because slugs are unique in the installation.
    async fn add_role(&mut self, backup: &Backup, index: usize) -> Result<()> {
        let part = &backup.roles[index];
        let slug = hexadecimal::random::<8>();
        let role = Role {
            slug: slug.clone(),
            name: part.name.clone(),
            permissions: part.permissions,
            project_id: Some(self.project),
        };
        self.transaction.insert_role(&role).await?;
        self.roles.entry(part.name.clone()).or_insert(slug);
        Ok(())
    }

    async fn add_environment(&mut self, backup: &Backup, index: usize) -> Result<()> {
        let part = &backup.environments[index];
        let environment = Environment {
            name: part.name.clone(),
            project_id: self.project,
            password: part.password.clone(),
            json: part.json.clone(),
            env: part.env.clone(),
            secret_storage_key_prefix: part.secret_storage_key_prefix.clone(),
            ..Environment::default()
        };
        environment.validate()?;
        let id = self.transaction.insert_environment(environment).await?.id;
        self.environments.entry(part.name.clone()).or_insert(id);
        Ok(())
    }

    async fn add_view(&mut self, backup: &Backup, index: usize) -> Result<()> {
        let part = &backup.views[index];
        let view = View {
            project_id: self.project,
            title: part.title.clone(),
            position: part.position,
            r#type: part.r#type.clone(),
            hidden: part.hidden,
            filter: part.filter.clone(),
            sort_column: part.sort_column.clone(),
            sort_reverse: part.sort_reverse,
            ..View::default()
        };
        view.validate()?;
        let id = self.transaction.insert_view(view).await?.id;
        self.views.entry(part.title.clone()).or_insert(id);
        Ok(())
    }

    async fn add_key(&mut self, backup: &Backup, index: usize) -> Result<()> {
        let part = &backup.keys[index];
        let key = AccessKey {
            name: part.name.clone(),
            r#type: part.r#type.clone(),
            project_id: Some(self.project),
            plain: part.plain.clone(),
            owner: part.owner.clone(),
            storage_id: optional(&self.storages, "secret storage", part.storage.as_ref())?,
            environment_id: optional(&self.environments, "environment", part.environment.as_ref())?,
            source_storage_id: optional(&self.storages, "secret storage", part.source_storage.as_ref())?,
            source_storage_key: part.source_storage_key.clone(),
            source_storage_type: part.source_storage_type.clone(),
            ..AccessKey::default()
        };
        key.validate()?;
        let id = self.transaction.insert_access_key(key).await?.id;
        self.keys.entry(part.name.clone()).or_insert(id);
        Ok(())
    }

    async fn add_repository(&mut self, backup: &Backup, index: usize) -> Result<()> {
        let part = &backup.repositories[index];
        let Some(key) = &part.ssh_key else { return Err(refused("ssh_key is missing".to_owned())) };
        let repository = Repository {
            name: part.name.clone(),
            project_id: self.project,
            git_url: part.git_url.clone(),
            git_branch: part.git_branch.clone(),
            ssh_key_id: required(&self.keys, "key", key)?,
            ..Repository::default()
        };
        repository::check_address(&repository)?;
        let id = self.transaction.insert_repository(repository).await?.id;
        self.repositories.entry(part.name.clone()).or_insert(id);
        Ok(())
    }

    async fn add_inventory(&mut self, backup: &Backup, index: usize) -> Result<()> {
        let part = &backup.inventories[index];
        let inventory = Inventory {
            name: part.name.clone(),
            project_id: self.project,
            inventory: part.inventory.clone(),
            ssh_key_id: optional(&self.keys, "key", part.ssh_key.as_ref())?,
            become_key_id: optional(&self.keys, "key", part.become_key.as_ref())?,
            r#type: part.r#type.clone(),
            repository_id: optional(&self.repositories, "repository", part.repository.as_ref())?,
            runner_tag: part.runner_tag.clone(),
            ..Inventory::default()
        };
        inventory::check_path(&inventory)?;
        inventory.validate()?;
        let id = self.transaction.insert_inventory(inventory).await?.id;
        self.inventories.entry(part.name.clone()).or_insert(id);
        Ok(())
    }

    /// Gives inventories to their templates, which had to be made first. Only extended backups know of it.
    async fn bind_inventories(&mut self, backup: &Backup) -> Result<()> {
        for (index, part) in backup.inventories.iter().enumerate() {
            let bound = optional(&self.templates, "template", part.template.as_ref());
            let (Some(template), Some(id)) = (at("inventories", index, bound)?, self.inventories.get(&part.name))
            else {
                continue;
            };
            self.transaction.set_inventory_template(self.project, *id, template).await?;
        }
        Ok(())
    }
}
