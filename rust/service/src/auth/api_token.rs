//! API tokens: making, listing, deleting them, and storing only their digests.
//!
//! Reference: a token is stored as it is, in `user__token`; so it is here unless `auth.api_tokens` is `hashed`. Not for finding
//! one in a request. Invariants: a token is shown once; a text that begins several of a user's tokens deletes none.

use chrono::Utc;
use semaphore_model::{ApiToken, Secret, User};
use semaphore_store::{HashedToken, StoreError};

use crate::{
    crypto::token,
    error::{Error, Result},
    services::Services,
};

fn hashed(token: &ApiToken) -> HashedToken {
    HashedToken {
        digest: token::digest(token.id.expose()),
        prefix: token.id.expose().chars().take(token::PREFIX_LENGTH).collect(),
        user_id: token.user_id,
        created: token.created,
    }
}

impl Services {
    /// A user's API tokens, newest first, shortened to what suffices to delete them.
    pub async fn list_api_tokens(&self, user: &User) -> Result<Vec<ApiToken>> {
        let mut tokens = self.store.list_api_tokens(user.id).await?;
        for found in &mut tokens {
            if let Some(short) = found.id.expose().get(..token::PREFIX_LENGTH).map(Secret::new) {
                found.id = short;
            }
        }
        let hashed = self.store.list_hashed_tokens(user.id).await?;
        tokens.extend(hashed.into_iter().map(|token| ApiToken {
            id: token.prefix.into(),
            created: token.created,
            user_id: token.user_id,
            expired: false,
        }));
        tokens.sort_by_key(|token| std::cmp::Reverse(token.created));
        Ok(tokens)
    }

    /// Makes an API token; this answer is the only one that holds it whole.
    pub async fn create_api_token(&self, user: &User) -> Result<ApiToken> {
        let token = ApiToken { id: token::generate().into(), user_id: user.id, ..ApiToken::default() };
        if !self.settings.sign_in.hashed_api_tokens {
            return Ok(self.store.insert_api_token(token).await?);
        }
        let token = ApiToken { created: semaphore_model::time::truncate_to_second(Utc::now()), ..token };
        match self.store_hashed(&token).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.store.make_own_tables().await?;
                self.store_hashed(&token).await?;
            }
            stored => stored?,
        }
        Ok(token)
    }

    async fn store_hashed(&self, token: &ApiToken) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.insert_hashed_token(&hashed(token)).await?;
        transaction.commit().await
    }

    /// Deletes the token of a user that begins with a text of at least eight characters; none is no error.
    ///
    /// 400 for a shorter text, one with other characters than tokens have, and one that begins several tokens. Of a hashed
    /// token only the first eight characters are known: it is named by these, or by all of it.
    pub async fn delete_api_token(&self, user: &User, prefix: &str) -> Result<()> {
        if !token::is_prefix(prefix) {
            return Err(Error::invalid("a token is named by at least its first eight characters").bare());
        }
        let tokens = self.store.list_api_tokens(user.id).await?;
        let plain: Vec<_> = tokens.iter().filter(|token| token.id.expose().starts_with(prefix)).collect();
        let digest = token::digest(prefix);
        let hashed = self.store.list_hashed_tokens(user.id).await?;
        let hashed: Vec<_> = hashed.iter().filter(|token| token.prefix == prefix || token.digest == digest).collect();
        let mut transaction = self.store.begin().await?;
        let deleted = match (plain.as_slice(), hashed.as_slice()) {
            ([], []) => return Ok(()),
            ([token], []) => transaction.delete_api_token(user.id, &token.id).await,
            ([], [token]) => transaction.delete_hashed_token(user.id, &token.digest).await,
            _ => return Err(Error::invalid("several of your tokens begin so: name the one you mean by all of it")),
        };
        match deleted {
            // Another request did it.
            Err(StoreError::NotFound) => Ok(()),
            deleted => {
                deleted?;
                Ok(transaction.commit().await?)
            }
        }
    }

    /// Stores digests in place of all tokens that are stored as they are; all of them or none. They go on working here. Answers
    /// how many.
    pub async fn harden_api_tokens(&self) -> Result<usize> {
        let tokens = self.store.list_plain_tokens().await?;
        match self.replace_by_digests(&tokens).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.store.make_own_tables().await?;
                self.replace_by_digests(&tokens).await?;
            }
            replaced => replaced?,
        }
        Ok(tokens.len())
    }

    async fn replace_by_digests(&self, tokens: &[ApiToken]) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        for token in tokens {
            transaction.insert_hashed_token(&hashed(token)).await?;
            transaction.delete_api_token(token.user_id, &token.id).await?;
        }
        transaction.commit().await
    }
}
