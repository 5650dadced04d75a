//! Settings in the database.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::sql::escape_like;
use crate::{Result, Store};
use semaphore_model::ServerOption;
use semaphore_model::server_option::validate_key;

impl FromRow for ServerOption {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { key: row.text("key")?, value: row.text("value")? })
    }
}

impl Store {
    /// The value, if it was ever set.
    pub async fn get_option(&self, key: &str) -> Result<Option<String>> {
        let row = self.db().fetch_optional("select value from `option` where `key` = ?", params![key]).await?;
        row.map(|row| row.text("value")).transpose()
    }

    /// All settings, or with a `prefix` that key and those below it (`prefix.`).
    pub async fn list_options(&self, prefix: &str) -> Result<Vec<ServerOption>> {
        if prefix.is_empty() {
            return self.fetch("select * from `option` order by `key`", Vec::new()).await;
        }
        validate_key(prefix)?;
        let text = "select * from `option` where `key` = ? or `key` like ? escape '!' order by `key`";
        self.fetch(text, params![prefix, escape_like(prefix) + ".%"]).await
    }
}

writes! {
    /// Sets a value.
    set_option(key: &str, value: &str) -> ();
    /// Removes a key and those below it (`key.`); answers how many.
    delete_options(key: &str) -> u64;
}

impl Transaction {
    /// Sets a value. Reference: any key is taken.
    pub async fn set_option(&mut self, key: &str, value: &str) -> Result<()> {
        if self.execute("update `option` set value = ? where `key` = ?", params![value, key]).await? == 0 {
            self.execute("insert into `option` (`key`, value) values (?, ?)", params![key, value]).await?;
        }
        Ok(())
    }

    /// Removes a key and those below it.
    pub async fn delete_options(&mut self, key: &str) -> Result<u64> {
        validate_key(key)?;
        let text = "delete from `option` where `key` = ? or `key` like ? escape '!'";
        self.execute(text, params![key, escape_like(key) + ".%"]).await
    }
}
