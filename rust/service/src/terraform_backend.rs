//! Terraform's HTTP backend: reading, writing and locking the state of an inventory by a secret address.
//!
//! Two kinds of addresses lead here: those that members make, which want login and password of their key, and the one that
//! every task of the Terraform family gets for the time of its run. Invariants: a state is only ever added, never changed;
//! while it is locked nobody writes it but who brings the id of the lock.

use std::{collections::BTreeMap, sync::Mutex};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::Utc;
use semaphore_model::{InventoryId, ProjectId, TaskId, TerraformState};
use semaphore_store::{StoreError, TerraformLock};
use serde::Deserialize;

use crate::{
    error::{Error, Kind, Result},
    runner_protocol::is_same,
    services::Services,
};

/// Longest id of a lock in bytes, as the column holds it.
const LOCK_ID_BYTES: usize = 255;

/// Whose state a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateOwner {
    /// Its project.
    pub project_id: ProjectId,
    /// Whose state it is.
    pub inventory_id: InventoryId,
    /// The task that speaks; none for a program of somebody else.
    pub task_id: Option<TaskId>,
}

/// Addresses of the tasks that run on this server.
pub(crate) type TaskAddresses = Mutex<BTreeMap<String, StateOwner>>;

/// What came of the wish to lock.
#[derive(Debug)]
pub enum LockOutcome {
    /// The caller holds the lock.
    Locked,
    /// Somebody else does: what they said about themselves, as JSON.
    Held(String),
}

/// The part of Terraform's lock information that decides.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LockInformation {
    #[serde(rename = "ID")]
    id: String,
}

impl Services {
    /// Remembers the address of a task's state; it leads nowhere any more as soon as the task does not live.
    pub(crate) fn open_task_address(&self, alias: &str, owner: StateOwner) {
        self.task_addresses().insert(alias.to_owned(), owner);
    }

