//! Keys: passwords, tokens and SSH keys of a project, stored encrypted and never answered.
//!
//! What the plaintext of a key looks like is in [`secret`]. Invariants: no answer holds a secret, plain or encrypted; a
//! change touches only the key of the path, whatever the body says (the reference believes the body).

mod record;
pub mod rekey;
pub mod secret;
mod unreadable;

pub use self::{
    record::KeyRecord,
    unreadable::{UnreadableSecret, unreadable_secrets},
};

use semaphore_model::{
    AccessKey, AccessKeySourceStorage, EventObject, ProjectId, Referrers, RepositoryId, SecretStorage, UserId,
};
use semaphore_store::{AccessKeyFilter, ListOptions};

use self::secret::{SecretError, SecretSources};
use crate::{
    error::{Error, Kind, Result},
    event::event,
    owned::{Owned, in_use, other_project},
    services::Services,
};

impl From<SecretError> for Error {
    /// Reference: a key that cannot be stored answers 400 without a text.
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Cipher { .. } => Self::internal("a stored secret cannot be encrypted or decrypted", error),
            SecretError::Store { source, .. } => (*source).into(),
            SecretError::Elsewhere { .. } => Self::unavailable(error.to_string()).with_source(error),
            error => Self::new(Kind::Invalid, error.to_string()).bare(),
        }
    }
}

impl Services {
    /// Where secrets come from that are in a variable or a file.
    pub fn secret_sources(&self) -> SecretSources {
        self.settings.secret_sources.clone()
    }

    /// Keys of a project that belong to nobody in particular, without secrets; sortable by name and type.
    pub async fn keys(&self, project: ProjectId, options: &ListOptions) -> Result<Vec<AccessKey>> {
        Ok(self.store.list_access_keys(project, AccessKeyFilter::Shared, options).await?)
    }

    /// What uses a key.
    pub async fn key_referrers(&self, key: &Owned<AccessKey>) -> Result<Referrers> {
        Ok(self.store.list_access_key_referrers(project_of(key), key.id).await?)
    }

    /// Adds a key; the answer has no secret.
    pub async fn create_key(&self, user: UserId, project: ProjectId, mut key: AccessKey) -> Result<AccessKey> {
        if key.project_id != Some(project) {
            return Err(other_project());
        }
        self.keep(&mut key).await?;
        key.plain = None;
        let mut transaction = self.store.begin().await?;
        let mut key = transaction.insert_access_key(key).await?;
        let description = format!("Access Key {} created", key.name);
        transaction.insert_event(event(user, project, EventObject::Key, key.id, description)).await?;
        transaction.commit().await?;
        key.clear_plain_secrets();
        key.override_secret = false;
        key.empty = false;
        Ok(key)
    }

    /// Renames a key; with `override_secret` also replaces its type and secret. Clones made with the key are removed.
    ///
    /// Id and project of the body may be left out; if they are there, they must be those of the path.
    pub async fn update_key(&self, user: UserId, old: &Owned<AccessKey>, mut key: AccessKey) -> Result<()> {
        let project = project_of(old);
        if key.id.0 != 0 && key.id != old.id {
            return Err(Error::invalid("Key ID in body and URL must be the same"));
        }
        if key.project_id.is_some_and(|other| other != project) {
            return Err(other_project());
        }
        key.id = old.id;
        key.project_id = Some(project);
        if key.override_secret {
            self.keep(&mut key).await?;
        } else {
            key.validate().map_err(|error| Error::from(error).bare())?;
        }
        let mut transaction = self.store.begin().await?;
        transaction.update_access_key(project, &key).await?;
        let description = format!("Access Key {} updated", key.name);
        transaction.insert_event(event(user, project, EventObject::Key, old.id, description)).await?;
        transaction.commit().await?;
        for repository in self.store.list_access_key_referrers(project, old.id).await?.repositories {
            self.clear_repository_cache(project, RepositoryId(repository.id)).await;
        }
        Ok(())
    }

    /// Removes a key; 400 while a repository or an inventory uses it.
    pub async fn delete_key(&self, user: UserId, key: &Owned<AccessKey>) -> Result<()> {
        let project = project_of(key);
        let mut transaction = self.store.begin().await?;
        transaction.delete_access_key(project, key.id).await.map_err(|error| in_use(error, "key"))?;
        let description = format!("Access Key {} deleted", key.name);
        transaction.insert_event(event(user, project, EventObject::Key, key.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Checks a key and keeps its plain secret where the key says: encrypted in the database, or in a secret storage.
    ///
    /// A key of a storage that brings no secret names one that is there already.
    async fn keep(&self, key: &mut AccessKey) -> Result<()> {
        if key.source_storage_type != Some(AccessKeySourceStorage::Vault) {
            return self.seal(key);
        }
        key.validate().map_err(|error| Error::from(error).bare())?;
        let project = key.project_id.unwrap_or_default();
        self.check_reference::<SecretStorage>(project, key.source_storage_id).await?;
        if key.source_storage_id.is_none() || key.source_storage_key.as_deref().is_none_or(str::is_empty) {
            return Err(SecretError::MissingSource(key.name.clone()).into());
        }
        // Whether it is complete, as for every key; the text itself is not needed.
        if secret::seal(key, &self.access_key_cipher)?.is_some() {
            self.write_elsewhere(key).await?;
        }
        key.secret = None;
        Ok(())
    }

    /// Checks a key and fills its encrypted secret from the plain one.
    pub(crate) fn seal(&self, key: &mut AccessKey) -> Result<()> {
        key.validate().map_err(|error| Error::from(error).bare())?;
        if key.source_storage_id.is_some() {
            return Err(SecretError::Storage(key.name.clone()).into());
        }
        key.secret = match &key.source_storage_type {
            None => secret::seal(key, &self.access_key_cipher)?,
            Some(AccessKeySourceStorage::Environment | AccessKeySourceStorage::File) => None,
            Some(AccessKeySourceStorage::Vault | AccessKeySourceStorage::Other(_)) => {
                return Err(SecretError::Storage(key.name.clone()).into());
            }
        };
        Ok(())
    }

    /// The key with its secret in the plain fields. For use, never for an answer.
    pub(crate) async fn open(&self, key: AccessKey) -> Result<AccessKey> {
        Ok(self.open_key(key).await?)
    }

    /// The same with the reason for people who are not waiting for an answer.
    pub(crate) async fn open_key(&self, mut key: AccessKey) -> Result<AccessKey, SecretError> {
        if key.source_storage_type == Some(AccessKeySourceStorage::Vault) {
            let plaintext = self.read_elsewhere(&key).await?;
            secret::fill(&mut key, &plaintext)?;
        } else {
            secret::open(&mut key, &self.access_key_cipher, &self.secret_sources())?;
        }
        Ok(key)
    }
}

/// The project an owned key was found in.
fn project_of(key: &Owned<AccessKey>) -> ProjectId {
    // A key is only found by its project, so there is one.
    key.project_id.unwrap_or_default()
}
