//! Sessions, and the look-up of who is asking.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::user::{COLUMNS, FullUser, JOIN_FACTORS};
use crate::{Result, Store, StoreError};
use chrono::{DateTime, Utc};
use semaphore_model::{ApiToken, Secret, Session, SessionId, User, UserId, VerificationMethod};
use std::sync::Arc;

/// Who is asking, and by what right.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The user, with second factors.
    pub user: User,
    /// The session, for a browser.
    pub session: Option<Session>,
    /// The token, for a program.
    pub token: Option<ApiToken>,
}

/// What an identity is looked up by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum IdentityKey {
    Session(UserId, SessionId),
    Token(String),
    /// By its digest, and the text that its identity shows.
    HashedToken(String, String),
}

/// That a session was used.
#[derive(Clone, Copy, Debug)]
pub struct SessionActivity {
    /// Whose session.
    pub user_id: UserId,
    /// Which session.
    pub session_id: SessionId,
    /// When it was last used.
    pub last_active: DateTime<Utc>,
}

fn session_from(row: &Row, prefix: &str) -> Result<Session> {
    let column = |name: &str| format!("{prefix}{name}");
    Ok(Session {
        id: row.id(&column("id"))?,
        user_id: row.id(&column("user_id"))?,
        created: row.time(&column("created"))?,
        last_active: row.time(&column("last_active"))?,
        ip: row.text(&column("ip"))?,
        user_agent: row.text(&column("user_agent"))?,
        expired: row.boolean(&column("expired"))?,
        verification_method: VerificationMethod::from_number(row.int(&column("verification_method"))?),
        verified: row.boolean(&column("verified"))?,
    })
}

impl FromRow for Session {
    fn from_row(row: &Row) -> Result<Self> {
        session_from(row, "")
    }
}

impl Store {
    /// The session with its user, if it was not ended; one query or none (kept until something is written).
    ///
    /// Whether it is too old or still needs its second factor is the caller's to judge.
    pub async fn get_session_identity(&self, user_id: UserId, session_id: SessionId) -> Result<Arc<Identity>> {
        let generation = self.generation().await?;
        let key = IdentityKey::Session(user_id, session_id);
        if let Some(identity) = self.identities().get(generation, &key) {
            return Ok(identity);
        }
        let text = format!(
            "select p.id as p_id, p.user_id as p_user_id, p.created as p_created, p.last_active as p_last_active, \
             p.ip as p_ip, p.user_agent as p_user_agent, p.expired as p_expired, \
             p.verification_method as p_verification_method, p.verified as p_verified, {COLUMNS} \
             from session p join `user` u on u.id = p.user_id {JOIN_FACTORS} where p.id = ? and p.user_id = ? and not p.expired"
        );
        let mut row = self.db().fetch_optional(text.clone(), params![session_id, user_id]).await?;
        if row.is_none()
            && let Some(now) = self.get_imported_session(user_id, session_id).await?
        {
            row = self.db().fetch_optional(text, params![now, user_id]).await?;
        }
        let row = row.ok_or(StoreError::NotFound)?;
        let session = session_from(&row, "p_")?;
        let identity = Arc::new(Identity { user: FullUser::from_row(&row)?.0, session: Some(session), token: None });
        self.identities().put(generation, key, Arc::clone(&identity));
        Ok(identity)
    }

    /// The id of a session that had another one in the Bolt file it came from, where each user's sessions begin with 1: the
    /// cookie of a browser still names that one. Sessions of ours never have such an id: they are numbered behind all of them.
    async fn get_imported_session(&self, user_id: UserId, session_id: SessionId) -> Result<Option<SessionId>> {
        let text = "select new_id from rs_import_map where kind = 'session' and scope = ? and old_id = ?";
        self.fetch_own(text, params![user_id, session_id]).await?.first().map(|row| row.id("new_id")).transpose()
    }

    /// The token with its user, if it was not taken back; one query or none (kept until something is written).
    pub async fn get_token_identity(&self, token: &Secret) -> Result<Arc<Identity>> {
        let generation = self.generation().await?;
        let key = IdentityKey::Token(token.expose().to_owned());
        if let Some(identity) = self.identities().get(generation, &key) {
            return Ok(identity);
        }
        let text = format!(
            "select p.created as p_created, {COLUMNS} from user__token p join `user` u on u.id = p.user_id {JOIN_FACTORS} where p.id = ? and not p.expired"
        );
        let row = self.db().fetch_optional(text, params![token]).await?.ok_or(StoreError::NotFound)?;
        let user = FullUser::from_row(&row)?.0;
        let token = ApiToken { id: token.clone(), created: row.time("p_created")?, expired: false, user_id: user.id };
        let identity = Arc::new(Identity { user, session: None, token: Some(token) });
        self.identities().put(generation, key, Arc::clone(&identity));
        Ok(identity)
    }

    /// The session, if it was not ended.
    pub async fn get_session(&self, user_id: UserId, id: SessionId) -> Result<Session> {
        let text = "select * from session where id = ? and user_id = ? and not expired";
        self.fetch_one(text, params![id, user_id]).await
    }
}

writes! {
    /// Adds a session with the times it carries.
    insert_session(session: Session) -> Session;
    /// Notes when sessions were last used, all in one transaction. Sessions that are gone are passed over.
    touch_sessions(activities: &[SessionActivity]) -> ();
    /// Notes that the second factor was given.
    verify_session(user_id: UserId, id: SessionId) -> ();
    /// Ends a session.
    expire_session(user_id: UserId, id: SessionId) -> ();
    /// Ends all sessions of a user; answers how many.
    expire_sessions_of_user(user_id: UserId) -> u64;
}

impl Transaction {
    /// Adds a session with the times it carries.
    pub async fn insert_session(&mut self, mut session: Session) -> Result<Session> {
        let text = "insert into session (user_id, created, last_active, ip, user_agent, expired, verification_method, verified) \
             values (?, ?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            session.user_id,
            session.created,
            session.last_active,
            &session.ip,
            &session.user_agent,
            session.expired,
            session.verification_method.number(),
            session.verified
        ];
        session.id = self.insert(text, values).await?;
        Ok(session)
    }

    /// Notes when sessions were last used.
    pub async fn touch_sessions(&mut self, activities: &[SessionActivity]) -> Result<()> {
        let text = "update session set last_active = ? where id = ? and user_id = ?";
        for activity in activities {
            self.execute(text, params![activity.last_active, activity.session_id, activity.user_id]).await?;
        }
        Ok(())
    }

    /// Notes that the second factor was given.
    pub async fn verify_session(&mut self, user_id: UserId, id: SessionId) -> Result<()> {
        self.change("update session set verified = true where id = ? and user_id = ?", params![id, user_id]).await
    }

    /// Ends a session.
    pub async fn expire_session(&mut self, user_id: UserId, id: SessionId) -> Result<()> {
        let text = "update session set expired = true where id = ? and user_id = ?";
        if self.execute(text, params![id, user_id]).await? > 0 {
            return Ok(());
        }
        // Its id may be the one it had in a Bolt file.
        let text = "update session set expired = true where user_id = ? and id in (select new_id from rs_import_map \
             where kind = 'session' and scope = ? and old_id = ?)";
        let changed = self.execute_own(text, params![user_id, user_id, id]).await?;
        if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// Ends all sessions of a user.
    pub async fn expire_sessions_of_user(&mut self, user_id: UserId) -> Result<u64> {
        self.execute("update session set expired = true where user_id = ? and not expired", params![user_id]).await
    }
}
