//! Users, their password hashes and second factors.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::list::ListOptions;
use crate::sql::escape_like;
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::time::truncate_to_second;
use semaphore_model::{Secret, User, UserEmailOtp, UserId, UserTotp, UserTotpId};

/// Columns of a user `u` with both second factors, joined by [`JOIN_FACTORS`].
pub(crate) const COLUMNS: &str = "u.id, u.created, u.username, u.name, u.email, u.password, u.admin, u.external, u.alert, \
     u.pro, t.id as totp_id, t.created as totp_created, t.url as totp_url, t.recovery_hash as totp_recovery_hash, \
     e.id as email_otp_id, e.created as email_otp_created, e.code as email_otp_code";
/// The second factors of a user `u`.
pub(crate) const JOIN_FACTORS: &str =
    "left join user__totp t on t.user_id = u.id left join user__email_otp e on e.user_id = u.id";

const INSERT: &str = "insert into `user` (created, username, name, email, password, admin, external, alert, pro) \
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)";
const UPDATE: &str = "update `user` set name = ?, username = ?, email = ?, alert = ?, admin = ?, pro = ? where id = ?";

impl FromRow for User {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            created: row.time("created")?,
            username: row.text("username")?,
            name: row.text("name")?,
            email: row.text("email")?,
            password: Secret::new(row.text("password")?),
            admin: row.boolean("admin")?,
            external: row.boolean("external")?,
            alert: row.boolean("alert")?,
            pro: row.boolean("pro")?,
            totp: None,
            email_otp: None,
        })
    }
}

/// A user read with [`COLUMNS`].
pub(crate) struct FullUser(pub(crate) User);

impl FromRow for FullUser {
    fn from_row(row: &Row) -> Result<Self> {
        let mut user = User::from_row(row)?;
        if let Some(id) = row.optional_id("totp_id")? {
            user.totp = Some(UserTotp {
                id,
                created: row.time("totp_created")?,
                user_id: user.id,
                url: Secret::new(row.text("totp_url")?),
                recovery_hash: Secret::new(row.text("totp_recovery_hash")?),
                recovery_code: Secret::default(),
            });
        }
        if let Some(id) = row.optional_id("email_otp_id")? {
            user.email_otp = Some(UserEmailOtp {
                id,
                created: row.time("email_otp_created")?,
                user_id: user.id,
                code: Secret::new(row.text("email_otp_code")?),
            });
        }
        Ok(Self(user))
    }
}

impl Store {
    /// The user with second factors.
    pub async fn get_user(&self, id: UserId) -> Result<User> {
        let text = format!("select {COLUMNS} from `user` u {JOIN_FACTORS} where u.id = ?");
        self.fetch_one::<FullUser>(text, params![id]).await.map(|user| user.0)
    }

    /// The user with this login name or this e-mail address, with second factors; both are compared exactly.
    pub async fn get_user_by_login_or_email(&self, login: &str, email: &str) -> Result<User> {
        let text = format!(
            "select {COLUMNS} from `user` u {JOIN_FACTORS} where u.email = ? or u.username = ? order by u.id limit 1"
        );
        self.fetch_one::<FullUser>(text, params![email, login]).await.map(|user| user.0)
    }

    /// The user with this login name, with second factors; `None` if there is none.
    pub async fn find_user_by_login(&self, login: &str) -> Result<Option<User>> {
        let text = format!("select {COLUMNS} from `user` u {JOIN_FACTORS} where u.username = ?");
        let row = self.db().fetch_optional(text, params![login]).await?;
        row.map(|row| FullUser::from_row(&row).map(|user| user.0)).transpose()
    }

    /// The user with this e-mail address, with second factors; `None` if there is none.
    pub async fn find_user_by_email(&self, email: &str) -> Result<Option<User>> {
        let text = format!("select {COLUMNS} from `user` u {JOIN_FACTORS} where u.email = ? order by u.id limit 1");
        let row = self.db().fetch_optional(text, params![email]).await?;
        row.map(|row| FullUser::from_row(&row).map(|user| user.0)).transpose()
    }

