//! Apps that this build knows by name but cannot run.

use async_trait::async_trait;

use super::{App, AppContext, AppError};
use crate::job::{JobSpec, ProgramEnd};

/// Refuses every call with a clear text.
#[derive(Debug)]
pub(crate) struct Unsupported {
    id: String,
}

impl Unsupported {
    pub(crate) fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    fn refuse<T>(&self) -> Result<T, AppError> {
        Err(AppError::Unsupported(self.id.clone()))
    }
}

#[async_trait]
impl App for Unsupported {
    fn check(&self, _: &JobSpec) -> Result<(), AppError> {
        self.refuse()
    }

    async fn install_requirements(&self, _: &AppContext<'_>) -> Result<(), AppError> {
        self.refuse()
    }

    async fn run(&self, _: &AppContext<'_>) -> Result<ProgramEnd, AppError> {
        self.refuse()
    }
}
