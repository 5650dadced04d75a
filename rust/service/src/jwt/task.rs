//! Tokens for tasks: proof towards other servers of which task of which project somebody is.
//!
//! Not for our own API, which takes none of them: their audience is another, they name no user as their subject and are tied to
//! no session. Invariants: a token ends when its task may run no longer, and while the key that signed it is still published; the
//! task gets it in its environment only, and only if an audience is configured.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use jsonwebtoken::{Algorithm, Header};
use semaphore_model::{Secret, Task};
use serde::Serialize;

use super::{AUDIENCE, OVERLAP, random_text};
use crate::{
    error::{Error, Result},
    services::Services,
};

/// For whom tokens of tasks are, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskTokens {
    /// The `aud` of every token.
    pub audience: String,
    /// How long a task may run; `None` if it is not limited.
    pub task_limit: Option<Duration>,
}

impl TaskTokens {
    /// Why this audience is not good, if it is not: our own API must never be one.
    pub fn complaint(audience: &str) -> Option<&'static str> {
        (audience == AUDIENCE).then_some("must be another than `api`, which is this server's own")
    }

    /// How long a token counts: as long as the task may run, and at most as long as its key is published for certain.
    fn lifetime(&self) -> TimeDelta {
        let limit = self.task_limit.and_then(|limit| TimeDelta::from_std(limit).ok());
        limit.map_or(OVERLAP, |limit| limit.min(OVERLAP))
    }
}

#[derive(Serialize)]
struct TaskClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    project_id: i32,
    template_id: i32,
    /// Who started it; absent for schedules and webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<i32>,
}

impl Services {
    /// The token of a task that is about to run; none if no audience is configured.
    pub(crate) async fn task_token(&self, task: &Task) -> Result<Option<Secret>> {
        let Some(settings) = &self.settings.task_tokens else { return Ok(None) };
        let now = Utc::now();
        let (key, signing) = self.signing_key(now).await?;
        let claims = TaskClaims {
            iss: &self.settings.public_address,
            aud: &settings.audience,
            sub: format!("task:{}", task.id),
            jti: random_text(),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + settings.lifetime()).timestamp(),
            project_id: task.project_id.0,
            template_id: task.template_id.0,
            user_id: task.user_id.map(|user| user.0),
        };
        let header = Header { kid: Some(key.key_id), ..Header::new(Algorithm::ES256) };
        let token = jsonwebtoken::encode(&header, &claims, &signing);
        token.map(|token| Some(token.into())).map_err(|error| Error::internal("sign the token of a task", error))
    }
}
