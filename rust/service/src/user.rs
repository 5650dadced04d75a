//! Users: who may see, make, change and delete them, and their passwords.
//!
//! Invariants: a stored login, e-mail and name is never empty; a change of password ends all sessions of the user; nobody
//! changes the administrator flag of the own account. Reference: refusals to change users answer 401 where 403 is meant.

use schemars::JsonSchema;
use semaphore_model::{NewUser, Secret, User, UserId, UserSummary};
use semaphore_store::ListOptions;
use serde::Serialize;

use crate::{
    error::{Error, Kind, Result},
    services::Services,
};

/// A list of users, as much of it as the caller may see.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum UserList {
    /// For administrators.
    Full(Vec<User>),
    /// For everybody else.
    Summaries(Vec<UserSummary>),
}

/// The caller's own account as `GET /user` shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OwnUser {
    /// The account.
    #[serde(flatten)]
    pub user: User,
    /// Whether the caller may create projects.
    pub can_create_project: bool,
    /// Whether the installation has a subscription.
    pub has_active_subscription: bool,
}

fn not_permitted(message: &str) -> Error {
    Error::unauthenticated(message)
}

fn no_pro_seats() -> Error {
    Error::new(Kind::Forbidden, "You have reached the limit of Pro users for your subscription.")
}

fn missing_or_internal(error: semaphore_store::StoreError) -> Error {
    if error.is_not_found() { Error::not_found("user") } else { error.into() }
}

/// Reference: a name or e-mail that is taken answers 400 without a text.
fn taken_or_internal(error: semaphore_store::StoreError) -> Error {
    match error {
        semaphore_store::StoreError::Duplicate { .. } => {
            Error::invalid("login or e-mail is already taken").bare().with_source(error)
        }
        other => other.into(),
    }
}

impl Services {
    /// The caller's own account.
    pub fn own_user(&self, user: &User) -> OwnUser {
        OwnUser {
            // Without a subscription nobody has a seat. Reference: `GetUser`.
            user: User { pro: false, ..without_totp_secret(user.clone()) },
            can_create_project: user.admin || self.settings.non_admin_can_create_project,
            has_active_subscription: false,
        }
    }

    /// Users whose login begins with `prefix` (empty for all).
    pub async fn list_users(&self, caller: &User, prefix: &str) -> Result<UserList> {
        let users = self.store.list_users(prefix, &ListOptions::default()).await?;
        if caller.admin {
            // These come without second factors.
            return Ok(UserList::Full(users));
        }
        Ok(UserList::Summaries(users.iter().map(User::summary).collect()))
    }

    /// A user; somebody else's account shows no more than id and names, the other fields have their zero values.
    pub async fn get_user(&self, caller: &User, id: UserId) -> Result<User> {
        let user = self.existing_user(id).await?;
        if caller.admin || caller.id == id {
            return Ok(without_totp_secret(user));
        }
        Ok(User { id: user.id, username: user.username.clone(), name: user.name.clone(), ..User::default() })
    }

    async fn existing_user(&self, id: UserId) -> Result<User> {
        self.store.get_user(id).await.map_err(missing_or_internal)
    }

    /// The user `id` for a change by `caller`: 404 before 401.
    pub async fn user_to_change(&self, caller: &User, id: UserId) -> Result<User> {
        let user = self.existing_user(id).await?;
        if caller.admin || caller.id == id {
            return Ok(user);
        }
        Err(not_permitted("only administrators may change other users"))
    }

    /// Makes a user. Only administrators may; a password is demanded unless the user signs in elsewhere.
    pub async fn create_user(&self, caller: &User, body: &NewUser) -> Result<User> {
        if !caller.admin {
            return Err(not_permitted("only administrators may create users"));
        }
        if body.pro {
            return Err(no_pro_seats());
        }
        self.insert_user(body).await
    }

    /// Makes a user without asking who wants it: for the command line.
    pub async fn insert_user(&self, body: &NewUser) -> Result<User> {
        let mut user = body.to_user();
        user.validate().map_err(|error| Error::invalid(error.to_string()).bare())?;
        if !body.external {
            user.password = self.passwords.hash(body.password.expose()).await?.into();
        }
        self.store.insert_user(user).await.map_err(taken_or_internal)
    }

    /// Changes a user; a password in the body is set as well.
    pub async fn update_user(&self, caller: &User, target: &User, body: &NewUser) -> Result<()> {
        if !caller.admin && body.pro && !target.pro {
            return Err(not_permitted("only administrators may give Pro seats"));
        }
        if body.pro {
            return Err(no_pro_seats());
        }
        if caller.id == target.id && target.admin != body.admin {
            return Err(not_permitted("nobody may change the administrator flag of the own account"));
        }
        if target.external && target.username != body.username {
            return Err(Error::invalid("the login of an external user cannot be changed").bare());
        }
        self.store_user(target, body).await
    }

    /// Changes a user without asking who wants it: for the command line.
    pub async fn store_user(&self, target: &User, body: &NewUser) -> Result<()> {
        // Reference: an empty body wiped login, name and e-mail.
        let user = User { id: target.id, external: target.external, ..body.to_user() };
        user.validate().map_err(|error| Error::invalid(error.to_string()).bare())?;
        if !body.password.is_empty() && target.external {
            return Err(external_password());
        }
        let hash = match body.password.expose() {
            "" => None,
            password => Some(self.passwords.hash(password).await?),
        };
        let mut transaction = self.store.begin().await?;
        transaction.update_user(&user).await.map_err(taken_or_internal)?;
        if let Some(hash) = hash {
            transaction.update_user_password(user.id, &hash.into()).await?;
            transaction.expire_sessions_of_user(user.id).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Sets a password and ends all sessions of the user. Reference: they lived on.
    pub async fn set_password(&self, target: &User, password: &str) -> Result<()> {
        if target.external {
            return Err(external_password());
        }
        let hash = self.passwords.hash(password).await?;
        let mut transaction = self.store.begin().await?;
        transaction.update_user_password(target.id, &hash.into()).await?;
        transaction.expire_sessions_of_user(target.id).await?;
        Ok(transaction.commit().await?)
    }

    /// Deletes a user with sessions and tokens. Reference: answered 500 for whoever had ever logged in.
    pub async fn delete_user(&self, target: &User) -> Result<()> {
        self.store.delete_user(target.id).await.map_err(missing_or_internal)
    }

    /// The user with this login or e-mail, as typed; 404 if there is none, an error if they are those of two. For the command line.
    pub async fn find_user(&self, login: &str, email: &str) -> Result<User> {
        let found = self.store.get_user_by_login_or_email(login, email).await.map_err(missing_or_internal)?;
        if login.is_empty() || email.is_empty() {
            return Ok(found);
        }
        let named = self.store.find_user_by_login(login).await.map_err(missing_or_internal)?;
        let addressed = self.store.find_user_by_email(email).await.map_err(missing_or_internal)?;
        match (named, addressed) {
            // Reference: an error of its database.
            (Some(named), Some(addressed)) if named.id != addressed.id => Err(Error::conflict(format!(
                "the login {login} and the e-mail {email} belong to two users: name one of them only"
            ))),
            _ => Ok(found),
        }
    }
}

/// The account as answers show it: that there is a second factor, but not its secret, which the reference shows every time.
fn without_totp_secret(mut user: User) -> User {
    if let Some(totp) = &mut user.totp {
        totp.url = Secret::default();
    }
    user
}

fn external_password() -> Error {
    Error::invalid("an external user has no password here").bare()
}
