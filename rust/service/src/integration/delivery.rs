//! The log of what came to the addresses of integrations: what is kept of a request, who reads it, and doing it once more.
//!
//! Not for deciding about requests (`receive.rs`). Invariants: what a sender wrote is stored encrypted, and what it proves
//! itself with not at all; nothing of it reaches the server's log; that the log cannot be written changes neither what a request
//! does nor its answer.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use semaphore_model::{
    DeliveryId, DeliveryOutcome, Integration, ProjectId, Secret, TaskId, User, UserId, error_chain, time,
};
use semaphore_store::{Delivery, DeliveryVerdict, NewDelivery, StoreError};
use serde::{Deserialize, Serialize};

use super::receive::{Received, ReceivedRequest, Verdict};
use crate::{
    error::{Error, Kind, Result},
    owned::Owned,
    services::Services,
    task::TaskPorts,
};

/// Longest body that is kept.
const KEPT_BODY_BYTES: usize = 256 << 10;
/// Longest head that is kept: names and values of headers together, and the query by itself.
const KEPT_HEAD_BYTES: usize = 16 << 10;
/// Longest list that is told at once.
const MOST_AT_ONCE: u32 = 200;

/// Parts of the names of headers that senders prove themselves with.
const SECRET_WORDS: [&str; 11] = [
    "authorization",
    "cookie",
    "signature",
    "token",
    "secret",
    "password",
    "credential",
    "api-key",
    "apikey",
    "api_key",
    "x-auth",
];

/// How a request was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// When the request came.
    pub received: DateTime<Utc>,
    /// How long the answer took.
    pub took: Duration,
}

/// A request as an integration saw it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PublicDelivery {
    /// Row of `rs_delivery`.
    pub id: DeliveryId,
    /// When it came.
    #[serde(with = "time::rfc3339")]
    #[schemars(with = "DateTime<Utc>")]
    pub received: DateTime<Utc>,
    /// Where it came from; that of the user for a repetition.
    pub address: String,
    /// The end of the address it came to.
    pub alias: String,
    /// Its method.
    pub method: String,
    /// The status it was answered with; null for a repetition, whose sender does not wait.
    pub status: Option<u16>,
    /// Milliseconds that took.
    pub duration_ms: u32,
    /// Length of its body, kept or not.
    pub body_bytes: u64,
    /// What became of it.
    pub outcome: DeliveryOutcome,
    /// Why.
    pub message: String,
    /// The task it started.
    pub task_id: Option<TaskId>,
    /// The delivery it repeats.
    pub replay_of: Option<DeliveryId>,
    /// Who had it repeated.
    pub user_id: Option<UserId>,
}

impl From<Delivery> for PublicDelivery {
    fn from(delivery: Delivery) -> Self {
        let DeliveryVerdict { outcome, message, task_id, .. } = delivery.verdict;
        Self {
            id: delivery.id,
            received: delivery.received,
            address: delivery.address,
            alias: delivery.alias,
            method: delivery.method,
            status: delivery.status,
            duration_ms: delivery.milliseconds,
            body_bytes: delivery.body_bytes,
            outcome,
            message,
            task_id,
            replay_of: delivery.replay_of,
            user_id: delivery.user_id,
        }
    }
}

/// A header of a request.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DeliveryHeader {
    /// Its name, in small letters.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A request as an integration saw it, with what the sender wrote.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DeliveryContent {
    /// What became of it.
    #[serde(flatten)]
    pub delivery: PublicDelivery,
    /// What stood behind the question mark of the address.
    pub query: String,
    /// Headers in their order, without those that prove who sends.
    pub headers: Vec<DeliveryHeader>,
    /// Names of headers that came and are not kept.
    pub headers_left_out: Vec<String>,
    /// The body; null if it was too large to be kept. Such a request cannot be repeated.
    pub body: Option<String>,
    /// Whether `body` is in base64 because it is no text.
    pub body_is_base64: bool,
}

/// What is stored of a request, encrypted as a whole.
#[derive(Serialize, Deserialize)]
struct Kept {
    query: String,
    headers: Vec<(String, String)>,
    left_out: Vec<String>,
    /// In base64: it may be no text.
    body: Option<String>,
}

impl Kept {
    fn new(request: &ReceivedRequest<'_>, integrations: &[Integration]) -> Self {
        let mut kept = Self { query: String::new(), headers: Vec::new(), left_out: Vec::new(), body: None };
        if request.query.len() <= KEPT_HEAD_BYTES {
            request.query.clone_into(&mut kept.query);
        }
        let mut bytes = 0;
        for (name, value) in request.headers {
            bytes += name.len() + value.len();
            if bytes <= KEPT_HEAD_BYTES && !is_secret(name, integrations) {
                kept.headers.push((name.clone(), value.clone()));
            } else if kept.left_out.iter().map(String::len).sum::<usize>() + name.len() <= KEPT_HEAD_BYTES {
                kept.left_out.push(name.clone());
            }
        }
        kept.body = (request.body.len() <= KEPT_BODY_BYTES).then(|| STANDARD.encode(request.body));
        kept
    }

