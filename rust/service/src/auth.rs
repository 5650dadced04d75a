//! Who is calling: log-in, sessions of browsers, tokens of programs.
//!
//! A session is a row that a signed cookie points to; the store keeps rows that were looked up until something is written,
//! so a busy page costs no queries. `last_active` is kept in memory and written once a minute and at shutdown. Invariants: a
//! refused log-in takes as long as an accepted one; errors never tell whether a user exists.

mod activity;
mod api_token;
mod email_code;
mod newcomer;
mod second_factor;
mod throttle;

use std::{ops::Deref, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use semaphore_model::{Secret, Session, User, VerificationMethod};
use semaphore_store::{Identity, StoreError};

pub(crate) use self::{
    activity::Activities,
    email_code::Entry,
    newcomer::Newcomers,
    throttle::{Attempt, Guess, Throttle},
};
pub use self::{
    email_code::EmailCodeSettings,
    newcomer::Newcomer,
    second_factor::{PendingSession, Verified, not_enabled},
};
use crate::{
    crypto::{cookie::CookieSession, token},
    error::{Error, Kind, Result},
    services::Services,
};

/// Days after which an unused session ends. Reference: 7.
const IDLE_DAYS: i64 = 7;

/// What a request brings to prove who sends it; empty texts where it brings nothing.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// The `Authorization` header.
    pub authorization: &'a str,
    /// Value of the session cookie.
    pub cookie: &'a str,
}

/// What is remembered about the client of a session.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// Its address; may be empty.
    pub address: &'a str,
    /// `User-Agent` header.
    pub user_agent: &'a str,
}

/// A user who proved who they are. Cheap to clone; reads as the [`User`].
#[derive(Clone, Debug)]
pub struct Caller(Arc<Identity>);

impl Deref for Caller {
    type Target = User;

    fn deref(&self) -> &User {
        &self.0.user
    }
}

impl Caller {
    /// The caller with what proves it.
    pub(crate) fn identity(&self) -> &Identity {
        &self.0
    }
}

fn not_logged_in() -> Error {
    Error::unauthenticated("log in first")
}

/// Somebody who is not there is somebody who is not logged in.
fn unknown_or_internal(error: StoreError) -> Error {
    if error.is_not_found() { not_logged_in() } else { error.into() }
}

impl Services {
    /// The user behind a request; 401 with an empty body if there is none. Counts as a use of the session.
    pub async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Caller> {
        self.recognise(credentials, true).await
    }

    /// The same for a connection that stays open: whether its session or token still counts. No use of the session.
    pub async fn authenticate_again(&self, credentials: &Credentials<'_>) -> Result<Caller> {
        self.recognise(credentials, false).await
    }

    async fn recognise(&self, credentials: &Credentials<'_>, is_use: bool) -> Result<Caller> {
        if let Some(token) = token::jwt_from_header(credentials.authorization) {
            return self.recognise_jwt(token).await.map(Caller);
        }
        if let Some(token) = token::from_header(credentials.authorization) {
            return self.recognise_api_token(Secret::new(token)).await.map(Caller);
        }
        let (identity, session) = self.session(credentials.cookie).await?;
        if session.is_verified() {
            if is_use {
                self.activities.note(session.user_id, session.id, Utc::now());
            }
            return Ok(Caller(identity));
        }
        // Reference: these refusals carry a text, so that the web page asks for the code.
        let text = match session.verification_method {
            VerificationMethod::Totp => "TOTP_REQUIRED",
            VerificationMethod::Email => "EMAIL_OTP_REQUIRED",
            VerificationMethod::None => "SESSION_NOT_VERIFIED",
        };
        Err(Error::new(Kind::Unauthenticated, text))
    }

    /// The user of an API token, however it is stored.
    async fn recognise_api_token(&self, token: Secret) -> Result<Arc<Identity>> {
        match self.store.get_token_identity(&token).await {
            Err(StoreError::NotFound) => {}
            found => return found.map_err(unknown_or_internal),
        }
        let found = self.store.get_hashed_token_identity(&token::digest(token.expose()), &token).await;
        found.map_err(unknown_or_internal)
    }

