//! Stage 5: what the repository asks for is installed.

use super::{StageError, Stages, checkout, keys::Keys, workspace::Workspace};
use crate::{app::AppContext, git::Working};

/// How git reaches the template's repository, for requirements that lie beside it; `None` for a directory used in place.
pub(crate) fn git(stages: &Stages<'_>, workspace: &Workspace, keys: &Keys) -> Result<Option<Working>, StageError> {
    let working =
        |claim| checkout::working(stages.secrets, keys, &stages.spec.repository, workspace.url.clone(), claim);
    workspace.clone.as_ref().map(working).transpose()
}

pub(crate) async fn install(stages: &Stages<'_>, context: &AppContext<'_>) -> Result<(), StageError> {
    let installed = stages.app.install_requirements(context).await.map_err(StageError::from);
    stages.log_failure("Failed to install requirements", installed)
}
