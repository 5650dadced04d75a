//! Failed attempts to prove who somebody is, in a table of our own: what all servers on one database slow guessing down by.
//!
//! Not for deciding how long to wait: the service does that. Without the table nothing is known of earlier failures. These
//! writes are not waited for on the disk: what a power failure takes is a few seconds of waiting.

use crate::db::{Transaction, params};
use crate::{Result, Store, StoreError};
use chrono::{DateTime, Utc};

/// Whose failures: a kind of attempt, a digest of the account (64 characters at most), and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptKey {
    /// What is guessed; 16 characters at most.
    pub kind: &'static str,
    /// Digest of the account that is guessed for.
    pub account: String,
    /// Where the attempts come from; 64 characters at most.
    pub address: String,
}

/// The failures of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptFailures {
    /// How many.
    pub count: u32,
    /// When the last one was.
    pub last: DateTime<Utc>,
    /// Until when no further attempt is looked at.
    pub blocked_until: Option<DateTime<Utc>>,
}

impl Store {
    /// The failures of a key, if there are any.
    pub async fn find_attempt_failures(&self, key: &AttemptKey) -> Result<Option<AttemptFailures>> {
        let text = "select failures, last_failure, blocked_until from rs_login_throttle \
             where kind = ? and account = ? and address = ?";
        let rows = self.fetch_own(text, params![key.kind, &key.account, &key.address]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let count = u32::try_from(row.long("failures")?).unwrap_or_default();
        Ok(Some(AttemptFailures {
            count,
            last: row.time("last_failure")?,
            blocked_until: row.optional_time("blocked_until")?,
        }))
    }

    /// Puts `new` in the place of `old` if that is still what is stored; answers whether it was. `None` stands for no row.
    ///
    /// Errors: [`StoreError::OwnTableMissing`], for [`Store::make_own_tables`] and once more.
    pub async fn replace_attempt_failures(
        &self,
        key: &AttemptKey,
        old: Option<AttemptFailures>,
        new: AttemptFailures,
    ) -> Result<bool> {
        let mut transaction = self.begin_output().await?;
        let replaced = match transaction.replace_attempt_failures(key, old, new).await {
            // Another server was faster.
            Err(StoreError::Duplicate { .. }) => return Ok(false),
            replaced => replaced?,
        };
        transaction.commit().await?;
        Ok(replaced)
    }

    /// Forgets the failures of a key; without the table nothing happens.
    pub async fn delete_attempt_failures(&self, key: &AttemptKey) -> Result<()> {
        let mut transaction = self.begin_output().await?;
        let text = "delete from rs_login_throttle where kind = ? and account = ? and address = ?";
        transaction.execute_own(text, params![key.kind, &key.account, &key.address]).await?;
        transaction.commit().await
    }

    /// Forgets failures before a moment, and the oldest ones beyond the newest `capacity`; answers how many.
    pub async fn forget_attempt_failures(&self, before: DateTime<Utc>, capacity: u32) -> Result<u64> {
        let text = "select last_failure from rs_login_throttle order by last_failure desc limit 1 offset ?";
        let rows = self.fetch_own(text, params![i64::from(capacity)]).await?;
        let beyond = rows.first().map(|row| row.time("last_failure")).transpose()?;
        let before = beyond.map_or(before, |time| time.max(before));
        let mut transaction = self.begin_output().await?;
        let text = "delete from rs_login_throttle where last_failure <= ?";
        let forgotten = transaction.execute_own(text, params![before]).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }
}

impl Transaction {
    async fn replace_attempt_failures(
        &mut self,
        key: &AttemptKey,
        old: Option<AttemptFailures>,
        new: AttemptFailures,
    ) -> Result<bool> {
        let count = i64::from(new.count);
        let Some(old) = old else {
            let text = "insert into rs_login_throttle (kind, account, address, failures, last_failure, blocked_until) \
                 values (?, ?, ?, ?, ?, ?)";
            let values = params![key.kind, &key.account, &key.address, count, new.last, new.blocked_until];
            return self.execute(text, values).await.map(|rows| rows > 0);
        };
        let text = "update rs_login_throttle set failures = ?, last_failure = ?, blocked_until = ? \
             where kind = ? and account = ? and address = ? and failures = ?";
        let values =
            params![count, new.last, new.blocked_until, key.kind, &key.account, &key.address, i64::from(old.count)];
        self.execute(text, values).await.map(|rows| rows > 0)
    }
}
