//! Which rights were given because somebody is in a group elsewhere, in two tables of our own.
//!
//! Invariant: only a right with a row here may be changed or taken away by a group mapping. Without the tables every right
//! counts as made by hand.

use crate::db::{Transaction, params};
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::{ProjectId, ProjectRole, UserId};

/// A membership that a group mapping made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedRole {
    /// In which project.
    pub project_id: ProjectId,
    /// Whose membership.
    pub user_id: UserId,
    /// Who told the group: `ldap`, or `oidc:` and the name of a provider.
    pub source: String,
    /// The group.
    pub group: String,
    /// The role that was given.
    pub role: ProjectRole,
}

/// That somebody is an administrator because of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedAdmin {
    /// Who told the group.
    pub source: String,
    /// The group.
    pub group: String,
}

impl Store {
    /// The memberships of a user that mappings made.
    pub async fn list_mapped_roles(&self, user_id: UserId) -> Result<Vec<MappedRole>> {
        let text = "select project_id, user_id, source, group_name, role from rs_mapped_role where user_id = ? order by project_id";
        let rows = self.fetch_own(text, params![user_id]).await?;
        let read = |row: &crate::db::Row| {
            Ok(MappedRole {
                project_id: row.id("project_id")?,
                user_id: row.id("user_id")?,
                source: row.text("source")?,
                group: row.text("group_name")?,
                role: row.word("role")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Why a user is an administrator, if a mapping made it so.
    pub async fn find_mapped_admin(&self, user_id: UserId) -> Result<Option<MappedAdmin>> {
        let rows = self.fetch_own("select source, group_name from rs_mapped_admin where user_id = ?", params![user_id]);
        let rows = rows.await?;
        let read =
            |row: &crate::db::Row| Ok(MappedAdmin { source: row.text("source")?, group: row.text("group_name")? });
        rows.first().map(read).transpose()
    }

    /// Everybody who has a right from this source.
    pub async fn list_users_with_mapped_rights(&self, source: &str) -> Result<Vec<UserId>> {
        let text = "select user_id from rs_mapped_role where source = ? union select user_id from rs_mapped_admin where source = ?";
        let rows = self.fetch_own(text, params![source, source]).await?;
        rows.iter().map(|row| row.id("user_id")).collect()
    }

    /// Accounts from elsewhere that were signed in since a moment and belong to no identity of an OpenID Connect provider.
    pub async fn list_external_users_signed_in(&self, since: DateTime<Utc>) -> Result<Vec<UserId>> {
        let text = "select distinct u.id as user_id from `user` u join session s on s.user_id = u.id \
             where u.external and not s.expired and s.verified and s.last_active >= ? \
             and not exists (select 1 from rs_oidc_subject o where o.user_id = u.id)";
        let rows = self.fetch_own(text, params![since]).await?;
        rows.iter().map(|row| row.id("user_id")).collect()
    }
}

/// The errors of all of these: [`crate::StoreError::OwnTableMissing`], for [`Store::make_own_tables`] and once more.
impl Transaction {
    /// Notes that a mapping made a membership what it is.
    pub async fn set_mapped_role(&mut self, mapped: &MappedRole, now: DateTime<Utc>) -> Result<()> {
        self.delete_mapped_role(mapped.project_id, mapped.user_id).await?;
        let text = "insert into rs_mapped_role (project_id, user_id, source, group_name, role, granted) values (?, ?, ?, ?, ?, ?)";
        let values =
            params![mapped.project_id, mapped.user_id, &mapped.source, &mapped.group, mapped.role.as_str(), now];
        self.execute(text, values).await.map(drop)
    }

    /// Forgets that a mapping made a membership.
    pub async fn delete_mapped_role(&mut self, project_id: ProjectId, user_id: UserId) -> Result<()> {
        let text = "delete from rs_mapped_role where project_id = ? and user_id = ?";
        self.execute(text, params![project_id, user_id]).await.map(drop)
    }

    /// Notes that a mapping made a user an administrator.
    pub async fn set_mapped_admin(&mut self, user_id: UserId, mapped: &MappedAdmin, now: DateTime<Utc>) -> Result<()> {
        self.delete_mapped_admin(user_id).await?;
        let text = "insert into rs_mapped_admin (user_id, source, group_name, granted) values (?, ?, ?, ?)";
        self.execute(text, params![user_id, &mapped.source, &mapped.group, now]).await.map(drop)
    }

    /// Forgets that a mapping made a user an administrator.
    pub async fn delete_mapped_admin(&mut self, user_id: UserId) -> Result<()> {
        self.execute("delete from rs_mapped_admin where user_id = ?", params![user_id]).await.map(drop)
    }

    /// Makes a user an administrator, or no longer one.
    pub async fn set_user_admin(&mut self, user_id: UserId, admin: bool) -> Result<()> {
        self.change("update `user` set admin = ? where id = ?", params![admin, user_id]).await
    }
}
