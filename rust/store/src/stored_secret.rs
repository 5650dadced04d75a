//! Everything in the database that `access_key_encryption` protects, for the change of that key and for the look whether it fits.
//!
//! Not for the use of a single key (`access_key`), and not for cryptography: texts go out and come in as they are stored.

use crate::db::{FromRow, Param, Row, Transaction, params};
use crate::migration::tables;
use crate::{Result, Store};
use semaphore_model::{AccessKey, AccessKeyId, Secret};

/// Rows that are read at a time.
const PAGE: u32 = 500;

/// Rows of a table of our own that are read at a time: a delivery can have some hundred KiB.
const OWN_PAGE: u32 = 16;

/// The tables of our own with a column `sealed` that is encrypted like keys.
const OWN: &[OwnTable] = &[
    OwnTable { name: "rs_task_secret", is_needed: true, key: "task_id", is_numbered: true },
    OwnTable { name: "rs_delivery", is_needed: false, key: "id", is_numbered: true },
    OwnTable { name: "rs_jwt_key", is_needed: false, key: "key_id", is_numbered: false },
];

/// A table of our own that holds encrypted texts.
#[derive(Clone, Copy, Debug)]
pub struct OwnTable {
    /// Its name.
    pub name: &'static str,
    /// Whether something is lost with a text: a delivery is shown without its body, and a key to sign with is made anew.
    pub is_needed: bool,
    /// Its primary key.
    key: &'static str,
    /// Whether that is a number.
    is_numbered: bool,
}

/// A row of such a table.
#[derive(Clone, Debug)]
pub struct OwnSecret {
    /// Its primary key.
    pub key: String,
    /// The text as stored.
    pub sealed: Secret,
}

impl OwnTable {
    fn page(&self, lock: &'static str) -> String {
        let Self { name, key, .. } = self;
        format!(
            "select {key} as place, sealed as sealed from {name} where {key} > ? order by {key} limit {OWN_PAGE}{lock}"
        )
    }

    /// The key of a row; of none, what is before all of them.
    fn key(&self, of: Option<&OwnSecret>) -> Param {
        match of {
            Some(row) if self.is_numbered => row.key.parse().unwrap_or(i64::MAX).into(),
            Some(row) => row.key.as_str().into(),
            None if self.is_numbered => 0_i64.into(),
            None => "".into(),
        }
    }

    fn row(&self, row: &Row) -> Result<OwnSecret> {
        let key = if self.is_numbered { row.long("place")?.to_string() } else { row.text("place")? };
        Ok(OwnSecret { key, sealed: row.text("sealed")?.into() })
    }
}

fn page_of_keys(lock: &'static str) -> String {
    format!("select * from access_key where id > ? order by id limit {PAGE}{lock}")
}

impl Store {
    /// The next keys with a secret or without, of all projects and of none, in the order of their ids; begin with id 0.
    pub async fn list_keys_of_all_projects(&self, after: AccessKeyId) -> Result<Vec<AccessKey>> {
        self.fetch(page_of_keys(""), params![after]).await
    }

    /// The tables of our own that hold encrypted texts, as far as they are there.
    pub async fn list_own_tables(&self) -> Result<Vec<OwnTable>> {
        let present = tables(self.db()).await?;
        Ok(OWN.iter().filter(|own| present.iter().any(|table| table == own.name)).copied().collect())
    }

    /// The next rows of such a table behind one, or its first.
    pub async fn list_own_secrets(&self, table: &OwnTable, after: Option<&OwnSecret>) -> Result<Vec<OwnSecret>> {
        let rows = self.db().fetch_all(table.page(""), vec![table.key(after)]).await?;
        rows.iter().map(|row| table.row(row)).collect()
    }
}

impl Transaction {
    /// As [`Store::list_keys_of_all_projects`]; nobody else changes the rows until the transaction ends.
    pub async fn lock_keys_of_all_projects(&mut self, after: AccessKeyId) -> Result<Vec<AccessKey>> {
        let text = page_of_keys(self.dialect().for_update());
        self.fetch_all(text, params![after]).await?.iter().map(AccessKey::from_row).collect()
    }

    /// Puts the same secret under another key in its place.
    pub async fn replace_key_secret(&mut self, id: AccessKeyId, sealed: &Secret) -> Result<()> {
        self.change("update access_key set secret = ? where id = ?", params![sealed, id]).await
    }

    /// As [`Store::list_own_secrets`]; nobody else changes the rows until the transaction ends.
    pub async fn lock_own_secrets(&mut self, table: &OwnTable, after: Option<&OwnSecret>) -> Result<Vec<OwnSecret>> {
        let text = table.page(self.dialect().for_update());
        self.fetch_all(text, vec![table.key(after)]).await?.iter().map(|row| table.row(row)).collect()
    }

    /// Puts the same text under another key in its place.
    pub async fn replace_own_secret(&mut self, table: &OwnTable, row: &OwnSecret, sealed: &Secret) -> Result<()> {
        let text = format!("update {} set sealed = ? where {} = ?", table.name, table.key);
        let mut values = params![sealed];
        values.push(table.key(Some(row)));
        self.change(text, values).await
    }
}
