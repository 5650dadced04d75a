//! A key that is ready for use: an agent that holds a private key, or a login with a password.
//!
//! Not for reading keys or the agent's protocol, which are `semaphore_engine::key`'s. Invariants: the installation ends with one
//! OP_DONE; when the handle or the runtime is closed, the agent's socket is gone and secrets are wiped, whatever state it was in.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use semaphore_engine::{
    EngineConfig,
    git::{Access, Credential},
    job::Programs,
    key::{Agent, KeyError, KeyRole, SshOptions, install},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{
    code,
    failure::Failure,
    key_spec::{PreparedKey, Role},
    operation::{done_payload, problem_number},
    runtime::Runtime,
};

/// How long a key may take to be read; the slowest that the engine reads takes about ten seconds.
const LONGEST_INSTALLATION: Duration = Duration::from_mins(1);

/// A key behind a handle.
pub struct InstalledKey {
    handle: u64,
    runtime: Arc<Runtime>,
    config: Arc<EngineConfig>,
    role: Role,
    state: Mutex<State>,
    closing: CancellationToken,
}

enum State {
    Installing,
    Failed(Failure),
    Ready(Ready),
    Closed,
}

/// What the key gives.
struct Ready {
    login: String,
    password: Option<Zeroizing<Vec<u8>>>,
    agent: Option<Agent>,
}

