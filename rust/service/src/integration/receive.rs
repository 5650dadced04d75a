//! A request from outside: which integrations it is for, whether it may start them, and what their tasks get of it.
//!
//! Not for the log of requests (`delivery.rs`), which is told the [`Verdict`]s. Invariants: whoever cannot prove what an
//! integration asks for learns nothing, neither that it was refused nor why; one integration that cannot be started does not
//! keep the others of the address from being started.

use std::{borrow::Cow, collections::BTreeMap};

use semaphore_model::{
    AccessKey, DeliveryOutcome, Integration, IntegrationAuthMethod, IntegrationBodyType, IntegrationExtractValue,
    IntegrationId, IntegrationMatchMethod, IntegrationMatcher, IntegrationSource, IntegrationVariableType, InventoryId,
    JsonMap, NewTask, ProjectId, TaskId, TemplateId, User,
};
use semaphore_store::{ListOptions, StoreError};
use serde_json::Value;

use super::{body, sender};
use crate::{
    auth::{Attempt, Guess},
    error::{Error, Kind, Result},
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
    /// The method.
    pub method: &'a str,
    /// What stands behind the question mark of the address.
    pub query: &'a str,
    /// Where it comes from; may be empty.
    pub address: &'a str,
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
    /// The address they listen at.
    pub(super) alias: String,
    pub(super) integrations: Vec<Integration>,
    /// Of the project, not of one integration: the matchers decide.
    pub(super) is_search: bool,
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

/// What became of a request at one integration.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The integration.
    pub integration_id: IntegrationId,
    /// In one word.
    pub outcome: DeliveryOutcome,
    /// Why; for those who may change the integration, not for the sender.
    pub message: String,
    /// Whether the sender proved what the integration asks for.
    pub is_proven: bool,
    /// The task.
    pub started: Option<StartedTask>,
}

impl Verdict {
    pub(super) fn new(id: IntegrationId, outcome: DeliveryOutcome, message: impl Into<String>) -> Self {
        Self { integration_id: id, outcome, message: message.into(), is_proven: false, started: None }
    }
}

/// An integration, and what a request lacks to be trusted by it; none if it lacks nothing.
type Proof<'r> = (&'r Integration, Result<Option<Cow<'static, str>>>);

impl Services {
    /// The integrations that listen at an address; 404 if there are none, 429 for whoever tries many addresses.
    ///
    /// Reference: the address of the project is for its searchable integrations, one of an integration works as long as that
    /// is not searchable.
    pub async fn integrations_of_alias(&self, alias: &str, sender: &str) -> Result<Received> {
        let found = self.listeners(alias).await;
        // Only who is wrong waits: the hooks of one sender have one address of the network, and one that is out of date must not
        // hold back the others.
        if found.as_ref().is_err_and(Error::is_not_found) {
            let guess = Guess::new(Attempt::WebhookAddress, "", sender);
            let _turn = self.throttle.admit(&self.store, guess).await?;
            self.throttle.failed(&self.store, guess).await?;
        }
        found
    }

    async fn listeners(&self, alias: &str) -> Result<Received> {
        let unknown = |error| match error {
            StoreError::NotFound => Error::not_found("integration"),
            error => error.into(),
        };
        let found = self.store.get_integration_alias(alias).await.map_err(unknown)?;
        let alias = found.alias;
        let Some(id) = found.integration_id else {
            let all = self.store.list_integrations_with_params(found.project_id, &ListOptions::default()).await?;
            let integrations = all.into_iter().filter(|integration| integration.searchable).collect();
            return Ok(Received { alias, integrations, is_search: true });
        };
        let integration = self.store.get_integration(found.project_id, id).await.map_err(unknown)?;
        if integration.searchable {
            return Err(Error::not_found("integration"));
        }
        Ok(Received { alias, integrations: vec![integration], is_search: false })
    }

    /// Starts a task of each integration whose demands the request meets; 429 for whoever brings many wrong proofs.
    pub async fn receive_integration(
        &self,
        ports: &TaskPorts,
        received: &Received,
        request: ReceivedRequest<'_>,
    ) -> Result<Vec<Verdict>> {
        let mut verdicts = Vec::with_capacity(received.integrations.len());
        for (integration, lacking) in self.proofs(received, request).await? {
            verdicts.push(match lacking {
                Ok(None) => self.start_integration(ports, integration, None, received.is_search, request).await,
                Ok(Some(reason)) => Verdict::new(integration.id, DeliveryOutcome::Refused, reason),
                Err(error) => failed(integration.id, &error),
            });
        }
        Ok(verdicts)
    }

