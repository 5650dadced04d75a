//! Slows down whoever guesses: failures count per kind, account and address, and each one after the first few makes the next
//! attempt wait longer.
//!
//! Not a lock: an account is never closed to another address, and the wait ends by itself, so that nobody can shut somebody else
//! out. The failures are rows of the database: all servers on it count together, and a restart forgets nothing. Invariants: the
//! table is bounded; what was typed as an account is kept as a digest only.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use semaphore_store::{AttemptFailures, AttemptKey, Store, StoreError};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The first wait, in seconds; each further one is twice as long.
const SHORTEST: i64 = 5;
/// The longest wait.
const LONGEST: TimeDelta = TimeDelta::minutes(5);
/// Failures are forgotten after this long without another one.
const MEMORY: TimeDelta = TimeDelta::minutes(30);
/// Most rows that are kept; beyond that the oldest failures are forgotten first.
const CAPACITY: u32 = 10_000;
/// How often rows are looked through for those to forget.
const TIDY: TimeDelta = TimeDelta::minutes(1);
/// Attempts of one kind, account and address that are looked at at the same time: they count only when they have failed.
const AT_ONCE: u32 = 32;
/// How often, and after what pauses, a webhook asks for its turn: 10 s altogether.
const WEBHOOK_TRIES: usize = 500;
const WEBHOOK_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);
/// How often a row is read again that another request was faster to change.
const TRIES: usize = 8;

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
    /// The address of a webhook, which is a secret.
    WebhookAddress,
    /// What an integration asks of its senders as a proof.
    Webhook,
    /// What remote runners register with.
    Registration,
}

impl Attempt {
    /// The word for the database.
    const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
            Self::Recovery => "recovery",
            Self::EmailCode => "e-mail code",
            Self::Mail => "e-mail",
            Self::WebhookAddress => "webhook address",
            Self::Webhook => "webhook",
            Self::Registration => "registration",
        }
    }

    /// Failures without a wait: people mistype, and programs that were set up wrongly try again.
    pub(super) const fn free(self) -> u32 {
        match self {
            Self::Password | Self::Code | Self::Recovery | Self::EmailCode | Self::Mail => 10,
            Self::WebhookAddress | Self::Webhook | Self::Registration => 30,
        }
    }

    /// How long after the last of so many failures the next attempt is looked at.
    fn wait(self, count: u32) -> TimeDelta {
        let Some(beyond) = count.checked_sub(self.free()) else { return TimeDelta::zero() };
        TimeDelta::seconds(SHORTEST << beyond.min(16)).min(LONGEST)
    }
}

/// Who guesses what: a digest, because what is typed as an account may be of any length, or a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Guess {
    kind: Attempt,
    account: [u8; 32],
    address: Option<IpAddr>,
}

impl Guess {
    /// An attempt on an account (a login as typed, or an id; empty where there is none) from an address.
    pub(crate) fn new(kind: Attempt, account: &str, address: &str) -> Self {
        let account = Sha256::digest(account.to_lowercase()).into();
        Self { kind, account, address: address.parse().ok().map(network) }
    }

    fn key(&self) -> AttemptKey {
        let address = self.address.map(|address| address.to_string()).unwrap_or_default();
        AttemptKey { kind: self.kind.name(), account: crate::crypto::hexadecimal::encode(&self.account), address }
    }
}

/// Whoever has one address of IPv6 mostly has the 2^64 of its network.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// The place of an attempt that is looked at; free again when this is dropped.
#[derive(Debug)]
#[must_use = "without it any number of attempts is looked at at the same time"]
pub(crate) struct Turn {
    guess: Guess,
    running: Arc<Mutex<HashMap<Guess, u32>>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.guess) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.guess);
            }
        }
    }
}

/// Admission of attempts on one server; what it counts is in the store.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    running: Arc<Mutex<HashMap<Guess, u32>>>,
    tidied: Mutex<Option<DateTime<Utc>>>,
}

