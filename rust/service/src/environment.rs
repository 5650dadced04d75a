//! Environments: groups of variables, and their secrets.
//!
//! A secret of an environment is a key of its own, of type `string`, that no list of keys shows. Invariants: a change that
//! is refused stores nothing (the reference stores the group before it looks at the secrets); a secret is only changed or
//! removed through the environment it belongs to.

use std::collections::HashSet;

use semaphore_model::{
    AccessKey, AccessKeyId, AccessKeyType, Environment, EnvironmentSecret, EnvironmentSecretOperation,
    EnvironmentSecretType, EventObject, ProjectId, Referrers, Secret, UserId,
};
use semaphore_store::{AccessKeyFilter, ListOptions, Transaction};

use crate::{
    error::{Error, Result},
    event::event,
    owned::{Owned, in_use, other_project},
    services::Services,
};

/// A checked change of one secret, ready to be written.
enum SecretChange {
    Insert(AccessKey),
    Update(AccessKey),
    Delete(AccessKeyId),
}

impl Services {
    /// Environments of a project without their secrets; sortable by name.
    pub async fn environments(&self, project: ProjectId, options: &ListOptions) -> Result<Vec<Environment>> {
        Ok(self.store.list_environments(project, options).await?)
    }

    /// The environment with the names of its secrets, never their values.
    pub async fn environment_with_secrets(&self, environment: Owned<Environment>) -> Result<Environment> {
        let mut environment = environment.into_inner();
        environment.secrets = self.secret_keys(environment.project_id, &environment).await?.iter().map(shown).collect();
        Ok(environment)
    }

    /// What uses an environment.
    pub async fn environment_referrers(&self, environment: &Owned<Environment>) -> Result<Referrers> {
        Ok(self.store.list_environment_referrers(environment.project_id, environment.id).await?)
    }

    /// Adds an environment with its secrets, both or none; the answer has no secrets.
    pub async fn create_environment(
        &self,
        user: UserId,
        project: ProjectId,
        mut environment: Environment,
    ) -> Result<Environment> {
        if environment.project_id != project {
            // Reference: it answers the same, but stores the group in the other project.
            return Err(other_project());
        }
        environment.validate()?;
        if environment.secret_storage_id.is_some() {
            return Err(Error::invalid(
                "secrets are not read out of secret storages by this build: leave the storage of the group empty",
            )
            .bare());
        }
        let secrets = std::mem::take(&mut environment.secrets);
        let changes = self.secret_changes(project, &secrets, &HashSet::new())?;
        let mut transaction = self.store.begin().await?;
        let environment = transaction.insert_environment(environment).await?;
        let description = format!("Environment {} created", environment.name);
        transaction.insert_event(event(user, project, EventObject::Environment, environment.id, description)).await?;
        write_secrets(&mut transaction, &environment, changes).await?;
        transaction.commit().await?;
        Ok(environment)
    }

    /// Changes an environment and its secrets, all or nothing.
    pub async fn update_environment(
        &self,
        user: UserId,
        old: &Owned<Environment>,
        mut environment: Environment,
    ) -> Result<()> {
        if environment.id != old.id {
            return Err(Error::invalid("Environment ID in body and URL must be the same"));
        }
        if environment.project_id != old.project_id {
            return Err(other_project());
        }
        environment.validate()?;
        let secrets = std::mem::take(&mut environment.secrets);
        let changes = if secrets.is_empty() {
            Vec::new()
        } else {
            let present = self.secret_keys(old.project_id, &environment).await?.into_iter().map(|key| key.id).collect();
            self.secret_changes(old.project_id, &secrets, &present)?
        };
        let mut transaction = self.store.begin().await?;
        transaction.update_environment(&environment).await?;
        let description = format!("Environment {} updated", environment.name);
        transaction.insert_event(event(user, old.project_id, EventObject::Environment, old.id, description)).await?;
        write_secrets(&mut transaction, &environment, changes).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes an environment with its secrets; 400 while a template uses it.
    pub async fn delete_environment(&self, user: UserId, environment: &Owned<Environment>) -> Result<()> {
        let project = environment.project_id;
        let mut transaction = self.store.begin().await?;
        transaction.delete_environment(project, environment.id).await.map_err(|error| in_use(error, "environment"))?;
        let description = format!("Environment {} deleted", environment.name);
        transaction.insert_event(event(user, project, EventObject::Environment, environment.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    async fn secret_keys(&self, project: ProjectId, environment: &Environment) -> Result<Vec<AccessKey>> {
        let filter = AccessKeyFilter::Environment(environment.id);
        Ok(self.store.list_access_keys(project, filter, &ListOptions::default()).await?)
    }

    /// Turns what a body wants into checked changes. `present` are the secrets the environment has.
    fn secret_changes(
        &self,
        project: ProjectId,
        secrets: &[EnvironmentSecret],
        present: &HashSet<AccessKeyId>,
    ) -> Result<Vec<SecretChange>> {
        let mut changes = Vec::with_capacity(secrets.len());
        for secret in secrets {
            secret.validate().map_err(|error| Error::from(error).bare())?;
            let is_change =
                matches!(secret.operation, EnvironmentSecretOperation::Update | EnvironmentSecretOperation::Delete);
            if is_change && !present.contains(&secret.id) {
                return Err(Error::not_found("secret of the environment"));
            }
            let mut key = AccessKey {
                id: secret.id,
                name: secret.name.clone(),
                r#type: AccessKeyType::String,
                project_id: Some(project),
                string: secret.secret.clone(),
                owner: secret.r#type.key_owner().unwrap_or_default(),
                ..AccessKey::default()
            };
            changes.push(match secret.operation {
                EnvironmentSecretOperation::Create => {
                    self.seal(&mut key)?;
                    SecretChange::Insert(key)
                }
                EnvironmentSecretOperation::Update => {
                    // Reference: an empty value only renames.
                    key.override_secret = !secret.secret.is_empty();
                    self.seal(&mut key)?;
                    SecretChange::Update(key)
                }
                EnvironmentSecretOperation::Delete => SecretChange::Delete(secret.id),
                EnvironmentSecretOperation::None | EnvironmentSecretOperation::Other(_) => continue,
            });
        }
        Ok(changes)
    }
}

async fn write_secrets(
    transaction: &mut Transaction,
    environment: &Environment,
    changes: Vec<SecretChange>,
) -> Result<()> {
    let project = environment.project_id;
    for change in changes {
        match change {
            SecretChange::Insert(mut key) => {
                key.environment_id = Some(environment.id);
                transaction.insert_access_key(key).await?;
            }
            SecretChange::Update(key) => transaction.update_access_key(project, &key).await?,
            SecretChange::Delete(id) => transaction.delete_access_key(project, id).await?,
        }
    }
    Ok(())
}

/// A secret as answers show it.
fn shown(key: &AccessKey) -> EnvironmentSecret {
    let kind = EnvironmentSecretType::from_key_owner(&key.owner);
    // Reference: old rows carry their kind in the name.
    let prefix = kind.as_ref().map_or_else(String::new, |kind| format!("{kind}."));
    EnvironmentSecret {
        id: key.id,
        name: key.name.strip_prefix(&prefix).unwrap_or(&key.name).to_owned(),
        r#type: kind.unwrap_or(EnvironmentSecretType::Variable),
        secret: Secret::default(),
        operation: EnvironmentSecretOperation::None,
    }
}
