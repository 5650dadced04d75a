//! The second factor by time-based codes: setting it up, giving codes, the recovery code, taking it away.
//!
//! Not for the codes themselves (`crypto::totp`), nor for those by e-mail (`email_code`). Invariants: the secret is shown once, in the answer that sets the factor up;
//! wrong codes are slowed down per account and address; the recovery code takes the factor away with the same step that
//! lets its owner in.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use semaphore_model::{Secret, Session, SessionId, User, UserTotp, UserTotpId, VerificationMethod};
use semaphore_store::{Identity, StoreError};

use super::{
    Client, email_code,
    newcomer::{NOBODY, Newcomer, stranger_since},
    throttle::{Attempt, Guess},
};
use crate::{
    crypto::totp,
    error::{Error, Kind, Result},
    services::Services,
};

/// Somebody who still has to give a code.
#[derive(Debug)]
pub enum PendingSession {
    /// The owner of a session.
    User {
        /// Who it is.
        identity: Arc<Identity>,
        /// The session.
        session: Session,
    },
    /// Somebody without an account who was sent a code.
    Newcomer {
        /// What the cookie names them by.
        key: SessionId,
        /// What is remembered of them.
        newcomer: Newcomer,
    },
    /// Somebody whose address may not sign in, which they are not told.
    Stranger {
        /// When they came.
        since: DateTime<Utc>,
    },
}

/// What a code opened.
#[derive(Debug)]
pub enum Verified {
    /// The session it was given for.
    Session,
    /// An account that was made just now; the value of the cookie of its session.
    Account(String),
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
        if let Some(pending) = self.pending_newcomer(cookie) {
            return if recovery { Err(no_recovery()) } else { Ok(Some(pending)) };
        }
        let (identity, session) = self.session(cookie).await?;
        match session.verification_method {
            VerificationMethod::None => Ok(None),
            VerificationMethod::Totp => {
                if !self.settings.totp_enabled || recovery && !self.settings.totp_allow_recovery {
                    return Err(disabled());
                }
                Ok(Some(PendingSession::User { identity, session }))
            }
            VerificationMethod::Email if session.verified => Ok(None),
            VerificationMethod::Email if recovery => Err(no_recovery()),
            // Reference: the community edition refuses these always.
            VerificationMethod::Email if !self.settings.sign_in.email.enabled => Err(email_code::switched_off()),
            VerificationMethod::Email => Ok(Some(PendingSession::User { identity, session })),
        }
    }

    fn pending_newcomer(&self, cookie: &str) -> Option<PendingSession> {
        let content = self.cookies.decode(cookie, Utc::now().timestamp()).ok()?;
        let key = content.session;
        if content.user != NOBODY {
            return None;
        }
        match stranger_since(key) {
            Some(since) => Some(PendingSession::Stranger { since }),
            None => self.newcomers.find(key).map(|newcomer| PendingSession::Newcomer { key, newcomer }),
        }
    }

    /// Takes a one-time code; 401 with a text if it does not fit.
    pub async fn give_code(&self, pending: &PendingSession, code: &str, client: Client<'_>) -> Result<Verified> {
        let (identity, session) = match pending {
            PendingSession::User { identity, session } => (identity, session),
            PendingSession::Stranger { since } => {
                return self.give_strangers_code(*since, code, client.address).await.map(|()| Verified::Session);
            }
            PendingSession::Newcomer { key, newcomer } => {
                return self.give_newcomer_code(*key, newcomer, code, client).await.map(Verified::Account);
            }
        };
        if email_code::waits_for_mail(session) {
            self.give_email_code(identity, session, code, client.address).await?;
        } else {
            self.give_totp_code(&identity.user, session, code, client.address).await?;
        }
        Ok(Verified::Session)
    }

    async fn give_totp_code(&self, user: &User, session: &Session, code: &str, address: &str) -> Result<()> {
        let totp = user.totp.as_ref().ok_or_else(removed)?;
        let guess = Guess::new(Attempt::Code, &user.id.to_string(), address);
        let _turn = self.throttle.admit(&self.store, guess).await?;
        if !totp::verify(&totp.url, code, Utc::now().timestamp()) {
            self.throttle.failed(&self.store, guess).await?;
            return Err(email_code::wrong_code());
        }
        self.throttle.succeeded(&self.store, guess).await?;
        Ok(self.store.verify_session(user.id, session.id).await?)
    }

    /// Takes a recovery code: the second factor is gone then. 401 with a text if it does not fit.
    pub async fn give_recovery_code(&self, pending: &PendingSession, code: &str, address: &str) -> Result<()> {
        let PendingSession::User { identity, session } = pending else { return Err(no_recovery()) };
        let totp = identity.user.totp.as_ref().ok_or_else(removed)?;
        let guess = Guess::new(Attempt::Recovery, &session.user_id.to_string(), address);
        let _turn = self.throttle.admit(&self.store, guess).await?;
        if !self.passwords.verify(code, Some(totp.recovery_hash.expose())).await? {
            self.throttle.failed(&self.store, guess).await?;
            return Err(Error::new(Kind::Unauthenticated, "INVALID_RECOVERY_CODE"));
        }
        self.throttle.succeeded(&self.store, guess).await?;
        let mut transaction = self.store.begin().await?;
        transaction.delete_user_totp(session.user_id, totp.id).await?;
        transaction.verify_session(session.user_id, session.id).await?;
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
        self.insert_totp(target, totp::ISSUER, self.settings.totp_allow_recovery).await
    }

    /// The same without asking whether this server takes codes, under the configured name: for the command line.
    ///
    /// Reference: `auth.totp.app_name` counts there only.
    pub async fn enable_totp_by_hand(&self, target: &User) -> Result<UserTotp> {
        let name = self.settings.sign_in.totp_app_name.as_str();
        self.insert_totp(target, if name.is_empty() { totp::ISSUER } else { name }, true).await
    }

    async fn insert_totp(&self, target: &User, issuer: &str, with_recovery: bool) -> Result<UserTotp> {
        let recovery_code = if with_recovery { totp::recovery_code() } else { Secret::default() };
        let recovery_hash = match recovery_code.expose() {
            "" => Secret::default(),
            code => self.passwords.hash(code).await?.into(),
        };
        let made = self.store.insert_user_totp(target.id, &totp::generate(issuer, &target.email), &recovery_hash).await;
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

fn no_recovery() -> Error {
    Error::forbidden("a code by e-mail has no recovery code: ask for another one")
}

fn already_enabled() -> Error {
    Error::invalid("TOTP already enabled")
}

/// The refusal where there is no second factor.
pub fn not_enabled() -> Error {
    Error::invalid("TOTP not enabled")
}
