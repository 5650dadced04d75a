//! How far a transfer has come, kept in the target itself (`rs_transfer`), in the same transaction as the rows it tells of.
//!
//! One row per table, and one without a name for the whole. A transfer that was interrupted goes on behind its last batch.

use super::{Result, TransferError};
use crate::Store;
use crate::db::{Transaction, params};
use std::collections::BTreeMap;

/// The row of the whole transfer.
const WHOLE: &str = "";

/// That a database was filled by a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferState {
    /// What it was filled from: the kind of source and what tells its state.
    pub source: String,
    /// Whether everything is there.
    pub is_done: bool,
}

/// How far one step has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Step {
    pub(super) place: String,
    pub(super) copied: u64,
    pub(super) is_done: bool,
}

impl Store {
    /// The transfer that filled this database, if one did.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn transfer_state(&self) -> crate::Result<Option<TransferState>> {
        let text = "select source, is_done from rs_transfer where step = ?";
        let rows = self.fetch_own(text, params![WHOLE]).await?;
        let state = |row: &crate::db::Row| {
            Ok(TransferState { source: row.text("source")?, is_done: row.long("is_done")? != 0 })
        };
        rows.first().map(state).transpose()
    }
}

/// The steps so far.
pub(super) async fn steps(store: &Store) -> Result<BTreeMap<String, Step>> {
    let rows = store.fetch_own("select step, place, copied, is_done from rs_transfer", Vec::new()).await?;
    let step = |row: &crate::db::Row| {
        let step = Step {
            place: row.text("place")?,
            copied: row.long("copied")?.try_into().unwrap_or_default(),
            is_done: row.long("is_done")? != 0,
        };
        Ok((row.text("step")?, step))
    };
    rows.iter().map(step).collect::<crate::Result<_>>().map_err(TransferError::from)
}

/// Notes how far a step is.
pub(super) async fn note(transaction: &mut Transaction, source: &str, name: &str, step: &Step) -> Result<()> {
    transaction.execute("delete from rs_transfer where step = ?", params![name]).await?;
    let text = "insert into rs_transfer (step, source, place, copied, is_done) values (?, ?, ?, ?, ?)";
    let copied = i64::try_from(step.copied).unwrap_or(i64::MAX);
    transaction.execute(text, params![name, source, &step.place, copied, i64::from(step.is_done)]).await?;
    Ok(())
}

/// Notes that the transfer begins or has ended.
pub(super) async fn note_whole(store: &Store, source: &str, is_done: bool) -> Result<()> {
    let mut transaction = store.begin().await?;
    let step = Step { is_done, ..Step::default() };
    note(&mut transaction, source, WHOLE, &step).await?;
    Ok(transaction.commit().await?)
}
