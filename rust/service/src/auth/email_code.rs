//! Codes by e-mail: the way in for whoever owns an address, and the second step after a password.
//!
//! Not for sending (`mail`), nor for people without an account here (`newcomer`). Invariants: a code is six digits, lives ten
//! minutes, is stored as a bcrypt hash, counts once and dies after ten wrong tries, whoever made them; an account is sent one
//! code in half a minute at most; whoever has time-based codes, too, gives both; an address that may not sign in is answered as
//! one that may, and is sent nothing.
//!
//! Reference: the community edition has the table, the configuration and the page, but no routes.

use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use semaphore_model::{Secret, Session, SessionId, User, VerificationMethod, error_chain};
use semaphore_store::{Identity, StoreError};

use super::{
    Client,
    newcomer::{NOBODY, Newcomer, stranger_at},
    second_factor::PendingSession,
    throttle::{Attempt, Guess},
};
use crate::{
    crypto::cookie::CookieSession,
    error::{Error, Kind, Result},
    mail::{Mail, Mailer, Paragraph, is_address},
    services::Services,
};

/// How long a code counts. Reference: `UserEmailOtp.IsExpired`.
pub(super) const LIFE: TimeDelta = TimeDelta::minutes(10);

/// Time from one code to the next.
const PAUSE: TimeDelta = TimeDelta::seconds(30);

/// What the configuration says about codes by e-mail. Reference: the keys `auth.email.*`.
#[derive(Clone, Debug, Default)]
pub struct EmailCodeSettings {
    /// Whether codes are sent at all.
    pub enabled: bool,
    /// Whether accounts from elsewhere may sign in by e-mail.
    pub allow_login_as_external_user: bool,
    /// Whether an unknown address gets an account.
    pub allow_create_external_user: bool,
    /// Domains of addresses that may sign in by e-mail; empty for all.
    pub allowed_domains: Vec<String>,
    /// Whether no code is asked for after OpenID Connect.
    pub disable_for_oidc: bool,
}

/// How somebody came to a session; decides what else is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// By a password, here or in the directory.
    Password,
    /// By an OpenID Connect provider.
    Provider,
    /// By an e-mail address that is still to be proved.
    Email,
}

/// The refusal of a code, whatever is wrong with it.
pub(super) fn wrong_code() -> Error {
    Error::new(Kind::Unauthenticated, "INVALID_PASSCODE")
}

pub(super) fn switched_off() -> Error {
    Error::forbidden("this server takes no codes by e-mail")
}

/// A new code.
fn new_code() -> Secret {
    Secret::new(format!("{:06}", rand::rng().random_range(0..1_000_000)))
}

/// Seconds until the next code may be sent after one that was sent at `last`.
fn pause_left(last: DateTime<Utc>, now: DateTime<Utc>) -> Option<i64> {
    let left = last + PAUSE - now;
    // A clock that was put back must not shut anybody out.
    (left > TimeDelta::zero() && left <= PAUSE).then(|| left.num_seconds() + 1)
}

impl Services {
    /// Whether codes by e-mail are switched on and can be sent.
    pub fn sends_codes(&self) -> bool {
        self.code_mailer().is_some()
    }

