//! Projects.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::{Result, Store};
use chrono::Utc;
use semaphore_model::{Project, ProjectId, ProjectRole, ProjectUser, UserId};
use std::sync::Arc;

/// Reference: a list of projects ends after this many.
const LIST_LIMIT: &str = "limit 200";

impl FromRow for Project {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            name: row.text("name")?,
            created: row.time("created")?,
            alert: row.boolean("alert")?,
            alert_chat: row.optional_text("alert_chat")?,
            max_parallel_tasks: row.int("max_parallel_tasks")?,
            r#type: row.text("type")?,
            default_secret_storage_id: row.optional_id("default_secret_storage_id")?,
        })
    }
}

impl Store {
    /// The project.
    pub async fn get_project(&self, id: ProjectId) -> Result<Project> {
        self.fetch_one("select * from project where id = ?", params![id]).await
    }

    /// All projects by name, at most 200; one query or none (kept until something is written).
    pub async fn list_projects(&self) -> Result<Arc<Vec<Project>>> {
        self.list_projects_of(None).await
    }

    /// Projects the user is a member of, by name, at most 200; one query or none (kept until something is written).
    pub async fn list_projects_for_user(&self, user_id: UserId) -> Result<Arc<Vec<Project>>> {
        self.list_projects_of(Some(user_id)).await
    }

    /// Projects with this name, whatever the case of its letters (beyond ASCII as far as the database knows them), by id.
    pub async fn list_projects_named(&self, name: &str) -> Result<Vec<Project>> {
        let text = "select * from project where name = ? or lower(name) = ? order by id";
        self.fetch(text, params![name, name.to_lowercase()]).await
    }

    async fn list_projects_of(&self, user_id: Option<UserId>) -> Result<Arc<Vec<Project>>> {
        let generation = self.generation().await?;
        if let Some(projects) = self.projects().get(generation, &user_id) {
            return Ok(projects);
        }
        let projects: Vec<Project> = match user_id {
            None => self.fetch(format!("select * from project order by name {LIST_LIMIT}"), Vec::new()).await?,
            Some(id) => {
                let text = format!(
                    "select p.* from project p join project__user pu on pu.project_id = p.id \
                     where pu.user_id = ? order by p.name {LIST_LIMIT}"
                );
                self.fetch(text, params![id]).await?
            }
        };
        let projects = Arc::new(projects);
        self.projects().put(generation, user_id, Arc::clone(&projects));
        Ok(projects)
    }

    /// Adds a project with its first member as owner, both or none.
    pub async fn insert_project_with_owner(&self, project: Project, owner: UserId) -> Result<Project> {
        let mut transaction = self.begin().await?;
        let project = transaction.insert_project(project).await?;
        let member = ProjectUser { project_id: project.id, user_id: owner, role: ProjectRole::Owner };
        transaction.insert_project_user(&member).await?;
        transaction.commit().await?;
        Ok(project)
    }
}

writes! {
    /// Changes name, alerts and the limit of parallel tasks.
    update_project(project: &Project) -> ();
    /// Removes a project with everything in it.
    delete_project(id: ProjectId) -> ();
}

impl Transaction {
    /// Adds a project, with now as its time. Its members, key, environment and view are further inserts.
    pub async fn insert_project(&mut self, mut project: Project) -> Result<Project> {
        project.created = Utc::now();
        let text = "insert into project (name, created, type, alert, alert_chat, max_parallel_tasks, default_secret_storage_id) \
             values (?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            &project.name,
            project.created,
            &project.r#type,
            project.alert,
            project.alert_chat.as_deref(),
            project.max_parallel_tasks,
            project.default_secret_storage_id
        ];
        project.id = self.insert(text, values).await?;
        Ok(project)
    }

    /// Changes name, alerts and the limit of parallel tasks.
    pub async fn update_project(&mut self, project: &Project) -> Result<()> {
        let text = "update project set name = ?, alert = ?, alert_chat = ?, max_parallel_tasks = ? where id = ?";
        let values = params![
            &project.name,
            project.alert,
            project.alert_chat.as_deref(),
            project.max_parallel_tasks,
            project.id
        ];
        self.change(text, values).await
    }

    /// Removes a project. The order respects the references between its objects that do not cascade.
    pub async fn delete_project(&mut self, id: ProjectId) -> Result<()> {
        for text in [
            "update project set default_secret_storage_id = null where id = ?",
            "update project__template set build_template_id = null where project_id = ?",
            "delete from project__template where project_id = ?",
            "delete from task where project_id = ?",
            "delete from project__user where project_id = ?",
            "delete from project__repository where project_id = ?",
            "delete from project__inventory where project_id = ?",
            "delete from access_key where project_id = ?",
        ] {
            self.execute(text, params![id]).await?;
        }
        self.change("delete from project where id = ?", params![id]).await
    }
}
