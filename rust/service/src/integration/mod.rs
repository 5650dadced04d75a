//! Integrations: doors for requests from outside that start a template, with what such requests must contain, what is taken
//! from them, and their addresses.
//!
//! What happens to a request is in [`receive`], its log in [`delivery`]. Invariants: template, key and inventory belong to the integration's project;
//! rules and addresses are only reached through their integration and its project. Reference: changes leave no event.

mod body;
mod delivery;
mod receive;
mod rule;
mod sender;

use schemars::JsonSchema;
use semaphore_model::{
    AccessKey, Integration, IntegrationAlias, IntegrationAliasId, IntegrationId, Inventory, ProjectId, Template,
};
use semaphore_store::{ListOptions, StoreError};
use serde::Serialize;

pub use self::{
    delivery::{Answered, DeliveryContent, DeliveryHeader, PublicDelivery},
    receive::{Received, ReceivedRequest, StartedTask, Verdict},
};
use crate::{
    crypto::hexadecimal,
    error::{Error, Result},
    owned::{Owned, other_project},
    services::Services,
};

/// Random bytes of an address, 16 characters of which are shown. Reference: the same length.
const ALIAS_BYTES: usize = 8;

/// An address as answers show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PublicAlias {
    /// Row of `project__integration_alias`.
    pub id: IntegrationAliasId,
    /// The whole address.
    pub url: String,
}

impl Services {
    /// Integrations of a project, without the parameters of their tasks; sortable by name.
    pub async fn integrations(&self, project: ProjectId, options: &ListOptions) -> Result<Vec<Integration>> {
        Ok(self.store.list_integrations(project, options).await?)
    }

    /// Adds an integration.
    pub async fn create_integration(&self, project: ProjectId, integration: Integration) -> Result<Integration> {
        if integration.project_id != project {
            return Err(other_project());
        }
        integration.validate()?;
        self.check_integration(&integration).await?;
        let integration = Integration { id: IntegrationId::default(), ..integration };
        Ok(self.store.insert_integration(integration).await?)
    }

    /// Changes an integration.
    pub async fn update_integration(&self, old: &Owned<Integration>, integration: Integration) -> Result<()> {
        if integration.id != old.id {
            return Err(Error::invalid("Integration ID in body and URL must be the same"));
        }
        if integration.project_id != old.project_id {
            return Err(other_project());
        }
        integration.validate()?;
        self.check_integration(&integration).await?;
        Ok(self.store.update_integration(&integration).await?)
    }

    /// Removes an integration with its rules and addresses; its tasks stay.
    pub async fn delete_integration(&self, integration: &Owned<Integration>) -> Result<()> {
        Ok(self.store.delete_integration(integration.project_id, integration.id).await?)
    }

    /// Addresses of an integration, or without one those of the project, at which all its searchable integrations listen.
    pub async fn integration_aliases(
        &self,
        project: ProjectId,
        integration: Option<&Owned<Integration>>,
    ) -> Result<Vec<PublicAlias>> {
        let id = integration.map(|integration| integration.id);
        let aliases = self.store.list_integration_aliases(project, id).await?;
        Ok(aliases.iter().map(|alias| self.public_alias(alias)).collect())
    }

    /// Adds an address that nobody can guess.
    pub async fn create_integration_alias(
        &self,
        project: ProjectId,
        integration: Option<&Owned<Integration>>,
    ) -> Result<PublicAlias> {
        let alias = hexadecimal::random::<ALIAS_BYTES>();
        let integration_id = integration.map(|integration| integration.id);
        let alias = IntegrationAlias { alias, project_id: project, integration_id, ..IntegrationAlias::default() };
        let alias = self.store.insert_integration_alias(alias).await?;
        Ok(self.public_alias(&alias))
    }

    /// Removes an address of the integration, or without one of the project; one that is not there is no error, as in the
    /// reference.
    pub async fn delete_integration_alias(
        &self,
        project: ProjectId,
        integration: Option<&Owned<Integration>>,
        id: IntegrationAliasId,
    ) -> Result<()> {
        let owner = integration.map(|integration| integration.id);
        let aliases = self.store.list_integration_aliases(project, owner).await?;
        if aliases.iter().all(|alias| alias.id != id) {
            return Ok(());
        }
        match self.store.delete_integration_alias(project, id).await {
            Ok(()) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reference: `GetPublicAliasURL`.
    fn public_alias(&self, alias: &IntegrationAlias) -> PublicAlias {
        let host = self.settings.public_address.trim_end_matches('/');
        PublicAlias { id: alias.id, url: format!("{host}/api/integrations/{}", alias.alias) }
    }

    async fn check_integration(&self, integration: &Integration) -> Result<()> {
        let project = integration.project_id;
        self.check_reference::<Template>(project, Some(integration.template_id)).await?;
        self.check_reference::<AccessKey>(project, integration.auth_secret_id).await?;
        let inventory = integration.task_params.as_ref().and_then(|params| params.inventory_id);
        self.check_reference::<Inventory>(project, inventory).await
    }
}