    /// Checks name (or e-mail) and password and starts a session; returns the cookie's value. 401 if they do not fit.
    pub async fn login(&self, name: &str, password: &str, client: Client<'_>) -> Result<String> {
        if self.settings.password_login_disable {
            // Reference: it only hid the form and still let people in.
            return Err(Error::unauthenticated("log-in by password is switched off on this server"));
        }
        let guess = Guess::new(Attempt::Password, name, client.address);
        let _turn = self.throttle.admit(&self.store, guess).await?;
        let user = self.find_for_login(name).await?;
        let hash = user.as_ref().filter(|user| !user.external).map(|user| user.password.expose());
        let fits = self.passwords.verify(password, hash).await?;
        let user = match user.filter(|_| fits) {
            Some(user) => Some(user),
            None => self.sign_in_by_directory(name, password).await?,
        };
        let Some(user) = user else {
            self.throttle.failed(&self.store, guess).await?;
            return Err(Error::unauthenticated("login or password is wrong"));
        };
        self.throttle.succeeded(&self.store, guess).await?;
        self.start_session(&user, client, Entry::Password).await
    }

    /// Reference: the name is lowered before the look-up, so that people stored with capitals could never log in; they are
    /// found here as they are typed.
    async fn find_for_login(&self, name: &str) -> Result<Option<User>> {
        let lowered = name.to_lowercase();
        for name in [lowered.as_str(), name] {
            match self.store.get_user_by_login_or_email(name, name).await {
                Ok(user) => return Ok(Some(user)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Starts a session, which may still wait for a code; returns the cookie's value.
    pub(crate) async fn start_session(&self, user: &User, client: Client<'_>, entry: Entry) -> Result<String> {
        let verification_method = self.verification(user, entry).await?;
        let now = Utc::now();
        let session = Session {
            user_id: user.id,
            created: now,
            last_active: now,
            ip: client.address.to_owned(),
            user_agent: client.user_agent.to_owned(),
            verification_method,
            verified: verification_method == VerificationMethod::None,
            ..Session::default()
        };
        let session = self.store.insert_session(session).await?;
        let content = CookieSession { user: user.id, session: session.id };
        if entry == Entry::Email {
            return Ok(self.cookies.encode_alike(content, now.timestamp()));
        }
        Ok(self.cookies.encode(content, now.timestamp()))
    }

    /// Whether a cookie belongs to a session, also to one that waits for a code.
    pub async fn has_session(&self, cookie: &str) -> bool {
        match self.session(cookie).await {
            Ok(_) => true,
            Err(error) => !error.bare,
        }
    }

    /// Ends the session of a cookie; a cookie without a session is no error.
    pub async fn logout(&self, cookie: &str) -> Result<()> {
        let Ok(content) = self.cookies.decode(cookie, Utc::now().timestamp()) else { return Ok(()) };
        match self.store.expire_session(content.user, content.session).await {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The session and user of a cookie.
    async fn session(&self, cookie: &str) -> Result<(Arc<Identity>, Session)> {
        if cookie.is_empty() {
            return Err(not_logged_in());
        }
        let now = Utc::now();
        let content =
            self.cookies.decode(cookie, now.timestamp()).map_err(|error| not_logged_in().with_source(error))?;
        if content.user == newcomer::NOBODY {
            let is_stranger = newcomer::stranger_since(content.session).is_some();
            let waits = is_stranger || self.newcomers.find(content.session).is_some();
            return Err(if waits { Error::new(Kind::Unauthenticated, "EMAIL_OTP_REQUIRED") } else { not_logged_in() });
        }
        let found = self.store.get_session_identity(content.user, content.session).await;
        let identity = found.map_err(unknown_or_internal)?;
        let session = identity.session.clone().ok_or_else(not_logged_in)?;
        if Self::is_idle(&session, now) {
            self.store.expire_session(content.user, content.session).await.map_err(unknown_or_internal)?;
            return Err(not_logged_in());
        }
        Ok((identity, session))
    }

    /// Whether a session was not used for too long.
    pub(crate) fn is_idle(session: &Session, now: DateTime<Utc>) -> bool {
        now - session.last_active > TimeDelta::days(IDLE_DAYS)
    }

    /// Writes the last use of sessions. Called once a minute and at shutdown.
    pub async fn flush_sessions(&self) -> Result<()> {
        let activities = self.activities.take();
        if activities.is_empty() {
            return Ok(());
        }
        let written = self.store.touch_sessions(&activities).await;
        if written.is_err() {
            self.activities.put_back(&activities);
        }
        Ok(written?)
    }
}
