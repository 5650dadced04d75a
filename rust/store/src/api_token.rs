//! Tokens of programs. Looking one up is in `session`.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::{Result, Store};
use chrono::Utc;
use semaphore_model::time::truncate_to_second;
use semaphore_model::{ApiToken, Secret, UserId};

impl FromRow for ApiToken {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: Secret::new(row.text("id")?),
            created: row.time("created")?,
            expired: row.boolean("expired")?,
            user_id: row.id("user_id")?,
        })
    }
}

impl Store {
    /// Tokens of a user, newest first, those taken back included.
    pub async fn list_api_tokens(&self, user_id: UserId) -> Result<Vec<ApiToken>> {
        self.fetch("select * from user__token where user_id = ? order by created desc", params![user_id]).await
    }
}

writes! {
    /// Adds a token, with now as its time.
    insert_api_token(token: ApiToken) -> ApiToken;
    /// Takes a token back; it stays in the list.
    expire_api_token(user_id: UserId, token: &Secret) -> ();
    /// Removes a token of a user; `NotFound` if it is not there.
    delete_api_token(user_id: UserId, token: &Secret) -> ();
}

impl Transaction {
    /// Adds a token, with now, in whole seconds, as its time.
    pub async fn insert_api_token(&mut self, mut token: ApiToken) -> Result<ApiToken> {
        token.created = truncate_to_second(Utc::now());
        let text = "insert into user__token (id, created, expired, user_id) values (?, ?, ?, ?)";
        self.execute(text, params![&token.id, token.created, token.expired, token.user_id]).await?;
        Ok(token)
    }

    /// Takes a token back.
    pub async fn expire_api_token(&mut self, user_id: UserId, token: &Secret) -> Result<()> {
        self.change("update user__token set expired = true where id = ? and user_id = ?", params![token, user_id]).await
    }

    /// Removes a token of a user. Which one a prefix means is the service's to find out.
    pub async fn delete_api_token(&mut self, user_id: UserId, token: &Secret) -> Result<()> {
        self.change("delete from user__token where id = ? and user_id = ?", params![token, user_id]).await
    }
}
