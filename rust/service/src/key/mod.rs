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

use semaphore_model::{AccessKey, AccessKeySourceStorage, EventObject, ProjectId, Referrers, RepositoryId, UserId};
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
            error => Self::new(Kind::Invalid, error.to_string()).bare(),
        }
    }
}

impl Services {
    /// Where secrets come from that are not in the database. No directory of secrets is configured in this build, so keys
    /// that name a file are refused when they are used.
    pub fn secret_sources(&self) -> SecretSources {
        SecretSources::default()
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
        self.seal(&mut key)?;
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
            self.seal(&mut key)?;
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
    pub(crate) fn open(&self, mut key: AccessKey) -> Result<AccessKey> {
        secret::open(&mut key, &self.access_key_cipher, &self.secret_sources())?;
        Ok(key)
    }
}

/// The project an owned key was found in.
fn project_of(key: &Owned<AccessKey>) -> ProjectId {
    // A key is only found by its project, so there is one.
    key.project_id.unwrap_or_default()
}
