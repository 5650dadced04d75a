//! The rule for tables of our own: one that is not there means that nothing is known, never a failed task or request.
//!
//! Reading and everything that happens beside a task's state goes through [`nothing_if_missing`] (inside a transaction:
//! [`Transaction::execute_own`]); a write that somebody asked for is done once more after [`Store::make_own_tables`]. Not for
//! tables of the reference: without them there is no server.

use crate::db::{Param, Row, Transaction};
use crate::error::StoreError;
use crate::sql::Dialect;
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
    pub(crate) async fn fetch_own(&self, text: impl Into<Cow<'static, str>>, values: Vec<Param>) -> Result<Vec<Row>> {
        nothing_if_missing(self.db().fetch_all(text, values).await)
    }
}

impl Transaction {
    /// Runs a statement that writes to a table of ours, beside something more important; without the table it changes nothing.
    ///
    /// The statement that fails takes nothing of the transaction with it: on PostgreSQL, where it would, there is a savepoint.
    pub(crate) async fn execute_own(&mut self, text: impl Into<Cow<'static, str>>, values: Vec<Param>) -> Result<u64> {
        if self.dialect() != Dialect::Postgres {
            return nothing_if_missing(self.execute(text, values).await);
        }
        self.execute("savepoint own_table", Vec::new()).await?;
        let done = self.execute(text, values).await;
        if matches!(done, Err(StoreError::OwnTableMissing { .. })) {
            self.execute("rollback to savepoint own_table", Vec::new()).await?;
        }
        let changed = nothing_if_missing(done)?;
        self.execute("release savepoint own_table", Vec::new()).await?;
        Ok(changed)
    }
}
