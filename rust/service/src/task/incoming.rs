//! What a deploy deploys: the version of the build at the beginning of its chain.

use semaphore_model::{Task, TemplateType};
use semaphore_store::StoreError;

use crate::Services;

/// How many deploys may stand between a task and the build whose version it uses.
const LONGEST_CHAIN: usize = 32;

impl Services {
    /// The version of the build at the beginning of the chain of deploys. Reference: `Task.GetIncomingVersion`.
    pub(crate) async fn incoming_version(&self, task: &Task) -> Result<Option<String>, StoreError> {
        let mut next = task.build_task_id;
        for _ in 0..LONGEST_CHAIN {
            let Some(id) = next else { return Ok(None) };
            let Some(build) = unless_gone(self.store.get_task(task.project_id, id).await)? else { return Ok(None) };
            let template = self.store.get_plain_template(task.project_id, build.template_id).await;
            let Some(template) = unless_gone(template)? else { return Ok(None) };
            if template.r#type == TemplateType::Build {
                return Ok(build.version);
            }
            next = build.build_task_id;
        }
        Ok(None)
    }
}

/// `None` for what is gone.
pub(crate) fn unless_gone<T>(found: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Err(StoreError::NotFound) => Ok(None),
        found => found.map(Some),
    }
}
