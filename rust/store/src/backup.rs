//! Everything of a project that a copy of it needs and that other lists give one by one: one query for each kind, however
//! many rows there are.

use crate::db::{Transaction, params};
use crate::{Result, Store};
use semaphore_model::{
    IntegrationAlias, IntegrationExtractValue, IntegrationMatcher, InventoryId, ProjectId, Template, TemplateId,
    TemplateRole, TemplateVault,
};
use std::collections::HashMap;

impl Store {
    /// All templates of the project with their vaults, without tasks, by name.
    pub async fn list_whole_templates(&self, project_id: ProjectId) -> Result<Vec<Template>> {
        let text = "select * from project__template where project_id = ? order by name, id";
        let mut templates: Vec<Template> = self.fetch(text, params![project_id]).await?;
        let text = "select * from project__template_vault where project_id = ? order by id";
        let vaults: Vec<TemplateVault> = self.fetch(text, params![project_id]).await?;
        let mut by_template: HashMap<TemplateId, Vec<TemplateVault>> = HashMap::new();
        for vault in vaults {
            by_template.entry(vault.template_id).or_default().push(vault);
        }
        for template in &mut templates {
            template.vaults = by_template.remove(&template.id).unwrap_or_default();
        }
        Ok(templates)
    }

    /// What roles add on all templates of the project, by id.
    pub async fn list_all_template_roles(&self, project_id: ProjectId) -> Result<Vec<TemplateRole>> {
        self.fetch("select * from project__template_role where project_id = ? order by id", params![project_id]).await
    }

    /// All addresses of the project and its integrations, by id.
    pub async fn list_all_integration_aliases(&self, project_id: ProjectId) -> Result<Vec<IntegrationAlias>> {
        let text = "select * from project__integration_alias where project_id = ? order by id";
        self.fetch(text, params![project_id]).await
    }

    /// What requests of all integrations of the project must contain, by id.
    pub async fn list_all_integration_matchers(&self, project_id: ProjectId) -> Result<Vec<IntegrationMatcher>> {
        let text = "select * from project__integration_matcher where integration_id in \
             (select id from project__integration where project_id = ?) order by id";
        self.fetch(text, params![project_id]).await
    }

    /// What is taken from requests of all integrations of the project, by name.
    pub async fn list_all_integration_values(&self, project_id: ProjectId) -> Result<Vec<IntegrationExtractValue>> {
        let text = "select * from project__integration_extract_value where integration_id in \
             (select id from project__integration where project_id = ?) order by name, id";
        self.fetch(text, params![project_id]).await
    }
}

impl Transaction {
    /// Whether a project has exactly this name.
    pub async fn has_project_named(&mut self, name: &str) -> Result<bool> {
        // MySQL finds names that differ in case as well.
        let rows = self.fetch_all("select name from project where name = ?", params![name]).await?;
        Ok(rows.iter().map(|row| row.text("name")).collect::<Result<Vec<_>>>()?.iter().any(|found| found == name))
    }

    /// Whether an address of integrations is taken.
    pub async fn has_integration_alias(&mut self, alias: &str) -> Result<bool> {
        let text = "select id from project__integration_alias where alias = ?";
        Ok(self.fetch_optional(text, params![alias]).await?.is_some())
    }

    /// Gives an inventory of the project to a template.
    pub async fn set_inventory_template(
        &mut self,
        project_id: ProjectId,
        id: InventoryId,
        template_id: TemplateId,
    ) -> Result<()> {
        let text = "update project__inventory set template_id = ? where id = ? and project_id = ?";
        self.change(text, params![template_id, id, project_id]).await
    }
}
