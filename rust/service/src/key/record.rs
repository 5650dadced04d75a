//! Names of stored secrets for people: which record an error or a report is about.

use semaphore_model::{AccessKey, AccessKeyOwner};
use std::fmt;

/// A key in words: kind, name, id and where it belongs; nothing of its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord(String);

impl fmt::Display for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&AccessKey> for KeyRecord {
    fn from(key: &AccessKey) -> Self {
        let kind = match key.owner {
            AccessKeyOwner::Shared => "key",
            AccessKeyOwner::Environment => "secret environment variable",
            AccessKeyOwner::Variable => "secret variable",
            AccessKeyOwner::SecretStorage => "credentials of a secret storage",
            AccessKeyOwner::Other(_) => "secret",
        };
        let mut place = vec![format!("id {}", key.id)];
        place.extend(key.environment_id.map(|id| format!("variable group {id}")));
        place.extend(key.storage_id.map(|id| format!("secret storage {id}")));
        place.push(key.project_id.map_or_else(|| "no project".to_owned(), |id| format!("project {id}")));
        Self(format!("{kind} `{}` ({})", key.name, place.join(", ")))
    }
}
