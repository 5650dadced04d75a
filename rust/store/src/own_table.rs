//! The rule for tables of our own: one that is not there means that nothing is known, never a failed task or request.
//!
//! Reading and everything that happens beside a task's state goes through [`nothing_if_missing`] (inside a transaction:
//! [`Transaction::execute_own`]); a write that somebody asked for is done once more after [`Store::make_own_tables`]. Not for tables of the reference: without them there is no server.

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

    /// Makes the tables of our own that are not there: after [`StoreError::OwnTableMissing`], before the same write once more.
    pub async fn make_own_tables(&self) -> Result<()> {
        self.db().prepare_own_tables().await
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
