//! What starts the templates of a document by itself: integrations with their rules and addresses, schedules.

use chrono::{DateTime, Utc};
use semaphore_model::{
    Integration, IntegrationAlias, IntegrationExtractValue, IntegrationId, IntegrationMatcher, Schedule, ScheduleType,
    TaskParams,
};
use semaphore_task::Cron;

use super::{
    document::{Backup, IntegrationPart, ParamsPart, SchedulePart},
    restore::{Restoring, at, optional, refused, required},
};
use crate::error::Result;

/// Adds them.
pub(super) async fn add(restoring: &mut Restoring, backup: &Backup) -> Result<()> {
    for (index, part) in backup.integrations.iter().enumerate() {
        at("integrations", index, add_integration(restoring, part).await)?;
    }
    for (index, alias) in backup.integration_aliases.iter().enumerate() {
        at("integration_aliases", index, add_alias(restoring, None, alias).await)?;
    }
    for (index, part) in backup.schedules.iter().enumerate() {
        at("schedules", index, add_schedule(restoring, part).await)?;
    }
    Ok(())
}

async fn add_integration(restoring: &mut Restoring, part: &IntegrationPart) -> Result<()> {
    let integration = Integration {
        name: part.name.clone(),
        project_id: restoring.project,
        template_id: required(&restoring.templates, "template", &part.template)?,
        auth_method: part.auth_method.clone(),
        // Reference: a key that is not in the document is left out; without it nobody gets in.
        auth_secret_id: part.auth_secret.as_ref().and_then(|name| restoring.keys.get(name).copied()),
        auth_header: part.auth_header.clone(),
        searchable: part.searchable,
        task_params: part.task_params.as_ref().map(|params| task_params(restoring, params)).transpose()?,
        ..Integration::default()
    };
    let id = restoring.transaction.insert_integration(integration).await?.id;
    for matcher in &part.matchers {
        let matcher = IntegrationMatcher {
            integration_id: id,
            name: matcher.name.clone(),
            match_type: matcher.match_type.clone(),
            method: matcher.method.clone(),
            body_data_type: matcher.body_data_type.clone(),
            key: matcher.key.clone(),
            value: matcher.value.clone(),
            ..IntegrationMatcher::default()
        };
        restoring.transaction.insert_integration_matcher(restoring.project, matcher).await?;
    }
    for value in &part.extract_values {
        let value = IntegrationExtractValue {
            integration_id: id,
            name: value.name.clone(),
            value_source: value.value_source.clone(),
            body_data_type: value.body_data_type.clone(),
            key: value.key.clone(),
            variable: value.variable.clone(),
            variable_type: value.variable_type.clone(),
            ..IntegrationExtractValue::default()
        };
        restoring.transaction.insert_integration_value(restoring.project, value).await?;
    }
    for alias in &part.aliases {
        add_alias(restoring, Some(id), alias).await?;
    }
    Ok(())
}

/// Reference: an address that is in use, mostly by the project the document was made of, stays where it is.
async fn add_alias(restoring: &mut Restoring, integration: Option<IntegrationId>, alias: &str) -> Result<()> {
    if alias.is_empty() {
        return Err(refused("an address is empty".to_owned()));
    }
    if restoring.transaction.has_integration_alias(alias).await? {
        return Ok(());
    }
    let alias = IntegrationAlias {
        alias: alias.to_owned(),
        project_id: restoring.project,
        integration_id: integration,
        ..IntegrationAlias::default()
    };
    restoring.transaction.insert_integration_alias(alias).await?;
    Ok(())
}

async fn add_schedule(restoring: &mut Restoring, part: &SchedulePart) -> Result<()> {
    let mut schedule = Schedule {
        project_id: restoring.project,
        template_id: required(&restoring.templates, "template", &part.template)?,
        cron_format: part.cron_format.clone(),
        name: part.name.clone(),
        active: part.active,
        r#type: part.r#type.clone(),
        delete_after_run: part.delete_after_run,
        repository_id: optional(&restoring.repositories, "repository", part.checkable_repository.as_ref())?,
        run_at: run_at(part),
        task_params: part.task_params.as_ref().map(|params| task_params(restoring, params)).transpose()?,
        ..Schedule::default()
    };
    match schedule.r#type {
        ScheduleType::Cron => {
            Cron::parse(&schedule.cron_format).map_err(|error| refused(format!("Cron: {error}")))?;
        }
        // The reference's documents have lost the time: somebody has to set it again.
        ScheduleType::RunAt if schedule.run_at.is_none() => schedule.active = false,
        ScheduleType::RunAt => {}
        ScheduleType::Other(_) => return Err(refused("invalid schedule type".to_owned())),
    }
    restoring.transaction.insert_schedule(schedule).await?;
    Ok(())
}

/// The time of an extended document, or of one in which the reference's mistake was mended by hand.
fn run_at(part: &SchedulePart) -> Option<DateTime<Utc>> {
    let by_hand = part.run_at.as_ref().and_then(serde_json::Value::as_str);
    part.run_at_time.as_deref().or(by_hand)?.parse().ok()
}

fn task_params(restoring: &Restoring, part: &ParamsPart) -> Result<TaskParams> {
    Ok(TaskParams {
        environment: part.environment.clone(),
        arguments: part.arguments.clone(),
        git_branch: part.git_branch.clone(),
        message: part.message.clone(),
        version: part.version.clone(),
        inventory_id: optional(&restoring.inventories, "inventory", part.inventory_name.as_ref())?,
        params: part.params.clone(),
        ..TaskParams::default()
    })
}