    fn body(&self) -> Result<Option<Vec<u8>>> {
        let decoded = self.body.as_deref().map(|body| STANDARD.decode(body)).transpose();
        decoded.map_err(|error| Error::internal("reading the body of a delivery", error))
    }
}

/// Whether a header may hold what somebody proves themselves with: by its name, or because an integration asks for it.
fn is_secret(name: &str, integrations: &[Integration]) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
        || integrations.iter().any(|integration| integration.auth_header.eq_ignore_ascii_case(&name))
}

impl Services {
    /// Writes down what came, what became of it and how it was answered. An error means that nobody could decide about it.
    pub async fn keep_delivery(
        &self,
        received: &Received,
        request: ReceivedRequest<'_>,
        decided: Result<&[Verdict], &Error>,
        answered: Answered,
    ) {
        let Some(first) = received.integrations.first() else { return };
        let verdicts: Vec<_> = match decided {
            Ok(verdicts) => verdicts.iter().map(stored).collect(),
            Err(error) => received.integrations.iter().map(|each| undecided(each, error)).collect(),
        };
        let kept = Kept::new(&request, &received.integrations);
        let written = async {
            let delivery = NewDelivery {
                project_id: first.project_id,
                integration_id: (!received.is_search).then_some(first.id),
                is_proven: decided.is_ok_and(|verdicts| verdicts.iter().any(|verdict| verdict.is_proven)),
                alias: &received.alias,
                received: answered.received,
                address: request.address,
                method: request.method,
                status: Some(answered.status),
                milliseconds: u32::try_from(answered.took.as_millis()).unwrap_or(u32::MAX),
                body_bytes: request.body.len() as u64,
                replay_of: None,
                user_id: None,
                sealed: self.seal_delivery(&kept)?,
            };
            self.write_delivery(&delivery, &verdicts).await
        };
        match written.await {
            Ok(Some(_)) => {}
            Ok(None) => {
                tracing::debug!(integration.id = %first.id, "too many requests without a proof to write them all down");
            }
            Err(error) => {
                tracing::warn!(integration.id = %first.id, error = %error_chain(&error), "a request to an integration is not in its log");
            }
        }
    }

    /// What came to an integration, the newest first, at most `limit` and only what is older than `before`.
    pub async fn deliveries(
        &self,
        integration: &Owned<Integration>,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<PublicDelivery>> {
        let (project, limit) = (integration.project_id, limit.min(MOST_AT_ONCE));
        let found = self.store.list_deliveries(project, integration.id, before, limit).await?;
        Ok(found.into_iter().map(PublicDelivery::from).collect())
    }

    /// One of them with what the sender wrote. 409 if that was encrypted with a key that is not configured any more.
    pub async fn delivery(&self, integration: &Owned<Integration>, id: DeliveryId) -> Result<DeliveryContent> {
        let (delivery, sealed) = self.find_delivery(integration, id).await?;
        let kept = self.open_delivery(&sealed)?;
        let body = kept.body()?.map(String::from_utf8);
        let (body, body_is_base64) = match body {
            Some(Ok(text)) => (Some(text), false),
            Some(Err(_)) => (kept.body, true),
            None => (None, false),
        };
        Ok(DeliveryContent {
            delivery: delivery.into(),
            query: kept.query,
            headers: kept.headers.into_iter().map(|(name, value)| DeliveryHeader { name, value }).collect(),
            headers_left_out: kept.left_out,
            body,
            body_is_base64,
        })
    }

    /// Does once more what the integration does with such a request, for a user who may run its template: rules and values
    /// count as they are now, and no proof is asked for. Answers the new delivery, whatever became of it.
    ///
    /// 409 for a request whose body was not kept. Headers that were not kept are empty to rules and values.
    pub async fn replay_delivery(
        &self,
        ports: &TaskPorts,
        user: &User,
        address: &str,
        integration: &Owned<Integration>,
        id: DeliveryId,
    ) -> Result<PublicDelivery> {
        let (original, sealed) = self.find_delivery(integration, id).await?;
        let kept = self.open_delivery(&sealed)?;
        let body = kept.body()?;
        let too_large = || {
            let size = KEPT_BODY_BYTES >> 10;
            Error::conflict(format!("the body was larger than {size} KiB and was not kept: send the request again"))
        };
        let body = body.ok_or_else(too_large)?;
        let received = Utc::now();
        let began = std::time::Instant::now();
        let request = ReceivedRequest {
            headers: &kept.headers,
            body: &body,
            method: &original.method,
            query: &kept.query,
            address,
        };
        let is_search = original.integration_id.is_none();
        let verdict = self.start_integration(ports, integration, Some(user), is_search, request).await;
        let new = NewDelivery {
            project_id: integration.project_id,
            integration_id: original.integration_id,
            is_proven: true,
            alias: &original.alias,
            received,
            address,
            method: &original.method,
            status: None,
            milliseconds: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
            body_bytes: original.body_bytes,
            replay_of: Some(id),
            user_id: Some(user.id),
            sealed,
        };
        let written = self.write_delivery(&new, &[stored(&verdict)]).await?;
        let new_id = written.ok_or_else(|| Error::unavailable("the repetition could not be written down"))?;
        Ok(self.find_delivery(integration, new_id).await?.0.into())
    }

    async fn find_delivery(&self, integration: &Owned<Integration>, id: DeliveryId) -> Result<(Delivery, Secret)> {
        let project: ProjectId = integration.project_id;
        self.store.get_delivery(project, integration.id, id).await.map_err(|error| match error {
            StoreError::NotFound => Error::not_found("delivery"),
            error => error.into(),
        })
    }

    async fn write_delivery(
        &self,
        delivery: &NewDelivery<'_>,
        verdicts: &[DeliveryVerdict],
    ) -> Result<Option<DeliveryId>> {
        match self.store.insert_delivery(delivery, verdicts).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.store.make_own_tables().await?;
                Ok(self.store.insert_delivery(delivery, verdicts).await?)
            }
            written => Ok(written?),
        }
    }

    fn seal_delivery(&self, kept: &Kept) -> Result<Secret> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| Error::internal("encrypting a delivery", error);
        let text = serde_json::to_vec(kept).map_err(|error| failed(error.into()))?;
        Ok(self.access_key_cipher.encrypt(&text).map_err(|error| failed(error.into()))?.into())
    }

    fn open_delivery(&self, sealed: &Secret) -> Result<Kept> {
        let unreadable = "what was sent cannot be decrypted: access_key_encryption is another key than it was then";
        let opened = self.access_key_cipher.decrypt(sealed.expose());
        let opened = opened.map_err(|error| Error::conflict(unreadable).with_source(error))?;
        serde_json::from_slice(&opened).map_err(|error| Error::conflict(unreadable).with_source(error))
    }
}

