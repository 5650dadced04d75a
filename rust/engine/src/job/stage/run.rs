//! Stage 6: the program runs.

use super::{StageError, Stages};
use crate::{
    app::AppContext,
    job::{Outcome, ProgramEnd},
};

/// Refuses a job whose app can never run, before anything is made for it.
pub(crate) fn check(stages: &Stages<'_>) -> Result<(), StageError> {
    Ok(stages.app.check(stages.spec)?)
}

pub(crate) async fn run(stages: &Stages<'_>, context: &AppContext<'_>) -> Result<Outcome, StageError> {
    Ok(match stages.app.run(context).await? {
        ProgramEnd::Success => Outcome::Success,
        ProgramEnd::Failed(end) => Outcome::Failed(end),
    })
}
