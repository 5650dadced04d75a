//! State of Terraform that is kept here, as members of a project see it: versions, and the addresses programs reach it by.
//!
//! Not for what Terraform itself sends: that is `terraform_backend`. Invariant: a list tells about versions without their
//! text, because a state holds every secret that the configuration made.

use rand::{Rng, distr::Alphanumeric};
use schemars::JsonSchema;
use semaphore_model::{
    AccessKey, AccessKeyId, AccessKeyType, EventObject, Inventory, TerraformAlias, TerraformState, TerraformStateId,
    UserId,
};
use semaphore_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Kind, Result},
    event::event,
    owned::Owned,
    services::Services,
};

/// Letters and digits in the secret end of an address.
const ALIAS_CHARACTERS: usize = 32;

/// An address of a state as clients see it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StateAddress {
    /// The secret end of the address, which is also its name in paths.
    pub id: String,
    /// The address.
    pub url: String,
    /// The stored row.
    #[serde(flatten)]
    pub alias: TerraformAlias,
}

/// Body of the requests that make or change an address.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StateAddressBody {
    /// The key with login and password that Terraform has to send.
    pub auth_key_id: AccessKeyId,
}

impl Services {
    /// Addresses of the state of an inventory.
    pub async fn state_addresses(&self, inventory: &Owned<Inventory>) -> Result<Vec<StateAddress>> {
        let aliases = self.store.list_terraform_aliases(inventory.project_id, inventory.id).await?;
        Ok(aliases.into_iter().map(|alias| self.address(alias)).collect())
    }

    /// One address of the state of an inventory.
    pub async fn state_address(&self, inventory: &Owned<Inventory>, alias: &str) -> Result<StateAddress> {
        self.alias_of(inventory, alias).await.map(|alias| self.address(alias))
    }

    /// Makes an address. 400 without a key of the project that holds a login and a password.
    pub async fn create_state_address(
        &self,
        user: UserId,
        inventory: &Owned<Inventory>,
        body: StateAddressBody,
    ) -> Result<StateAddress> {
        self.check_auth_key(inventory, body.auth_key_id).await?;
        let alias = rand::rng().sample_iter(Alphanumeric).take(ALIAS_CHARACTERS).map(char::from).collect();
        let alias = TerraformAlias {
            project_id: inventory.project_id,
            inventory_id: inventory.id,
            auth_key_id: body.auth_key_id,
            alias,
        };
        let mut transaction = self.store.begin().await?;
        transaction.insert_terraform_alias(&alias).await?;
        let description = format!("Terraform state address of inventory {} created", inventory.name);
        let object = EventObject::TerraformInventoryAlias;
        transaction.insert_event(event(user, inventory.project_id, object, inventory.id, description)).await?;
        transaction.commit().await?;
        Ok(self.address(alias))
    }

    /// Gives an address another key.
    pub async fn update_state_address(
        &self,
        user: UserId,
        inventory: &Owned<Inventory>,
        alias: &str,
        body: StateAddressBody,
    ) -> Result<()> {
        let alias = self.alias_of(inventory, alias).await?;
        self.check_auth_key(inventory, body.auth_key_id).await?;
        let mut transaction = self.store.begin().await?;
        transaction.update_terraform_alias(&TerraformAlias { auth_key_id: body.auth_key_id, ..alias }).await?;
        let description = format!("Terraform state address of inventory {} updated", inventory.name);
        let object = EventObject::TerraformInventoryAlias;
        transaction.insert_event(event(user, inventory.project_id, object, inventory.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes an address; the state stays.
    pub async fn delete_state_address(&self, user: UserId, inventory: &Owned<Inventory>, alias: &str) -> Result<()> {
        let alias = self.alias_of(inventory, alias).await?;
        let mut transaction = self.store.begin().await?;
        transaction.delete_terraform_alias(inventory.project_id, inventory.id, &alias.alias).await?;
        let description = format!("Terraform state address of inventory {} deleted", inventory.name);
        let object = EventObject::TerraformInventoryAlias;
        transaction.insert_event(event(user, inventory.project_id, object, inventory.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Versions of the state of an inventory, the newest first, without their text.
    pub async fn state_versions(&self, inventory: &Owned<Inventory>) -> Result<Vec<TerraformState>> {
        Ok(self.store.list_terraform_state_versions(inventory.project_id, inventory.id).await?)
    }

    /// The newest version of the state of an inventory. Reference: the refusal carries a text.
    pub async fn latest_state(&self, inventory: &Owned<Inventory>) -> Result<TerraformState> {
        let latest = self.store.get_latest_terraform_state(inventory.project_id, inventory.id).await?;
        latest.ok_or_else(|| Error::new(Kind::NotFound, "No state found"))
    }

    /// One version of the state of an inventory.
    pub async fn state_version(&self, inventory: &Owned<Inventory>, id: TerraformStateId) -> Result<TerraformState> {
        let version = self.store.get_terraform_state(inventory.project_id, inventory.id, id).await;
        version.map_err(|error| unknown(error, "state"))
    }

    /// Removes one version of the state of an inventory.
    pub async fn delete_state_version(
        &self,
        user: UserId,
        inventory: &Owned<Inventory>,
        id: TerraformStateId,
    ) -> Result<()> {
        let project = inventory.project_id;
        let mut transaction = self.store.begin().await?;
        let deleted = transaction.delete_terraform_state(project, inventory.id, id).await;
        deleted.map_err(|error| unknown(error, "state"))?;
        let description = format!("Version {id} of the Terraform state of inventory {} deleted", inventory.name);
        transaction.insert_event(event(user, project, EventObject::Inventory, inventory.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    async fn alias_of(&self, inventory: &Owned<Inventory>, alias: &str) -> Result<TerraformAlias> {
        let found = self.store.get_terraform_alias(alias).await.map_err(|error| unknown(error, "alias"))?;
        // MySQL compares texts without regard to case.
        let is_it = found.inventory_id == inventory.id && found.alias == alias;
        if is_it { Ok(found) } else { Err(Error::not_found("alias")) }
    }

    async fn check_auth_key(&self, inventory: &Owned<Inventory>, id: AccessKeyId) -> Result<()> {
        let wanted = || Error::invalid("auth_key_id must be a key of this project that holds a login and a password");
        let key = self
            .find::<AccessKey>(inventory.project_id, id)
            .await
            .map_err(|error| if error.is_not_found() { wanted() } else { error })?;
        if key.r#type == AccessKeyType::LoginPassword { Ok(()) } else { Err(wanted()) }
    }

    fn address(&self, alias: TerraformAlias) -> StateAddress {
        let host = self.settings.public_address.trim_end_matches('/');
        StateAddress { id: alias.alias.clone(), url: format!("{host}/api/terraform/{}", alias.alias), alias }
    }
}

fn unknown(error: StoreError, what: &str) -> Error {
    match error {
        StoreError::NotFound => Error::not_found(what),
        error => error.into(),
    }
}
