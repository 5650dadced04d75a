//! What uses an object of a project.

use crate::db::{Param, params};
use crate::{Result, Store};
use semaphore_model::{
    AccessKeyId, EnvironmentId, InventoryId, ProjectId, Referrer, Referrers, RepositoryId, SecretStorageId, TemplateId,
};

const BY_KEY: &str = "select 'inventory' as kind, id, name from project__inventory \
     where project_id = ? and (ssh_key_id = ? or become_key_id = ?) \
     union all select 'repository', id, name from project__repository where project_id = ? and ssh_key_id = ? \
     order by kind, id";
const BY_REPOSITORY: &str = "select 'template' as kind, id, name from project__template \
     where project_id = ? and repository_id = ? \
     union all select 'inventory', id, name from project__inventory where project_id = ? and repository_id = ? \
     union all select 'schedule', t.id, t.name from project__template t where t.id in \
     (select s.template_id from project__schedule s where s.project_id = ? and s.repository_id = ?) order by kind, id";
const BY_INVENTORY: &str = "select 'template' as kind, id, name from project__template \
     where project_id = ? and inventory_id = ? order by id";
const BY_ENVIRONMENT: &str = "select 'template' as kind, id, name from project__template \
     where project_id = ? and environment_id = ? \
     union all select 'key', id, name from access_key where project_id = ? and environment_id = ? and owner = '' \
     order by kind, id";
const BY_TEMPLATE: &str = "select 'template' as kind, id, name from project__template \
     where project_id = ? and build_template_id = ? \
     union all select 'inventory', id, name from project__inventory where project_id = ? and template_id = ? \
     union all select 'schedule', t.id, t.name from project__template t where t.id in \
     (select s.template_id from project__schedule s where s.project_id = ? and s.template_id = ?) order by kind, id";

const BY_SECRET_STORAGE: &str = "select 'key' as kind, id, name from access_key \
     where project_id = ? and source_storage_id = ? and owner = '' order by id";

impl Store {
    /// What uses a key. Reference: Ansible vaults of templates are not counted; they go with the key.
    pub async fn list_access_key_referrers(&self, project_id: ProjectId, id: AccessKeyId) -> Result<Referrers> {
        self.list_referrers(BY_KEY, params![project_id, id, id, project_id, id]).await
    }

    /// What uses a repository.
    pub async fn list_repository_referrers(&self, project_id: ProjectId, id: RepositoryId) -> Result<Referrers> {
        self.list_referrers(BY_REPOSITORY, params![project_id, id, project_id, id, project_id, id]).await
    }

    /// What uses an inventory.
    pub async fn list_inventory_referrers(&self, project_id: ProjectId, id: InventoryId) -> Result<Referrers> {
        self.list_referrers(BY_INVENTORY, params![project_id, id]).await
    }

    /// What uses an environment.
    pub async fn list_environment_referrers(&self, project_id: ProjectId, id: EnvironmentId) -> Result<Referrers> {
        self.list_referrers(BY_ENVIRONMENT, params![project_id, id, project_id, id]).await
    }

    /// What uses a template.
    pub async fn list_template_referrers(&self, project_id: ProjectId, id: TemplateId) -> Result<Referrers> {
        self.list_referrers(BY_TEMPLATE, params![project_id, id, project_id, id, project_id, id]).await
    }

    /// Keys whose secret is in a secret storage.
    pub async fn list_secret_storage_referrers(&self, project_id: ProjectId, id: SecretStorageId) -> Result<Referrers> {
        self.list_referrers(BY_SECRET_STORAGE, params![project_id, id]).await
    }

    async fn list_referrers(&self, text: &'static str, values: Vec<Param>) -> Result<Referrers> {
        let mut referrers = Referrers::default();
        for row in self.db().fetch_all(text, values).await? {
            let referrer = Referrer { id: row.int("id")?, name: row.text("name")? };
            match row.text("kind")?.as_str() {
                "template" => referrers.templates.push(referrer),
                "inventory" => referrers.inventories.push(referrer),
                "repository" => referrers.repositories.push(referrer),
                "schedule" => referrers.schedules.push(referrer),
                _ => referrers.access_keys.push(referrer),
            }
        }
        Ok(referrers)
    }
}
