//! Backups by the command line: nobody is logged in, so nobody's rights are asked for.
//!
//! Not for the document itself; that is made and restored by the same code as over HTTP.

use semaphore_model::{Project, ProjectId, User, json};
use semaphore_store::{ListOptions, StoreError};

use super::Backup;
use crate::{
    error::{Error, Result},
    services::Services,
};

impl Services {
    /// The project with this id; 404 if there is none.
    pub async fn project_by_hand(&self, id: ProjectId) -> Result<Project> {
        let missing = |error: StoreError| if error.is_not_found() { Error::not_found("project") } else { error.into() };
        self.store.get_project(id).await.map_err(missing)
    }

    /// Projects with this name, whatever the case of its letters; those that have it as it is written, if there are any.
    pub async fn projects_named(&self, name: &str) -> Result<Vec<Project>> {
        let mut projects = self.store.list_projects_named(name).await?;
        if projects.iter().any(|project| project.name == name) {
            projects.retain(|project| project.name == name);
        }
        Ok(projects)
    }

    /// Who owns projects that come in by the command line: the first administrator, or else the first user.
    pub async fn owner_by_hand(&self) -> Result<User> {
        let mut owners = self.store.list_administrators().await?;
        if owners.is_empty() {
            owners = self.store.list_users("", &ListOptions::default()).await?;
        }
        owners.into_iter().next().ok_or_else(|| {
            Error::invalid("there is no user who could own the project: make one with `semaphore users add --admin`")
        })
    }

    /// Makes a project of the text of a backup, under another name if one is given. Whoever has the command line may do that:
    /// the owner need not have the right to create projects. Nothing is stored of a backup that cannot be restored whole.
    pub async fn restore_by_hand(&self, owner: &User, text: &[u8], name: Option<&str>) -> Result<Project> {
        let unreadable =
            |error: &dyn std::fmt::Display| Error::invalid(format!("this is no backup of a project: {error}"));
        let value = json::parse_text(&String::from_utf8_lossy(text)).map_err(|error| unreadable(&error))?;
        if value.is_null() {
            return Err(unreadable(&"it is null"));
        }
        let mut backup: Backup = json::from_value(value).map_err(|error| unreadable(&error))?;
        if let Some(name) = name {
            name.clone_into(&mut backup.meta.name);
        }
        let owner = User { admin: true, ..owner.clone() };
        self.restore_backup(&owner, &backup).await
    }
}