fn stored(verdict: &Verdict) -> DeliveryVerdict {
    DeliveryVerdict {
        integration_id: verdict.integration_id,
        outcome: verdict.outcome.clone(),
        message: verdict.message.clone(),
        task_id: verdict.started.map(|task| task.id),
    }
}

/// What is told of a request that nobody could decide about.
fn undecided(integration: &Integration, error: &Error) -> DeliveryVerdict {
    let outcome = if error.kind == Kind::TooMany { DeliveryOutcome::Limited } else { DeliveryOutcome::Failed };
    let message = match error.kind {
        Kind::Internal => "the log of the server says why",
        _ => error.message.as_str(),
    };
    DeliveryVerdict { integration_id: integration.id, outcome, message: message.to_owned(), task_id: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_prove_something_are_left_out() {
        let integrations = [Integration { auth_header: "X-Door".to_owned(), ..Integration::default() }];
        for (name, expected) in [
            ("authorization", true),
            ("proxy-authorization", true),
            ("cookie", true),
            ("x-hub-signature-256", true),
            ("x-gitlab-token", true),
            ("x-api-key", true),
            ("x-door", true),
            ("X-Door", true),
            ("x-github-event", false),
            ("content-type", false),
            ("user-agent", false),
        ] {
            assert_eq!(is_secret(name, &integrations), expected, "{name}");
        }
        // An integration without a header of its own leaves nothing out.
        assert!(!is_secret("x-door", &[Integration::default()]));
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let headers = [("x-large".to_owned(), "x".repeat(KEPT_HEAD_BYTES)), ("x-small".to_owned(), "y".to_owned())];
        let (query, body) = ("q".repeat(KEPT_HEAD_BYTES + 1), vec![0_u8; KEPT_BODY_BYTES + 1]);
        let request = ReceivedRequest { headers: &headers, body: &body, method: "POST", query: &query, address: "" };
        let kept = Kept::new(&request, &[]);
        assert!(kept.headers.is_empty() && kept.query.is_empty() && kept.body.is_none());
        assert_eq!(kept.left_out, ["x-large", "x-small"]);
        let request = ReceivedRequest { headers: &headers[1..], body: &body[1..], query: &query[1..], ..request };
        let kept = Kept::new(&request, &[]);
        assert_eq!((kept.headers.len(), kept.query.len(), kept.left_out.len()), (1, KEPT_HEAD_BYTES, 0));
        assert_eq!(kept.body().ok().flatten().map(|body| body.len()), Some(KEPT_BODY_BYTES));
    }
}
