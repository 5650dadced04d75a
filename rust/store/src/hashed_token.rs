//! API tokens of which only a digest is stored, in a table of our own.
//!
//! Not for making digests: they come from the service. Without the table there are none. Invariant: the token itself is
//! never here; its first characters are, to name it by.

use crate::db::{FromRow, Row, Transaction, params};
use crate::session::{Identity, IdentityKey};
use crate::user::{COLUMNS, FullUser, JOIN_FACTORS};
use crate::{Result, Store, StoreError};
use chrono::{DateTime, Utc};
use semaphore_model::time::truncate_to_second;
use semaphore_model::{ApiToken, Secret, UserId};
use std::sync::Arc;

/// A token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedToken {
    /// SHA-256 of the token in hexadecimal.
    pub digest: String,
    /// The first eight characters of the token.
    pub prefix: String,
    /// Whose it is.
    pub user_id: UserId,
    /// When it was made, in whole seconds.
    pub created: DateTime<Utc>,
}

/// A hashed token as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedToken {
    /// The first eight characters.
    pub prefix: String,
    /// Login name of its owner.
    pub username: String,
}

impl FromRow for HashedToken {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            digest: row.text("digest")?,
            prefix: row.text("prefix")?,
            user_id: row.id("user_id")?,
            created: row.time("created")?,
        })
    }
}

impl Store {
    /// Hashed tokens of a user, newest first.
    pub async fn list_hashed_tokens(&self, user_id: UserId) -> Result<Vec<HashedToken>> {
        let text =
            "select digest, prefix, user_id, created from rs_api_token where user_id = ? order by created desc, digest";
        self.fetch_own(text, params![user_id]).await?.iter().map(HashedToken::from_row).collect()
    }

    /// All hashed tokens by owner, for the list of what stops working on a server that does not know them.
    pub async fn list_hashed_token_names(&self) -> Result<Vec<NamedToken>> {
        let text = "select p.prefix, u.username from rs_api_token p join `user` u on u.id = p.user_id order by u.username, p.prefix";
        let read = |row: &Row| Ok(NamedToken { prefix: row.text("prefix")?, username: row.text("username")? });
        self.fetch_own(text, params![]).await?.iter().map(read).collect()
    }

    /// The user of a hashed token; one query or none (kept until something is written). `shown` becomes the token of the
    /// identity: what the caller knows it by.
    pub async fn get_hashed_token_identity(&self, digest: &str, shown: &Secret) -> Result<Arc<Identity>> {
        let generation = self.generation().await?;
        let key = IdentityKey::HashedToken(digest.to_owned(), shown.expose().to_owned());
        if let Some(identity) = self.identities().get(generation, &key) {
            return Ok(identity);
        }
        let text = format!(
            "select p.created as p_created, {COLUMNS} from rs_api_token p join `user` u on u.id = p.user_id {JOIN_FACTORS} where p.digest = ?"
        );
        let rows = self.fetch_own(text, params![digest]).await?;
        let row = rows.first().ok_or(StoreError::NotFound)?;
        let user = FullUser::from_row(row)?.0;
        let token = ApiToken { id: shown.clone(), created: row.time("p_created")?, expired: false, user_id: user.id };
        let identity = Arc::new(Identity { user, session: None, token: Some(token) });
        self.identities().put(generation, key, Arc::clone(&identity));
        Ok(identity)
    }

    /// Every token that is stored as it is and was not taken back.
    pub async fn list_plain_tokens(&self) -> Result<Vec<ApiToken>> {
        self.fetch("select * from user__token where not expired order by user_id, created, id", params![]).await
    }
}

impl Transaction {
    /// Stores a hashed token.
    ///
    /// Errors: [`StoreError::OwnTableMissing`], for [`Store::make_own_tables`] and once more.
    pub async fn insert_hashed_token(&mut self, token: &HashedToken) -> Result<()> {
        let text = "insert into rs_api_token (digest, prefix, user_id, created) values (?, ?, ?, ?)";
        let values = params![&token.digest, &token.prefix, token.user_id, truncate_to_second(token.created)];
        self.execute(text, values).await.map(drop)
    }

    /// Removes a hashed token of a user; `NotFound` if it is not there.
    pub async fn delete_hashed_token(&mut self, user_id: UserId, digest: &str) -> Result<()> {
        self.change("delete from rs_api_token where digest = ? and user_id = ?", params![digest, user_id]).await
    }
}