    pub(super) fn code_mailer(&self) -> Option<Mailer<'_>> {
        self.settings.sign_in.email.enabled.then(|| self.mailer()).flatten()
    }

    /// Sends a code to an address and starts a session that waits for it; returns the cookie's value.
    ///
    /// 404 where such log-ins are switched off, 400 for what is no address, 429 for too many, 503 if the code cannot be sent.
    pub async fn login_by_email(&self, address: &str, client: Client<'_>) -> Result<String> {
        let settings = &self.settings.sign_in.email;
        if !settings.enabled {
            return Err(Error::not_found("log-in by e-mail"));
        }
        let mailer = self.code_mailer().ok_or_else(|| {
            Error::unavailable("this server cannot send e-mail: email_host is not set in its configuration")
        })?;
        let address = address.trim();
        if !is_address(address) {
            return Err(Error::invalid("email must be an address such as somebody@example.com"));
        }
        let lowered = address.to_lowercase();
        let mails = Guess::new(Attempt::Mail, &lowered, client.address);
        let _turn = self.throttle.admit(&self.store, mails).await?;
        self.throttle.failed(&self.store, mails).await?;
        let is_allowed = is_allowed(&settings.allowed_domains, &lowered);
        match self.find_by_address(address, &lowered).await? {
            Some(user) if is_allowed && (!user.external || settings.allow_login_as_external_user) => {
                self.start_session(&user, client, Entry::Email).await
            }
            None if is_allowed && settings.allow_create_external_user => self.receive_newcomer(mailer, lowered).await,
            _ => self.receive_stranger().await,
        }
    }

    async fn find_by_address(&self, typed: &str, lowered: &str) -> Result<Option<User>> {
        match self.store.find_user_by_email(lowered).await? {
            Some(user) => Ok(Some(user)),
            None => Ok(self.store.find_user_by_email(typed).await?),
        }
    }

    /// What a new session of a user waits for. A code that it waits for is sent.
    pub(super) async fn verification(&self, user: &User, entry: Entry) -> Result<VerificationMethod> {
        if entry != Entry::Email && self.settings.totp_enabled && user.totp.is_some() {
            return Ok(VerificationMethod::Totp);
        }
        let Some(mailer) = self.code_mailer() else {
            return if entry == Entry::Email { Err(switched_off()) } else { Ok(VerificationMethod::None) };
        };
        if entry == Entry::Provider && self.settings.sign_in.email.disable_for_oidc {
            return Ok(VerificationMethod::None);
        }
        match self.send_code(mailer, user).await {
            // The code that is on its way counts for this log-in, too.
            Err(error) if error.kind != Kind::TooMany => Err(error),
            _ => Ok(VerificationMethod::Email),
        }
    }

    /// Sends a user a code. 429 if the last one was sent just now.
    async fn send_code(&self, mailer: Mailer<'_>, user: &User) -> Result<()> {
        if let Some(last) = &user.email_otp
            && let Some(seconds) = pause_left(last.created, Utc::now())
        {
            return Err(too_early(seconds));
        }
        let (code, hash) = self.make_code().await?;
        let stored = self.store.set_user_email_otp(user.id, &hash).await?;
        let sent = self.mail_code(mailer, &user.email, &code).await;
        if sent.is_err() {
            // Nobody will ever see this one, and the next may be sent at once.
            match self.store.delete_user_email_otp(user.id, stored.id, &hash).await {
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => {}
            }
        }
        sent
    }

    async fn make_code(&self) -> Result<(Secret, Secret)> {
        let code = new_code();
        let hash = self.passwords.hash(code.expose()).await?;
        Ok((code, hash.into()))
    }

    async fn mail_code(&self, mailer: Mailer<'_>, address: &str, code: &Secret) -> Result<()> {
        let host = if self.settings.web_host.is_empty() { "Semaphore" } else { &self.settings.web_host };
        let content = [
            Paragraph::Words(&format!("Your code to sign in to {host}:")),
            Paragraph::Large(code.expose()),
            Paragraph::Words("It counts for ten minutes and for one time."),
            Paragraph::Words("If you did not ask for it, nobody can sign in without it: leave this message alone."),
        ];
        mailer.send(Mail::new(address, "Your code to sign in", &content)).await.map_err(|error| {
            tracing::warn!(error = %error_chain(&error), "a code to sign in could not be sent");
            Error::unavailable("the code could not be sent by e-mail, the reason is in the server's log")
                .with_source(error)
        })
    }

    /// Sends the code once more that the session of a cookie waits for; returns the new value of the cookie. 400 if it waits for
    /// none, 429 too early.
    pub async fn resend_code(&self, cookie: &str, address: &str) -> Result<String> {
        let mailer = self.code_mailer().ok_or_else(switched_off)?;
        let now = Utc::now();
        let content = match self.pending_session(cookie, false).await? {
            Some(PendingSession::Stranger { since }) => {
                if let Some(seconds) = pause_left(since, now) {
                    return Err(too_early(seconds));
                }
                return self.receive_stranger().await;
            }
            Some(PendingSession::Newcomer { key, newcomer }) => {
                self.renew_newcomer(mailer, key, newcomer, address).await?;
                CookieSession { user: NOBODY, session: key }
            }
            Some(PendingSession::User { identity, session }) if waits_for_mail(&session) => {
                let user = &identity.user;
                let mails = Guess::new(Attempt::Mail, &user.email, address);
                let _turn = self.throttle.admit(&self.store, mails).await?;
                self.send_code(mailer, user).await?;
                self.throttle.failed(&self.store, mails).await?;
                CookieSession { user: user.id, session: session.id }
            }
            _ => return Err(Error::invalid("no code by e-mail is awaited: log in first")),
        };
        Ok(self.cookies.encode_alike(content, now.timestamp()))
    }

    async fn renew_newcomer(
        &self,
        mailer: Mailer<'_>,
        key: SessionId,
        newcomer: Newcomer,
        address: &str,
    ) -> Result<()> {
        if let Some(seconds) = pause_left(newcomer.created, Utc::now()) {
            return Err(too_early(seconds));
        }
        let mails = Guess::new(Attempt::Mail, &newcomer.email, address);
        let _turn = self.throttle.admit(&self.store, mails).await?;
        self.throttle.failed(&self.store, mails).await?;
        let (code, hash) = self.make_code().await?;
        self.mail_code(mailer, &newcomer.email, &code).await?;
        self.newcomers.renew(key, Newcomer { hash, created: Utc::now(), wrong: 0, ..newcomer });
        Ok(())
    }

    /// Takes the code of a session; afterwards it is verified, or waits for a time-based code.
    pub(super) async fn give_email_code(
        &self,
        identity: &Identity,
        session: &Session,
        code: &str,
        address: &str,
    ) -> Result<()> {
        if !self.settings.sign_in.email.enabled {
            return Err(switched_off());
        }
        let user = &identity.user;
        let guess = Guess::new(Attempt::EmailCode, &user.id.to_string(), address);
        let _turn = self.throttle.admit(&self.store, guess).await?;
        let sent = user.email_otp.as_ref().filter(|sent| Utc::now() - sent.created <= LIFE);
        let fits = self.passwords.verify(code.trim(), sent.map(|sent| sent.code.expose())).await?;
        let Some(sent) = sent.filter(|_| fits) else {
            self.throttle.failed(&self.store, guess).await?;
            if let Some(sent) = sent {
                let tries = Guess::new(Attempt::EmailCode, sent.code.expose(), "");
                if self.throttle.failed(&self.store, tries).await? >= Attempt::EmailCode.free() {
                    match self.store.delete_user_email_otp(user.id, sent.id, &sent.code).await {
                        Err(error) if !error.is_not_found() => return Err(error.into()),
                        _ => {}
                    }
                }
            }
            return Err(wrong_code());
        };
        let mut transaction = self.store.begin().await?;
        match transaction.delete_user_email_otp(user.id, sent.id, &sent.code).await {
            // Somebody else was faster with the same code, or another one was sent.
            Err(StoreError::NotFound) => return Err(wrong_code()),
            deleted => deleted?,
        }
        if self.settings.totp_enabled && user.totp.is_some() {
            transaction.set_session_verification(user.id, session.id, VerificationMethod::Totp).await?;
        } else {
            transaction.verify_session(user.id, session.id).await?;
        }
        transaction.commit().await?;
        self.throttle.succeeded(&self.store, guess).await?;
        self.throttle.succeeded(&self.store, Guess::new(Attempt::Mail, &user.email, address)).await?;
        Ok(())
    }

    /// Sends a code to an address without an account; the cookie leads to what is remembered of it.
    async fn receive_newcomer(&self, mailer: Mailer<'_>, email: String) -> Result<String> {
        let (code, hash) = self.make_code().await?;
        self.mail_code(mailer, &email, &code).await?;
        let now = Utc::now();
        let key = self.newcomers.insert(Newcomer { email, hash, created: now, wrong: 0 });
        Ok(self.cookies.encode_alike(CookieSession { user: NOBODY, session: key }, now.timestamp()))
    }

    /// Answers an address that may not sign in as one that may, with as much work but without a message. Nothing is remembered:
    /// the cookie says when it was.
    async fn receive_stranger(&self) -> Result<String> {
        self.make_code().await?;
        let now = Utc::now();
        Ok(self.cookies.encode_alike(CookieSession { user: NOBODY, session: stranger_at(now) }, now.timestamp()))
    }

    /// Takes the code of a stranger: there is none that fits.
    pub(super) async fn give_strangers_code(&self, since: DateTime<Utc>, code: &str, address: &str) -> Result<()> {
        let guess = Guess::new(Attempt::EmailCode, &stranger_at(since).to_string(), address);
        let _turn = self.throttle.admit(&self.store, guess).await?;
        self.passwords.verify(code.trim(), None).await?;
        self.throttle.failed(&self.store, guess).await?;
        Err(wrong_code())
    }
}

