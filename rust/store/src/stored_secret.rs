//! Everything in the database that `access_key_encryption` protects, for the change of that key and for the look whether it fits.
//!
//! Not for the use of a single key (`access_key`), and not for cryptography: texts go out and come in as they are stored.

use crate::db::{FromRow, Row, Transaction, params};
use crate::migration::tables;
use crate::{Result, Store};
use semaphore_model::{AccessKey, AccessKeyId, Secret};

/// Rows that are read at a time.
const PAGE: u32 = 500;

/// The columns of tables of our own that are encrypted like keys.
const OWN: &[OwnColumn] = &[
    OwnColumn {
        table: "rs_task_secret",
        read: "select cast(task_id as char(64)) as name, sealed as sealed from rs_task_secret",
        is_needed: true,
        write: "update rs_task_secret set sealed = ? where cast(task_id as char(64)) = ?",
    },
    OwnColumn {
        table: "rs_delivery",
        read: "select cast(id as char(64)) as name, sealed as sealed from rs_delivery",
        is_needed: false,
        write: "update rs_delivery set sealed = ? where cast(id as char(64)) = ?",
    },
    OwnColumn {
        table: "rs_jwt_key",
        read: "select key_id as name, sealed as sealed from rs_jwt_key",
        is_needed: false,
        write: "update rs_jwt_key set sealed = ? where key_id = ?",
    },
];

struct OwnColumn {
    table: &'static str,
    /// Whether something is lost with it: a delivery is shown without its body, and a key to sign with is made anew.
    is_needed: bool,
    /// Answers `name` and `sealed`.
    read: &'static str,
    /// Takes the new text and the name.
    write: &'static str,
}

/// A row of a table of our own that holds an encrypted text.
#[derive(Clone, Debug)]
pub struct OwnSecret {
    /// The table.
    pub table: &'static str,
    /// Whether something is lost if no key opens it.
    pub is_needed: bool,
    /// Which row, in words: its primary key.
    pub name: String,
    /// The text as stored.
    pub sealed: Secret,
}

fn own_secret(row: &Row, column: &OwnColumn) -> Result<OwnSecret> {
    let (name, sealed) = (row.text("name")?.trim_end().to_owned(), row.text("sealed")?.into());
    Ok(OwnSecret { table: column.table, is_needed: column.is_needed, name, sealed })
}

fn page_of_keys(lock: &'static str) -> String {
    format!("select * from access_key where id > ? order by id limit {PAGE}{lock}")
}

impl Store {
    /// The next keys with a secret or without, of all projects and of none, in the order of their ids; begin with id 0.
    pub async fn list_keys_of_all_projects(&self, after: AccessKeyId) -> Result<Vec<AccessKey>> {
        self.fetch(page_of_keys(""), params![after]).await
    }

    /// What tables of our own hold encrypted; nothing of a table that is not there.
    pub async fn list_own_secrets(&self) -> Result<Vec<OwnSecret>> {
        let mut found = Vec::new();
        for column in self.own_columns().await? {
            let rows = self.db().fetch_all(column.read, params![]).await?;
            for row in &rows {
                found.push(own_secret(row, column)?);
            }
        }
        Ok(found)
    }

    async fn own_columns(&self) -> Result<Vec<&'static OwnColumn>> {
        let present = tables(self.db()).await?;
        Ok(OWN.iter().filter(|column| present.iter().any(|table| table == column.table)).collect())
    }

    /// Opens a transaction in which nobody else changes what tables of our own hold encrypted; answers those rows.
    pub async fn begin_with_own_secrets(&self) -> Result<(Transaction, Vec<OwnSecret>)> {
        let columns = self.own_columns().await?;
        let mut transaction = self.begin().await?;
        let lock = transaction.dialect().for_update();
        let mut found = Vec::new();
        for column in columns {
            let rows = transaction.fetch_all(format!("{}{lock}", column.read), params![]).await?;
            for row in &rows {
                found.push(own_secret(row, column)?);
            }
        }
        Ok((transaction, found))
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

    /// Puts the same text under another key in its place.
    pub async fn replace_own_secret(&mut self, secret: &OwnSecret, sealed: &Secret) -> Result<()> {
        let Some(column) = OWN.iter().find(|column| column.table == secret.table) else { return Ok(()) };
        self.change(column.write, params![sealed, &secret.name]).await
    }
}
