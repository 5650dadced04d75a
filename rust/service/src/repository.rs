//! Repositories: where playbooks and scripts come from.
//!
//! Not for clones: those are the engine's. Invariants: a stored URL or branch never looks like an option, a remote helper or
//! a line break to git (CVE-2026-73294 class); the key belongs to the same project.

use std::time::Duration;

use semaphore_engine::{
    git::{
        Access, Branch, CommandLineClient, Credential, GitClient, GitError, GitUrl, GitUrlError, RevisionError,
        Transport, Working,
    },
    job::{HostKeys, KnownHosts, Programs},
    key::{Agent, SshOptions},
};
use semaphore_model::{AccessKey, AccessKeyType, EventObject, ProjectId, Referrers, Repository, Secret, UserId};
use semaphore_store::ListOptions;
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    event::event,
    owned::{Owned, in_use, other_project},
    services::Services,
};

/// How long a remote repository may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

impl Services {
    /// Repositories of a project; sortable by name, URL and key, other columns are taken as name.
    pub async fn repositories(&self, project: ProjectId, options: &ListOptions) -> Result<Vec<Repository>> {
        Ok(self.store.list_repositories(project, options).await?)
    }

    /// What uses a repository.
    pub async fn repository_referrers(&self, repository: &Owned<Repository>) -> Result<Referrers> {
        Ok(self.store.list_repository_referrers(repository.project_id, repository.id).await?)
    }

    /// Adds a repository. 404 for a key the project does not have.
    pub async fn create_repository(
        &self,
        user: UserId,
        project: ProjectId,
        repository: Repository,
    ) -> Result<Repository> {
        if repository.project_id != project {
            // Reference: it answers the same, but stores the repository in the other project.
            return Err(other_project());
        }
        self.check_repository(&repository).await?;
        let mut transaction = self.store.begin().await?;
        let repository = transaction.insert_repository(repository).await?;
        let description = format!("Repository {} created", repository.git_url);
        transaction.insert_event(event(user, project, EventObject::Repository, repository.id, description)).await?;
        transaction.commit().await?;
        Ok(repository)
    }

    /// Changes a repository; a new URL removes its clones.
    pub async fn update_repository(&self, user: UserId, old: &Owned<Repository>, repository: Repository) -> Result<()> {
        if repository.id != old.id {
            return Err(Error::invalid("Repository ID in body and URL must be the same"));
        }
        if repository.project_id != old.project_id {
            return Err(other_project());
        }
        self.check_repository(&repository).await?;
        let mut transaction = self.store.begin().await?;
        transaction.update_repository(&repository).await?;
        let description = format!("Repository {} updated", repository.git_url);
        transaction.insert_event(event(user, old.project_id, EventObject::Repository, old.id, description)).await?;
        transaction.commit().await?;
        if old.git_url != repository.git_url {
            self.clear_repository_cache(old.project_id, old.id).await;
        }
        Ok(())
    }

    /// Removes a repository with its clones; 400 while a template uses it.
    pub async fn delete_repository(&self, user: UserId, repository: &Owned<Repository>) -> Result<()> {
        let project = repository.project_id;
        let mut transaction = self.store.begin().await?;
        transaction.delete_repository(project, repository.id).await.map_err(|error| in_use(error, "repository"))?;
        let description = format!("Repository {} deleted", repository.git_url);
        transaction.insert_event(event(user, project, EventObject::Repository, repository.id, description)).await?;
        transaction.commit().await?;
        self.clear_repository_cache(project, repository.id).await;
        Ok(())
    }

    /// Names of the branches a remote repository has, whole (`feature/x`). 400 without a text if it cannot be asked.
    pub async fn repository_branches(&self, repository: &Owned<Repository>) -> Result<Vec<String>> {
        self.ask(repository, async |client, working| client.remote_branches(working).await).await
    }

    /// Hash of the newest commit of a remote repository's branch.
    pub(crate) async fn repository_commit(&self, repository: &Owned<Repository>) -> Result<String> {
        self.ask(repository, async |client, working| client.remote_commit_hash(working).await).await
    }

