//! Projects: making them with what a new project needs, changing and removing them.
//!
//! Not for members (`member`) or for what a caller may do (`membership`). Invariant: a project appears with its owner, its
//! empty key, view and environment, and, if wanted, the whole demo, or not at all.

mod demo;

use std::sync::Arc;

use schemars::JsonSchema;
use semaphore_model::{
    AccessKey, AccessKeyType, Environment, EventObject, Project, ProjectId, ProjectRole, ProjectUser, User, View,
    ViewType,
};
use serde::Deserialize;

use crate::{
    error::{Error, Result},
    event::event,
    services::Services,
};

/// Body of the request that creates a project.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NewProject {
    /// Name for people; need not be unique. Reference: may be empty.
    pub name: String,
    /// Whether alerts are sent.
    pub alert: bool,
    /// Telegram chat for the alerts.
    pub alert_chat: Option<String>,
    /// How many tasks may run at once; 0 for no limit.
    pub max_parallel_tasks: i32,
    /// Kind of project; empty for an ordinary one.
    pub r#type: String,
    /// Whether the project is filled with examples.
    pub demo: bool,
}

impl Services {
    /// Projects the user sees, by name, at most 200: all for administrators, otherwise those of which the user is a member.
    pub async fn projects(&self, user: &User) -> Result<Arc<Vec<Project>>> {
        let projects = if user.admin {
            self.store.list_projects().await?
        } else {
            self.store.list_projects_for_user(user.id).await?
        };
        Ok(projects)
    }

    /// Whether the user may create projects. Reference: the refusal is 401, not 403.
    pub fn check_may_create_project(&self, user: &User) -> Result<()> {
        if user.admin || self.settings.non_admin_can_create_project {
            return Ok(());
        }
        Err(Error::unauthenticated("only administrators may create projects on this server"))
    }

    /// Adds a project with the user as its owner, a key `None`, a view `All` and an environment `Empty`.
    pub async fn create_project(&self, user: &User, body: NewProject) -> Result<Project> {
        self.check_may_create_project(user)?;
        check_name(&body.name)?;
        let demo = body.demo.then(|| self.demo_vault_key()).transpose()?;
        let project = Project {
            name: body.name,
            alert: body.alert,
            alert_chat: body.alert_chat,
            max_parallel_tasks: body.max_parallel_tasks,
            r#type: body.r#type,
            ..Project::default()
        };

        let mut transaction = self.store.begin().await?;
        let project = transaction.insert_project(project).await?;
        let owner = ProjectUser { project_id: project.id, user_id: user.id, role: ProjectRole::Owner };
        transaction.insert_project_user(&owner).await?;
        let key = AccessKey {
            name: "None".to_owned(),
            r#type: AccessKeyType::None,
            project_id: Some(project.id),
            ..AccessKey::default()
        };
        let key = transaction.insert_access_key(key).await?;
        let view = View { project_id: project.id, title: "All".to_owned(), r#type: ViewType::All, ..View::default() };
        transaction.insert_view(view).await?;
        let environment = Environment {
            name: "Empty".to_owned(),
            project_id: project.id,
            json: "{}".to_owned(),
            env: Some("{}".to_owned()),
            ..Environment::default()
        };
        let environment = transaction.insert_environment(environment).await?;
        if let Some(vault_key) = demo {
            demo::insert(&mut transaction, project.id, key.id, environment.id, vault_key).await?;
        }
        let description = "Project created".to_owned();
        transaction.insert_event(event(user.id, project.id, EventObject::Project, project.id, description)).await?;
        transaction.commit().await?;
        Ok(project)
    }

    /// Changes name, alerts and the limit of parallel tasks. Reference: no event.
    pub async fn update_project(&self, id: ProjectId, project: &Project) -> Result<()> {
        if project.id != id {
            return Err(Error::invalid("Project ID in body and URL must be the same"));
        }
        check_name(&project.name)?;
        Ok(self.store.update_project(project).await?)
    }

    /// Removes a project with everything in it and its files in the temporary directory. Reference: no event.
    pub async fn delete_project(&self, id: ProjectId) -> Result<()> {
        self.store.delete_project(id).await?;
        if let Err(error) = self.clear_project_cache(id).await {
            tracing::warn!(project = %id, %error, cause = ?error.source, "cannot remove the files of a deleted project");
        }
        Ok(())
    }
}

/// Reference: a project without a name is accepted; nobody could tell it from another, or find it in a list.
fn check_name(name: &str) -> Result<()> {
    if name.is_empty() { Err(Error::invalid("project name can not be empty")) } else { Ok(()) }
}