impl InstalledKey {
    /// Begins the installation; its end is told by OP_DONE.
    pub fn open(handle: u64, runtime: &Arc<Runtime>, prepared: PreparedKey) -> Result<Arc<Self>, Failure> {
        runtime.check_open()?;
        let key = Arc::new(Self {
            handle,
            runtime: Arc::clone(runtime),
            config: Arc::clone(&prepared.config),
            role: prepared.role,
            state: Mutex::new(State::Installing),
            closing: runtime.ending().child_token(),
        });
        runtime.counts().keys.fetch_add(1, Ordering::Relaxed);
        runtime.counts().keys_installed.fetch_add(1, Ordering::Relaxed);
        let mut finish = Finish { key: Arc::clone(&key), result: None };
        runtime.spawn_operation("key_install", async move {
            let key = Arc::clone(&finish.key);
            let installed = tokio::time::timeout(LONGEST_INSTALLATION, ready(prepared));
            finish.result = Some(tokio::select! {
                result = installed => result.unwrap_or_else(|_| {
                    Err(Failure::new(code::SEMAPHORE_E_TIMEOUT, "the key takes too long to be read"))
                }),
                () = key.closing.cancelled() => Err(cancelled()),
                () = key.runtime.stopping().cancelled() => Err(cancelled()),
            });
            drop(finish);
        });
        // The agent goes with the runtime, also if the host forgets the handle.
        let closed = Arc::clone(&key);
        runtime.spawn_for_log("key_close", async move {
            closed.closing.cancelled().await;
            closed.close();
        });
        Ok(key)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the agent and wipes what is secret. Doing it again changes nothing.
    pub fn close(&self) {
        // The socket is removed here, before the host can know that the key is closed.
        let before = std::mem::replace(&mut *self.lock(), State::Closed);
        drop(before);
        self.closing.cancel();
    }

    fn with_ready<T>(&self, use_it: impl FnOnce(&Ready) -> Result<T, Failure>) -> Result<T, Failure> {
        match &*self.lock() {
            State::Ready(ready) => use_it(ready),
            State::Installing => Err(Failure::state("the key is not installed yet: wait for OP_DONE")),
            State::Failed(failure) => Err(failure.clone()),
            State::Closed => Err(Failure::handle("key")),
        }
    }

    /// What the host may know.
    pub fn info(&self) -> Result<Value, Failure> {
        self.with_ready(|ready| {
            let socket = ready.agent.as_ref().map(|agent| agent.socket().to_string_lossy().into_owned());
            let mut env = Vec::new();
            if self.role == Role::Git {
                env.push(("GIT_TERMINAL_PROMPT", "0".to_owned()));
            }
            if let Some(socket) = &socket {
                env.push(("SSH_AUTH_SOCK", socket.clone()));
                if self.role == Role::Git {
                    let ssh = SshOptions { config: self.config.ssh_config_path.clone(), ..SshOptions::default() };
                    env.push(("GIT_SSH_COMMAND", format!("ssh {}", ssh.shell_text())));
                }
            }
            Ok(json!({
                "login": ready.login,
                "socket": socket,
                "env": env,
                "has_password": ready.password.is_some(),
            }))
        })
    }

    /// Its password or text.
    pub fn secret(&self) -> Result<Vec<u8>, Failure> {
        self.with_ready(|ready| {
            let password = ready.password.as_ref();
            password
                .map(|password| password.to_vec())
                .ok_or_else(|| Failure::new(code::SEMAPHORE_E_NOT_FOUND, "the key gives no password here"))
        })
    }

    /// How git unlocks a repository with it, for work on the key's own runtime: the agent ends with that one.
    pub fn access(&self, runtime: &Arc<Runtime>) -> Result<Access, Failure> {
        if !Arc::ptr_eq(runtime, &self.runtime) {
            return Err(Failure::argument("the key belongs to another runtime"));
        }
        if self.role != Role::Git {
            return Err(Failure::argument("the key was not installed for git"));
        }
        self.with_ready(|ready| {
            Ok(match (&ready.agent, &ready.password) {
                (Some(agent), _) => Access::Agent { socket: agent.socket().to_owned() },
                (None, Some(password)) => Access::Password(Credential {
                    username: Zeroizing::new(ready.login.clone()),
                    password: Zeroizing::new(String::from_utf8_lossy(password).into_owned()),
                }),
                (None, None) => Access::None,
            })
        })
    }
}

impl Drop for InstalledKey {
    fn drop(&mut self) {
        self.runtime.counts().keys.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells the end of the installation when it is dropped, so that no way out can forget it.
struct Finish {
    key: Arc<InstalledKey>,
    result: Option<Result<Ready, Failure>>,
}

impl Drop for Finish {
    fn drop(&mut self) {
        let result =
            self.result.take().unwrap_or_else(|| Err(self.key.runtime.why_unfinished("the installation of the key")));
        let key = &self.key;
        let mut state = key.lock();
        let failure = match (result, &*state) {
            // Closed meanwhile: the agent ends here.
            (Ok(_), State::Closed) => Some(cancelled()),
            (Ok(ready), _) => {
                *state = State::Ready(ready);
                None
            }
            (Err(failure), State::Closed) => Some(failure),
            (Err(failure), _) => {
                *state = State::Failed(failure.clone());
                Some(failure)
            }
        };
        drop(state);
        let payload = done_payload(failure.as_ref(), 0);
        key.runtime.queue().push_event(code::SEMAPHORE_FRAME_OP_DONE, 0, key.handle, payload, None);
    }
}

fn cancelled() -> Failure {
    Failure::new(code::SEMAPHORE_E_CANCELLED, "the key was closed before it was installed")
}

async fn ready(prepared: PreparedKey) -> Result<Ready, Failure> {
    let role: KeyRole = prepared.role.into();
    let given = install(role, &prepared.kind).map_err(|error| key_failure(&error))?;
    let login = given.login.to_owned();
    if given.agent.is_none() {
        let password = given.password.map(|_| prepared.secret);
        return Ok(Ready { login, password, agent: None });
    }
    let place = Programs::detached(Arc::clone(&prepared.config))
        .agent_place(prepared.project_id, format!("ssh_key_{}", prepared.key_id))
        .map_err(|error| Failure::new(code::SEMAPHORE_E_PERM, error.to_string()).because(&error))?;
    let agent = Agent::start(&place, prepared.key_id, prepared.secret, prepared.passphrase).await;
    Ok(Ready { login, password: None, agent: Some(agent.map_err(|error| key_failure(&error))?) })
}

fn key_failure(error: &KeyError) -> Failure {
    let mut failure = Failure::new(problem_number(error.code()), error.to_string());
    if let KeyError::Socket { source, .. } = error {
        failure = Failure::io(&error.to_string(), source);
    }
    failure
}
