//! Bash, Python, PowerShell and every custom app: a program, its own arguments, the script, and the variables as arguments.
//!
//! Reference: `db_lib/ShellApp.go`, `LocalJob.getShellArgs`. Secrets of type var are arguments there; see [`Shell`].

use std::{ffi::OsString, path::Path};

use async_trait::async_trait;

use super::{Absolute, App, AppContext, AppError, Needs, environment, inside, variable};
use crate::{
    config::AppConfig,
    job::{JobSpec, ProgramEnd, SecretVarKind},
    process::{ProcessSpec, StopPlan},
};

/// An interpreter with its script.
///
/// Secrets of type var have no other way to such a program than its arguments, as in the reference: they are hidden in the
/// log, but other users of the machine can see them in its process list. Type env is the better choice and documented as such.
#[derive(Debug)]
pub(crate) struct Shell {
    program: String,
    arguments: Vec<String>,
    /// The playbook is the name of a file; of custom apps it can be anything.
    script_is_file: bool,
}

impl Shell {
    pub(crate) fn new(id: &str, configured: Option<&AppConfig>) -> Self {
        let (program, arguments, script_is_file) = match id {
            "bash" => ("bash", vec![], true),
            "python" => ("python3", vec![], true),
            "powershell" => ("powershell", vec!["-File".to_owned()], true),
            other => (other, vec![], false),
        };
        let mut shell = Self { program: program.to_owned(), arguments, script_is_file };
        if let Some(configured) = configured {
            if !configured.path.is_empty() {
                shell.program.clone_from(&configured.path);
            }
            if let Some(arguments) = &configured.args {
                shell.arguments.clone_from(arguments);
            }
        }
        shell
    }

    /// Arguments in the order of the reference, variables sorted by name.
    fn arguments(&self, context: &AppContext<'_>) -> Vec<OsString> {
        let spec = context.spec;
        let mut arguments: Vec<OsString> = self.arguments.iter().map(OsString::from).collect();
        arguments.push(OsString::from(&spec.playbook));
        for secret in spec.environment.secrets.iter().filter(|secret| secret.kind == SecretVarKind::Var) {
            let value = context.secrets.get(&secret.value).unwrap_or_default();
            arguments.push(super::environment::assignment(&secret.name, value));
        }
        arguments.extend(spec.template_arguments.iter().map(OsString::from));
        arguments.extend(variable::assignments(&spec.environment.extra_vars).into_iter().map(OsString::from));
        arguments.extend(spec.task_arguments.iter().map(OsString::from));
        arguments
    }
}

#[async_trait]
impl App for Shell {
    fn check(&self, spec: &JobSpec) -> Result<(), AppError> {
        let what = if self.script_is_file { "script" } else { "playbook" };
        // Reference: a custom app may do without a playbook.
        if self.script_is_file || !spec.playbook.is_empty() {
            inside(Path::new(""), &spec.playbook, what, Absolute::Allowed)?;
        }
        Ok(())
    }

    fn needs(&self, context: &AppContext<'_>) -> Needs {
        let purpose = if self.script_is_file { "runs the script" } else { "is the program of the app" };
        Needs {
            programs: vec![(self.program.clone(), purpose)],
            environment: environment::shell(context),
            file: self.script_is_file.then_some("script"),
            hosts: false,
        }
    }

    async fn install_requirements(&self, _: &AppContext<'_>) -> Result<(), AppError> {
        Ok(())
    }

    async fn run(&self, context: &AppContext<'_>) -> Result<ProgramEnd, AppError> {
        let program = ProcessSpec::new(&self.program, context.work_dir)
            .args(self.arguments(context))
            .envs(environment::shell(context).into_entries())
            .stop(StopPlan::Shell);
        Ok(context.programs.run(program).await?)
    }
}
