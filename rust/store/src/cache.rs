//! Answers that are asked for on every request, kept until something is written.
//!
//! Rule: a value is good for the generation it was read under. Every committed write of this process that changes state ends
//! the generation; writes of other processes end it at the latest [`FOREIGN_WRITE_DELAY`] later, because `pragma data_version`
//! is asked that often. A reader notes the generation *before* it queries, so a value can only be kept for too short a time,
//! never for too long. Output of tasks does not count as state.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a write of another process may stay unseen.
pub(crate) const FOREIGN_WRITE_DELAY: Duration = Duration::from_secs(1);

/// How long the question whether there was one may wait for the writing connection; after that there may have been one.
pub(crate) const FOREIGN_WRITE_PATIENCE: Duration = Duration::from_millis(300);

/// Values of one kind by key; emptied when the generation changes and when it gets too big.
pub(crate) struct Cache<K, V> {
    capacity: usize,
    inner: Mutex<Inner<K, V>>,
}

struct Inner<K, V> {
    generation: u64,
    values: HashMap<K, V>,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// An empty cache for at most `capacity` values.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, inner: Mutex::new(Inner { generation: 0, values: HashMap::new() }) }
    }

    /// The value, if it was read under this generation.
    pub(crate) fn get(&self, generation: u64, key: &K) -> Option<V> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.generation == generation { inner.values.get(key).cloned() } else { None }
    }

    /// Keeps a value that was read under this generation; one of an earlier generation is dropped.
    pub(crate) fn put(&self, generation: u64, key: K, value: V) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if generation < inner.generation {
            return;
        }
        if generation > inner.generation || inner.values.len() >= self.capacity {
            inner.values.clear();
            inner.generation = generation;
        }
        inner.values.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lives_as_long_as_its_generation() {
        let cache = Cache::new(2);
        cache.put(1, "a", 1);
        assert_eq!(cache.get(1, &"a"), Some(1));
        assert_eq!(cache.get(2, &"a"), None);
        cache.put(2, "b", 2);
        cache.put(1, "a", 1);
        assert_eq!((cache.get(2, &"a"), cache.get(2, &"b")), (None, Some(2)));
        cache.put(2, "c", 3);
        cache.put(2, "d", 4);
        assert_eq!((cache.get(2, &"b"), cache.get(2, &"d")), (None, Some(4)));
    }
}
