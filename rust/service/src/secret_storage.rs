//! Secret storages of a project: where keys are kept that are not in the database, and the credentials for them.
//!
//! Keys are read from and written to HashiCorp Vault and OpenBao ([`vault`]); Devolutions Server is kept and answered, but a key
//! that names one is refused. Invariants: the credentials are a key of the storage's own, encrypted like every key,
//! and no answer holds them; a storage that a key names is not removed.

pub mod vault;

use semaphore_model::{
    AccessKey, AccessKeyOwner, AccessKeySourceStorage, AccessKeyType, EventObject, ProjectId, Referrers, Secret,
    SecretStorage, SecretStorageType, UserId,
};
use semaphore_store::{AccessKeyFilter, ListOptions, StoreError};
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    event::event,
    key::secret::{self, SecretError},
    owned::{Owned, in_use, other_project},
    secret_storage::vault::VaultError,
    services::Services,
};

/// Longest name in characters, as the column holds it.
const NAME_CHARACTERS: usize = 100;

impl Services {
    /// Storages of a project by id, without credentials. Reference: the community edition hides them.
    pub async fn secret_storages(&self, project: ProjectId) -> Result<Vec<SecretStorage>> {
        Ok(self.store.list_secret_storages(project).await?)
    }

    /// A storage with where its credentials come from: the name of a variable or the path of a file, never a secret.
    pub async fn described_secret_storage(&self, storage: Owned<SecretStorage>) -> Result<SecretStorage> {
        let key = self.credentials_of(&storage).await?;
        let mut storage = storage.into_inner();
        if let Some(key) = key {
            storage.secret = key.source_storage_key.unwrap_or_default().into();
            storage.source_storage_type = key.source_storage_type;
        }
        Ok(storage)
    }

    /// What names a storage.
    pub async fn secret_storage_referrers(&self, storage: &Owned<SecretStorage>) -> Result<Referrers> {
        Ok(self.store.list_secret_storage_referrers(storage.project_id, storage.id).await?)
    }

    /// Adds a storage with its credentials. Reference: the answer held them.
    pub async fn create_secret_storage(
        &self,
        user: UserId,
        project: ProjectId,
        mut storage: SecretStorage,
    ) -> Result<SecretStorage> {
        if storage.project_id != project {
            return Err(other_project());
        }
        check(&storage)?;
        if storage.secret.is_empty() {
            return Err(Error::invalid(
                "secret must be set: the credentials, the name of a variable or the path of a file",
            )
            .bare());
        }
        let mut key = credentials(&storage)?;
        self.seal(&mut key)?;
        storage.secret = Secret::default();
        let mut transaction = self.store.begin().await?;
        let storage = transaction.insert_secret_storage(storage).await?;
        key.storage_id = Some(storage.id);
        transaction.insert_access_key(key).await?;
        let description = format!("Secret storage {} has been created", storage.name);
        transaction.insert_event(event(user, project, EventObject::Key, storage.id, description)).await?;
        transaction.commit().await?;
        Ok(storage)
    }

    /// Changes a storage; its credentials only if the body brings some. Answers the storage as it is now.
    pub async fn update_secret_storage(
        &self,
        user: UserId,
        old: &Owned<SecretStorage>,
        mut storage: SecretStorage,
    ) -> Result<SecretStorage> {
        if storage.id != old.id {
            return Err(Error::invalid("Secret storage id in URL and in body must be the same"));
        }
        if storage.project_id != old.project_id {
            return Err(Error::invalid("You can not move secret storage to other project"));
        }
        check(&storage)?;
        let mut key = None;
        if !storage.secret.is_empty() {
            let mut new = credentials(&storage)?;
            self.seal(&mut new)?;
            new.storage_id = Some(old.id);
            new.override_secret = true;
            key = Some(new);
        }
        storage.secret = Secret::default();
        let old_key = self.credentials_of(old).await?;
        let mut transaction = self.store.begin().await?;
        transaction.update_secret_storage(&storage).await?;
        match (key, old_key) {
            (Some(key), Some(old_key)) => {
                let key = AccessKey { id: old_key.id, name: old_key.name, ..key };
                transaction.update_access_key(old.project_id, &key).await?;
            }
            (Some(key), None) => {
                transaction.insert_access_key(key).await?;
            }
            (None, _) => {}
        }
        let description = format!("Secret storage with ID {} has been updated", storage.id);
        // Reference: the kind of the event is `schedule`.
        transaction.insert_event(event(user, old.project_id, EventObject::Schedule, old.id, description)).await?;
        transaction.commit().await?;
        Ok(storage)
    }

