//! Terraform, OpenTofu and Terragrunt: init, workspace, plan, the question whether to go on, apply.
//!
//! Reference: `db_lib/TerraformApp.go`. Its argument lists are kept; `init` is over when its program has ended (there: when a
//! line says so, otherwise never), and an answer counts at once (there: within three seconds).

mod arguments;
mod backend;
mod output;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

pub(crate) use self::arguments::quoted_secrets;
use self::{
    arguments::{Run, Stage},
    backend::BackendFile,
    output::Plan,
};
use super::{Absolute, App, AppContext, AppError, Environment, Needs, PathError, environment, inside};
use crate::{
    EngineConfig,
    config::AppConfig,
    job::{JobEvent, JobSpec, ProgramEnd, ProgramError},
    process::{ProcessSpec, StopPlan},
};

/// How long a stopped program may take to end in order, unless configured.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_mins(2);
/// The one that starts another of the three itself.
const TERRAGRUNT: &str = "terragrunt";
/// Workspace of templates whose inventory names none.
const DEFAULT_WORKSPACE: &str = "default";

/// The executor of one of the three.
#[derive(Debug)]
pub(crate) struct Terraform {
    id: String,
    program: String,
    leading: Vec<String>,
    /// Written before init, taken back after apply. The job may end between the two calls.
    backend: Mutex<Option<BackendFile>>,
}

impl Terraform {
    pub(crate) fn new(id: &str, configured: Option<&AppConfig>) -> Self {
        let path = configured.map(|configured| configured.path.as_str()).filter(|path| !path.is_empty());
        Self {
            id: id.to_owned(),
            program: path.unwrap_or(id).to_owned(),
            leading: configured.and_then(|configured| configured.args.clone()).unwrap_or_default(),
            backend: Mutex::default(),
        }
    }

    /// The program with its configured arguments before ours.
    ///
    /// Reference: Terragrunt is told which program to start, at the very end.
    fn command(&self, context: &AppContext<'_>, arguments: Vec<String>, environment: Environment) -> ProcessSpec {
        let mut all = self.leading.clone();
        all.extend(arguments);
        let has_path = |argument: &String| argument == "--tf-path" || argument.starts_with("--tf-path=");
        if self.id == TERRAGRUNT && !all.iter().any(has_path) {
            all.push("--tf-path=terraform".to_owned());
        }
        ProcessSpec::new(&self.program, context.work_dir)
            .args(all)
            .envs(environment.into_entries())
            .stop(StopPlan::Terraform { stop_timeout: stop_timeout(context.config) })
    }

    /// Does `work`; a stop meanwhile is explained in the log, because it can take long.
    async fn patiently<T>(&self, context: &AppContext<'_>, work: impl Future<Output = T> + Send) -> T {
        let notice = || {
            let (program, seconds) = (&self.id, stop_timeout(context.config).as_secs());
            format!(
                "Stopping: waiting up to {seconds} s for {program} to end what it is doing and to release the lock of the state; a forced stop kills it at once"
            )
        };
        context.programs.with_stop_notice(notice, work).await
    }

    /// A program that has to succeed before the plan.
    fn succeeded(&self, what: &str, end: ProgramEnd) -> Result<(), AppError> {
        match end {
            ProgramEnd::Success => Ok(()),
            ProgramEnd::Failed(end) => Err(AppError::Failed { program: format!("{} {what}", self.id), end }),
        }
    }

    async fn init(&self, context: &AppContext<'_>) -> Result<(), AppError> {
        let arguments = arguments::init(&context.spec.terraform);
        let program = self.command(context, arguments, environment::terraform_init(context));
        let end = context.programs.run_with_questions(program, output::is_question, output::PROMPT);
        self.succeeded("init", self.patiently(context, Box::pin(end)).await?)
    }

    /// Reference: a backend without workspaces is no error; its program says so by its exit code.
    async fn has_workspaces(&self, context: &AppContext<'_>) -> Result<bool, AppError> {
        let arguments = vec!["workspace".to_owned(), "list".to_owned()];
        let program = self.command(context, arguments, environment::terraform(context, false));
        match self.patiently(context, Box::pin(context.programs.output(program))).await {
            Ok((end, _, _)) => Ok(end == ProgramEnd::Success),
            Err(error @ ProgramError::Stopped(_)) => Err(error.into()),
            Err(_) => Ok(false),
        }
    }

    async fn select_workspace(&self, context: &AppContext<'_>) -> Result<(), AppError> {
        let workspace = workspace(context.spec);
        if workspace.starts_with('-') || workspace.chars().any(char::is_control) {
            return Err(AppError::WorkspaceName(workspace.to_owned()));
        }
        let run = if self.id == TERRAGRUNT { &["run", "--"][..] } else { &[] };
        let arguments = [run, &["workspace", "select", "-or-create=true", workspace]].concat();
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        let program = self.command(context, arguments, environment::terraform(context, false));
        let end = self.patiently(context, Box::pin(context.programs.run(program))).await?;
        self.succeeded("workspace select", end)
    }

