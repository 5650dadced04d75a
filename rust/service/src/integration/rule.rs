//! Rules of an integration: what its requests must contain, and what is taken from them.
//!
//! Invariant: a rule is found and changed through its own integration only. Reference: by its id alone, so that those of other
//! projects can be read and values changed; its deletes do nothing on SQLite.

use semaphore_model::{
    Integration, IntegrationExtractValue, IntegrationExtractValueId, IntegrationMatcher, IntegrationMatcherId, json,
};
use semaphore_store::{ListOptions, StoreError};
use serde_json::{Map, Value};

use crate::{
    error::{Error, Result},
    owned::Owned,
    services::Services,
};

impl Services {
    /// What requests must contain, by id. Reference: not sortable.
    pub async fn integration_matchers(&self, integration: &Owned<Integration>) -> Result<Vec<IntegrationMatcher>> {
        Ok(self.store.list_integration_matchers(integration.project_id, integration.id).await?)
    }

    /// One of them; 404 if the integration has none with this id.
    pub async fn integration_matcher(
        &self,
        integration: &Owned<Integration>,
        id: IntegrationMatcherId,
    ) -> Result<IntegrationMatcher> {
        let found = self.store.get_integration_matcher(integration.project_id, integration.id, id).await;
        found.map_err(|error| absent(error, "matcher"))
    }

    /// Adds one.
    pub async fn create_integration_matcher(
        &self,
        integration: &Owned<Integration>,
        matcher: IntegrationMatcher,
    ) -> Result<IntegrationMatcher> {
        if matcher.integration_id != integration.id {
            return Err(other_integration());
        }
        matcher.validate()?;
        let matcher = IntegrationMatcher { id: IntegrationMatcherId::default(), ..matcher };
        Ok(self.store.insert_integration_matcher(integration.project_id, matcher).await?)
    }

    /// Changes one. Id and integration may be left out of the body.
    pub async fn update_integration_matcher(
        &self,
        integration: &Owned<Integration>,
        id: IntegrationMatcherId,
        matcher: IntegrationMatcher,
    ) -> Result<()> {
        matcher.validate()?;
        if matcher.id.0 != 0 && matcher.id != id {
            return Err(Error::invalid("Matcher ID in body and URL must be the same"));
        }
        if matcher.integration_id.0 != 0 && matcher.integration_id != integration.id {
            return Err(other_integration());
        }
        let matcher = IntegrationMatcher { id, integration_id: integration.id, ..matcher };
        let changed = self.store.update_integration_matcher(integration.project_id, &matcher).await;
        changed.map_err(|error| absent(error, "matcher"))
    }

    /// Removes one; 404 if there is none.
    pub async fn delete_integration_matcher(
        &self,
        integration: &Owned<Integration>,
        id: IntegrationMatcherId,
    ) -> Result<()> {
        let gone = self.store.delete_integration_matcher(integration.project_id, integration.id, id).await;
        gone.map_err(|error| absent(error, "matcher"))
    }

    /// What is taken from requests; sortable by name.
    pub async fn integration_values(
        &self,
        integration: &Owned<Integration>,
        options: &ListOptions,
    ) -> Result<Vec<IntegrationExtractValue>> {
        Ok(self.store.list_integration_values(integration.project_id, integration.id, options).await?)
    }

    /// One of them; 404 if the integration has none with this id.
    pub async fn integration_value(
        &self,
        integration: &Owned<Integration>,
        id: IntegrationExtractValueId,
    ) -> Result<IntegrationExtractValue> {
        let found = self.store.get_integration_value(integration.project_id, integration.id, id).await;
        found.map_err(|error| absent(error, "value"))
    }

    /// Adds one.
    pub async fn create_integration_value(
        &self,
        integration: &Owned<Integration>,
        value: IntegrationExtractValue,
    ) -> Result<IntegrationExtractValue> {
        if value.integration_id != integration.id {
            return Err(other_integration());
        }
        value.validate()?;
        let value = IntegrationExtractValue { id: IntegrationExtractValueId::default(), ..value };
        Ok(self.store.insert_integration_value(integration.project_id, value).await?)
    }

    /// Changes what the body, a JSON object as it came, names; the rest stays as it is.
    pub async fn update_integration_value(
        &self,
        integration: &Owned<Integration>,
        old: IntegrationExtractValue,
        body: &[u8],
    ) -> Result<()> {
        let id = old.id;
        let value = laid_over(&old, body)?;
        if value.id != id {
            return Err(Error::invalid("Value ID in body and URL must be the same"));
        }
        value.validate()?;
        let value = IntegrationExtractValue { integration_id: integration.id, ..value };
        let changed = self.store.update_integration_value(integration.project_id, &value).await;
        changed.map_err(|error| absent(error, "value"))
    }

    /// Removes one; one that is not there is no error, as in the reference.
    pub async fn delete_integration_value(
        &self,
        integration: &Owned<Integration>,
        id: IntegrationExtractValueId,
    ) -> Result<()> {
        match self.store.delete_integration_value(integration.project_id, integration.id, id).await {
            Ok(()) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A value with the members of a body in place of its own.
fn laid_over(old: &IntegrationExtractValue, body: &[u8]) -> Result<IntegrationExtractValue> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Error::invalid(format!("the body is not the JSON expected here: {error}")).bare()
    };
    // Reads it for the types of its members as well.
    json::decode::<IntegrationExtractValue>(body).map_err(|error| unreadable(&error))?;
    let given: Option<Map<String, Value>> = json::decode(body).map_err(|error| unreadable(&error))?;
    let mut members = match serde_json::to_value(old) {
        Ok(Value::Object(members)) => members,
        Ok(_) => Map::new(),
        Err(error) => return Err(Error::internal("writing an extracted value as JSON", error)),
    };
    for (name, value) in given.unwrap_or_default() {
        let known = members.keys().find(|known| known.eq_ignore_ascii_case(&name)).cloned();
        if let Some(known) = known.filter(|_| !value.is_null()) {
            members.insert(known, value);
        }
    }
    json::from_value(Value::Object(members)).map_err(|error| unreadable(&error))
}

fn absent(error: StoreError, what: &str) -> Error {
    match error {
        StoreError::NotFound => Error::not_found(what),
        error => error.into(),
    }
}

fn other_integration() -> Error {
    Error::invalid("Extractor ID in body and URL must be the same")
}
