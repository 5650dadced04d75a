//! Ansible vaults of templates.

use crate::db::{FromRow, Param, Row, Transaction, params};
use crate::sql::and_in;
use crate::{Result, Store};
use semaphore_model::{ProjectId, TemplateId, TemplateVault, TemplateVaultId, TemplateVaultType};

impl FromRow for TemplateVault {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            project_id: row.id("project_id")?,
            template_id: row.id("template_id")?,
            vault_key_id: row.optional_id("vault_key_id")?,
            name: row.optional_text("name")?,
            r#type: row.word("type")?,
            script: row.optional_text("script")?,
        })
    }
}

impl Store {
    /// Vaults of a template.
    pub async fn list_template_vaults(&self, project_id: ProjectId, id: TemplateId) -> Result<Vec<TemplateVault>> {
        let text = "select * from project__template_vault where project_id = ? and template_id = ? order by id";
        self.fetch(text, params![project_id, id]).await
    }
}

impl Transaction {
    /// Makes the vaults of a template exactly `vaults`: adds those without an id, changes the others, removes the rest.
    ///
    /// An id that is not one of this template is passed over (the reference would take a vault away from its template).
    pub(crate) async fn replace_template_vaults(
        &mut self,
        project_id: ProjectId,
        template_id: TemplateId,
        vaults: &[TemplateVault],
    ) -> Result<()> {
        let mut kept: Vec<TemplateVaultId> = Vec::with_capacity(vaults.len());
        for vault in vaults {
            let key = vault.vault_key_id.filter(|_| vault.r#type != TemplateVaultType::Script);
            let script = vault.script.as_deref().filter(|_| vault.r#type != TemplateVaultType::Password);
            let mut values =
                params![key, vault.name.as_deref(), vault.r#type.as_str(), script, project_id, template_id];
            if vault.id.0 == 0 {
                let text = "insert into project__template_vault (vault_key_id, name, type, script, project_id, template_id) \
                     values (?, ?, ?, ?, ?, ?)";
                kept.push(self.insert(text, values).await?);
            } else {
                values.push(vault.id.into());
                let text = "update project__template_vault set vault_key_id = ?, name = ?, type = ?, script = ? \
                     where project_id = ? and template_id = ? and id = ?";
                self.execute(text, values).await?;
                kept.push(vault.id);
            }
        }
        let mut text = "delete from project__template_vault where project_id = ? and template_id = ?".to_owned();
        let mut values = params![project_id, template_id];
        if !kept.is_empty() {
            text.push_str(&and_in("id not", kept.len()));
            values.extend(kept.into_iter().map(Param::from));
        }
        self.execute(text, values).await.map(drop)
    }
}
