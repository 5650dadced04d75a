//! Stage 2: the keys of the job are at hand.
//!
//! One agent for each ssh key that the job uses; they start at the same time, because reading a key is slow on purpose.

use std::path::Path;

use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::{StageError, Stages, workspace::Workspace};
use crate::{
    git::{Access, Credential, GitUrl},
    job::{KeySpec, SecretSet},
    key::{self, Agent, KeyError, KeyRole, SshOptions},
};

/// The keys of a job as programs use them. Agents end and files go when it is dropped.
pub(crate) struct Keys {
    /// What ssh is told.
    pub(crate) ssh: SshOptions,
    agents: Vec<(i32, Agent)>,
    /// The key of the inventory, if it has an agent.
    inventory: Option<i32>,
}

impl Keys {
    /// How git unlocks a repository with this key.
    pub(crate) fn access(&self, secrets: &SecretSet, key: &KeySpec) -> Result<Access, StageError> {
        let given = key::install(KeyRole::Git, &key.kind).map_err(|source| StageError::Key { owner: GIT, source })?;
        if given.agent.is_some() {
            return Ok(self.agent(key.id).map_or(Access::None, |socket| Access::Agent { socket: socket.to_owned() }));
        }
        let Some(password) = given.password else { return Ok(Access::None) };
        let password = secrets.get(password).unwrap_or_default();
        Ok(Access::Password(Credential {
            username: Zeroizing::new(given.login.to_owned()),
            password: Zeroizing::new(String::from_utf8_lossy(password).into_owned()),
        }))
    }

    /// The agent that holds the inventory's ssh key, for `SSH_AUTH_SOCK` of the app.
    pub(crate) fn inventory_agent(&self) -> Option<&Path> {
        self.agent(self.inventory?)
    }

    fn agent(&self, key_id: i32) -> Option<&Path> {
        self.agents.iter().find(|(id, _)| *id == key_id).map(|(_, agent)| agent.socket())
    }

    /// Ends the agents and removes what the keys made.
    pub(crate) async fn remove(self) {
        for (_, agent) in self.agents {
            agent.closed().await;
        }
    }
}

const GIT: &str = "repository";
const INVENTORY: &str = "inventory";

pub(crate) async fn install(stages: &Stages<'_>, workspace: &Workspace) -> Result<Keys, StageError> {
    let ssh = SshOptions {
        mode: stages.spec.host_keys.mode,
        known_hosts: None,
        config: stages.config.ssh_config_path.clone(),
    };
    let (wanted, inventory) = wanted(stages, workspace);
    let agents = start(stages, &wanted).await.or_else(|error| {
        // Reference: a key is used later there, and these are the words for it.
        let what = match &error {
            StageError::Key { owner: INVENTORY, .. } => "Failed to install inventory",
            _ => "Failed updating repository",
        };
        stages.log_failure(what, Err(error))
    })?;
    Ok(Keys { ssh, agents, inventory })
}

/// The ssh keys that are used, each once, with what for; and the inventory's.
fn wanted<'a>(stages: &Stages<'a>, workspace: &Workspace) -> (Vec<(&'static str, &'a KeySpec)>, Option<i32>) {
    let spec = stages.spec;
    let is_ssh = |key: &&KeySpec| key::install(KeyRole::Git, &key.kind).is_ok_and(|given| given.agent.is_some());
    let inventory_key = spec.inventory.as_ref().and_then(|inventory| inventory.key.as_ref()).filter(is_ssh);
    let inventory_repository = spec.inventory.as_ref().and_then(|inventory| inventory.repository.as_ref());
    // A directory that is used in place needs no git.
    let is_remote = |url: &str| url.parse::<GitUrl>().is_ok_and(|url| url.local_path().is_none());
    let repository_key = workspace.clone.is_some().then_some(&spec.repository.key);
    let other_key = inventory_repository.filter(|repository| is_remote(&repository.url)).map(|found| &found.key);

    let all = [(GIT, repository_key), (INVENTORY, inventory_key), (INVENTORY, other_key)];
    let mut wanted: Vec<(&'static str, &KeySpec)> = Vec::new();
    for (owner, key) in all {
        if let Some(key) = key.filter(is_ssh)
            && wanted.iter().all(|(_, known)| known.id != key.id)
        {
            wanted.push((owner, key));
        }
    }
    (wanted, inventory_key.map(|key| key.id))
}

async fn start(stages: &Stages<'_>, wanted: &[(&'static str, &KeySpec)]) -> Result<Vec<(i32, Agent)>, StageError> {
    let name = format!("ssh_task_{}", stages.spec.task_id);
    let place = stages.programs.agent_place(stages.spec.project_id, name)?;
    let mut starting = JoinSet::new();
    for (position, (owner, key)) in wanted.iter().enumerate() {
        let owner = *owner;
        let given = key::install(KeyRole::Git, &key.kind).map_err(|source| StageError::Key { owner, source })?;
        let Some((private_key, passphrase)) = given.agent else { continue };
        let value = |secret| Zeroizing::new(stages.secrets.get(secret).unwrap_or_default().to_vec());
        let (private_key, passphrase) = (value(private_key), passphrase.map(value));
        let (id, place) = (key.id, place.clone());
        starting.spawn(async move {
            let agent = Agent::start(&place, id, private_key, passphrase).await;
            (position, agent.map(|agent| (id, agent)).map_err(|source| StageError::Key { owner, source }))
        });
    }
    let mut started = Vec::new();
    loop {
        let result = tokio::select! {
            result = starting.join_next() => result,
            error = stages.programs.stopped() => return Err(error.into()),
        };
        let Some(result) = result else { break };
        // A panic in there is a defect, and the job's end tells it.
        let result = result.unwrap_or_else(|error| {
            let source = KeyError::Socket { action: "start".to_owned(), source: std::io::Error::other(error) };
            (usize::MAX, Err(StageError::Key { owner: "job", source }))
        });
        started.push(result);
    }
    // The first in the order of the job, not of the threads.
    started.sort_by_key(|(position, _)| *position);
    started.into_iter().map(|(_, agent)| agent).collect()
}