fn refused(seconds: i64) -> Error {
    let seconds = u32::try_from(seconds).unwrap_or(1).max(1);
    Error::too_many(format!("too many failed attempts from here: try again in {seconds} seconds"), seconds)
}

impl Throttle {
    /// Refuses an attempt that comes too early (429 with `Retry-After`). One that is refused does not count. Hold the answer
    /// until it is known whether the attempt is good.
    ///
    /// Whoever has waits to keep is admitted once at a time: the attempt counts as failed before it is looked at, so that many
    /// at the same time gain nothing. Before that only [`Throttle::failed`] counts: people log in from many places at once.
    pub(crate) async fn admit(&self, store: &Store, guess: Guess) -> Result<Turn> {
        self.admit_at(store, guess, Utc::now()).await
    }

    async fn admit_at(&self, store: &Store, guess: Guess, now: DateTime<Utc>) -> Result<Turn> {
        let turn = self.turn_of(guess).await.ok_or_else(|| refused(1))?;
        let key = guess.key();
        let Some(known) = store.find_attempt_failures(&key).await?.filter(|known| now - known.last < MEMORY) else {
            return Ok(turn);
        };
        if let Some(left) = known.blocked_until.map(|until| until - now).filter(|left| *left > TimeDelta::zero()) {
            // A server with another time must not make the wait longer than it ever is.
            return Err(refused(left.min(LONGEST).num_seconds() + 1));
        }
        if known.count >= guess.kind.free() && !self.replace(store, &key, Some(known), guess, now).await? {
            return Err(refused(1));
        }
        Ok(turn)
    }

    /// A webhook waits for its turn: its sender mostly does not try again.
    async fn turn_of(&self, guess: Guess) -> Option<Turn> {
        let tries = if guess.kind == Attempt::Webhook { WEBHOOK_TRIES } else { 1 };
        for _ in 1..tries {
            if let Some(turn) = self.turn(guess) {
                return Some(turn);
            }
            tokio::time::sleep(WEBHOOK_PAUSE).await;
        }
        self.turn(guess)
    }

