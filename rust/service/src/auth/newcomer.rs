//! People without an account who were sent a code: their account is made when they have given it, not before, so that nobody
//! can make accounts for addresses of others.
//!
//! Kept in memory: a restart means asking for another code. Invariants: the table is bounded; an entry ends with its code, is
//! taken once, and dies after ten wrong tries.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use rand::{Rng, RngCore};
use semaphore_model::{Secret, Session, SessionId, User, UserId, VerificationMethod};
use semaphore_store::StoreError;

use super::{
    Client,
    email_code::{LIFE, wrong_code},
    throttle::{Attempt, Guess},
};
use crate::{
    crypto::{cookie::CookieSession, hexadecimal},
    error::{Error, Result},
    services::Services,
};

/// Whose session the cookie of a newcomer names: no user has this number.
pub(super) const NOBODY: UserId = UserId(0);

/// A moment from which the numbers of strangers count, in seconds of Unix time: November 2023.
const EPOCH: i64 = 1_700_000_000;

/// Which number the session of a stranger has who came at a moment: a negative one, as no session and no newcomer has.
pub(super) fn stranger_at(now: DateTime<Utc>) -> SessionId {
    let seconds = (now.timestamp() - EPOCH).clamp(1, i64::from(i32::MAX));
    SessionId(-i32::try_from(seconds).unwrap_or(i32::MAX))
}

/// When a stranger came; `None` for other numbers.
pub(super) fn stranger_since(key: SessionId) -> Option<DateTime<Utc>> {
    let seconds = (key.0 < 0).then(|| EPOCH - i64::from(key.0))?;
    DateTime::from_timestamp(seconds, 0)
}

/// Most people that are waited for; beyond that the oldest is forgotten.
const CAPACITY: usize = 1000;

/// Somebody who was sent a code.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// Their address, in small letters.
    pub(super) email: String,
    /// Hash of the code.
    pub(super) hash: Secret,
    /// When it was sent.
    pub(super) created: DateTime<Utc>,
    /// Wrong tries so far.
    pub(super) wrong: u32,
}

/// Everybody who is waited for, by a random number.
#[derive(Debug, Default)]
pub(crate) struct Newcomers(Mutex<HashMap<SessionId, Newcomer>>);

impl Newcomers {
    fn table(&self) -> MutexGuard<'_, HashMap<SessionId, Newcomer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers somebody.
    pub(super) fn insert(&self, newcomer: Newcomer) -> SessionId {
        let mut table = self.table();
        let now = newcomer.created;
        table.retain(|_, known| now - known.created <= LIFE);
        if table.len() >= CAPACITY
            && let Some(oldest) = table.iter().min_by_key(|(_, known)| known.created).map(|(key, _)| *key)
        {
            table.remove(&oldest);
        }
        loop {
            let key = SessionId(rand::rng().random_range(1..i32::MAX));
            if let std::collections::hash_map::Entry::Vacant(free) = table.entry(key) {
                free.insert(newcomer);
                return key;
            }
        }
    }

    /// Who has this number, if their code still counts.
    pub(super) fn find(&self, key: SessionId) -> Option<Newcomer> {
        self.table().get(&key).filter(|known| Utc::now() - known.created <= LIFE).cloned()
    }

    /// Puts another code in place of the one that somebody has; nothing if they are gone.
    pub(super) fn renew(&self, key: SessionId, newcomer: Newcomer) {
        if let Some(known) = self.table().get_mut(&key) {
            *known = newcomer;
        }
    }

    /// Counts a wrong try.
    fn failed(&self, key: SessionId) {
        let mut table = self.table();
        let Some(known) = table.get_mut(&key) else { return };
        known.wrong += 1;
        if known.wrong >= Attempt::EmailCode.free() {
            table.remove(&key);
        }
    }

    /// Takes somebody out whose code fitted; `false` if another request did or the code is another one now.
    fn take(&self, key: SessionId, hash: &Secret) -> bool {
        let mut table = self.table();
        let is_same = table.get(&key).is_some_and(|known| known.hash == *hash);
        is_same && table.remove(&key).is_some()
    }
}

impl Services {
    /// Takes the code of somebody without an account and makes it; returns the value of the cookie of their session.
    pub(super) async fn give_newcomer_code(
        &self,
        key: SessionId,
        newcomer: &Newcomer,
        code: &str,
        client: Client<'_>,
    ) -> Result<String> {
        let guess = Guess::new(Attempt::EmailCode, &newcomer.email, client.address);
        let _turn = self.throttle.admit(&self.store, guess).await?;
        let fits = self.passwords.verify(code.trim(), Some(newcomer.hash.expose())).await?;
        if !fits || !self.newcomers.take(key, &newcomer.hash) {
            self.throttle.failed(&self.store, guess).await?;
            self.newcomers.failed(key);
            return Err(wrong_code());
        }
        self.throttle.succeeded(&self.store, guess).await?;
        self.throttle.succeeded(&self.store, Guess::new(Attempt::Mail, &newcomer.email, client.address)).await?;
        let mut username = [0_u8; 8];
        rand::rng().fill_bytes(&mut username);
        let name = newcomer.email.split('@').next().unwrap_or_default();
        let user = User {
            // Reference: `getRandomUsername`; an account from elsewhere is made the same way.
            username: hexadecimal::encode(&username),
            name: name.to_owned(),
            email: newcomer.email.clone(),
            external: true,
            pro: true,
            ..User::default()
        };
        let user = self.store.insert_user(user).await.map_err(|error| match error {
            StoreError::Duplicate { .. } => {
                Error::conflict("an account with this address was made meanwhile: log in again").with_source(error)
            }
            error => error.into(),
        })?;
        tracing::info!(user = user.username, "an account was made by a log-in by e-mail");
        let now = Utc::now();
        let session = Session {
            user_id: user.id,
            created: now,
            last_active: now,
            ip: client.address.to_owned(),
            user_agent: client.user_agent.to_owned(),
            verification_method: VerificationMethod::Email,
            verified: true,
            ..Session::default()
        };
        let session = self.store.insert_session(session).await?;
        Ok(self.cookies.encode(CookieSession { user: user.id, session: session.id }, now.timestamp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newcomer(created: DateTime<Utc>) -> Newcomer {
        Newcomer { email: "new@example.com".to_owned(), hash: "hash".into(), created, wrong: 0 }
    }

    #[test]
    fn somebody_is_taken_once_and_forgotten_in_time() {
        let newcomers = Newcomers::default();
        let key = newcomers.insert(newcomer(Utc::now()));
        assert!(!newcomers.take(key, &"another".into()));
        assert!(newcomers.take(key, &"hash".into()));
        assert!(!newcomers.take(key, &"hash".into()));
        let old = newcomers.insert(newcomer(Utc::now() - LIFE * 2));
        assert!(newcomers.find(old).is_none());
        let guessed = newcomers.insert(newcomer(Utc::now()));
        (0..Attempt::EmailCode.free()).for_each(|_| newcomers.failed(guessed));
        assert!(newcomers.find(guessed).is_none());
    }

    #[test]
    fn the_number_of_a_stranger_tells_when_they_came() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
        assert_eq!(stranger_since(stranger_at(now)), Some(now));
        assert_eq!(stranger_since(SessionId(7)), None);
    }

    #[test]
    fn the_table_is_bounded() {
        let newcomers = Newcomers::default();
        for _ in 0..CAPACITY + 10 {
            newcomers.insert(newcomer(Utc::now()));
        }
        assert_eq!(newcomers.table().len(), CAPACITY);
    }
}
