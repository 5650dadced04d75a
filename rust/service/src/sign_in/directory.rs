//! Accounts of people in the LDAP directory: signing in, and reading their groups again while they are signed in.

use chrono::{TimeDelta, Utc};
use semaphore_model::{User, UserId, error_chain};

use super::{Person, ldap};
use crate::{
    error::{Error, Result},
    group_mapping::Source,
    services::Services,
};

/// Sessions that were not used for so long are no live ones. Reference: an unused session ends after 7 days.
const SIGNED_IN: TimeDelta = TimeDelta::days(7);

fn unavailable(error: ldap::DirectoryError) -> Error {
    tracing::warn!(error = %error_chain(&error), "LDAP log-in");
    match error {
        ldap::DirectoryError::Incomplete { .. } => {
            Error::unauthenticated("your entry in the directory is not complete, ask an administrator")
        }
        _ => Error::unavailable("the LDAP directory cannot be asked, the reason is in the server's log"),
    }
    .with_source(error)
}

impl Services {
    /// Signs somebody in by the directory; makes the account the first time. `None` if no directory is switched on, the login
    /// name is unknown there or the password is another one. 503 if the directory does not answer.
    ///
    /// Reference: `loginByLDAP`; there a wrong password and a directory that does not answer are both 500.
    pub(crate) async fn sign_in_by_directory(&self, login: &str, password: &str) -> Result<Option<User>> {
        let Some(settings) = &self.settings.sign_in.ldap else { return Ok(None) };
        let login = login.to_lowercase();
        let Some(person) = ldap::sign_in(settings, &login, password).await.map_err(unavailable)? else {
            return Ok(None);
        };
        let named = match self.store.find_user_by_login(&person.username).await? {
            Some(user) => Some(user),
            None => self.store.find_user_by_email(&person.email).await?,
        };
        let user = match named {
            Some(user) if user.external => user,
            Some(user) => {
                tracing::warn!(
                    login,
                    user = user.username,
                    "an account with a password here has the name of an LDAP entry"
                );
                return Ok(None);
            }
            None => self.create_external_user(&person, false).await?,
        };
        self.apply_group_mapping(user.id, &Source::Ldap, &person.groups).await?;
        tracing::info!(user = user.username, "signed in by LDAP");
        // What the groups gave is part of the account.
        Ok(Some(self.store.get_user(user.id).await?))
    }

    /// Somebody as the directory describes them now; `None` without a directory or an entry.
    pub async fn directory_person(&self, user: &User) -> Result<Option<Person>> {
        let Some(settings) = &self.settings.sign_in.ldap else { return Ok(None) };
        for login in [&user.username, &user.email] {
            let found = ldap::look_up(settings, login).await.map_err(unavailable)?;
            // Somebody else's entry may fit the address.
            if let Some(person) = found.filter(|found| found.username == user.username || found.email == user.email) {
                return Ok(Some(person));
            }
        }
        Ok(None)
    }

    /// Reads the groups of everybody again who has rights from the directory, and of whoever else of it is signed in; who has
    /// rights and is no longer in it loses them and is signed out. Called at least hourly. A directory that does not answer changes nothing.
    pub async fn refresh_directory_rights(&self) -> Result<()> {
        if self.settings.sign_in.ldap.is_none() {
            return Ok(());
        }
        let mapped = self.store.list_users_with_mapped_rights(Source::Ldap.name().as_str()).await?;
        let signed_in = self.store.list_external_users_signed_in(Utc::now() - SIGNED_IN).await?;
        for id in &mapped {
            self.refresh_rights_of(*id, true).await?;
        }
        for id in signed_in.into_iter().filter(|id| !mapped.contains(id)) {
            self.refresh_rights_of(id, false).await?;
        }
        Ok(())
    }

    /// With `is_known` it is sure that the account is one of the directory.
    async fn refresh_rights_of(&self, id: UserId, is_known: bool) -> Result<()> {
        let user = match self.store.get_user(id).await {
            Err(error) if error.is_not_found() => return Ok(()),
            found => found?,
        };
        let person = self.directory_person(&user).await?;
        if person.is_none() && !is_known {
            return Ok(());
        }
        let groups = person.as_ref().map(|person| person.groups.clone()).unwrap_or_default();
        self.apply_group_mapping(id, &Source::Ldap, &groups).await?;
        if person.is_none() {
            tracing::warn!(user = user.username, "no longer in the directory: signed out, rights of groups taken away");
            self.store.expire_sessions_of_user(id).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
