//! Environments. Their secrets are access keys: see [`crate::AccessKeyFilter::Environment`].

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::list::ListOptions;
use crate::{Result, Store};
use semaphore_model::{Environment, EnvironmentId, ProjectId};

impl FromRow for Environment {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            name: row.text("name")?,
            project_id: row.id("project_id")?,
            password: row.optional_text("password")?,
            json: row.text("json")?,
            env: row.optional_text("env")?,
            secrets: Vec::new(),
            secret_storage_id: row.optional_id("secret_storage_id")?,
            secret_storage_key_prefix: row.optional_text("secret_storage_key_prefix")?,
        })
    }
}

impl Store {
    /// The environment of the project, without its secrets.
    pub async fn get_environment(&self, project_id: ProjectId, id: EnvironmentId) -> Result<Environment> {
        self.fetch_one("select * from project__environment where id = ? and project_id = ?", params![id, project_id])
            .await
    }

    /// Environments of the project, without their secrets. Sortable by name.
    pub async fn list_environments(&self, project_id: ProjectId, options: &ListOptions) -> Result<Vec<Environment>> {
        let order = options.order(&[("name", "name")], "name")?;
        let page = options.page.clause()?;
        let text = format!("select * from project__environment where project_id = ?{order}{page}");
        self.fetch(text, params![project_id]).await
    }
}

writes! {
    /// Adds an environment; `secrets` are further inserts of keys.
    insert_environment(environment: Environment) -> Environment;
    /// Changes name, variables and password of an environment of its project.
    update_environment(environment: &Environment) -> ();
    /// Removes an environment with its secrets; one that a template uses is [`crate::StoreError::Referenced`].
    delete_environment(project_id: ProjectId, id: EnvironmentId) -> ();
}

impl Transaction {
    /// Adds an environment; `secrets` are further inserts of keys.
    pub async fn insert_environment(&mut self, mut environment: Environment) -> Result<Environment> {
        environment.validate()?;
        let text = "insert into project__environment (project_id, name, json, env, password, secret_storage_id, \
             secret_storage_key_prefix) values (?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            environment.project_id,
            &environment.name,
            &environment.json,
            environment.env.as_deref(),
            environment.password.as_deref(),
            environment.secret_storage_id,
            environment.secret_storage_key_prefix.as_deref()
        ];
        environment.id = self.insert(text, values).await?;
        Ok(environment)
    }

    /// Changes name, variables and password of an environment of its project.
    pub async fn update_environment(&mut self, environment: &Environment) -> Result<()> {
        environment.validate()?;
        let text =
            "update project__environment set name = ?, json = ?, env = ?, password = ? where id = ? and project_id = ?";
        let values = params![
            &environment.name,
            &environment.json,
            environment.env.as_deref(),
            environment.password.as_deref(),
            environment.id,
            environment.project_id
        ];
        self.change(text, values).await
    }

    /// Removes an environment with its secrets.
    pub async fn delete_environment(&mut self, project_id: ProjectId, id: EnvironmentId) -> Result<()> {
        self.change("delete from project__environment where id = ? and project_id = ?", params![id, project_id]).await
    }
}