    fn turn(&self, guess: Guess) -> Option<Turn> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.entry(guess).or_default();
        if *count >= AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Turn { guess, running: Arc::clone(&self.running) })
    }

    /// Counts a failure of an attempt that was admitted; answers how many there are, up to those without a wait.
    pub(crate) async fn failed(&self, store: &Store, guess: Guess) -> Result<u32> {
        self.failed_at(store, guess, Utc::now()).await
    }

    async fn failed_at(&self, store: &Store, guess: Guess, now: DateTime<Utc>) -> Result<u32> {
        let key = guess.key();
        for _ in 0..TRIES {
            let known = store.find_attempt_failures(&key).await?;
            let counted = known.filter(|known| now - known.last < MEMORY).map_or(0, |known| known.count);
            // From there on it was counted when it was admitted.
            if counted >= guess.kind.free() {
                return Ok(counted);
            }
            if self.replace(store, &key, known, guess, now).await? {
                self.tidy(store, now).await?;
                return Ok(counted + 1);
            }
        }
        tracing::warn!(kind = guess.kind.name(), "a failed attempt could not be counted: too many at the same time");
        Ok(0)
    }

    /// Forgets failures after a success.
    pub(crate) async fn succeeded(&self, store: &Store, guess: Guess) -> Result<()> {
        let key = guess.key();
        // Mostly there is nothing to forget, and nothing has to be written.
        if store.find_attempt_failures(&key).await?.is_some() {
            store.delete_attempt_failures(&key).await?;
        }
        Ok(())
    }

    /// Counts one failure more than `known`, unless somebody else changed it meanwhile; answers whether it did.
    async fn replace(
        &self,
        store: &Store,
        key: &AttemptKey,
        known: Option<AttemptFailures>,
        guess: Guess,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let counted = known.filter(|known| now - known.last < MEMORY).map_or(0, |known| known.count);
        let count = counted.saturating_add(1);
        let wait = guess.kind.wait(count);
        let blocked_until = (wait > TimeDelta::zero()).then(|| now + wait);
        let new = AttemptFailures { count, last: now, blocked_until };
        match store.replace_attempt_failures(key, known, new).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                store.make_own_tables().await?;
                Ok(store.replace_attempt_failures(key, None, new).await?)
            }
            replaced => Ok(replaced?),
        }
    }

    async fn tidy(&self, store: &Store, now: DateTime<Utc>) -> Result<()> {
        {
            let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
            if tidied.is_some_and(|last| now - last < TIDY) {
                return Ok(());
            }
            *tidied = Some(now);
        }
        store.forget_attempt_failures(now - MEMORY, CAPACITY).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fixture::Fixture;

    #[tokio::test]
    async fn waits_grow_end_and_concern_one_address_only() {
        let fixture = Fixture::new().await;
        // Two servers on one database.
        let (one, other, store) = (Throttle::default(), Throttle::default(), &fixture.services.store);
        let guess = Guess::new(Attempt::Password, "Admin", "10.0.0.1");
        let start = Utc::now();
        for _ in 0..Attempt::Password.free() {
            drop(one.admit_at(store, guess, start).await.unwrap());
            one.failed_at(store, guess, start).await.unwrap();
        }
        let mut now = start;
        let mut last = 0;
        for _ in 0..9 {
            let refusal = other.admit_at(store, guess, now).await.unwrap_err();
            let wait = i64::from(refusal.retry_after.unwrap());
            assert!(wait > last || wait > LONGEST.num_seconds(), "{wait} after {last}");
            last = wait;
            now += TimeDelta::seconds(wait);
            // The attempt that is admitted is the only one until the next wait is over.
            drop(other.admit_at(store, guess, now).await.unwrap());
        }
        assert_eq!(last, LONGEST.num_seconds() + 1);
        let elsewhere = Guess::new(Attempt::Password, "admin", "10.0.0.2");
        assert!(one.admit_at(store, elsewhere, now).await.is_ok());
        let same = Guess::new(Attempt::Password, "admin", "10.0.0.1");
        assert!(one.admit_at(store, same, now).await.is_err(), "the case of letters");
        assert!(one.admit_at(store, same, now + MEMORY).await.is_ok(), "failures are not forgotten");
        one.failed_at(store, same, now + MEMORY).await.unwrap();
        let counted = store.find_attempt_failures(&same.key()).await.unwrap().unwrap();
        assert_eq!((counted.count, counted.blocked_until), (1, None), "failures of long ago count");
        one.succeeded(store, same).await.unwrap();
        assert_eq!(store.find_attempt_failures(&same.key()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn one_network_counts_together_and_the_table_is_bounded() {
        let fixture = Fixture::new().await;
        let (throttle, store) = (Throttle::default(), &fixture.services.store);
        let guess = Guess::new(Attempt::Webhook, "alias", "2001:db8::1");
        let turns: Vec<_> = (0..AT_ONCE).map(|_| throttle.turn(guess).unwrap()).collect();
        assert_eq!(throttle.admit(store, guess).await.unwrap_err().retry_after, Some(1));
        drop(turns);
        let start = Utc::now();
        let neighbour = Guess::new(Attempt::Webhook, "alias", "2001:db8::2");
        let failures = [guess, neighbour, guess, neighbour];
        for failed in failures {
            throttle.failed_at(store, failed, start).await.unwrap();
        }
        let counted = store.find_attempt_failures(&guess.key()).await.unwrap().unwrap();
        assert_eq!(counted.count, 4, "one network is one guesser");
        for number in 0..5 {
            let guess = Guess::new(Attempt::Password, &number.to_string(), "10.0.0.1");
            throttle.failed_at(store, guess, start + TimeDelta::seconds(number)).await.unwrap();
        }
        // The row of the network, and the two oldest of the others.
        assert_eq!(store.forget_attempt_failures(start - MEMORY, 3).await.unwrap(), 3);
        assert_eq!(store.forget_attempt_failures(start + MEMORY, 3).await.unwrap(), 3);
    }
}
