//! Custom roles, as far as the main path reads them.

use crate::db::{FromRow, Row, params};
use crate::{Result, Store};
use semaphore_model::{Permissions, ProjectId, Role};

impl FromRow for Role {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            slug: row.text("slug")?,
            name: row.text("name")?,
            permissions: Permissions(row.long("permissions")?),
            project_id: row.optional_id("project_id")?,
        })
    }
}

impl Store {
    /// The role with this slug, of the project or of all projects.
    pub async fn get_role(&self, project_id: ProjectId, slug: &str) -> Result<Role> {
        let text = "select * from role where slug = ? and (project_id is null or project_id = ?)";
        self.fetch_one(text, params![slug, project_id]).await
    }

    /// Roles of all projects, by name.
    pub async fn list_global_roles(&self) -> Result<Vec<Role>> {
        self.fetch("select * from role where project_id is null order by name", Vec::new()).await
    }

    /// Roles of one project, by name.
    pub async fn list_project_roles(&self, project_id: ProjectId) -> Result<Vec<Role>> {
        self.fetch("select * from role where project_id = ? order by name", params![project_id]).await
    }
}
