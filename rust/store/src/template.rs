//! Templates, one at a time. Lists are in `template_list`.

use crate::db::{FromRow, Param, Row, Transaction, json_param, params, writes};
use crate::task_list::TaskFilter;
use crate::{Page, Result, Store};
use semaphore_model::{ProjectId, SurveyVariable, Template, TemplateId};

impl FromRow for Template {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            project_id: row.id("project_id")?,
            inventory_id: row.optional_id("inventory_id")?,
            repository_id: row.id("repository_id")?,
            environment_id: row.optional_id("environment_id")?,
            name: row.text("name")?,
            playbook: row.text("playbook")?,
            arguments: row.optional_text("arguments")?,
            allow_override_args_in_task: row.boolean("allow_override_args_in_task")?,
            description: row.optional_text("description")?,
            vaults: Vec::new(),
            r#type: row.word("type")?,
            start_version: row.optional_text("start_version")?,
            build_template_id: row.optional_id("build_template_id")?,
            view_id: row.optional_id("view_id")?,
            last_task: None,
            autorun: row.boolean("autorun")?,
            git_branch: row.optional_text("git_branch")?,
            survey_vars: survey_variables(row)?,
            suppress_success_alerts: row.boolean("suppress_success_alerts")?,
            app: row.word("app")?,
            tasks: row.int("tasks")?,
            task_params: row.json("task_params")?,
            runner_tag: row.optional_text("runner_tag")?,
            allow_override_branch_in_task: row.boolean("allow_override_branch_in_task")?,
            allow_parallel_tasks: row.boolean("allow_parallel_tasks")?,
        })
    }
}

/// Reference: survey variables that cannot be read are logged and left out, so that the template can be repaired.
fn survey_variables(row: &Row) -> Result<Vec<SurveyVariable>> {
    let text = row.text("survey_vars")?;
    if text.is_empty() || text == "null" {
        return Ok(Vec::new());
    }
    match serde_json::from_str(&text) {
        Ok(variables) => Ok(variables),
        Err(error) => {
            let template_id = row.int("id")?;
            tracing::warn!(template_id, %error, "the survey variables of a template cannot be read and are left out");
            Ok(Vec::new())
        }
    }
}

impl Store {
    /// The template of the project with its vaults and its newest task.
    pub async fn get_template(&self, project_id: ProjectId, id: TemplateId) -> Result<Template> {
        let text = "select * from project__template where project_id = ? and id = ?";
        let mut template: Template = self.fetch_one(text, params![project_id, id]).await?;
        template.vaults = self.list_template_vaults(project_id, id).await?;
        let filter = TaskFilter { template_id: Some(id), ..TaskFilter::default() };
        template.last_task = self.list_tasks(project_id, &filter, Page::first(1)).await?.pop().map(Box::new);
        Ok(template)
    }

    /// The template of the project without vaults and tasks: one query.
    pub async fn get_plain_template(&self, project_id: ProjectId, id: TemplateId) -> Result<Template> {
        let text = "select * from project__template where project_id = ? and id = ?";
        self.fetch_one(text, params![project_id, id]).await
    }
}

writes! {
    /// Adds a template with its vaults. The answer carries the vaults as they were given.
    insert_template(template: Template) -> Template;
    /// Changes a template of its project, and makes its vaults those given.
    update_template(template: &Template) -> ();
    /// Changes the description.
    update_template_description(project_id: ProjectId, id: TemplateId, description: &str) -> ();
    /// Removes a template with its tasks and their output; a build template in use is [`crate::StoreError::Referenced`].
    delete_template(project_id: ProjectId, id: TemplateId) -> ();
}

impl Transaction {
    /// Adds a template with its vaults.
    pub async fn insert_template(&mut self, mut template: Template) -> Result<Template> {
        template.validate()?;
        let text = "insert into project__template (inventory_id, repository_id, environment_id, name, playbook, arguments, \
             allow_override_args_in_task, description, type, start_version, build_template_id, view_id, autorun, \
             survey_vars, suppress_success_alerts, app, git_branch, task_params, runner_tag, \
             allow_override_branch_in_task, allow_parallel_tasks, project_id) \
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let mut values = columns(&template);
        values.push(template.project_id.into());
        template.id = self.insert(text, values).await?;
        self.replace_template_vaults(template.project_id, template.id, &template.vaults).await?;
        Ok(template)
    }

    /// Says the result of which template another one of the project deploys.
    pub async fn set_build_template(&mut self, project_id: ProjectId, id: TemplateId, build: TemplateId) -> Result<()> {
        let text = "update project__template set build_template_id = ? where id = ? and project_id = ?";
        self.change(text, params![build, id, project_id]).await
    }

    /// Changes a template of its project.
    pub async fn update_template(&mut self, template: &Template) -> Result<()> {
        template.validate()?;
        let text = "update project__template set inventory_id = ?, repository_id = ?, environment_id = ?, name = ?, \
             playbook = ?, arguments = ?, allow_override_args_in_task = ?, description = ?, type = ?, start_version = ?, \
             build_template_id = ?, view_id = ?, autorun = ?, survey_vars = ?, suppress_success_alerts = ?, app = ?, \
             git_branch = ?, task_params = ?, runner_tag = ?, allow_override_branch_in_task = ?, \
             allow_parallel_tasks = ? where id = ? and project_id = ?";
        let mut values = columns(template);
        values.extend(params![template.id, template.project_id]);
        self.change(text, values).await?;
        self.replace_template_vaults(template.project_id, template.id, &template.vaults).await
    }

    /// Changes the description.
    pub async fn update_template_description(
        &mut self,
        project_id: ProjectId,
        id: TemplateId,
        description: &str,
    ) -> Result<()> {
        let text = "update project__template set description = ? where id = ? and project_id = ?";
        self.change(text, params![description, id, project_id]).await
    }

    /// Removes a template with its tasks.
    pub async fn delete_template(&mut self, project_id: ProjectId, id: TemplateId) -> Result<()> {
        self.change("delete from project__template where project_id = ? and id = ?", params![project_id, id]).await
    }
}

/// The columns both statements set, in their order.
fn columns(template: &Template) -> Vec<Param> {
    // Texts and numbers always serialise.
    let survey =
        (!template.survey_vars.is_empty()).then(|| serde_json::to_string(&template.survey_vars).unwrap_or_default());
    let mut values = params![
        template.inventory_id,
        template.repository_id,
        template.environment_id,
        &template.name,
        &template.playbook,
        template.arguments.as_deref(),
        template.allow_override_args_in_task,
        template.description.as_deref(),
        template.r#type.as_str(),
        template.start_version.as_deref(),
        template.build_template_id,
        template.view_id,
        template.autorun,
        survey,
        template.suppress_success_alerts,
        template.app.as_str(),
        template.git_branch.as_deref()
    ];
    values.push(json_param(&template.task_params, true));
    values.extend(params![
        template.runner_tag.as_deref(),
        template.allow_override_branch_in_task,
        template.allow_parallel_tasks
    ]);
    values
}
