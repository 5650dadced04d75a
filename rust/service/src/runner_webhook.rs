//! Calling the webhook of a remote runner: something starts it when it has a task, and ends it afterwards.
//!
//! Not for when it is called. The body and the good answers are the reference's; there is no authentication.

use std::{sync::OnceLock, time::Duration};

use semaphore_model::{ProjectId, Runner, RunnerId, TaskId, TemplateId, error_chain};
use serde::Serialize;

use crate::tls;

/// How long the answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// The runner has a task.
    Start,
    /// The task has ended.
    Finish,
}

/// Reference: `runnerWebhookPayload`.
#[derive(Debug, Serialize)]
pub(crate) struct Call {
    pub(crate) action: Action,
    pub(crate) project_id: ProjectId,
    pub(crate) task_id: TaskId,
    pub(crate) template_id: TemplateId,
    pub(crate) runner_id: RunnerId,
}

/// The client of these webhooks.
#[derive(Debug, Default)]
pub(crate) struct RunnerWebhooks(OnceLock<reqwest::Client>);

impl RunnerWebhooks {
    /// Calls the webhook, if the runner has one; an error for people if the answer is not a good one.
    pub(crate) async fn call(&self, runner: &Runner, call: &Call) -> Result<(), String> {
        if runner.webhook.is_empty() {
            return Ok(());
        }
        let failed = |why: String| format!("the webhook of its remote runner {} {why}", runner_name(runner));
        let body = serde_json::to_vec(call).map_err(|error| failed(format!("cannot be called: {error}")))?;
        let sent = self
            .client()
            .map_err(&failed)?
            .post(&runner.webhook)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await;
        let answer =
            sent.map_err(|error| failed(format!("cannot be reached: {}", error_chain(&error.without_url()))))?;
        // Reference: these two and no other.
        match answer.status().as_u16() {
            200 | 204 => Ok(()),
            status => Err(failed(format!("answered {status}, not 200 or 204"))),
        }
    }

    fn client(&self) -> Result<&reqwest::Client, String> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let unready = |error: &dyn std::error::Error| format!("cannot be called: HTTP cannot be set up: {error}");
        let tls = tls::client_config(None).map_err(|error| unready(&error))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| unready(&error))?;
        Ok(self.0.get_or_init(|| client))
    }
}

/// What people call a runner; one that registered itself has no name.
pub(crate) fn runner_name(runner: &Runner) -> String {
    if runner.name.is_empty() { format!("#{}", runner.id) } else { format!("`{}`", runner.name) }
}
