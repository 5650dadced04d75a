//! The templates of a document, with their vaults and what roles add on them.

use semaphore_model::{
    Role, SurveyVariable, SurveyVariableValue, Template, TemplateId, TemplateRole, TemplateType, TemplateVault,
};

use super::{
    document::{Backup, TemplatePart, TemplateRolePart},
    restore::{Restoring, at, optional, refused, required},
};
use crate::error::Result;

/// Adds them; those that deploy come last, and get what they deploy when all are there: that may be the result of another one
/// that deploys. Reference: it loses the link where that comes later.
pub(super) async fn add(restoring: &mut Restoring, backup: &Backup, global_roles: &[Role]) -> Result<()> {
    let mut deploying = Vec::new();
    for deploys in [false, true] {
        for (index, part) in backup.templates.iter().enumerate() {
            if (part.r#type == TemplateType::Deploy) == deploys {
                let id = at("templates", index, add_one(restoring, part, global_roles).await)?;
                // Reference: only a template that deploys keeps its build template.
                deploying.extend(part.build_template.as_ref().filter(|_| deploys).map(|build| (index, id, build)));
            }
        }
    }
    for (index, id, build) in deploying {
        let build = at("templates", index, required(&restoring.templates, "build_template", build))?;
        restoring.transaction.set_build_template(restoring.project, id, build).await?;
    }
    Ok(())
}

async fn add_one(restoring: &mut Restoring, part: &TemplatePart, global_roles: &[Role]) -> Result<TemplateId> {
    let template = template(restoring, part)?;
    let id = restoring.transaction.insert_template(template).await?.id;
    restoring.templates.entry(part.name.clone()).or_insert(id);
    for added in &part.roles {
        let role = TemplateRole {
            role_slug: slug(restoring, added, global_roles)?,
            template_id: id,
            project_id: restoring.project,
            permissions: added.permissions,
            ..TemplateRole::default()
        };
        restoring.transaction.insert_template_role(role).await?;
    }
    Ok(id)
}

/// The slug of the role that adds something. Reference: its documents hold the name of a global role where it then expects
/// the slug; both are found here.
fn slug(restoring: &Restoring, added: &TemplateRolePart, global_roles: &[Role]) -> Result<String> {
    if !added.is_global {
        return required(&restoring.roles, "role", &added.role);
    }
    let by_slug = global_roles.iter().find(|role| role.slug == added.role);
    let role = by_slug.or_else(|| global_roles.iter().find(|role| role.name == added.role));
    role.map(|role| role.slug.clone())
        .ok_or_else(|| refused(format!("global role does not exist: {}; create it first", added.role)))
}

fn template(restoring: &Restoring, part: &TemplatePart) -> Result<Template> {
    let vaults = part.vaults.iter().map(|vault| {
        Ok(TemplateVault {
            vault_key_id: optional(&restoring.keys, "key", vault.vault_key.as_ref())?,
            name: vault.name.clone(),
            r#type: vault.r#type.clone(),
            script: vault.script.clone(),
            ..TemplateVault::default()
        })
    });
    let template = Template {
        project_id: restoring.project,
        inventory_id: optional(&restoring.inventories, "inventory", part.inventory.as_ref())?,
        repository_id: required(&restoring.repositories, "repository", &part.repository)?,
        environment_id: optional(&restoring.environments, "environment", part.environment.as_ref())?,
        name: part.name.clone(),
        playbook: part.playbook.clone(),
        arguments: part.arguments.clone(),
        allow_override_args_in_task: part.allow_override_args_in_task,
        description: part.description.clone(),
        vaults: vaults.collect::<Result<_>>()?,
        r#type: part.r#type.clone(),
        start_version: part.start_version.clone(),
        view_id: optional(&restoring.views, "view", part.view.as_ref())?,
        autorun: part.autorun,
        git_branch: part.git_branch.clone(),
        survey_vars: part.survey_vars.iter().map(survey_variable).collect(),
        suppress_success_alerts: part.suppress_success_alerts,
        app: part.app.clone(),
        task_params: part.task_params.clone(),
        runner_tag: part.runner_tag.clone(),
        allow_override_branch_in_task: part.allow_override_branch_in_task,
        allow_parallel_tasks: part.allow_parallel_tasks,
        ..Template::default()
    };
    template.validate()?;
    Ok(template)
}

fn survey_variable(part: &super::document::SurveyPart) -> SurveyVariable {
    SurveyVariable {
        name: part.name.clone(),
        title: part.title.clone(),
        required: part.required,
        r#type: part.r#type.clone(),
        description: part.description.clone(),
        values: part
            .values
            .iter()
            .map(|choice| SurveyVariableValue { name: choice.name.clone(), value: choice.value.clone() })
            .collect(),
        default_value: part.default_value.clone(),
    }
}
