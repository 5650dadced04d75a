//! What groups of a directory or provider give here: administrators and roles in projects, looked at again with each sign-in.
//!
//! A plan is made first, without any effect, and explains itself; applying it is one transaction. Invariants: only rights that a
//! mapping gave and that nobody changed since are changed or taken away; a membership made by hand stays as it is; accounts
//! with a password here are never touched, so no local administrator can be lost; the last administrator stays one.

mod plan;

use std::collections::BTreeMap;

use chrono::Utc;
use semaphore_model::{ProjectId, ProjectRole, ProjectUser, User, UserId};
use semaphore_store::{MappedAdmin, MappedRole, StoreError};
use serde::Deserialize;

use self::plan::{Change, Standing};
pub use self::plan::{Plan, Source};
use crate::{
    error::{Error, Result},
    services::Services,
};

/// What one group gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupRule {
    /// Administrator of the installation.
    pub admin: bool,
    /// Roles by project: its number, or its name.
    pub projects: BTreeMap<String, ProjectRole>,
    /// Whose groups are meant: `ldap`, or the name of an OpenID Connect provider. Empty: all of them.
    pub source: String,
}

impl Services {
    /// What the groups would change for a user, and why; changes nothing.
    pub async fn plan_group_mapping(&self, user: &User, source: &Source, groups: &[String]) -> Result<Plan> {
        let rules = &self.settings.sign_in.group_roles;
        let mut plan = Plan::default();
        if !user.external {
            plan.explain("the account has a password here: groups change nothing".to_owned());
            return Ok(plan);
        }
        let wanted = plan::wanted(rules, source, groups, &mut plan);
        let projects = self.store.list_projects().await?;
        let mut roles = BTreeMap::new();
        for grant in wanted.roles {
            let project = projects
                .iter()
                .find(|project| grant.project.parse() == Ok(project.id.0) || project.name == grant.project);
            let Some(project) = project else {
                plan.explain(format!("group {}: there is no project {:?}", grant.group, grant.project));
                continue;
            };
            if !self.role_exists(project.id, &grant.role).await? {
                plan.explain(format!(
                    "group {}: project {:?} has no role {}",
                    grant.group,
                    project.name,
                    grant.role.as_str()
                ));
                continue;
            }
            let best = roles.entry(project.id).or_insert_with(|| grant.clone());
            if plan::rank(&grant.role) > plan::rank(&best.role) {
                *best = grant;
            }
        }
        let standing = self.standing(user).await?;
        plan.roles(source, user.id, &standing, &roles, &projects);
        plan.admin(source, user.admin, &standing, wanted.admin.as_deref());
        Ok(plan)
    }

    async fn role_exists(&self, project: ProjectId, role: &ProjectRole) -> Result<bool> {
        if role.is_built_in() {
            return Ok(true);
        }
        match self.store.get_role(project, role.as_str()).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What the user has now, and what of it mappings made.
    async fn standing(&self, user: &User) -> Result<Standing> {
        let mapped = self.store.list_mapped_roles(user.id).await?;
        let memberships = self.store.list_memberships_of_user(user.id).await?;
        let memberships = memberships.into_iter().map(|member| (member.project_id, member.role)).collect();
        let mapped_admin = self.store.find_mapped_admin(user.id).await?;
        let is_only_admin = user.admin && self.store.list_administrators().await?.len() == 1;
        Ok(Standing { memberships, mapped, mapped_admin, is_only_admin })
    }

    /// Makes the rights of a user what the groups say.
    pub(crate) async fn apply_group_mapping(&self, id: UserId, source: &Source, groups: &[String]) -> Result<()> {
        let user = self.store.get_user(id).await?;
        let plan = self.plan_group_mapping(&user, source, groups).await?;
        if plan.changes.is_empty() {
            return Ok(());
        }
        for reason in &plan.reasons {
            tracing::info!(user = user.username, source = source.name(), reason, "group mapping");
        }
        match self.apply(&user, &plan).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.store.make_own_tables().await?;
                self.apply(&user, &plan).await
            }
            applied => applied,
        }
        .map_err(|error| match error {
            StoreError::Duplicate { .. } | StoreError::NotFound => {
                Error::unavailable("memberships changed at the same time, sign in again").with_source(error)
            }
            error => error.into(),
        })
    }

    async fn apply(&self, user: &User, plan: &Plan) -> Result<(), StoreError> {
        let now = Utc::now();
        let mut transaction = self.store.begin().await?;
        for change in &plan.changes {
            match change {
                Change::AddRole(mapped) => {
                    transaction.insert_project_user(&member(mapped)).await?;
                    transaction.set_mapped_role(mapped, now).await?;
                }
                Change::SetRole(mapped) => {
                    transaction.update_project_user(&member(mapped)).await?;
                    transaction.set_mapped_role(mapped, now).await?;
                }
                Change::RemoveRole(project) => {
                    transaction.delete_project_user(*project, user.id).await?;
                    transaction.delete_mapped_role(*project, user.id).await?;
                }
                Change::ForgetRole(project) => transaction.delete_mapped_role(*project, user.id).await?,
                Change::GiveAdmin { source, group } => {
                    let mapped = MappedAdmin { source: source.clone(), group: group.clone() };
                    transaction.set_user_admin(user.id, true).await?;
                    transaction.set_mapped_admin(user.id, &mapped, now).await?;
                }
                Change::TakeAdmin => {
                    transaction.set_user_admin(user.id, false).await?;
                    transaction.delete_mapped_admin(user.id).await?;
                }
                Change::ForgetAdmin => transaction.delete_mapped_admin(user.id).await?,
            }
        }
        transaction.commit().await
    }
}

fn member(mapped: &MappedRole) -> ProjectUser {
    ProjectUser { project_id: mapped.project_id, user_id: mapped.user_id, role: mapped.role.clone() }
}
