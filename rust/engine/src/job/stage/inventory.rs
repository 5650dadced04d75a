//! Stage 4: the inventory is a file that the program can read, and its keys fit.

use std::path::{Path, PathBuf};

use super::{StageError, Stages, checkout, keys::Keys, workspace::Workspace};
use crate::{
    app::{Absolute, FileGuard, PathError, inside, write_private},
    git::{self, GitUrl},
    job::{
        InventoryKind, InventorySpec, RepositorySpec,
        directory::{Claim, DirectoryGuard, inventory_clone_name},
    },
    key::{self, KeyError, KeyRole},
};

/// What is left of this stage until the end of the job.
#[derive(Default)]
pub(crate) struct Inventory {
    /// Argument for `-i`.
    pub(crate) argument: Option<String>,
    /// The file of a static inventory. Dropped before its claim.
    file: Option<FileGuard>,
    /// Clone of a parallel job.
    own_clone: Option<DirectoryGuard>,
    /// The place of file or clone.
    claim: Option<Claim>,
}

impl Inventory {
    /// Removes file and clone of this job.
    pub(crate) async fn remove(self) {
        drop(self.file);
        checkout::remove_own(self.own_clone).await;
        drop(self.claim);
    }
}

pub(crate) async fn install(stages: &Stages<'_>, workspace: &Workspace, keys: &Keys) -> Result<Inventory, StageError> {
    let Some(inventory) = &stages.spec.inventory else { return Ok(Inventory::default()) };
    let installed = async {
        check_keys(inventory)?;
        match inventory.kind {
            InventoryKind::Static | InventoryKind::StaticYaml => install_static(stages, workspace, inventory),
            InventoryKind::File => match &inventory.repository {
                None => {
                    let path = inside(Path::new(""), &inventory.content, "inventory", Absolute::Refused)?;
                    if let Some(clone) = &workspace.clone {
                        stay_inside(clone.path(), &clone.path().join(path), &inventory.content)?;
                    }
                    // Reference: handed on as it was given, relative to the working directory.
                    Ok(Inventory { argument: Some(inventory.content.clone()), ..Inventory::default() })
                }
                Some(repository) => install_from_repository(stages, workspace, keys, inventory, repository).await,
            },
            // Names of workspaces, not files: the Terraform family reads them itself.
            InventoryKind::TerraformWorkspace | InventoryKind::TofuWorkspace | InventoryKind::TerragruntWorkspace => {
                Ok(Inventory::default())
            }
        }
    };
    stages.log_failure("Failed to install inventory", installed.await)
}

/// Reference: the keys of an inventory are checked for every app; the texts are kept.
fn check_keys(inventory: &InventorySpec) -> Result<(), StageError> {
    for (role, key) in [(KeyRole::AnsibleUser, &inventory.key), (KeyRole::AnsibleBecomeUser, &inventory.become_key)] {
        if let Some(key) = key
            && let Err(KeyError::Type(place)) = key::install(role, &key.kind)
        {
            return Err(StageError::KeyType(place));
        }
    }
    Ok(())
}

fn install_static(
    stages: &Stages<'_>,
    workspace: &Workspace,
    inventory: &InventorySpec,
) -> Result<Inventory, StageError> {
    stages.log("installing static inventory");
    let suffix = if inventory.kind == InventoryKind::StaticYaml { ".yml" } else { "" };
    let stem = format!("inventory_{}", inventory.id);
    let claim = Claim::take(&workspace.project_dir, &stem, suffix, stages.spec.task_id);
    let file = write_private(claim.path(), inventory.content.as_bytes(), 0o664)
        .map_err(|source| StageError::file("write", claim.path(), source))?;
    stages.programs.give(claim.path()).map_err(|source| StageError::give(claim.path(), source))?;
    let argument = Some(claim.path().display().to_string());
    Ok(Inventory { argument, file: Some(file), own_clone: None, claim: Some(claim) })
}

async fn install_from_repository(
    stages: &Stages<'_>,
    workspace: &Workspace,
    keys: &Keys,
    inventory: &InventorySpec,
    repository: &RepositorySpec,
) -> Result<Inventory, StageError> {
    let url: GitUrl = repository.url.parse()?;
    let joined = |directory: PathBuf| {
        inside(&directory, &inventory.content, "inventory", Absolute::Joined).map(|path| path.display().to_string())
    };
    if url.local_path().is_some() {
        let argument = Some(joined(checkout::local_directory(&url)?)?);
        return Ok(Inventory { argument, ..Inventory::default() });
    }
    stages.log("cloning inventory repository");
    let name = inventory_clone_name(repository.id, stages.spec.template_id, inventory.id);
    let claim = Claim::take(&workspace.project_dir, &name, "", stages.spec.task_id);
    let working = checkout::working(stages.secrets, keys, repository, url, &claim)?;
    let argument = joined(working.path())?;
    let client = git::client(stages.programs.clone().holding(claim.held()));
    let own_clone = checkout::update(stages, client.as_ref(), &working, &claim, repository.id).await?;
    stay_inside(&working.path(), Path::new(&argument), &inventory.content)?;
    Ok(Inventory { argument: Some(argument), file: None, own_clone, claim: Some(claim) })
}

/// Refuses a path of a clone that leads out of it through a symbolic link: whoever can push there must not choose files of this
/// machine that Ansible reads, and quotes when it cannot understand them.
///
/// Not for directories that are used in place: whoever makes links there has access to the machine anyway.
fn stay_inside(clone: &Path, path: &Path, content: &str) -> Result<(), StageError> {
    match (clone.canonicalize(), path.canonicalize()) {
        (Ok(clone), Ok(found)) if !found.starts_with(&clone) => {
            Err(PathError::Escapes { what: "inventory", path: content.to_owned() }.into())
        }
        // What does not exist is Ansible's to tell, as in the reference.
        _ => Ok(()),
    }
}
