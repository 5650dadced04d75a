//! Access to the tasks of templates: for members whose role runs all tasks of the project, and for those whose role runs the
//! tasks of single templates only.
//!
//! Like the levels of `access`, but the template is known late: it stands in the body, or in the row of a task. Invariant: a
//! handler learns caller and project only by naming the template or the task.

use axum::{extract::FromRequestParts, http::request::Parts};
use semaphore_model::{Permissions, TaskId, TemplateId};
use semaphore_service::Error;

use super::{
    access::{Access, AccessLevel, Member, ProjectAccess},
    error::{ApiError, Result},
    state::AppState,
};

/// A caller who may run tasks of at least one template of the project of the path.
#[derive(Clone, Debug)]
pub struct RunAccess {
    access: ProjectAccess<Member>,
    /// None if the caller may run all.
    templates: Option<Vec<TemplateId>>,
}

impl AccessLevel for RunAccess {
    const LEVEL: Access = Access::Project(Permissions::RUN_TASKS);
}

fn refused() -> ApiError {
    Error::forbidden("your role in this project does not allow this").into()
}

impl RunAccess {
    /// The caller in the project, if they may run this template; 403 otherwise.
    pub fn for_template(self, template: TemplateId) -> Result<ProjectAccess<Member>> {
        match self.templates {
            Some(templates) if !templates.contains(&template) => Err(refused()),
            _ => Ok(self.access),
        }
    }

    /// The caller in the project, if they may run the template of this task; 403 otherwise.
    pub async fn for_task(self, state: &AppState, task: TaskId) -> Result<ProjectAccess<Member>> {
        if self.templates.is_none() {
            return Ok(self.access);
        }
        let task = state.services().task(self.access.project_id(), task).await?;
        self.for_template(task.template_id)
    }
}

impl FromRequestParts<AppState> for RunAccess {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let access = ProjectAccess::<Member>::from_request_parts(parts, state).await?;
        if access.may(Permissions::RUN_TASKS) {
            return Ok(Self { access, templates: None });
        }
        let templates = state.services().runnable_templates(&access.user, access.project_id()).await?;
        if templates.is_empty() { Err(refused()) } else { Ok(Self { access, templates: Some(templates) }) }
    }
}
