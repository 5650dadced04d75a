//! Sending one message through one channel, once.
//!
//! Not for trying again. A failure says whether the other side can have taken the message. Invariants: every request has a time limit;
//! no redirection is followed; what an error says holds no address, because tokens are parts of addresses.

use std::time::Duration;

use reqwest::{StatusCode, header::CONTENT_TYPE};
use semaphore_model::{AlertChannel, Secret, error_chain};

use super::{AlertDesk, message::Message};
use crate::{
    mail::{MailError, Mailer},
    tls,
};

/// Time for one request.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Why a message was not sent, in words without secrets.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// It was not taken; later it may be.
    #[error("{0}")]
    NotTaken(String),
    /// It was not taken and never will be as it is.
    #[error("{0}")]
    Refused(String),
    /// Whether it was taken is not known.
    #[error("{0}; whether it arrived is not known, and it is not sent again")]
    Unknown(String),
}

/// Posts a message to a chat. Reference: 200 counts as taken, and 202 from Microsoft Teams; here every 2xx, so that nothing
/// that was taken is sent again.
pub(super) async fn post(
    desk: &AlertDesk,
    channel: AlertChannel,
    address: &Secret,
    chat: &str,
    message: &Message,
) -> Result<(), SendError> {
    let body = message.json(channel, chat).to_string();
    let request = client(desk)?.post(address.expose()).header(CONTENT_TYPE, "application/json").body(body);
    // The client of a connection is a large future.
    let answer = Box::pin(request.send()).await.map_err(|error| failed(channel, error))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let text = format!("{channel} answered {status}");
    let is_temporary =
        status.is_server_error() || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if is_temporary {
        return Err(SendError::NotTaken(text));
    }
    Err(SendError::Refused(format!("{text}: check {channel}'s address and token in the configuration")))
}

fn failed(channel: AlertChannel, error: reqwest::Error) -> SendError {
    let (is_connect, is_address) = (error.is_connect(), error.is_builder());
    let text = format!("{channel} cannot be reached: {}", error_chain(&error.without_url()));
    if is_address {
        SendError::Refused(format!("{channel} has no good address in the configuration"))
    } else if is_connect {
        SendError::NotTaken(text)
    } else {
        SendError::Unknown(text)
    }
}

/// Sends a message to one address.
pub(super) async fn mail(mailer: Option<Mailer<'_>>, to: &str, message: &Message) -> Result<(), SendError> {
    let Some(mailer) = mailer else { return Err(SendError::Refused("no mail server is configured".to_owned())) };
    mailer.send(message.mail(to)).await.map_err(|error| {
        // Mail servers repeat whom they refuse, and everybody in the project reads why an alert failed.
        let text = without_address(&error_chain(&error), to);
        match error {
            MailError::Sender(_) | MailError::Receiver(_) | MailError::Message(_) | MailError::Refused { .. } => {
                SendError::Refused(text)
            }
            MailError::Certificate { .. } | MailError::Server { .. } | MailError::Silent { .. } => {
                SendError::NotTaken(text)
            }
            MailError::Broken { .. } | MailError::Late { .. } => SendError::Unknown(text),
        }
    })
}

fn without_address(text: &str, address: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find_ignoring_case(rest, address) {
        hidden.push_str(&rest[..at]);
        hidden.push_str("the receiver");
        rest = &rest[at + address.len()..];
    }
    hidden + rest
}

/// Addresses are ASCII, or compared as they are.
fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    let ends = |at: &usize| text.get(*at..*at + wanted.len()).is_some_and(|part| part.eq_ignore_ascii_case(wanted));
    (!wanted.is_empty()).then(|| (0..text.len()).find(ends)).flatten()
}

fn client(desk: &AlertDesk) -> Result<&reqwest::Client, SendError> {
    if let Some(client) = desk.http.get() {
        return Ok(client);
    }
    let unready = |error: &dyn std::error::Error| SendError::NotTaken(format!("HTTP cannot be set up: {error}"));
    let tls = tls::client_config(None).map_err(|error| unready(&error))?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| unready(&error))?;
    Ok(desk.http.get_or_init(|| client))
}
