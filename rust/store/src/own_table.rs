//! The rule for tables of our own: one that is not there means that nothing is known, never a failed task or request.
//!
//! Reading and everything that happens beside a task's state goes through [`nothing_if_missing`] (inside a transaction:
//! [`Transaction::execute_own`]); a write that somebody asked for goes through [`Store::with_own_tables`], which makes the tables
//! again. Not for tables of the reference: without them there is no server.

use crate::db::{Param, Row, Transaction};
use crate::error::StoreError;
use crate::{Result, Store};
use std::borrow::Cow;

/// The answer, or the empty one if a table of ours is not there.
pub(crate) fn nothing_if_missing<T: Default>(answer: Result<T>) -> Result<T> {
    match answer {
        Err(StoreError::OwnTableMissing { source }) => {
            tracing::warn!(error = %source, "a table of our own is not there; it is made again at the next start");
            Ok(T::default())
        }
        other => other,
    }
}

impl Store {
    /// All rows of a query over a table of ours; none if it is not there.
    pub(crate) async fn fetch_own(&self, text: &'static str, values: Vec<Param>) -> Result<Vec<Row>> {
        nothing_if_missing(self.db().fetch_all(text, values).await)
    }

    /// Runs a writing use case; if a table of ours is not there, makes the tables again and runs it once more.
    ///
    /// Errors: those of the use case, and [`StoreError::OwnTableMissing`] if the table vanishes again meanwhile.
    pub async fn with_own_tables<T>(&self, write: impl AsyncFn() -> Result<T>) -> Result<T> {
        match write().await {
            Err(StoreError::OwnTableMissing { source }) => {
                tracing::warn!(error = %source, "a table of our own is not there and is made again");
                self.db().prepare_own_tables().await?;
                write().await
            }
            other => other,
        }
    }
}

impl Transaction {
    /// Runs a statement that writes to a table of ours, beside something more important; without the table it changes nothing.
    ///
    /// The statement that fails takes nothing of the transaction with it. (PostgreSQL will need a savepoint around it.)
    pub(crate) async fn execute_own(&mut self, text: impl Into<Cow<'static, str>>, values: Vec<Param>) -> Result<u64> {
        nothing_if_missing(self.execute(text, values).await)
    }
}