fn too_early(seconds: i64) -> Error {
    Error::new(Kind::TooMany, format!("a code was sent just now: ask for another one in {seconds} seconds"))
}

pub(super) fn waits_for_mail(session: &Session) -> bool {
    session.verification_method == VerificationMethod::Email && !session.verified
}

/// Whether an address (in small letters) lies in one of the domains; all do if none is named.
fn is_allowed(domains: &[String], address: &str) -> bool {
    let domain = address.rsplit_once('@').map(|(_, domain)| domain).unwrap_or_default();
    domains.is_empty() || domains.iter().any(|allowed| allowed.trim_start_matches('@').eq_ignore_ascii_case(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_domains_count() {
        let domains = ["example.com".to_owned(), "@Example.org".to_owned()];
        for (address, allowed) in [
            ("a@example.com", true),
            ("a@example.org", true),
            ("a@sub.example.com", false),
            ("a@notexample.com", false),
            ("a@example.com@evil.test", false),
            ("example.com", false),
        ] {
            assert_eq!(is_allowed(&domains, address), allowed, "{address}");
        }
        assert!(is_allowed(&[], "a@anywhere.test"));
    }

    #[test]
    fn a_clock_that_was_put_back_shuts_nobody_out() {
        let now = Utc::now();
        assert_eq!(pause_left(now, now), Some(31));
        assert_eq!(pause_left(now - PAUSE, now), None);
        assert_eq!(pause_left(now + TimeDelta::hours(1), now), None);
    }
}
