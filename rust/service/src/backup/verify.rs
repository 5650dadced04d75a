//! What a document says about itself: names that are referred to exist, and stand not too often.

use super::document::{Backup, TemplatePart};
use semaphore_model::TemplateType;

/// What is wrong with one object of the document, and where. Reference: `BackupFormat.Verify`, without its texts' mistakes.
pub(super) type Fault = String;

/// How often a name may stand in its list. Reference: twice; what refers to it means the first.
const MOST_EQUAL_NAMES: usize = 2;

/// Checks the whole document.
pub(super) fn verify(backup: &Backup) -> Result<(), Fault> {
    let keys = Listed::new("keys", backup.keys.iter().map(|item| item.name.as_str()));
    let repositories = Listed::new("repositories", backup.repositories.iter().map(|item| item.name.as_str()));
    let inventories = Listed::new("inventories", backup.inventories.iter().map(|item| item.name.as_str()));
    let environments = Listed::new("environments", backup.environments.iter().map(|item| item.name.as_str()));
    let templates = Listed::new("templates", backup.templates.iter().map(|item| item.name.as_str()));
    let views = Listed::new("views", backup.views.iter().map(|item| item.title.as_str()));
    let schedules = Listed::new("schedules", backup.schedules.iter().map(|item| item.name.as_str()));
    let storages = Listed::new("secret_storages", backup.secret_storages.iter().map(|item| item.name.as_str()));
    let roles = Listed::new("roles", backup.roles.iter().map(|item| item.name.as_str()));
    for list in [&environments, &views, &schedules, &keys, &repositories, &inventories, &storages, &templates, &roles] {
        list.check_names()?;
    }
    for (index, item) in backup.repositories.iter().enumerate() {
        at("repositories", index, keys.check("ssh_key", item.ssh_key.as_deref()))?;
    }
    for (index, item) in backup.inventories.iter().enumerate() {
        at("inventories", index, keys.check("ssh_key", item.ssh_key.as_deref()))?;
        at("inventories", index, keys.check("become_key", item.become_key.as_deref()))?;
    }
    for (index, item) in backup.templates.iter().enumerate() {
        let checked = || {
            repositories.check("repository", Some(&item.repository))?;
            inventories.check("inventory", item.inventory.as_deref())?;
            environments.check("environment", item.environment.as_deref())?;
            views.check("view", item.view.as_deref())?;
            for vault in &item.vaults {
                keys.check("vaults[].vault_key", vault.vault_key.as_deref())?;
            }
            check_build_template(item, &templates)
        };
        at("templates", index, checked())?;
    }
    Ok(())
}

fn check_build_template(item: &TemplatePart, templates: &Listed<'_>) -> Result<(), Fault> {
    if item.r#type != TemplateType::Deploy {
        return Ok(());
    }
    if item.build_template.is_none() {
        return Err("a template that deploys names no build_template".to_owned());
    }
    templates.check("build_template", item.build_template.as_deref())
}

/// The fault with its place in front.
pub(super) fn at<T>(list: &str, index: usize, checked: Result<T, Fault>) -> Result<T, Fault> {
    checked.map_err(|fault| format!("error at {list}[{index}]: {fault}"))
}

/// The names of a list.
struct Listed<'a> {
    list: &'static str,
    names: Vec<&'a str>,
}

impl<'a> Listed<'a> {
    fn new(list: &'static str, names: impl Iterator<Item = &'a str>) -> Self {
        Self { list, names: names.collect() }
    }

    fn check_names(&self) -> Result<(), Fault> {
        let mut counts = std::collections::HashMap::new();
        for (index, name) in self.names.iter().enumerate() {
            let count: &mut usize = counts.entry(*name).or_default();
            *count += 1;
            if *count > MOST_EQUAL_NAMES {
                return Err(format!("error at {}[{index}]: {name} is duplicate", self.list));
            }
        }
        Ok(())
    }

    fn check(&self, member: &str, name: Option<&str>) -> Result<(), Fault> {
        match name {
            Some(name) if !self.names.contains(&name) => {
                Err(format!("{member} {name:?} does not exist in {}[].name", self.list))
            }
            _ => Ok(()),
        }
    }
}
