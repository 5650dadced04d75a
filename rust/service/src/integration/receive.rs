//! A request from outside: which integrations it is for, whether it may start them, and what their tasks get of it.
//!
//! Invariants: whoever cannot prove what an integration asks for learns nothing, neither that it was refused nor why; one
//! integration that cannot be started does not keep the others of the address from being started.

use std::{borrow::Cow, collections::BTreeMap};

use semaphore_model::{
    AccessKey, Integration, IntegrationBodyType, IntegrationExtractValue, IntegrationId, IntegrationMatchMethod,
    IntegrationMatcher, IntegrationSource, IntegrationVariableType, InventoryId, JsonMap, NewTask, ProjectId, TaskId,
    TemplateId,
};
use semaphore_store::{ListOptions, StoreError};
use serde_json::Value;

use super::{body, sender};
use crate::{
    error::{Error, Result},
    key::secret::escape_as_go,
    services::Services,
    task::{TaskOrigin, TaskPorts},
};

/// What came in.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedRequest<'a> {
    /// Headers in their order, names in small letters.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

impl ReceivedRequest<'_> {
    /// The first header of this name; empty if there is none.
    pub(super) fn header(&self, name: &str) -> Cow<'_, str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        Cow::Borrowed(found.map_or("", |(_, value)| value.as_str()))
    }
}

/// Whom an address belongs to.
#[derive(Clone, Debug)]
pub struct Received {
    integrations: Vec<Integration>,
    /// Of the project, not of one integration: the matchers decide.
    is_search: bool,
}

/// A task that a request started.
#[derive(Clone, Copy, Debug)]
pub struct StartedTask {
    /// The task.
    pub id: TaskId,
    /// Its template.
    pub template_id: TemplateId,
    /// Its project.
    pub project_id: ProjectId,
    /// The integration it was started by.
    pub integration_id: IntegrationId,
    /// The inventory the integration gave it.
    pub inventory_id: Option<InventoryId>,
}

impl Services {
    /// The integrations that listen at an address; 404 if there are none.
    ///
    /// Reference: the address of the project is for its searchable integrations, one of an integration works as long as that
    /// is not searchable.
    pub async fn integrations_of_alias(&self, alias: &str) -> Result<Received> {
        let unknown = |error| match error {
            StoreError::NotFound => Error::not_found("integration"),
            error => error.into(),
        };
        let alias = self.store.get_integration_alias(alias).await.map_err(unknown)?;
        let Some(id) = alias.integration_id else {
            let all = self.store.list_integrations_with_params(alias.project_id, &ListOptions::default()).await?;
            let integrations = all.into_iter().filter(|integration| integration.searchable).collect();
            return Ok(Received { integrations, is_search: true });
        };
        let integration = self.store.get_integration(alias.project_id, id).await.map_err(unknown)?;
        if integration.searchable {
            return Err(Error::not_found("integration"));
        }
        Ok(Received { integrations: vec![integration], is_search: false })
    }

    /// Starts a task of each integration whose demands the request meets.
    pub async fn receive_integration(
        &self,
        ports: &TaskPorts,
        received: &Received,
        request: ReceivedRequest<'_>,
    ) -> Vec<StartedTask> {
        let mut started = Vec::new();
        for integration in &received.integrations {
            match self.start_integration(ports, integration, received.is_search, request).await {
                Ok(Some(task)) => started.push(task),
                Ok(None) => {
                    tracing::info!(integration.id = %integration.id, "a request does not meet the demands of an integration");
                }
                Err(error) => {
                    tracing::error!(integration.id = %integration.id, %error, cause = ?error.source, "an integration could not start its task");
                }
            }
        }
        started
    }