    /// Asks a remote repository with its key, for at most [`ANSWER_TIMEOUT`].
    async fn ask<T>(
        &self,
        repository: &Owned<Repository>,
        question: impl AsyncFnOnce(&CommandLineClient, &Working) -> Result<T, GitError>,
    ) -> Result<T> {
        let url: GitUrl = repository.git_url.parse().map_err(|error: GitUrlError| Error::invalid(error.to_string()))?;
        let key = self.find::<AccessKey>(repository.project_id, repository.ssh_key_id).await?;
        let key = self.open(key.into_inner()).await?;
        let programs = Programs::detached(self.engine.clone());
        // Lives until git has answered.
        let agent = match url.transport() {
            Transport::Ssh | Transport::Scp => agent(repository.project_id, &key, &programs).await?,
            _ => None,
        };
        let access = match &agent {
            Some(agent) => Access::Agent { socket: agent.socket().to_owned() },
            None => credential(&key, url.transport()).map_or(Access::None, Access::Password),
        };
        let policy = self.store.get_host_key_policy(repository.project_id).await?;
        let known = HostKeys { mode: policy.mode, known_hosts: policy.known_hosts };
        let known_hosts = KnownHosts::for_question(&known, &programs, repository.project_id.0)
            .map_err(|error| Error::internal("a file for the known hosts cannot be made", error))?;
        let working = Working {
            url,
            // Part of every working copy; some questions do not need it.
            branch: repository
                .git_branch
                .parse()
                .or_else(|_| "main".parse())
                .map_err(|error: RevisionError| Error::invalid(error.to_string()))?,
            access,
            ssh: SshOptions {
                mode: known.mode,
                known_hosts: known_hosts.as_ref().map(|file| file.path().to_owned()),
                config: self.engine.ssh_config_path.clone(),
            },
            parent: std::env::temp_dir(),
            directory: String::new(),
        };
        let client = CommandLineClient::new(programs);
        let answer = match tokio::time::timeout(ANSWER_TIMEOUT, question(&client, &working)).await {
            Ok(answer) => answer.map_err(|error| Error::invalid(error.to_string()).bare()),
            Err(_) => Err(Error::invalid("the repository did not answer within 30 s").bare()),
        };
        if let Some(agent) = agent {
            agent.closed().await;
        }
        if let Some(learned) = known_hosts.map(|file| file.learned()).filter(|learned| !learned.is_empty()) {
            self.store.merge_known_hosts(repository.project_id, &learned).await?;
        }
        answer
    }

    /// Checks key, name, URL and branch, in the reference's order.
    async fn check_repository(&self, repository: &Repository) -> Result<()> {
        self.check::<AccessKey>(repository.project_id, Some(repository.ssh_key_id)).await?;
        check_address(repository)
    }
}

/// Checks name, URL and branch.
pub(crate) fn check_address(repository: &Repository) -> Result<()> {
    repository.validate()?;
    // Anything else that is odd does no harm: a task that uses it ends with the reason.
    if let Err(
        error @ (GitUrlError::LooksLikeOption
        | GitUrlError::BadCharacter(_)
        | GitUrlError::RemoteHelper(_)
        | GitUrlError::PartLooksLikeOption(_)),
    ) = repository.git_url.parse::<GitUrl>()
    {
        return Err(Error::invalid(error.to_string()));
    }
    if let Err(error @ RevisionError::LooksLikeOption { .. }) = repository.git_branch.parse::<Branch>() {
        return Err(Error::invalid(error.to_string()));
    }
    Ok(())
}

/// An agent for a key of type ssh.
async fn agent(project: ProjectId, key: &AccessKey, programs: &Programs) -> Result<Option<Agent>> {
    if key.r#type != AccessKeyType::Ssh {
        return Ok(None);
    }
    let bytes = |text: &Secret| Zeroizing::new(text.expose().as_bytes().to_vec());
    let (private_key, passphrase) = (bytes(&key.ssh.private_key), Some(bytes(&key.ssh.passphrase)));
    let refused = |error: &dyn std::error::Error| Error::invalid(semaphore_model::error_chain(error)).bare();
    let place = programs.agent_place(project.0, "ssh_branches").map_err(|error| refused(&error))?;
    Agent::start(&place, key.id.0, private_key, passphrase).await.map(Some).map_err(|error| refused(&error))
}

/// User and password for an address that takes them.
fn credential(key: &AccessKey, transport: Transport) -> Option<Credential> {
    match (&key.r#type, transport) {
        (AccessKeyType::LoginPassword, Transport::Http | Transport::Https) => Some(Credential {
            username: Zeroizing::new(key.login_password.login.clone()),
            password: Zeroizing::new(key.login_password.password.expose().to_owned()),
        }),
        _ => None,
    }
}