    async fn plan(&self, context: &AppContext<'_>) -> Result<(ProgramEnd, Plan), AppError> {
        let program = self.run_command(context, Stage::Plan);
        let mut plan = Plan::default();
        let end = context.programs.run_seen(program, |record| plan.line(&record.lossy()));
        let end = self.patiently(context, Box::pin(end)).await?;
        if let Some(summary) = plan.summary().filter(|_| end == ProgramEnd::Success) {
            context.programs.event(JobEvent::Plan(summary));
        }
        Ok((end, plan))
    }

    async fn apply(&self, context: &AppContext<'_>) -> Result<ProgramEnd, AppError> {
        let program = self.run_command(context, Stage::Apply);
        Ok(self.patiently(context, Box::pin(context.programs.run(program))).await?)
    }

    fn run_command(&self, context: &AppContext<'_>, stage: Stage) -> ProcessSpec {
        let mut environment = environment::terraform(context, true);
        let run = Run::new(context.spec, context.secrets);
        if let Some((name, value)) = run.secret_environment(stage, &environment) {
            environment.set(name, value);
        }
        self.command(context, run.arguments(stage), environment)
    }
}

#[async_trait]
impl App for Terraform {
    fn check(&self, spec: &JobSpec) -> Result<(), AppError> {
        directory(Path::new(""), spec)?;
        if let Some(file) = &spec.terraform.backend_file {
            inside(Path::new(""), file, "backend file", Absolute::Joined)?;
        }
        Ok(())
    }

    fn needs(&self, context: &AppContext<'_>) -> Needs {
        let programs = vec![(self.program.clone(), "plans and applies")];
        Needs { programs, environment: environment::terraform(context, false), file: None, hosts: false }
    }

    async fn install_requirements(&self, context: &AppContext<'_>) -> Result<(), AppError> {
        let directory = directory(context.work_dir, context.spec)?;
        if !directory.is_dir() {
            let path = directory.display().to_string();
            return Err(AppError::NoDirectory { directory: context.spec.playbook.clone(), path });
        }
        let root = context.work_dir;
        let context = AppContext { work_dir: &directory, ..*context };
        let backend = override_backend(&context, root)?;
        self.init(&context).await?;
        if self.has_workspaces(&context).await? {
            self.select_workspace(&context).await?;
        }
        *self.backend.lock().unwrap_or_else(PoisonError::into_inner) = backend;
        Ok(())
    }

    async fn run(&self, context: &AppContext<'_>) -> Result<ProgramEnd, AppError> {
        let directory = directory(context.work_dir, context.spec)?;
        let context = AppContext { work_dir: &directory, ..*context };
        let parameters = &context.spec.terraform;
        let _taken_back_at_the_end = self.backend.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (end, plan) = self.plan(&context).await?;
        if end != ProgramEnd::Success || plan.has_no_changes() || parameters.plan {
            return Ok(end);
        }
        if !parameters.auto_approve && !context.programs.confirmation().await? {
            return Ok(ProgramEnd::Failed(AppError::Rejected.to_string()));
        }
        self.apply(&context).await
    }
}

/// Writes the file with an empty http backend, if the template wants it.
///
/// In a clone a directory on the way to it may be a link out of the clone: the file would be put aside and written there with
/// the rights of the server.
fn override_backend(context: &AppContext<'_>, root: &Path) -> Result<Option<BackendFile>, AppError> {
    let Some(name) = &context.spec.terraform.backend_file else { return Ok(None) };
    let path = inside(context.work_dir, name, "backend file", Absolute::Joined)?;
    if context.git.is_some()
        && let (Ok(root), Some(Ok(parent))) = (root.canonicalize(), path.parent().map(Path::canonicalize))
        && !parent.starts_with(root)
    {
        return Err(PathError::Escapes { what: "backend file", path: name.clone() }.into());
    }
    let written = BackendFile::write(&path);
    let failed = |source| AppError::File { action: "write", path: path.display().to_string(), source };
    written.map(Some).map_err(failed)
}

/// Where the programs run: the template's directory, below the repository's.
fn directory(work_dir: &Path, spec: &JobSpec) -> Result<PathBuf, AppError> {
    if spec.playbook.is_empty() {
        return Ok(work_dir.to_owned());
    }
    let directory = inside(work_dir, &spec.playbook, "directory", Absolute::Joined)?;
    // Without the slash that `.` and `/` leave at its end.
    Ok(directory.components().collect())
}

/// Reference: the text of the inventory, whatever its type.
fn workspace(spec: &JobSpec) -> &str {
    let named = spec.inventory.as_ref().map(|inventory| inventory.content.as_str());
    named.filter(|name| !name.is_empty()).unwrap_or(DEFAULT_WORKSPACE)
}

fn stop_timeout(config: &EngineConfig) -> Duration {
    config.terraform_stop_timeout.unwrap_or(STOP_TIMEOUT)
}
