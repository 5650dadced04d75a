//! Locks of Terraform states, in a table of our own.
//!
//! Without the table nothing is locked; taking a lock makes it again.

use crate::db::{FromRow, Row, Transaction, params};
use crate::own_table::nothing_if_missing;
use crate::sql::Dialect;
use crate::{Result, Store, StoreError};
use chrono::{DateTime, Utc};
use semaphore_model::InventoryId;

/// Who holds the state of an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerraformLock {
    /// Whose state is locked.
    pub inventory_id: InventoryId,
    /// The holder's id of the lock.
    pub lock_id: String,
    /// What the holder said about itself: JSON, for whoever is refused.
    pub information: String,
    /// Since when.
    pub created: DateTime<Utc>,
}

const SELECT: &str = "select * from rs_terraform_lock where inventory_id = ?";

impl FromRow for TerraformLock {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            inventory_id: row.id("inventory_id")?,
            lock_id: row.text("lock_id")?,
            information: row.text("information")?,
            created: row.time("created")?,
        })
    }
}

impl Store {
    /// Takes a lock. Answers none, or the lock that stands in the way (it may be the caller's own).
    ///
    /// Errors: [`StoreError::OwnTableMissing`], for [`Store::make_own_tables`] and once more.
    pub async fn lock_terraform_state(&self, lock: &TerraformLock) -> Result<Option<TerraformLock>> {
        let mut transaction = self.begin().await?;
        let text = "insert into rs_terraform_lock (inventory_id, lock_id, information, created) values (?, ?, ?, ?)";
        let values = params![lock.inventory_id, &lock.lock_id, &lock.information, lock.created];
        match transaction.execute(text, values).await {
            Ok(_) => transaction.commit().await.map(|()| None),
            Err(error @ StoreError::Duplicate { .. }) => {
                transaction.rollback().await?;
                match self.fetch_one(SELECT, params![lock.inventory_id]).await {
                    Ok(held) => Ok(Some(held)),
                    // Released in between: the caller comes again.
                    Err(StoreError::NotFound) => Err(error),
                    Err(other) => Err(other),
                }
            }
            Err(error) => Err(error),
        }
    }
}

impl Transaction {
    /// Who holds the state, and keeps it for the length of the transaction on the servers.
    pub async fn get_terraform_lock(&mut self, id: InventoryId) -> Result<Option<TerraformLock>> {
        let text = format!("{SELECT}{}", self.dialect().for_update());
        // On PostgreSQL a statement that fails takes the whole transaction with it, so there is a savepoint.
        let has_savepoint = self.dialect() == Dialect::Postgres;
        if has_savepoint {
            self.execute("savepoint terraform_lock", Vec::new()).await?;
        }
        let found = self.fetch_optional(text, params![id]).await;
        if has_savepoint && matches!(found, Err(StoreError::OwnTableMissing { .. })) {
            self.execute("rollback to savepoint terraform_lock", Vec::new()).await?;
        }
        nothing_if_missing(found)?.as_ref().map(TerraformLock::from_row).transpose()
    }

    /// Takes the lock away.
    pub async fn delete_terraform_lock(&mut self, id: InventoryId) -> Result<()> {
        self.execute("delete from rs_terraform_lock where inventory_id = ?", params![id]).await.map(drop)
    }
}
