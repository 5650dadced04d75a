//! Stage 5: what the repository asks for is installed.

use super::{StageError, Stages};
use crate::app::AppContext;

pub(crate) async fn install(stages: &Stages<'_>, context: &AppContext<'_>) -> Result<(), StageError> {
    let installed = stages.app.install_requirements(context).await.map_err(StageError::from);
    stages.log_failure("Failed to install requirements", installed)
}
