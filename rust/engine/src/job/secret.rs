//! Secrets of a job: the specification holds references, the values travel beside it.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The name under which a secret is found in the job's [`SecretSet`]; in JSON `{"secret": "name"}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretRef {
    /// Key in the set.
    pub secret: String,
}

/// Values of a job's secrets. Zeroized on drop, not serialisable, and never shown by `Debug`.
#[derive(Default, Clone)]
pub struct SecretSet {
    values: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

impl SecretSet {
    /// Adds a value and returns the reference that belongs into the specification.
    pub fn insert(&mut self, name: impl Into<String>, value: Vec<u8>) -> SecretRef {
        let secret = name.into();
        self.values.insert(secret.clone(), Zeroizing::new(value));
        SecretRef { secret }
    }

    /// The value behind a reference.
    pub fn get(&self, reference: &SecretRef) -> Option<&[u8]> {
        self.values.get(&reference.secret).map(|value| value.as_slice())
    }

    /// Names and values, for the process that runs the job.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// All values, for redaction.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.values.values().map(|value| value.as_slice())
    }
}

impl fmt::Debug for SecretSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.values.keys().map(|name| (name, "***"))).finish()
    }
}
