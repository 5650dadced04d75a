//! Ansible: requirements through ansible-galaxy, then ansible-playbook with a terminal for its password prompts.

mod arguments;
mod galaxy;
mod report;

use std::path::Path;

use async_trait::async_trait;

use super::{Absolute, App, AppContext, AppError, FileGuard, Needs, environment, inside, write_private};
use crate::{
    job::{JobSpec, ProgramEnd, ProgramError, secret_variables_name},
    process::{Problem, ProcessSpec, Stdin, StopPlan},
};

pub use report::{HostFailure, HostSummary, Report};

/// For the fuzz targets: the arguments without the prompts.
#[cfg(fuzzing)]
pub(crate) fn playbook_arguments(context: &AppContext<'_>, secret_file: &Path) -> Result<Vec<String>, AppError> {
    Ok(arguments::playbook_command(context, Some(secret_file))?.arguments)
}

/// The executor of playbooks.
#[derive(Debug)]
pub(crate) struct Ansible;

#[async_trait]
impl App for Ansible {
    fn check(&self, spec: &JobSpec) -> Result<(), AppError> {
        inside(Path::new(""), &spec.playbook, "playbook", Absolute::Allowed)?;
        Ok(())
    }

    fn needs(&self, context: &AppContext<'_>) -> Needs {
        let mut programs = vec![("ansible-playbook".to_owned(), "runs the playbook")];
        if galaxy::has_requirements(context) {
            programs.push(("ansible-galaxy".to_owned(), "installs the requirements of the repository"));
        }
        Needs { programs, environment: environment::playbook(context), file: Some("playbook"), hosts: true }
    }

    async fn install_requirements(&self, context: &AppContext<'_>) -> Result<(), AppError> {
        galaxy::install(context).await
    }

    async fn run(&self, context: &AppContext<'_>) -> Result<ProgramEnd, AppError> {
        // Both live until the program has ended: the guard removes the file on every way out.
        let secret_file = match arguments::secret_variables(context) {
            None => None,
            Some(content) => {
                let name = secret_variables_name(context.spec.task_id);
                let path = context.config.project_dir(context.spec.project_id).join(name);
                let guard = write_private(&path, &content, 0o600).map_err(|source| AppError::File {
                    action: "write",
                    path: path.display().to_string(),
                    source,
                })?;
                context.programs.give(&path).map_err(|source| AppError::File {
                    action: "give the user of `process`",
                    path: path.display().to_string(),
                    source,
                })?;
                Some(guard)
            }
        };
        let command = arguments::playbook_command(context, secret_file.as_ref().map(FileGuard::path))?;
        let program = ProcessSpec::new("ansible-playbook", context.work_dir)
            .args(command.arguments)
            .envs(environment::playbook(context).into_entries())
            .stdin(Stdin::Pty { prompts: command.prompts })
            .stop(StopPlan::Ansible);
        context.programs.run(program).await.map_err(|error| match error {
            ProgramError::Problem(Problem::PromptRepeated { prompt }) => {
                AppError::WrongPassword { which: arguments::password_of(&prompt), prompt }
            }
            other => other.into(),
        })
    }
}