    /// What the request lacks to be trusted, for each integration; counted as one attempt, which is over before a task starts.
    async fn proofs<'r>(&self, received: &'r Received, request: ReceivedRequest<'_>) -> Result<Vec<Proof<'r>>> {
        let guess = Guess::new(Attempt::Webhook, &received.alias, request.address);
        let is_asked = |integration: &Integration| integration.auth_method != IntegrationAuthMethod::None;
        // Where nobody asks for a proof there is nothing to be guessed.
        let _turn = if received.integrations.iter().any(is_asked) {
            Some(self.throttle.admit(&self.store, guess).await?)
        } else {
            None
        };
        let mut proofs: Vec<Proof<'r>> = Vec::with_capacity(received.integrations.len());
        for integration in &received.integrations {
            let lacking = self.lacking_proof(integration, request).await;
            if matches!(lacking, Ok(Some(_))) {
                tracing::info!(integration.id = %integration.id, "a request lacks the proof that an integration asks for");
            }
            proofs.push((integration, lacking));
        }
        // The integrations of a project's address mostly ask for different proofs: one that is good is enough.
        let is_trusted = |(_, lacking): &&Proof<'_>| matches!(lacking, Ok(None));
        if proofs.iter().filter(is_trusted).any(|(integration, _)| is_asked(integration)) {
            self.throttle.succeeded(&self.store, guess).await?;
        } else if !proofs.iter().any(|proof| is_trusted(&proof)) && proofs.iter().any(|(_, lacking)| lacking.is_ok()) {
            self.throttle.failed(&self.store, guess).await?;
        }
        Ok(proofs)
    }

    /// What a request lacks to be trusted by an integration; none if it lacks nothing.
    async fn lacking_proof(
        &self,
        integration: &Integration,
        request: ReceivedRequest<'_>,
    ) -> Result<Option<Cow<'static, str>>> {
        let key = match integration.auth_secret_id {
            Some(key) => {
                Some(self.open(self.find::<AccessKey>(integration.project_id, key).await?.into_inner()).await?)
            }
            None => None,
        };
        if sender::is_trusted(integration, key.as_ref(), &request) {
            return Ok(None);
        }
        Ok(Some(sender::complaint(integration, key.as_ref(), &request)))
    }

    /// Starts the task of an integration with a request that is trusted, if its rules say so. `user` is who had the request
    /// repeated; without one its sender is.
    pub(super) async fn start_integration(
        &self,
        ports: &TaskPorts,
        integration: &Integration,
        user: Option<&User>,
        is_search: bool,
        request: ReceivedRequest<'_>,
    ) -> Verdict {
        let id = integration.id;
        let verdict = match self.try_start(ports, integration, user, is_search, request).await {
            Ok(Ok(task)) => Verdict { started: Some(task), ..Verdict::new(id, DeliveryOutcome::Started, "") },
            Ok(Err(unmet)) => Verdict::new(id, DeliveryOutcome::NoMatch, unmet),
            Err(error) => failed(id, &error),
        };
        Verdict { is_proven: true, ..verdict }
    }

    /// The task, or why the request is not for this integration.
    async fn try_start(
        &self,
        ports: &TaskPorts,
        integration: &Integration,
        user: Option<&User>,
        is_search: bool,
        request: ReceivedRequest<'_>,
    ) -> Result<Result<StartedTask, String>> {
        let (project, id) = (integration.project_id, integration.id);
        if is_search {
            let matchers = self.store.list_integration_matchers(project, id).await?;
            // Reference: one without matchers is never found.
            if matchers.is_empty() {
                return Ok(Err(
                    "it has no rules: without them nothing that comes to the address of the project is for it"
                        .to_owned(),
                ));
            }
            if let Some(unmet) = matchers.iter().find(|matcher| !is_met(matcher, &request)) {
                return Ok(Err(format!("its rule `{}` is not met", unmet.name)));
            }
        }
        let values = self.store.list_integration_values(project, id, &ListOptions::default()).await?;
        let new = new_task(integration, &values, &request)?;
        let inventory_id = new.inventory_id;
        let origin = user.map_or(TaskOrigin::Integration(id), |user| TaskOrigin::Replay(id, user));
        let task = self.create_task_by(ports, origin, project, new).await?;
        Ok(Ok(StartedTask {
            id: task.id,
            template_id: task.template_id,
            project_id: project,
            integration_id: id,
            inventory_id,
        }))
    }
}

/// The verdict of an integration whose task could not be started; the log has the causes.
fn failed(id: IntegrationId, error: &Error) -> Verdict {
    tracing::error!(integration.id = %id, %error, cause = ?error.source, "an integration could not start its task");
    let message = match error.kind {
        Kind::Internal => "its task could not be started: the log of the server says why",
        _ => error.message.as_str(),
    };
    Verdict::new(id, DeliveryOutcome::Failed, message)
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
