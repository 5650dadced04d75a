//! Which account belongs to which identity of an OpenID Connect provider, in a table of our own.
//!
//! Not for what an unknown identity may do: that is the service's to decide. Without the table nobody is known, and the e-mail
//! address decides as on a first sign-in.

use crate::db::{Transaction, params};
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::UserId;

/// Longest issuer and subject that are stored, in characters.
pub const OIDC_IDENTITY_CHARACTERS: usize = 255;

/// An identity of a provider and the account it signs in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSubject {
    /// Who vouches for the identity: the `iss` of its tokens.
    pub issuer: String,
    /// The identity there: `sub`.
    pub subject: String,
    /// The account.
    pub user_id: UserId,
    /// Name of the provider in the configuration.
    pub provider: String,
}

fn subject_from(row: &crate::db::Row) -> Result<OidcSubject> {
    Ok(OidcSubject {
        issuer: row.text("issuer")?,
        subject: row.text("subject")?,
        user_id: row.id("user_id")?,
        provider: row.text("provider")?,
    })
}

impl Store {
    /// The account of an identity. Compared byte by byte, whatever the database takes for equal.
    pub async fn find_oidc_user(&self, issuer: &str, subject: &str) -> Result<Option<UserId>> {
        let text = "select issuer, subject, user_id, provider from rs_oidc_subject where issuer = ? and subject = ?";
        let rows = self.fetch_own(text, params![issuer, subject]).await?;
        let found = rows.iter().map(subject_from).collect::<Result<Vec<_>>>()?;
        Ok(found.into_iter().find(|row| row.issuer == issuer && row.subject == subject).map(|row| row.user_id))
    }

    /// The identities of an account.
    pub async fn list_oidc_subjects(&self, user_id: UserId) -> Result<Vec<OidcSubject>> {
        let text =
            "select issuer, subject, user_id, provider from rs_oidc_subject where user_id = ? order by issuer, subject";
        self.fetch_own(text, params![user_id]).await?.iter().map(subject_from).collect()
    }
}

impl Transaction {
    /// Notes a sign-in of an identity at `now`, and on its first one which account it belongs to.
    ///
    /// Errors: [`crate::StoreError::OwnTableMissing`], for [`Store::make_own_tables`] and once more.
    pub async fn note_oidc_sign_in(&mut self, subject: &OidcSubject, now: DateTime<Utc>) -> Result<()> {
        let text = "update rs_oidc_subject set last_login = ? where issuer = ? and subject = ? and user_id = ?";
        let values = params![now, &subject.issuer, &subject.subject, subject.user_id];
        if self.execute(text, values).await? == 0 {
            let text = "insert into rs_oidc_subject (issuer, subject, user_id, provider, created, last_login) values (?, ?, ?, ?, ?, ?)";
            let values = params![&subject.issuer, &subject.subject, subject.user_id, &subject.provider, now, now];
            self.execute(text, values).await?;
        }
        Ok(())
    }
}
