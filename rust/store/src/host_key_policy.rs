//! What projects know about the keys of hosts, in a table of our own.

use crate::db::{FromRow, Row, Transaction, params};
use crate::error::StoreError;
use crate::{Result, Store};
use semaphore_model::known_hosts::union;
use semaphore_model::{HostKeyMode, HostKeyPolicy, ProjectId};

const SELECT: &str = "select mode, known_hosts from rs_host_key_policy where project_id = ?";

impl FromRow for HostKeyPolicy {
    /// A mode that nobody knows is an error: taking it for `off` would switch a protection off.
    fn from_row(row: &Row) -> Result<Self> {
        let mode = row.text("mode")?;
        let mode = HostKeyMode::from_text(&mode).ok_or_else(|| StoreError::Unreadable {
            column: "mode".to_owned(),
            value: mode,
            expected: "off, accept-new or strict",
        })?;
        Ok(Self { mode, known_hosts: row.text("known_hosts")? })
    }
}

impl Store {
    /// The project's policy; the default one if it has none.
    pub async fn get_host_key_policy(&self, id: ProjectId) -> Result<HostKeyPolicy> {
        let rows = self.fetch_own(SELECT, params![id]).await?;
        rows.first().map_or_else(|| Ok(HostKeyPolicy::default()), HostKeyPolicy::from_row)
    }

    /// Adds lines to the known hosts of a project that still accepts new ones; answers whether anything was added.
    ///
    /// Two tasks that end at the same time lose nothing of each other: the union is made in one transaction, which on the
    /// servers locks the row.
    pub async fn merge_known_hosts(&self, id: ProjectId, lines: &str) -> Result<bool> {
        crate::own_table::nothing_if_missing(self.merge(id, lines).await)
    }

    async fn merge(&self, id: ProjectId, lines: &str) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let text = format!("{SELECT}{}", transaction.dialect().for_update());
        let row = transaction.fetch_optional(text, params![id]).await?;
        let policy = row.as_ref().map(HostKeyPolicy::from_row).transpose()?.unwrap_or_default();
        let is_open = policy.mode == HostKeyMode::AcceptNew;
        let Some(known_hosts) = is_open.then(|| union(&policy.known_hosts, lines)).flatten() else {
            return Ok(false);
        };
        transaction.set_host_key_policy(id, &HostKeyPolicy { known_hosts, ..policy }).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

impl Transaction {
    /// Sets the project's policy.
    ///
    /// Errors: [`StoreError::OwnTableMissing`], for [`Store::make_own_tables`] and once more.
    pub async fn set_host_key_policy(&mut self, id: ProjectId, policy: &HostKeyPolicy) -> Result<()> {
        let values = params![policy.mode.as_str(), &policy.known_hosts, id];
        let text = "update rs_host_key_policy set mode = ?, known_hosts = ? where project_id = ?";
        if self.execute(text, values.clone()).await? == 0 {
            let text = "insert into rs_host_key_policy (mode, known_hosts, project_id) values (?, ?, ?)";
            self.execute(text, values).await?;
        }
        Ok(())
    }
}
