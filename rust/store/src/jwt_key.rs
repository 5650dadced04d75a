//! Keys that sign our JSON Web Tokens, in a table of our own.
//!
//! Not for signing: the service does that. Without the table new keys are made; tokens of the old ones are worth nothing then.

use crate::db::{Transaction, params, writes};
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::Secret;

/// One key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtKey {
    /// The `kid` of its tokens.
    pub key_id: String,
    /// `ES256`.
    pub algorithm: String,
    /// The private half, encrypted by the service.
    pub sealed: Secret,
    /// The public half as a JSON Web Key.
    pub public_jwk: String,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// Until when it signs.
    pub signs_until: DateTime<Utc>,
    /// Until when its signatures count.
    pub verifies_until: DateTime<Utc>,
}

impl Store {
    /// The keys whose signatures count at `now`, oldest first.
    pub async fn list_jwt_keys(&self, now: DateTime<Utc>) -> Result<Vec<JwtKey>> {
        let rows = self.fetch_own("select * from rs_jwt_key order by created, key_id", params![]).await?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in &rows {
            let key = JwtKey {
                key_id: row.text("key_id")?,
                algorithm: row.text("algorithm")?,
                sealed: Secret::new(row.text("sealed")?),
                public_jwk: row.text("public_jwk")?,
                created: row.time("created")?,
                signs_until: row.time("signs_until")?,
                verifies_until: row.time("verifies_until")?,
            };
            // Compared here: SQLite keeps times as texts of several forms.
            if key.verifies_until > now {
                keys.push(key);
            }
        }
        Ok(keys)
    }
}

writes! {
    /// Adds a key.
    insert_jwt_key(key: &JwtKey) -> ();
}

impl Transaction {
    /// Adds a key.
    ///
    /// Errors: [`crate::StoreError::OwnTableMissing`], for [`Store::make_own_tables`] and once more.
    pub async fn insert_jwt_key(&mut self, key: &JwtKey) -> Result<()> {
        let text = "insert into rs_jwt_key (key_id, algorithm, sealed, public_jwk, created, signs_until, verifies_until) \
             values (?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            &key.key_id,
            &key.algorithm,
            &key.sealed,
            &key.public_jwk,
            key.created,
            key.signs_until,
            key.verifies_until
        ];
        self.execute(text, values).await.map(drop)
    }
}
