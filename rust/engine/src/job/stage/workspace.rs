//! Stage 1: the specification is complete, and the project's directories are there.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::{StageError, Stages};
use crate::{
    config::HomeDirMode,
    git::GitUrl,
    job::{
        KeyKind, KeySpec, SecretRef, VaultKind,
        directory::{Claim, DirectoryGuard, clone_name},
    },
};

/// The directories of a job.
pub(crate) struct Workspace {
    /// Clones, homes and inventories of the project.
    pub(crate) project_dir: PathBuf,
    /// The template's own home; made unless HOME is the project directory.
    pub(crate) home_dir: PathBuf,
    /// The address of the repository.
    pub(crate) url: GitUrl,
    /// The clone's place; `None` for a directory that is used in place. Freed last.
    pub(crate) clone: Option<Claim>,
    /// Home of a parallel job.
    own_home: Option<DirectoryGuard>,
}

impl Workspace {
    /// Removes what belongs to this job alone.
    pub(crate) async fn remove(self) {
        if let Some(home) = self.own_home
            && let Err(error) = home.remove().await
        {
            tracing::warn!(path = %self.home_dir.display(), %error, "cannot remove the home of a parallel job");
        }
    }
}

pub(crate) fn prepare(stages: &Stages<'_>) -> Result<Workspace, StageError> {
    let spec = stages.spec;
    stages.log(format!("Preparing: {}", spec.task_id));
    check_secrets(stages)?;
    let url: GitUrl = spec.repository.url.parse()?;

    let project_dir = stages.config.project_dir(spec.project_id);
    let identity = stages.programs.identity()?;
    make_directory(&project_dir)
        .inspect_err(|error| stages.log(format!("Creating tmp dir failed: {}", error.reference_text())))?;

    if let Some(identity) = identity {
        identity.give(&project_dir).map_err(|source| StageError::give(&project_dir, source))?;
        identity.check_root(&project_dir)?;
    }

    let name = clone_name(spec);
    let clone = url.local_path().is_none().then(|| Claim::take(&project_dir, &name, "", spec.task_id));
    let home_name = format!("{}_home", clone.as_ref().map_or(name, Claim::name));
    let home_dir = project_dir.join(home_name);
    let mut own_home = None;
    if stages.config.home_dir_mode != HomeDirMode::ProjectHome {
        make_directory(&home_dir)
            .inspect_err(|error| stages.log(format!("Creating task home dir failed: {}", error.reference_text())))?;
        if let Some(identity) = identity {
            identity.give_tree(&home_dir).map_err(|source| StageError::give(&home_dir, source))?;
        }
        if clone.as_ref().is_some_and(Claim::is_parallel) {
            own_home = Some(DirectoryGuard::new(home_dir.clone()));
        }
    }
    Ok(Workspace { project_dir, home_dir, url, clone, own_home })
}

fn make_directory(path: &Path) -> Result<(), StageError> {
    match fs::DirBuilder::new().recursive(true).mode(0o755).create(path) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => Err(StageError::file("create", path, source)),
        _ => Ok(()),
    }
}

/// A reference without a value is an error of the host; it must not become an empty password.
fn check_secrets(stages: &Stages<'_>) -> Result<(), StageError> {
    let spec = stages.spec;
    let environment = &spec.environment;
    let mut references: Vec<&SecretRef> = environment.secret_extra_vars.values().collect();
    references.extend(environment.secrets.iter().map(|secret| &secret.value));
    references.extend(spec.vaults.iter().filter_map(|vault| match &vault.kind {
        VaultKind::Password(password) => Some(password),
        VaultKind::Script(_) => None,
    }));
    let mut keys = vec![&spec.repository.key];
    if let Some(inventory) = &spec.inventory {
        keys.extend(inventory.key.iter().chain(&inventory.become_key));
        keys.extend(inventory.repository.iter().map(|repository| &repository.key));
    }
    references.extend(keys.into_iter().flat_map(secrets_of_key));
    match references.into_iter().find(|reference| stages.secrets.get(reference).is_none()) {
        Some(missing) => Err(StageError::MissingSecret(missing.secret.clone())),
        None => Ok(()),
    }
}

fn secrets_of_key(key: &KeySpec) -> Vec<&SecretRef> {
    match &key.kind {
        KeyKind::None => vec![],
        KeyKind::Ssh { private_key, passphrase, .. } => passphrase.iter().chain([private_key]).collect(),
        KeyKind::LoginPassword { password, .. } => vec![password],
        KeyKind::String { value } => vec![value],
    }
}
