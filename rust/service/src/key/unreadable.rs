//! The look at all stored secrets: which of them the configured key does not open.
//!
//! Not for their use: nothing is kept of what is opened.

use semaphore_model::{AccessKeyId, Secret};
use semaphore_store::{Store, StoreError};

use super::{record::KeyRecord, secret};
use crate::crypto::access_key::AccessKeyCipher;

/// A secret that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableSecret {
    /// Which one, in words.
    pub record: String,
    /// Why, in words.
    pub reason: String,
    /// Whether nobody misses it: it belongs to no project any more, or to something that is made anew.
    pub is_abandoned: bool,
}

/// The number of stored secrets, and those that `cipher` does not open, each by name.
pub async fn unreadable_secrets(
    store: &Store,
    cipher: &AccessKeyCipher,
) -> Result<(usize, Vec<UnreadableSecret>), StoreError> {
    let (mut count, mut unreadable) = (0, Vec::new());
    let mut after = AccessKeyId(0);
    loop {
        let page = store.list_keys_of_all_projects(after).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for mut key in page {
            if key.secret.as_ref().is_none_or(Secret::is_empty) {
                continue;
            }
            count += 1;
            let record = KeyRecord::from(&key).to_string();
            let is_abandoned = key.project_id.is_none();
            // What counts is the text that is stored, whatever a task would read instead.
            key.source_storage_type = None;
            if let Err(error) = secret::open(&mut key, cipher, &secret::SecretSources::default()) {
                let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                unreadable.push(UnreadableSecret { record, reason, is_abandoned });
            }
        }
    }
    for table in store.list_own_tables().await? {
        let mut page = store.list_own_secrets(&table, None).await?;
        while let Some(last) = page.last() {
            let next = store.list_own_secrets(&table, Some(last)).await?;
            for own in std::mem::replace(&mut page, next) {
                count += 1;
                let record = format!("row {} of {}", own.key, table.name);
                if let Err(error) = secret::raw_text(&record, own.sealed.expose(), cipher) {
                    let reason =
                        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                    unreadable.push(UnreadableSecret { record, reason, is_abandoned: !table.is_needed });
                }
            }
        }
    }
    Ok((count, unreadable))
}