    fn task_addresses(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, StateOwner>> {
        self.task_addresses.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whose state an address leads to; `lives` tells whether a task still does.
    ///
    /// 404 for an unknown address, 401 without the login and password of its key.
    pub async fn state_owner(
        &self,
        alias: &str,
        authorization: &str,
        lives: impl Fn(TaskId) -> bool,
    ) -> Result<StateOwner> {
        let of_task = {
            let mut addresses = self.task_addresses();
            addresses.retain(|_, owner| owner.task_id.is_some_and(&lives));
            addresses.get(alias).copied()
        };
        if let Some(owner) = of_task {
            return Ok(owner);
        }
        if let Some(owner) = self.owner_of_remote_task(alias).await? {
            return Ok(owner);
        }
        let unknown = || Error::not_found("alias");
        let found = self.store.get_terraform_alias(alias).await.map_err(|error| match error {
            StoreError::NotFound => unknown(),
            error => error.into(),
        })?;
        // MySQL compares texts without regard to case.
        if found.alias != alias {
            return Err(unknown());
        }
        let key = self.store.get_access_key(found.project_id, found.auth_key_id).await?;
        let wanted = self.open(key).await?.login_password;
        let (login, password) = basic(authorization).unwrap_or_default();
        // Both are compared, so that the time does not tell which one is wrong.
        let same_login = is_same(&wanted.login, &login);
        let same_password = is_same(wanted.password.expose(), &password);
        if !(same_login && same_password) || wanted.password.is_empty() {
            return Err(Error::unauthenticated("the state wants the login and password of its key"));
        }
        Ok(StateOwner { project_id: found.project_id, inventory_id: found.inventory_id, task_id: None })
    }

    /// Whose state an address of a task leads to that a remote runner has.
    async fn owner_of_remote_task(&self, alias: &str) -> Result<Option<StateOwner>> {
        let Some(held) = self.store.find_task_of_alias(alias).await? else { return Ok(None) };
        let project_id = held.project_id;
        // Tasks of these apps have no inventory of their own.
        let template = self.store.get_plain_template(project_id, held.template_id).await?;
        let owner = |inventory_id| StateOwner { project_id, inventory_id, task_id: Some(held.task_id) };
        Ok(template.inventory_id.map(owner))
    }

    /// The newest state; none before the first one was written.
    pub async fn read_state(&self, owner: StateOwner) -> Result<Option<String>> {
        let state = self.store.get_latest_terraform_state(owner.project_id, owner.inventory_id).await?;
        Ok(state.map(|state| state.state))
    }

    /// Adds a version of the state. `lock_id` is empty for who does not lock.
    ///
    /// 400 for a body that is no JSON object, 409 while somebody else holds the lock.
    pub async fn write_state(&self, owner: StateOwner, lock_id: &str, body: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(body).map_err(|_| Error::invalid("a state is UTF-8 text"))?;
        // Not kept: a state is stored as it came.
        serde_json::from_str::<serde::de::IgnoredAny>(text)
            .map_err(|error| Error::invalid(format!("a state is a JSON object: {error}")))?;
        if !text.trim_start().starts_with('{') {
            return Err(Error::invalid("a state is a JSON object"));
        }
        let state = TerraformState {
            created: Utc::now(),
            task_id: owner.task_id,
            project_id: owner.project_id,
            inventory_id: owner.inventory_id,
            state: text.to_owned(),
            ..TerraformState::default()
        };
        let mut transaction = self.store.begin().await?;
        let lock = transaction.get_terraform_lock(owner.inventory_id).await?;
        if lock.is_some_and(|lock| lock.lock_id != lock_id) {
            return Err(Error::conflict("the state is locked by somebody else"));
        }
        transaction.insert_terraform_state(state).await?;
        Ok(transaction.commit().await?)
    }

    /// Locks the state for whom the body names. The same id again is granted again: an answer may have been lost.
    pub async fn lock_state(&self, owner: StateOwner, body: &[u8]) -> Result<LockOutcome> {
        let (information, text) = lock_information(body)?;
        let lock = TerraformLock {
            inventory_id: owner.inventory_id,
            lock_id: information.id,
            information: text,
            created: Utc::now(),
        };
        let held = match self.store.lock_terraform_state(&lock).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.store.make_own_tables().await?;
                self.store.lock_terraform_state(&lock).await?
            }
            held => held?,
        };
        Ok(held
            .filter(|held| held.lock_id != lock.lock_id)
            .map_or(LockOutcome::Locked, |held| LockOutcome::Held(held.information)))
    }

    /// Takes the lock away. An empty body takes it from whoever has it: that is how Terraform's `force-unlock` asks.
    ///
    /// What is not locked is unlocked already. 409 for the id of another lock.
    pub async fn unlock_state(&self, owner: StateOwner, body: &[u8]) -> Result<()> {
        let id = if body.is_empty() { None } else { Some(lock_information(body)?.0.id) };
        let mut transaction = self.store.begin().await?;
        let Some(lock) = transaction.get_terraform_lock(owner.inventory_id).await? else { return Ok(()) };
        if id.is_some_and(|id| id != lock.lock_id) {
            return Err(Error::conflict("the state is locked by somebody else"));
        }
        transaction.delete_terraform_lock(owner.inventory_id).await?;
        Ok(transaction.commit().await?)
    }
}

fn lock_information(body: &[u8]) -> Result<(LockInformation, String)> {
    let wanted = || Error::new(Kind::Invalid, "a lock is a JSON object with an ID");
    let text = std::str::from_utf8(body).map_err(|_| wanted())?;
    let information: LockInformation = serde_json::from_str(text).map_err(|error| wanted().with_source(error))?;
    if information.id.is_empty() || information.id.len() > LOCK_ID_BYTES {
        return Err(wanted());
    }
    Ok((information, text.to_owned()))
}

/// Login and password of a header of the scheme `Basic`.
fn basic(header: &str) -> Option<(String, zeroize::Zeroizing<String>)> {
    let (scheme, value) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = zeroize::Zeroizing::new(STANDARD.decode(value.trim()).ok()?);
    let (login, password) = std::str::from_utf8(&text).ok()?.split_once(':')?;
    Some((login.to_owned(), zeroize::Zeroizing::new(password.to_owned())))
}
