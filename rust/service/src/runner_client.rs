//! A remote runner's way to its server: HTTP, the token, the runner's own key.
//!
//! Not for what a runner does with the answers: that is `semaphore_task::remote`. Invariants: the token stands in the header that
//! is meant for it and nowhere else; certificates are always checked.

use std::{fmt, io, sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use semaphore_engine::EngineConfig;
use semaphore_model::{
    ProjectId, Secret, error_chain, json,
    remote::{Progress, Registration, RunnerState},
};
use semaphore_task::remote::{Upstream, UpstreamError};
use serde::{Deserialize, Serialize};

use crate::{
    crypto::{runner_key::RunnerPrivateKey, token::digest},
    tls::{self, TlsError},
    working_copy::clear_working_copies,
};

/// Where the server speaks with runners.
const PATH: &str = "/api/internal/runners";
/// The header that the token stands in.
const TOKEN_HEADER: &str = "x-runner-token";
/// The header that says how many tasks would be begun now. A Go server passes it over.
const ROOM_HEADER: &str = "x-runner-room";
/// Characters of a runner's name.
const NAME_LENGTH: usize = 16;
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Why a server has not done what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RunnerClientError {
    /// HTTP cannot be set up on this machine.
    #[error("HTTP cannot be set up")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address of the server is no address.
    #[error("web_host must be the address of the server, such as https://semaphore.example.com")]
    Address,
    /// The token is no text that can stand in a header.
    #[error("the token of the runner is not valid; register the runner again")]
    Token,
    /// There is no answer.
    #[error("the server at {server} cannot be reached")]
    Unreachable {
        /// Its address.
        server: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The answer is a refusal. Reference: the text.
    #[error("the server returned error {status}{}", text.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Refused {
        /// Its number.
        status: u16,
        /// What the server says about it.
        text: Option<String>,
    },
    /// The answer is not the one of such a server.
    #[error("server's response has invalid format: {0}")]
    Format(String),
}

/// A name for what belongs to the runner with this token, fit for a file; the token cannot be found from it.
pub fn name_of(token: &Secret) -> String {
    let digest = digest(token.expose());
    format!("runner_{}", digest.get(..NAME_LENGTH).unwrap_or(&digest))
}

/// A server, seen from a runner.
#[derive(Clone)]
pub struct RunnerClient {
    http: reqwest::Client,
    server: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Registered {
    token: Secret,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: String,
}

impl RunnerClient {
    /// A client for the server at this address.
    ///
    /// # Errors
    /// If it is no address, or the certificates of the system cannot be used.
    pub fn new(server: &str) -> Result<Self, RunnerClientError> {
        let address = url::Url::parse(server).map_err(|_| RunnerClientError::Address)?;
        if !matches!(address.scheme(), "http" | "https") || address.host_str().is_none_or(str::is_empty) {
            return Err(RunnerClientError::Address);
        }
        let tls = tls::client_config(None).map_err(|error: TlsError| RunnerClientError::Setup(error.into()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| RunnerClientError::Setup(error.into()))?;
        Ok(Self { http, server: server.trim_end_matches('/').to_owned() })
    }

    /// Registers a runner and answers its token.
    ///
    /// # Errors
    /// If the server does not take it.
    pub async fn register(&self, registration: &Registration) -> Result<Secret, RunnerClientError> {
        let request = self.request(Method::POST, registration)?;
        let (_, body) = self.answer(request).await?;
        let Registered { token } = json::decode(&body).map_err(|error| RunnerClientError::Format(error.to_string()))?;
        if token.is_empty() {
            return Err(RunnerClientError::Format("there is no token in it".to_owned()));
        }
        Ok(token)
    }

    /// Removes the runner with this token from the server. Reference: sends no token, so that nothing is removed.
    ///
    /// # Errors
    /// If the server refuses it.
    pub async fn unregister(&self, token: &Secret) -> Result<(), RunnerClientError> {
        let request = self.http.delete(format!("{}{PATH}", self.server)).header(TOKEN_HEADER, header(token)?);
        self.answer(request).await.map(drop)
    }

    /// The way of a runner with this token to the server; with a key the answers are decrypted.
    ///
    /// # Errors
    /// If the token cannot be sent.
    pub fn link(
        self,
        token: &Secret,
        key: Option<RunnerPrivateKey>,
        engine: EngineConfig,
    ) -> Result<RunnerLink, RunnerClientError> {
        Ok(RunnerLink { token: header(token)?, client: self, key: key.map(Arc::new), engine })
    }

    fn request(&self, method: Method, body: &impl Serialize) -> Result<RequestBuilder, RunnerClientError> {
        let body = serde_json::to_vec(body).map_err(|error| RunnerClientError::Setup(error.into()))?;
        let request = self.http.request(method, format!("{}{PATH}", self.server));
        Ok(request.header(CONTENT_TYPE, "application/json").body(body))
    }

    /// The body of a good answer, and whether it is encrypted.
    async fn answer(&self, request: RequestBuilder) -> Result<(bool, Vec<u8>), RunnerClientError> {
        let unreachable = |error: reqwest::Error| RunnerClientError::Unreachable {
            server: self.server.clone(),
            source: error.without_url(),
        };
        let response = request.send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_encrypted = kind.starts_with("application/octet-stream");
        Ok((is_encrypted, response.bytes().await.map_err(unreachable)?.to_vec()))
    }
}

async fn refusal(response: Response) -> RunnerClientError {
    let status = response.status();
    let text = if status.is_redirection() {
        Some("it points to another address: use that as web_host".to_owned())
    } else {
        let body = response.bytes().await.unwrap_or_default();
        let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
        Some(refusal.error).filter(|text| !text.is_empty())
    };
    RunnerClientError::Refused { status: status.as_u16(), text }
}

fn header(token: &Secret) -> Result<HeaderValue, RunnerClientError> {
    let mut value = HeaderValue::from_str(token.expose()).map_err(|_| RunnerClientError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A registered runner's way to its server.
pub struct RunnerLink {
    client: RunnerClient,
    token: HeaderValue,
    key: Option<Arc<RunnerPrivateKey>>,
    engine: EngineConfig,
}

impl fmt::Debug for RunnerLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunnerLink").field("server", &self.client.server).finish_non_exhaustive()
    }
}

impl RunnerLink {
    async fn state(&self, room: Option<u32>) -> Result<RunnerState, RunnerClientError> {
        let request = self.client.http.get(format!("{}{PATH}", self.client.server));
        let mut request = request.header(TOKEN_HEADER, self.token.clone());
        if let Some(room) = room {
            request = request.header(ROOM_HEADER, room);
        }
        let (is_encrypted, body) = self.client.answer(request).await?;
        let body = match (&self.key, is_encrypted) {
            (_, false) => body,
            (None, true) => {
                let why = "it is encrypted, and there is no private_key_file to read it with";
                return Err(RunnerClientError::Format(why.to_owned()));
            }
            (Some(key), true) => {
                let key = Arc::clone(key);
                let opened = tokio::task::spawn_blocking(move || key.decrypt(&body)).await;
                let opened = opened.map_err(|error| RunnerClientError::Format(error.to_string()))?;
                opened.map_err(|error| RunnerClientError::Format(error_chain(&error)))?
            }
        };
        json::decode(&body).map_err(|error| RunnerClientError::Format(error.to_string()))
    }
}

/// What follows from it for a runner: nothing is refused for good but a report, and an unknown runner stays unknown.
fn trouble(error: &RunnerClientError, is_report: bool) -> UpstreamError {
    let (status, said) = match error {
        RunnerClientError::Refused { status, text } => (StatusCode::from_u16(*status).ok(), text.is_some()),
        _ => (None, false),
    };
    let text = error_chain(error);
    match status {
        Some(StatusCode::BAD_REQUEST) if is_report => UpstreamError::Refused(text),
        // A proxy before a server that is away says the same, but not in the server's words.
        Some(StatusCode::SERVICE_UNAVAILABLE) if is_report && said => UpstreamError::Busy(text),
        // It is about what this report says; the others may pass.
        Some(StatusCode::PAYLOAD_TOO_LARGE) if is_report => UpstreamError::Busy(format!(
            "{text}; a proxy before the server has to take requests of at least 16 MiB (nginx: client_max_body_size)"
        )),
        Some(StatusCode::FORBIDDEN) if is_report => UpstreamError::Busy(text),
        Some(StatusCode::BAD_REQUEST) => UpstreamError::Away(format!(
            "{text}; if it stays so, the server cannot read the public key of this runner: register it again"
        )),
        // A proxy before the server says the same, but not in the server's words.
        Some(StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND) if said => {
            UpstreamError::Stranger(format!("{text}; if the runner was removed from the server, register it again"))
        }
        _ if matches!(error, RunnerClientError::Format(_)) => UpstreamError::Unreadable(text),
        _ => UpstreamError::Away(text),
    }
}

#[async_trait]
impl Upstream for RunnerLink {
    async fn report(&self, progress: &Progress) -> Result<(), UpstreamError> {
        let request = self.client.request(Method::PUT, progress).map_err(|error| trouble(&error, true))?;
        let request = request.header(TOKEN_HEADER, self.token.clone());
        self.client.answer(request).await.map(drop).map_err(|error| trouble(&error, true))
    }

    async fn poll(&self, room: Option<u32>) -> Result<RunnerState, UpstreamError> {
        self.state(room).await.map_err(|error| trouble(&error, false))
    }

    async fn clear_cache(&self, project: Option<ProjectId>) -> io::Result<()> {
        clear_working_copies(&self.engine, project).await
    }
}
