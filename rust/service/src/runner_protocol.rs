//! What a remote runner and the server say to each other: registration, asking for work, reporting, leaving.
//!
//! Not for which runner has which task, nor for what follows from a report: that is `task::remote`. Invariants: tokens are
//! compared in constant time; what a runner with a public key is sent is encrypted for it.

use chrono::{DateTime, Utc};
use semaphore_model::{
    Runner, Secret,
    remote::{Registration, RunnerState},
};
use semaphore_store::StoreError;
use sha2::{Digest, Sha256};

use crate::{
    auth::{Attempt, Guess},
    crypto::runner_key::{self, RunnerKeyError},
    error::{Error, Kind, Result},
    services::Services,
    task::{TaskPorts, heard_since},
};

/// What a runner is answered: for its eyes only, if it has a key.
#[derive(Debug)]
pub enum Poll {
    /// JSON.
    Plain(RunnerState),
    /// The same, encrypted.
    Encrypted(Vec<u8>),
}

impl Services {
    /// Adds a runner that knows the registration token; it is not active until an administrator says so.
    ///
    /// Returns its token; 429 for whoever tries many. Reference: the texts.
    pub async fn register_runner(&self, registration: Registration, address: &str) -> Result<Secret> {
        let guess = Guess::new(Attempt::Registration, "", address);
        let _turn = self.throttle.admit(&self.store, guess).await?;
        let expected = &self.settings.runner_registration_token;
        if expected.is_empty() || !is_same(expected.expose(), registration.registration_token.expose()) {
            self.throttle.failed(&self.store, guess).await?;
            return Err(Error::invalid("Invalid registration token"));
        }
        self.throttle.succeeded(&self.store, guess).await?;
        // Reference: a runner without a key file sends an empty text, which is stored, and all its polls fail.
        let public_key = registration.public_key.filter(|key| !key.is_empty());
        if let Some(key) = &public_key {
            // Reference: it is stored, and all polls of the runner fail.
            runner_key::check(key).map_err(|error| Error::invalid("Invalid public key").with_source(error))?;
        }
        let runner = Runner {
            token: runner_key::generate_token(),
            webhook: registration.webhook,
            max_parallel_tasks: registration.max_parallel_tasks,
            public_key,
            ..Runner::default()
        };
        let runner = self.store.insert_runner(runner).await?;
        tracing::info!(runner = %runner.id, "a runner has registered");
        Ok(runner.token)
    }

    /// The runner with this token; 401 without one, 404 for one that nobody has.
    pub async fn runner_by_token(&self, token: &str) -> Result<Runner> {
        if token.is_empty() {
            return Err(Error::new(Kind::Unauthenticated, "Invalid token"));
        }
        let unknown = || Error::new(Kind::NotFound, "Runner not found");
        let runner = self.store.get_runner_by_token(&Secret::new(token)).await.map_err(|error| match error {
            StoreError::NotFound => unknown(),
            error => error.into(),
        })?;
        // MySQL compares texts without regard to case.
        if is_same(runner.token.expose(), token) { Ok(runner) } else { Err(unknown()) }
    }

    /// Notes that the runner was heard of, and says what it has to do. `room`: how many tasks it would begin now beside those
    /// that it has reported, if it says so.
    pub async fn poll_runner(&self, ports: &TaskPorts, runner: &Runner, room: Option<u32>) -> Result<Poll> {
        if let Some(key) = &runner.public_key {
            // Nothing can be told to it, so it is not there: tasks must not be kept for it.
            runner_key::check(key).map_err(unusable)?;
        }
        let now = Utc::now();
        self.store.touch_runner(runner.id, now).await?;
        self.store.note_runner_room(runner.id, room).await?;
        let clear_cache = is_cleaning_due(runner);
        if runner.touched.is_none_or(|touched| touched < heard_since(now)) {
            // Tasks may wait for it.
            ports.pool()?.look_again();
        }
        let mut state = RunnerState {
            clear_cache,
            cache_clean_project_id: runner.project_id.filter(|_| clear_cache),
            ..RunnerState::default()
        };
        ports.state_of_runner(runner, room, &mut state).await?;
        let Some(key) = &runner.public_key else { return Ok(Poll::Plain(state)) };
        let message =
            serde_json::to_vec(&state).map_err(|error| Error::internal("cannot write the state of a runner", error))?;
        runner_key::encrypt(key, &message).map(Poll::Encrypted).map_err(unusable)
    }
}

/// Reference: 400 with an empty body.
fn unusable(error: RunnerKeyError) -> Error {
    Error::invalid(error.to_string()).bare().with_source(error)
}

/// Whether somebody asked for an empty cache since the runner was heard of last.
fn is_cleaning_due(runner: &Runner) -> bool {
    let heard: Option<DateTime<Utc>> = runner.touched;
    runner.cleaning_requested.is_some_and(|wanted| heard.is_none_or(|heard| wanted > heard))
}

/// Compares two secrets without telling by the time it takes how much of them is the same.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (Sha256::digest(one.as_bytes()), Sha256::digest(other.as_bytes()));
    one.iter().zip(other.iter()).fold(0, |difference, (one, other)| difference | (one ^ other)) == 0
}
