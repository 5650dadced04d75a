//! What a project knows about the keys of the hosts that git and Ansible reach by ssh, and how strictly they are checked.
//!
//! Ours: the reference accepts every host. Invariants: what is stored are valid lines of a `known_hosts` file; a project without
//! a policy behaves as the reference.

use semaphore_model::{EventObject, HostKeyPolicy, ProjectId, UserId, known_hosts};
use semaphore_store::StoreError;

use crate::{
    error::{Error, Result},
    event::event,
    services::Services,
};

impl Services {
    /// The policy of a project.
    pub async fn host_keys(&self, project: ProjectId) -> Result<HostKeyPolicy> {
        Ok(self.store.get_host_key_policy(project).await?)
    }

    /// Sets the policy of a project; 400 with the number of the line for a text that is no list of known hosts.
    pub async fn set_host_keys(&self, user: UserId, project: ProjectId, mut policy: HostKeyPolicy) -> Result<()> {
        policy.known_hosts = policy.known_hosts.replace("\r\n", "\n");
        known_hosts::check(&policy.known_hosts).map_err(|error| Error::invalid(error.to_string()))?;
        match self.write_host_keys(user, project, &policy).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.store.make_own_tables().await?;
                Ok(self.write_host_keys(user, project, &policy).await?)
            }
            written => Ok(written?),
        }
    }

    async fn write_host_keys(
        &self,
        user: UserId,
        project: ProjectId,
        policy: &HostKeyPolicy,
    ) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.set_host_key_policy(project, policy).await?;
        let description = format!("Host keys of the project set to {}", policy.mode.as_str());
        transaction.insert_event(event(user, project, EventObject::Project, project, description)).await?;
        transaction.commit().await
    }
}
