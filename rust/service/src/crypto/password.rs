//! Password hashes: bcrypt of cost 11, in the form the reference stores.
//!
//! Hashing takes a tenth of a second of CPU, so it runs on blocking threads, a bounded number at a time; whoever finds the
//! queue full is told to come back. Invariants: a password longer than bcrypt reads is refused, not cut; an unknown user
//! costs as much time as a known one.

use std::sync::Arc;

use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// bcrypt cost. Reference: `bcrypt.GenerateFromPassword(.., 11)`.
const COST: u32 = 11;

/// Longest password in bytes: bcrypt does not read more.
pub const MAX_PASSWORD_BYTES: usize = 72;

/// Log-ins that may wait for a thread; more are refused at once.
const MAX_WAITING: usize = 64;

/// A hash of cost 11 that no password is known for; compared with when there is no user.
const DUMMY_HASH: &str = "$2a$11$4sDcUPcbDhnlkDgfGRZbseu6kCoW3wgk1H4p4t0cPnKKOaqjHpKEq";

/// Hashes and checks passwords on a bounded number of blocking threads.
#[derive(Clone, Debug)]
pub struct PasswordHasher {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl PasswordHasher {
    /// A hasher that keeps at most `threads` processors busy.
    pub fn new(threads: usize) -> Self {
        let threads = threads.max(1);
        Self {
            running: Arc::new(Semaphore::new(threads)),
            waiting: Arc::new(Semaphore::new(threads.saturating_add(MAX_WAITING))),
        }
    }

    /// The hash to store for a new password. Empty ones and those above 72 bytes are refused (400).
    pub async fn hash(&self, password: &str) -> Result<String> {
        check_new(password)?;
        let password = Zeroizing::new(password.to_owned());
        self.run(move || {
            bcrypt::hash_with_result(password.as_bytes(), COST)
                .map(|parts| parts.format_for_version(bcrypt::Version::TwoA))
        })
        .await?
        .map_err(|error| Error::internal("cannot hash a password", error))
    }

    /// Whether `password` fits `hash`; `None` (no such user, or a user without a password) takes as long and is `false`.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        let usable = hash.is_some_and(|hash| !hash.is_empty()) && check_new(password).is_ok();
        let hash = hash.filter(|_| usable).unwrap_or(DUMMY_HASH).to_owned();
        let password = Zeroizing::new(password.to_owned());
        let fits = self.run(move || bcrypt::verify(password.as_bytes(), &hash)).await?;
        // A hash that bcrypt cannot read fits no password.
        Ok(usable && fits.unwrap_or(false))
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let busy = || Error::unavailable("too many log-ins at the moment, try again in a few seconds");
        let waiting = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| busy())?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| busy())?;
        tokio::task::spawn_blocking(move || {
            // The permits live as long as the work, even if the client goes away meanwhile.
            let _permits = (waiting, running);
            work()
        })
        .await
        .map_err(|error| Error::internal("password hashing was interrupted", error))
    }
}

/// Whether a new password may be stored: neither empty nor longer than bcrypt reads.
///
/// Reference: an empty one was accepted and let everybody in, a long one answered 500.
pub fn check_new(password: &str) -> Result<()> {
    if password.is_empty() {
        return Err(Error::invalid("the password must not be empty").bare());
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(Error::invalid(format!("the password must not be longer than {MAX_PASSWORD_BYTES} bytes")).bare());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
