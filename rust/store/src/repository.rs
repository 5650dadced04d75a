//! Repositories.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::list::ListOptions;
use crate::{Result, Store};
use semaphore_model::{ProjectId, Repository, RepositoryId};

impl FromRow for Repository {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            name: row.text("name")?,
            project_id: row.id("project_id")?,
            git_url: row.text("git_url")?,
            git_branch: row.text("git_branch")?,
            ssh_key_id: row.id("ssh_key_id")?,
        })
    }
}

impl Store {
    /// The repository of the project.
    pub async fn get_repository(&self, project_id: ProjectId, id: RepositoryId) -> Result<Repository> {
        self.fetch_one("select * from project__repository where id = ? and project_id = ?", params![id, project_id])
            .await
    }

    /// Repositories of the project. Sortable by name, git_url and ssh_key; other columns are taken as name.
    pub async fn list_repositories(&self, project_id: ProjectId, options: &ListOptions) -> Result<Vec<Repository>> {
        let column = match options.sort.as_deref() {
            Some("git_url") => "r.git_url",
            Some("ssh_key") => "k.name",
            _ => "r.name",
        };
        let direction = if options.descending { "desc" } else { "asc" };
        let text = format!(
            "select r.* from project__repository r left join access_key k on k.id = r.ssh_key_id \
             where r.project_id = ? order by {column} {direction}"
        );
        self.fetch(text, params![project_id]).await
    }
}

writes! {
    /// Adds a repository.
    insert_repository(repository: Repository) -> Repository;
    /// Changes a repository of its project.
    update_repository(repository: &Repository) -> ();
    /// Removes a repository; one that a template uses is [`crate::StoreError::Referenced`].
    delete_repository(project_id: ProjectId, id: RepositoryId) -> ();
}

impl Transaction {
    /// Adds a repository.
    pub async fn insert_repository(&mut self, mut repository: Repository) -> Result<Repository> {
        repository.validate()?;
        let text = "insert into project__repository (project_id, git_url, git_branch, ssh_key_id, name) \
             values (?, ?, ?, ?, ?)";
        let values = params![
            repository.project_id,
            &repository.git_url,
            &repository.git_branch,
            repository.ssh_key_id,
            &repository.name
        ];
        repository.id = self.insert(text, values).await?;
        Ok(repository)
    }

    /// Changes a repository of its project.
    pub async fn update_repository(&mut self, repository: &Repository) -> Result<()> {
        repository.validate()?;
        let text = "update project__repository set name = ?, git_url = ?, git_branch = ?, ssh_key_id = ? \
             where id = ? and project_id = ?";
        let values = params![
            &repository.name,
            &repository.git_url,
            &repository.git_branch,
            repository.ssh_key_id,
            repository.id,
            repository.project_id
        ];
        self.change(text, values).await
    }

    /// Removes a repository.
    pub async fn delete_repository(&mut self, project_id: ProjectId, id: RepositoryId) -> Result<()> {
        self.change("delete from project__repository where id = ? and project_id = ?", params![id, project_id]).await
    }
}
