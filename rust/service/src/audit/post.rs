//! Posting one audit record, once.
//!
//! Invariants: a request has a time limit; no redirection is followed; what an error says holds no address.

use std::time::Duration;

use hmac::{Hmac, Mac};
use reqwest::header::CONTENT_TYPE;
use semaphore_model::error_chain;
use sha2::Sha256;

use super::AuditSettings;
use crate::{crypto::hexadecimal, tls};

/// Time for one request.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Header with the number of the record; it stays when the record is posted again.
const RECORD_ID: &str = "X-Semaphore-Audit-Id";

/// Header with `sha256=` and the HMAC-SHA256 of the body, keyed with the secret, in hexadecimal.
const SIGNATURE: &str = "X-Semaphore-Signature";

/// Whom audit records are posted to.
#[derive(Debug)]
pub(super) struct Receiver<'a> {
    settings: &'a AuditSettings,
    http: Option<reqwest::Client>,
}

impl<'a> Receiver<'a> {
    pub(super) const fn new(settings: &'a AuditSettings) -> Self {
        Self { settings, http: None }
    }

    /// Posts a document; the error says, without the address, why it counts as not taken. Everything but 2xx does.
    pub(super) async fn post(&mut self, id: i64, body: &str) -> Result<(), String> {
        let signature = signature(self.settings.secret.expose(), body)?;
        let settings = self.settings;
        let mut request = self.client()?.post(settings.url.expose());
        if let Some(signature) = signature {
            request = request.header(SIGNATURE, signature);
        }
        let request = request.header(CONTENT_TYPE, "application/json").header(RECORD_ID, id).body(body.to_owned());
        // The client of a connection is a large future.
        let answer = Box::pin(request.send()).await.map_err(|error| {
            if error.is_builder() {
                "log.audit.url is no good address".to_owned()
            } else {
                format!("the receiver cannot be reached: {}", error_chain(&error.without_url()))
            }
        })?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(format!("the receiver answered {status}")) }
    }

    fn client(&mut self) -> Result<&reqwest::Client, String> {
        if self.http.is_none() {
            let tls = tls::client_config(None).map_err(|error| format!("HTTP cannot be set up: {error}"))?;
            let client = reqwest::Client::builder()
                .tls_backend_preconfigured(tls)
                .redirect(reqwest::redirect::Policy::none())
                .timeout(TIMEOUT)
                .build();
            self.http = Some(client.map_err(|error| format!("HTTP cannot be set up: {error}"))?);
        }
        self.http.as_ref().ok_or_else(|| "HTTP cannot be set up".to_owned())
    }
}

fn signature(secret: &str, body: &str) -> Result<Option<String>, String> {
    if secret.is_empty() {
        return Ok(None);
    }
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let mut mac = mac.map_err(|_| "log.audit.secret cannot be used as a key".to_owned())?;
    mac.update(body.as_bytes());
    Ok(Some(format!("sha256={}", hexadecimal::encode(&mac.finalize().into_bytes()))))
}
