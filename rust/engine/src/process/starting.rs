//! Which starts of programs are under way: until it executes its program, a new process holds copies of all our descriptors, the
//! ends of other programs' pipes too.
//!
//! Not for processes that others in this host start.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

struct Starts {
    /// Number of the next one.
    next: u64,
    under_way: BTreeSet<u64>,
}

static STARTS: Mutex<Starts> = Mutex::new(Starts { next: 0, under_way: BTreeSet::new() });

fn starts() -> MutexGuard<'static, Starts> {
    STARTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One start, from before its descriptors are made until its program is executed or could not be.
pub(super) struct Starting(u64);

impl Starting {
    pub(super) fn begin() -> Self {
        let mut starts = starts();
        let number = starts.next;
        starts.next += 1;
        starts.under_way.insert(number);
        Self(number)
    }

    /// The number that the next start will have.
    pub(super) fn next() -> u64 {
        starts().next
    }

    /// Whether a start is under way that began before the one with this number.
    pub(super) fn is_under_way_before(number: u64) -> bool {
        starts().under_way.first().is_some_and(|first| *first < number)
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        starts().under_way.remove(&self.0);
    }
}