    /// All users, without second factors. `prefix` keeps those whose login name begins with it.
    ///
    /// Sortable by name, username and email.
    pub async fn list_users(&self, prefix: &str, options: &ListOptions) -> Result<Vec<User>> {
        let mut order = options.order(&[("name", "name"), ("username", "username"), ("email", "email")], "")?;
        if order.is_empty() {
            // Reference: without a column the direction does not count.
            " order by id".clone_into(&mut order);
        }
        let page = options.page.clause()?;
        let text = format!("select * from `user` where username like ? escape '!'{order}{page}");
        self.fetch(text, params![escape_like(prefix) + "%"]).await
    }

    /// All administrators.
    pub async fn list_administrators(&self) -> Result<Vec<User>> {
        self.fetch("select * from `user` where admin order by id", Vec::new()).await
    }

    /// How many users there are.
    pub async fn count_users(&self) -> Result<i64> {
        let row = self.db().fetch_optional("select count(*) as number from `user`", Vec::new()).await?;
        row.map_or(Ok(0), |row| row.long("number"))
    }

    /// How many users have a seat of a subscription.
    pub async fn count_pro_users(&self) -> Result<i64> {
        let row = self.db().fetch_optional("select count(*) as number from `user` where pro", Vec::new()).await?;
        row.map_or(Ok(0), |row| row.long("number"))
    }
}

writes! {
    /// Adds a user, with `password` as its hash and now as its time. A taken login name or e-mail address is a duplicate.
    insert_user(user: User) -> User;
    /// Changes name, login name, e-mail address and flags; neither the password nor `external`.
    update_user(user: &User) -> ();
    /// Sets the hash of the password.
    update_user_password(id: UserId, hash: &Secret) -> ();
    /// Removes a user with its sessions; its tasks and events stay, without a user.
    delete_user(id: UserId) -> ();
    /// Sets the second factor up; a second one for the same user is a duplicate.
    insert_user_totp(user_id: UserId, url: &Secret, recovery_hash: &Secret) -> UserTotp;
    /// Removes the second factor.
    delete_user_totp(user_id: UserId, id: UserTotpId) -> ();
}

impl Transaction {
    /// Adds a user, with `password` as its hash and now, in whole seconds, as its time.
    pub async fn insert_user(&mut self, mut user: User) -> Result<User> {
        user.validate()?;
        user.created = truncate_to_second(Utc::now());
        let values = params![
            user.created,
            &user.username,
            &user.name,
            &user.email,
            &user.password,
            user.admin,
            user.external,
            user.alert,
            user.pro
        ];
        user.id = self.insert(INSERT, values).await?;
        Ok(user)
    }

    /// Changes name, login name, e-mail address and flags. Reference: empty values are taken.
    pub async fn update_user(&mut self, user: &User) -> Result<()> {
        let values = params![&user.name, &user.username, &user.email, user.alert, user.admin, user.pro, user.id];
        self.change(UPDATE, values).await
    }

    /// Sets the hash of the password.
    pub async fn update_user_password(&mut self, id: UserId, hash: &Secret) -> Result<()> {
        self.change("update `user` set password = ? where id = ?", params![hash, id]).await
    }

    /// Removes a user. The Go server fails here on SQLite once the user has logged in or started a task.
    pub async fn delete_user(&mut self, id: UserId) -> Result<()> {
        self.execute("delete from session where user_id = ?", params![id]).await?;
        self.execute("update task set user_id = null where user_id = ?", params![id]).await?;
        self.change("delete from `user` where id = ?", params![id]).await
    }

    /// Sets the second factor up.
    pub async fn insert_user_totp(
        &mut self,
        user_id: UserId,
        url: &Secret,
        recovery_hash: &Secret,
    ) -> Result<UserTotp> {
        let created: DateTime<Utc> = truncate_to_second(Utc::now());
        let text = "insert into user__totp (user_id, url, recovery_hash, created) values (?, ?, ?, ?)";
        let id = self.insert(text, params![user_id, url, recovery_hash, created]).await?;
        Ok(UserTotp {
            id,
            created,
            user_id,
            url: url.clone(),
            recovery_hash: recovery_hash.clone(),
            recovery_code: Secret::default(),
        })
    }

    /// Removes the second factor.
    pub async fn delete_user_totp(&mut self, user_id: UserId, id: UserTotpId) -> Result<()> {
        self.change("delete from user__totp where user_id = ? and id = ?", params![user_id, id]).await
    }
}
