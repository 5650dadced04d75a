//! The change of `access_key_encryption`: every stored secret is opened with the old key and sealed with the new one.
//!
//! Reference: its `vault rekey` answers 0 and does nothing, so whoever follows its help loses all secrets. Not for single
//! keys. Invariants: one transaction, so that a failure or a crash leaves everything as it was; what is sealed with the new
//! key already stays as it is, so that a second run is harmless; a secret that neither key opens ends it, by name, unless
//! nothing is lost with it.

use semaphore_model::{AccessKeyId, Secret};
use semaphore_store::{Store, StoreError};
use zeroize::Zeroizing;

use super::{
    record::KeyRecord,
    secret::{self, SecretError},
};
use crate::crypto::access_key::{AccessKeyCipher, AccessKeyError};

/// What a change of the key did, or would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RekeyReport {
    /// Secrets that are sealed with the new key now.
    pub changed: usize,
    /// Secrets that were before.
    pub unchanged: usize,
    /// Those that neither key opens, and that nobody misses: old deliveries, and keys to sign with. They stay as they are.
    pub unreadable: usize,
}

/// Why no key was changed.
#[derive(Debug, thiserror::Error)]
pub enum RekeyError {
    /// A secret that neither the old nor the new key opens.
    #[error("{record} can be read neither with the old key nor with the configured one; nothing was changed")]
    Unreadable {
        /// Which one, in words.
        record: String,
        /// What the old key says.
        source: SecretError,
    },
    /// The old key is no key.
    #[error("the old key is not usable; nothing was changed")]
    OldKey(#[source] AccessKeyError),
    /// The new key refused.
    #[error("{record} cannot be encrypted; nothing was changed")]
    Seal {
        /// Which one, in words.
        record: String,
        /// Why.
        source: AccessKeyError,
    },
    /// The database failed.
    #[error("the database failed; nothing was changed")]
    Store(#[from] StoreError),
}

/// Seals everything that is stored with `new` instead of `old_key` (base64 as in the configuration, empty for no encryption).
///
/// With `dry_run` the same is tried and taken back. An old key that is not usable is told only if there is something to open.
pub async fn rekey(
    store: &Store,
    old_key: &Secret,
    new: &AccessKeyCipher,
    dry_run: bool,
) -> Result<RekeyReport, RekeyError> {
    let keys = Keys { old: AccessKeyCipher::new(old_key.expose()), new };
    let mut report = RekeyReport::default();
    let own_tables = store.list_own_tables().await?;
    let mut transaction = store.begin().await?;
    let mut after = AccessKeyId(0);
    loop {
        let page = transaction.lock_keys_of_all_projects(after).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for key in page.iter().filter(|key| key.secret.as_ref().is_some_and(|secret| !secret.is_empty())) {
            match keys.turn(&KeyRecord::from(key).to_string(), |cipher| secret::raw(key, cipher))? {
                Some(sealed) => {
                    transaction.replace_key_secret(key.id, &sealed).await?;
                    report.changed += 1;
                }
                None => report.unchanged += 1,
            }
        }
    }
    for table in own_tables {
        let mut page = transaction.lock_own_secrets(&table, None).await?;
        while let Some(last) = page.last() {
            let next = transaction.lock_own_secrets(&table, Some(last)).await?;
            for own in std::mem::replace(&mut page, next) {
                let record = format!("row {} of {}", own.key, table.name);
                match keys.turn(&record, |cipher| secret::raw_text(&record, own.sealed.expose(), cipher)) {
                    Ok(Some(sealed)) => {
                        transaction.replace_own_secret(&table, &own, &sealed).await?;
                        report.changed += 1;
                    }
                    Ok(None) => report.unchanged += 1,
                    Err(RekeyError::Unreadable { .. }) if !table.is_needed => report.unreadable += 1,
                    Err(error) => return Err(error),
                }
            }
        }
    }
    if dry_run {
        transaction.rollback().await?;
    } else {
        transaction.commit().await?;
    }
    Ok(report)
}

struct Keys<'a> {
    old: Result<AccessKeyCipher, AccessKeyError>,
    new: &'a AccessKeyCipher,
}

impl Keys<'_> {
    /// The text to store for one secret; none if it may stay. `read` opens it with a key.
    ///
    /// Keys that encrypt are asked first, because they know whether they fit; without a key everything looks readable, so that
    /// it counts last.
    fn turn(
        &self,
        record: &str,
        read: impl Fn(&AccessKeyCipher) -> Result<Zeroizing<Vec<u8>>, SecretError>,
    ) -> Result<Option<Secret>, RekeyError> {
        if self.new.is_encrypting() && read(self.new).is_ok() {
            return Ok(None);
        }
        let old = self.old.as_ref().map_err(|error| RekeyError::OldKey(*error))?;
        match read(old) {
            Ok(plaintext) => {
                let seal = |source| RekeyError::Seal { record: record.to_owned(), source };
                Ok(Some(self.new.encrypt(&plaintext).map_err(seal)?.into()))
            }
            Err(_) if !self.new.is_encrypting() && read(self.new).is_ok() => Ok(None),
            Err(source) => Err(RekeyError::Unreadable { record: record.to_owned(), source }),
        }
    }
}
