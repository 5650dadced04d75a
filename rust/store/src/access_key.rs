//! Keys and secrets. `secret` is stored as it comes: encrypted by the service.

use crate::db::{FromRow, Param, Row, Transaction, params, writes};
use crate::list::ListOptions;
use crate::{Result, Store};
use semaphore_model::{AccessKey, AccessKeyId, AccessKeyOwner, EnvironmentId, ProjectId, Secret, SecretStorageId};

/// Which keys of a project are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessKeyFilter {
    /// Those that belong to nobody in particular: the project's list of keys.
    #[default]
    Shared,
    /// The secrets of an environment, of both kinds.
    Environment(EnvironmentId),
    /// The credentials of a secret storage.
    SecretStorage(SecretStorageId),
    /// All.
    All,
}

impl FromRow for AccessKey {
    fn from_row(row: &Row) -> Result<Self> {
        let mut key = Self {
            id: row.id("id")?,
            name: row.text("name")?,
            r#type: row.word("type")?,
            project_id: row.optional_id("project_id")?,
            secret: row.optional_text("secret")?.map(Secret::new),
            plain: row.optional_text("plain")?,
            storage_id: row.optional_id("storage_id")?,
            environment_id: row.optional_id("environment_id")?,
            user_id: row.optional_id("user_id")?,
            owner: row.word("owner")?,
            source_storage_id: row.optional_id("source_storage_id")?,
            source_storage_key: row.optional_text("source_storage_key")?,
            source_storage_type: row.optional_text("source_storage_type")?.map(Into::into),
            ..Self::default()
        };
        key.empty = false;
        Ok(key)
    }
}

impl Store {
    /// The key of the project, whoever it belongs to.
    pub async fn get_access_key(&self, project_id: ProjectId, id: AccessKeyId) -> Result<AccessKey> {
        self.fetch_one("select * from access_key where id = ? and project_id = ?", params![id, project_id]).await
    }

    /// Keys of the project, with `empty` set. Sortable by name and type.
    pub async fn list_access_keys(
        &self,
        project_id: ProjectId,
        filter: AccessKeyFilter,
        options: &ListOptions,
    ) -> Result<Vec<AccessKey>> {
        let order = options.order(&[("name", "name"), ("type", "type")], "name")?;
        let page = options.page.clause()?;
        let mut values = params![project_id];
        let condition = match filter {
            AccessKeyFilter::Shared => {
                values.push(Param::from(AccessKeyOwner::Shared.as_str()));
                " and owner = ?"
            }
            AccessKeyFilter::Environment(id) => {
                values.push(id.into());
                " and environment_id = ?"
            }
            AccessKeyFilter::SecretStorage(id) => {
                values.push(Param::from(AccessKeyOwner::SecretStorage.as_str()));
                values.push(id.into());
                " and owner = ? and storage_id = ?"
            }
            AccessKeyFilter::All => "",
        };
        let text = format!("select * from access_key where project_id = ?{condition}{order}{page}");
        let mut keys: Vec<AccessKey> = self.fetch(text, values).await?;
        for key in &mut keys {
            key.empty = key.is_empty();
        }
        Ok(keys)
    }
}

writes! {
    /// Adds a key.
    insert_access_key(key: AccessKey) -> AccessKey;
    /// Changes the name, and with `override_secret` also type, secret and source.
    update_access_key(project_id: ProjectId, key: &AccessKey) -> ();
    /// Removes a key; one that a repository or an inventory uses is [`crate::StoreError::Referenced`].
    delete_access_key(project_id: ProjectId, id: AccessKeyId) -> ();
}

impl Transaction {
    /// Adds a key.
    pub async fn insert_access_key(&mut self, mut key: AccessKey) -> Result<AccessKey> {
        let text = "insert into access_key (name, type, project_id, secret, plain, environment_id, user_id, owner, \
             storage_id, source_storage_id, source_storage_key, source_storage_type) \
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            &key.name,
            key.r#type.as_str(),
            key.project_id,
            key.secret.as_ref(),
            key.plain.as_deref(),
            key.environment_id,
            key.user_id,
            key.owner.as_str(),
            key.storage_id,
            key.source_storage_id,
            key.source_storage_key.as_deref(),
            key.source_storage_type.as_ref().map(semaphore_model::AccessKeySourceStorage::as_str)
        ];
        key.id = self.insert(text, values).await?;
        Ok(key)
    }

    /// Changes a key of the project. The project of the path counts, never the one in the body.
    pub async fn update_access_key(&mut self, project_id: ProjectId, key: &AccessKey) -> Result<()> {
        key.validate()?;
        if !key.override_secret {
            let text = "update access_key set name = ? where id = ? and project_id = ?";
            return self.change(text, params![&key.name, key.id, project_id]).await;
        }
        let text = "update access_key set name = ?, type = ?, secret = ?, source_storage_id = ?, source_storage_key = ?, \
             source_storage_type = ? where id = ? and project_id = ?";
        let values = params![
            &key.name,
            key.r#type.as_str(),
            key.secret.as_ref(),
            key.source_storage_id,
            key.source_storage_key.as_deref(),
            key.source_storage_type.as_ref().map(semaphore_model::AccessKeySourceStorage::as_str),
            key.id,
            project_id
        ];
        self.change(text, values).await
    }

    /// Removes a key.
    pub async fn delete_access_key(&mut self, project_id: ProjectId, id: AccessKeyId) -> Result<()> {
        self.change("delete from access_key where id = ? and project_id = ?", params![id, project_id]).await
    }
}
