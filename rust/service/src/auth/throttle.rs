//! Slows down whoever guesses: failures count per kind, account and address, and each one after the first few makes the next
//! attempt wait longer.
//!
//! Not a lock: an account is never closed to another address, and the wait ends by itself, so that nobody can shut somebody else
//! out. Kept in memory: several servers count for themselves, and a restart forgets. Invariants: the table is bounded; what was typed
//! as an account is kept as a digest only.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};

/// Failures without a wait: people mistype.
pub(super) const FREE: u32 = 10;
/// The first wait, in seconds; each further one is twice as long.
const SHORTEST: u64 = 5;
/// The longest wait.
const LONGEST: Duration = Duration::from_mins(5);
/// Failures are forgotten after this long without another one.
const MEMORY: Duration = Duration::from_mins(30);
/// Most entries that are kept; beyond that the oldest failures are forgotten first.
const CAPACITY: usize = 10_000;

/// What is guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Attempt {
    /// A password.
    Password,
    /// A one-time code.
    Code,
    /// A recovery code.
    Recovery,
    /// A code that was sent by e-mail.
    EmailCode,
    /// Having an e-mail sent.
    Mail,
}

/// Who guesses what: a digest, because what is typed as an account may be of any length, or a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Guess([u8; 32]);

impl Guess {
    /// An attempt on an account (a login as typed, or an id) from an address.
    pub(crate) fn new(kind: Attempt, account: &str, address: &str) -> Self {
        let mut digest = Sha256::new();
        for part in [format!("{kind:?}").as_str(), &account.to_lowercase(), address] {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    /// How long after the last failure the next attempt is looked at.
    fn wait(self) -> Duration {
        let Some(beyond) = self.count.checked_sub(FREE) else { return Duration::ZERO };
        Duration::from_secs(SHORTEST << beyond.min(16)).min(LONGEST)
    }
}

/// The failures of the last while.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<Guess, Failures>>);

impl Throttle {
    /// Refuses an attempt that comes too early (429). One that is refused does not count.
    ///
    /// Whoever has waits to keep is admitted once at a time: the attempt counts as failed before it is looked at, so that many
    /// at the same time gain nothing. Before that only [`Throttle::failed`] counts: people log in from many places at once.
    pub(crate) fn admit(&self, guess: Guess, now: Instant) -> Result<()> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(failures) = known.get_mut(&guess) else { return Ok(()) };
        let passed = now.saturating_duration_since(failures.last);
        if passed >= MEMORY {
            known.remove(&guess);
            return Ok(());
        }
        let left = failures.wait().saturating_sub(passed);
        if !left.is_zero() {
            let seconds = left.as_secs() + 1;
            return Err(Error::new(
                Kind::TooMany,
                format!("too many failed attempts from here: try again in {seconds} seconds"),
            ));
        }
        if failures.count >= FREE {
            *failures = Failures { count: failures.count.saturating_add(1), last: now };
        }
        Ok(())
    }

    /// Counts a failure of an attempt that was admitted; answers how many there are, up to those without a wait.
    pub(crate) fn failed(&self, guess: Guess, now: Instant) -> u32 {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut known, guess, now);
        let failures = known.entry(guess).or_insert(Failures { count: 0, last: now });
        if failures.count < FREE {
            *failures = Failures { count: failures.count + 1, last: now };
        }
        failures.count
    }

    /// Forgets failures after a success.
    pub(crate) fn succeeded(&self, guess: Guess) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&guess);
    }
}

fn make_room(known: &mut HashMap<Guess, Failures>, guess: Guess, now: Instant) {
    if known.len() < CAPACITY || known.contains_key(&guess) {
        return;
    }
    known.retain(|_, failures| now.saturating_duration_since(failures.last) < MEMORY);
    if known.len() >= CAPACITY
        && let Some(oldest) = known.iter().min_by_key(|(_, failures)| failures.last).map(|(guess, _)| *guess)
    {
        known.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_end_and_concern_one_address_only() {
        let throttle = Throttle::default();
        let guess = Guess::new(Attempt::Password, "Admin", "10.0.0.1");
        let mut now = Instant::now();
        for _ in 0..FREE {
            assert!(throttle.admit(guess, now).is_ok());
            throttle.failed(guess, now);
        }
        let mut last = Duration::ZERO;
        for _ in 0..12 {
            assert!(throttle.admit(guess, now).is_err(), "no wait after {last:?}");
            let mut wait = Duration::ZERO;
            while throttle.admit(guess, now + wait).is_err() {
                wait += Duration::from_secs(1);
            }
            assert!(wait > last || wait == LONGEST, "{wait:?} after {last:?}");
            last = wait;
            now += wait;
        }
        assert_eq!(last, LONGEST);
        assert!(throttle.admit(Guess::new(Attempt::Password, "admin", "10.0.0.2"), now).is_ok());
        assert!(
            throttle.admit(Guess::new(Attempt::Password, "admin", "10.0.0.1"), now).is_err(),
            "the case of letters"
        );
        throttle.succeeded(guess);
        assert!(throttle.admit(guess, now).is_ok());
    }

    #[test]
    fn the_table_is_bounded() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for number in 0..CAPACITY + 50 {
            throttle.failed(Guess::new(Attempt::Password, &number.to_string(), "10.0.0.1"), now);
        }
        assert_eq!(throttle.0.lock().map(|known| known.len()).ok(), Some(CAPACITY));
    }
}
