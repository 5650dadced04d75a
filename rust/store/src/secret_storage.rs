//! Secret storages.

use crate::db::{FromRow, Param, Row, Transaction, json_param, params, writes};
use crate::{Result, Store};
use semaphore_model::{ProjectId, SecretStorage, SecretStorageId};

impl FromRow for SecretStorage {
    fn from_row(row: &Row) -> Result<Self> {
        let has_params = row.optional_text("params")?.is_some();
        Ok(Self {
            id: row.id("id")?,
            project_id: row.id("project_id")?,
            name: row.text("name")?,
            r#type: row.word("type")?,
            params: if has_params { Some(row.json("params")?) } else { None },
            readonly: row.boolean("readonly")?,
            ..Self::default()
        })
    }
}

impl Store {
    /// The secret storage of the project.
    pub async fn get_secret_storage(&self, project_id: ProjectId, id: SecretStorageId) -> Result<SecretStorage> {
        let text = "select * from project__secret_storage where project_id = ? and id = ?";
        self.fetch_one(text, params![project_id, id]).await
    }

    /// Secret storages of the project, by id.
    pub async fn list_secret_storages(&self, project_id: ProjectId) -> Result<Vec<SecretStorage>> {
        self.fetch("select * from project__secret_storage where project_id = ? order by id", params![project_id]).await
    }
}

writes! {
    /// Adds a secret storage.
    insert_secret_storage(storage: SecretStorage) -> SecretStorage;
    /// Changes a secret storage of its project.
    update_secret_storage(storage: &SecretStorage) -> ();
    /// Removes a secret storage with the keys that hold its own credentials; one that other keys or environments use is
    /// [`crate::StoreError::Referenced`].
    delete_secret_storage(project_id: ProjectId, id: SecretStorageId) -> ();
}

impl Transaction {
    /// Adds a secret storage.
    pub async fn insert_secret_storage(&mut self, mut storage: SecretStorage) -> Result<SecretStorage> {
        let text =
            "insert into project__secret_storage (name, type, params, readonly, project_id) values (?, ?, ?, ?, ?)";
        let values =
            params![&storage.name, storage.r#type.as_str(), params_of(&storage), storage.readonly, storage.project_id];
        storage.id = self.insert(text, values).await?;
        Ok(storage)
    }

    /// Changes a secret storage of its project.
    pub async fn update_secret_storage(&mut self, storage: &SecretStorage) -> Result<()> {
        let text = "update project__secret_storage set name = ?, type = ?, params = ?, readonly = ? \
             where project_id = ? and id = ?";
        let values = params![
            &storage.name,
            storage.r#type.as_str(),
            params_of(storage),
            storage.readonly,
            storage.project_id,
            storage.id
        ];
        self.change(text, values).await
    }

    /// Removes a secret storage.
    pub async fn delete_secret_storage(&mut self, project_id: ProjectId, id: SecretStorageId) -> Result<()> {
        self.change("delete from project__secret_storage where project_id = ? and id = ?", params![project_id, id])
            .await
    }
}

fn params_of(storage: &SecretStorage) -> Param {
    storage.params.as_ref().map_or(Param::Text(None), |params| json_param(params, false))
}