    /// Removes a storage with its credentials; 400 while a key or an environment names it.
    pub async fn delete_secret_storage(&self, user: UserId, storage: &Owned<SecretStorage>) -> Result<()> {
        let project = storage.project_id;
        if !self.secret_storage_referrers(storage).await?.is_empty() {
            return Err(Error::invalid("the secret storage is still used by a key of the project").bare());
        }
        let mut transaction = self.store.begin().await?;
        transaction
            .delete_secret_storage(project, storage.id)
            .await
            .map_err(|error| in_use(error, "secret storage"))?;
        let description = format!("Secret storage {} has been deleted", storage.name);
        transaction.insert_event(event(user, project, EventObject::Key, storage.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// The plain text of a key that is kept in a storage.
    pub(crate) async fn read_elsewhere(&self, key: &AccessKey) -> Result<Zeroizing<String>, SecretError> {
        let (storage, token) = self.storage_of(key).await?;
        let failed = |source| elsewhere(key, &storage, source);
        self.vault.read(&storage, &token, key).await.map_err(failed)
    }

    /// Writes the plain secret of a key to its storage.
    pub(crate) async fn write_elsewhere(&self, key: &AccessKey) -> Result<(), SecretError> {
        let (storage, token) = self.storage_of(key).await?;
        if storage.readonly {
            return Err(SecretError::ReadOnly(storage.name));
        }
        let failed = |source| elsewhere(key, &storage, source);
        self.vault.write(&storage, &token, key).await.map_err(failed)
    }

    /// The storage that a key names, in the key's project, and the token for it.
    async fn storage_of(&self, key: &AccessKey) -> Result<(SecretStorage, Secret), SecretError> {
        let unknown = || SecretError::Storage(key.name.clone());
        let (Some(project), Some(id)) = (key.project_id, key.source_storage_id) else { return Err(unknown()) };
        let storage = self.store.get_secret_storage(project, id).await.map_err(|error| match error {
            StoreError::NotFound => unknown(),
            error => SecretError::Store { name: key.name.clone(), source: Box::new(error) },
        })?;
        if storage.r#type != SecretStorageType::Vault {
            return Err(unknown());
        }
        let filter = AccessKeyFilter::SecretStorage(id);
        let keys = self.store.list_access_keys(project, filter, &ListOptions::default()).await;
        let keys = keys.map_err(|error| SecretError::Store { name: key.name.clone(), source: Box::new(error) })?;
        let mut token = keys.into_iter().next().unwrap_or_default();
        // A token is in the database, a variable or a file, never in a storage itself.
        secret::open(&mut token, &self.access_key_cipher, &self.secret_sources())?;
        Ok((storage, token.string))
    }

    /// The key that holds the credentials of a storage; none in a row that was made without one.
    async fn credentials_of(&self, storage: &Owned<SecretStorage>) -> Result<Option<AccessKey>> {
        let filter = AccessKeyFilter::SecretStorage(storage.id);
        let keys = self.store.list_access_keys(storage.project_id, filter, &ListOptions::default()).await?;
        Ok(keys.into_iter().next())
    }
}

fn elsewhere(key: &AccessKey, storage: &SecretStorage, source: VaultError) -> SecretError {
    let (name, storage) = (key.name.clone(), storage.name.clone());
    SecretError::Elsewhere { name, storage, source: Box::new(source) }
}

fn check(storage: &SecretStorage) -> Result<()> {
    let characters = storage.name.chars().count();
    if characters == 0 || characters > NAME_CHARACTERS {
        return Err(
            Error::invalid(format!("the name of a secret storage has 1 to {NAME_CHARACTERS} characters")).bare()
        );
    }
    match storage.r#type {
        SecretStorageType::Vault | SecretStorageType::Dvls => Ok(()),
        _ => Err(Error::invalid("the type of a secret storage must be vault or dvls").bare()),
    }
}

/// The credentials as a key. Reference: a random name of ten hexadecimal digits.
fn credentials(storage: &SecretStorage) -> Result<AccessKey> {
    let key = AccessKey {
        name: format!("{:010x}", rand::random::<u64>() & 0xff_ffff_ffff),
        r#type: AccessKeyType::String,
        project_id: Some(storage.project_id),
        owner: AccessKeyOwner::SecretStorage,
        ..AccessKey::default()
    };
    match &storage.source_storage_type {
        None => Ok(AccessKey { string: storage.secret.clone(), ..key }),
        Some(source @ (AccessKeySourceStorage::Environment | AccessKeySourceStorage::File)) => Ok(AccessKey {
            source_storage_type: Some(source.clone()),
            source_storage_key: Some(storage.secret.expose().to_owned()),
            ..key
        }),
        Some(_) => Err(Error::invalid("source_storage_type must be env or file, or absent").bare()),
    }
}
