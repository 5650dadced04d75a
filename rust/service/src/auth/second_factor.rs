//! The second factor by time-based codes: setting it up, giving codes, the recovery code, taking it away.
//!
//! Not for the codes themselves (`crypto::totp`). Invariants: the secret is shown once, in the answer that sets the factor up;
//! wrong codes are slowed down per account and address; the recovery code takes the factor away with the same step that
//! lets its owner in.

use std::sync::Arc;

use chrono::Utc;
use semaphore_model::{Secret, Session, User, UserTotp, UserTotpId, VerificationMethod};
use semaphore_store::{Identity, StoreError};

use super::throttle::{Attempt, Guess};
use crate::{
    crypto::totp,
    error::{Error, Kind, Result},
    services::Services,
};

/// A session whose user still has to give a code.
#[derive(Debug)]
pub struct PendingSession {
    identity: Arc<Identity>,
    session: Session,
}

fn disabled() -> Error {
    Error::new(Kind::Forbidden, "TOTP_DISABLED")
}

fn removed() -> Error {
    Error::invalid("the second factor was taken away meanwhile: log in again").bare()
}

impl Services {
    /// The session of a cookie if it wants a one-time code, `None` if it wants none; 401 without a session.
    ///
    /// With `recovery` it is a recovery code that will be given. 403 with a text if this server takes no such codes.
    pub async fn pending_session(&self, cookie: &str, recovery: bool) -> Result<Option<PendingSession>> {
        let (identity, session) = self.session(cookie).await?;
        match session.verification_method {
            VerificationMethod::None => Ok(None),
            VerificationMethod::Totp => {
                if !self.settings.totp_enabled || recovery && !self.settings.totp_allow_recovery {
                    return Err(disabled());
                }
                Ok(Some(PendingSession { identity, session }))
            }
            // Reference: the community edition refuses these.
            VerificationMethod::Email => Err(Error::forbidden("this server takes no codes by e-mail")),
        }
    }

    /// Takes a one-time code; 401 with a text if it does not fit.
    pub async fn give_code(&self, pending: &PendingSession, code: &str, address: &str) -> Result<()> {
        let totp = pending.identity.user.totp.as_ref().ok_or_else(removed)?;
        let guess = pending.guess(Attempt::Code, address);
        let _turn = self.throttle.admit(&self.store, guess).await?;
        if !totp::verify(&totp.url, code, Utc::now().timestamp()) {
            self.throttle.failed(&self.store, guess).await?;
            return Err(Error::new(Kind::Unauthenticated, "INVALID_PASSCODE"));
        }
        self.throttle.succeeded(&self.store, guess).await?;
        Ok(self.store.verify_session(pending.session.user_id, pending.session.id).await?)
    }

    /// Takes a recovery code: the second factor is gone then. 401 with a text if it does not fit.
    pub async fn give_recovery_code(&self, pending: &PendingSession, code: &str, address: &str) -> Result<()> {
        let totp = pending.identity.user.totp.as_ref().ok_or_else(removed)?;
        let guess = pending.guess(Attempt::Recovery, address);
        let _turn = self.throttle.admit(&self.store, guess).await?;
        if !self.passwords.verify(code, Some(totp.recovery_hash.expose())).await? {
            self.throttle.failed(&self.store, guess).await?;
            return Err(Error::new(Kind::Unauthenticated, "INVALID_RECOVERY_CODE"));
        }
        self.throttle.succeeded(&self.store, guess).await?;
        let mut transaction = self.store.begin().await?;
        transaction.delete_user_totp(pending.session.user_id, totp.id).await?;
        transaction.verify_session(pending.session.user_id, pending.session.id).await?;
        Ok(transaction.commit().await?)
    }

    /// Sets the second factor up; the answer is the only one with the secret and, where allowed, the recovery code.
    pub async fn enable_totp(&self, target: &User) -> Result<UserTotp> {
        if !self.settings.totp_enabled {
            return Err(not_enabled());
        }
        if target.totp.is_some() {
            return Err(already_enabled());
        }
        self.insert_totp(target, self.settings.totp_allow_recovery).await
    }

    /// The same without asking whether this server takes codes: for the command line.
    pub async fn insert_totp(&self, target: &User, with_recovery: bool) -> Result<UserTotp> {
        let recovery_code = if with_recovery { totp::recovery_code() } else { Secret::default() };
        let recovery_hash = match recovery_code.expose() {
            "" => Secret::default(),
            code => self.passwords.hash(code).await?.into(),
        };
        let made = self.store.insert_user_totp(target.id, &totp::generate(&target.email), &recovery_hash).await;
        let made = made.map_err(|error| match error {
            StoreError::Duplicate { .. } => already_enabled(),
            error => error.into(),
        })?;
        Ok(UserTotp { recovery_code, ..made })
    }

    /// The address that an authenticator app reads; 404 with a text if there is no second factor.
    pub fn totp_address<'a>(&self, target: &'a User) -> Result<&'a Secret> {
        let totp = target.totp.as_ref().map(|totp| &totp.url);
        totp.ok_or_else(|| Error::new(Kind::NotFound, "TOTP not enabled"))
    }

    /// Takes the second factor away. Reference: an id that is not the factor's answers as if it were.
    pub async fn disable_totp(&self, target: &User, id: UserTotpId) -> Result<()> {
        match self.store.delete_user_totp(target.id, id).await {
            Err(StoreError::NotFound) => Ok(()),
            done => Ok(done?),
        }
    }
}

fn already_enabled() -> Error {
    Error::invalid("TOTP already enabled")
}

/// The refusal where there is no second factor.
pub fn not_enabled() -> Error {
    Error::invalid("TOTP not enabled")
}

impl PendingSession {
    fn guess(&self, kind: Attempt, address: &str) -> Guess {
        Guess::new(kind, &self.session.user_id.to_string(), address)
    }
}