    async fn start_integration(
        &self,
        ports: &TaskPorts,
        integration: &Integration,
        is_search: bool,
        request: ReceivedRequest<'_>,
    ) -> Result<Option<StartedTask>> {
        let (project, id) = (integration.project_id, integration.id);
        let key = match integration.auth_secret_id {
            Some(key) => Some(self.open(self.find::<AccessKey>(project, key).await?.into_inner())?),
            None => None,
        };
        if !sender::is_trusted(integration, key.as_ref(), &request) {
            return Ok(None);
        }
        if is_search {
            let matchers = self.store.list_integration_matchers(project, id).await?;
            // Reference: one without matchers is never found.
            if matchers.is_empty() || !matchers.iter().all(|matcher| is_met(matcher, &request)) {
                return Ok(None);
            }
        }
        let values = self.store.list_integration_values(project, id, &ListOptions::default()).await?;
        let new = new_task(integration, &values, &request)?;
        let inventory_id = new.inventory_id;
        let task = self.create_task_by(ports, TaskOrigin::Integration(id), project, new).await?;
        Ok(Some(StartedTask {
            id: task.id,
            template_id: task.template_id,
            project_id: project,
            integration_id: id,
            inventory_id,
        }))
    }
}

/// Whether a request contains what a matcher asks for.
fn is_met(matcher: &IntegrationMatcher, request: &ReceivedRequest<'_>) -> bool {
    let found = match (&matcher.match_type, &matcher.body_data_type) {
        (IntegrationSource::Header, _) => request.header(&matcher.key),
        (IntegrationSource::Body, IntegrationBodyType::Json) => {
            // Reference: nothing is the text `<nil>`.
            body::text(&body::find(request.body, &matcher.key).unwrap_or(Value::Null)).into()
        }
        (IntegrationSource::Body, IntegrationBodyType::Text) => String::from_utf8_lossy(request.body),
        _ => return false,
    };
    match matcher.method {
        IntegrationMatchMethod::Equals => found == matcher.value,
        IntegrationMatchMethod::Unequals => found != matcher.value,
        IntegrationMatchMethod::Contains => found.contains(&matcher.value),
        IntegrationMatchMethod::Unset | IntegrationMatchMethod::Other(_) => false,
    }
}

/// What a value takes from a request; none if it is not there.
fn extract(value: &IntegrationExtractValue, request: &ReceivedRequest<'_>) -> Option<String> {
    match (&value.value_source, &value.body_data_type) {
        (IntegrationSource::Header, _) => Some(request.header(&value.key).into_owned()),
        (IntegrationSource::Body, IntegrationBodyType::Json) => {
            body::find(request.body, &value.key).as_ref().map(body::text)
        }
        (IntegrationSource::Body, IntegrationBodyType::Text) => {
            Some(String::from_utf8_lossy(request.body).into_owned())
        }
        _ => None,
    }
}

/// The task of an integration: its own parameters, and over them what is taken from the request.
fn new_task(
    integration: &Integration,
    values: &[IntegrationExtractValue],
    request: &ReceivedRequest<'_>,
) -> Result<NewTask> {
    let params = integration.task_params.clone().unwrap_or_default();
    let mut new = NewTask::from_params(integration.template_id, params);
    let mut variables: JsonMap = match new.environment.as_str() {
        "" => JsonMap::new(),
        text => serde_json::from_str(text)
            .map_err(|_| Error::invalid("the variables of the integration must be a JSON object as text"))?,
    };
    for value in values {
        let Some(text) = extract(value, request) else { continue };
        let place = match value.variable_type {
            IntegrationVariableType::Unset | IntegrationVariableType::Environment => &mut variables,
            IntegrationVariableType::Task => &mut new.params,
            IntegrationVariableType::Other(_) => continue,
        };
        place.insert(value.variable.clone(), text.into());
    }
    let sorted: BTreeMap<_, _> = variables.into_iter().collect();
    let text = serde_json::to_string(&sorted).map_err(|error| Error::internal("writing variables as JSON", error))?;
    new.environment.clear();
    escape_as_go(&text, &mut new.environment);
    Ok(new)
}
