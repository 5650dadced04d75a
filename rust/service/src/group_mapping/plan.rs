//! What groups would change, and why. Pure: everything it looks at is passed in.

use std::collections::BTreeMap;

use semaphore_model::{Project, ProjectId, ProjectRole, UserId};
use semaphore_store::{MappedAdmin, MappedRole};

use super::GroupRule;
use crate::sign_in::ldap;

/// Who tells the groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The LDAP directory.
    Ldap,
    /// An OpenID Connect provider, by its name in the configuration.
    Oidc(String),
}

impl Source {
    /// As it is stored: `ldap`, or `oidc:` and the name of the provider, cut to what the column holds.
    pub fn name(&self) -> String {
        match self {
            Self::Ldap => "ldap".to_owned(),
            Self::Oidc(provider) => format!("oidc:{provider}").chars().take(64).collect(),
        }
    }

    fn is_meant_by(&self, rule: &GroupRule) -> bool {
        match self {
            _ if rule.source.is_empty() => true,
            Self::Ldap => rule.source == "ldap",
            Self::Oidc(provider) => rule.source == *provider,
        }
    }

    fn has(&self, groups: &[String], named: &str) -> bool {
        groups.iter().any(|group| match self {
            Self::Ldap => ldap::is_group(group, named),
            Self::Oidc(_) => group == named,
        })
    }
}

/// What a user has now.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    pub(super) memberships: BTreeMap<ProjectId, ProjectRole>,
    pub(super) mapped: Vec<MappedRole>,
    pub(super) mapped_admin: Option<MappedAdmin>,
    pub(super) is_only_admin: bool,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    AddRole(MappedRole),
    SetRole(MappedRole),
    RemoveRole(ProjectId),
    /// It was changed by hand: it is no longer the mapping's.
    ForgetRole(ProjectId),
    GiveAdmin {
        source: String,
        group: String,
    },
    TakeAdmin,
    ForgetAdmin,
}

/// Changes, each with its reason, and reasons why something stays.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(super) changes: Vec<Change>,
    /// One sentence each, for people.
    pub reasons: Vec<String>,
}

/// A role that a group gives in a project that is still to be found.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) group: String,
    pub(super) project: String,
    pub(super) role: ProjectRole,
}

/// What the groups give.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) roles: Vec<Grant>,
    /// The group that makes an administrator.
    pub(super) admin: Option<String>,
}

/// The higher one of two roles counts: owner, manager, roles of one's own, task runner, guest.
pub(super) fn rank(role: &ProjectRole) -> u8 {
    match role {
        ProjectRole::Owner => 5,
        ProjectRole::Manager => 4,
        ProjectRole::Other(_) => 3,
        ProjectRole::TaskRunner => 2,
        ProjectRole::Guest => 1,
        ProjectRole::None => 0,
    }
}

/// What the rules give to somebody with these groups.
pub(super) fn wanted(
    rules: &BTreeMap<String, GroupRule>,
    source: &Source,
    groups: &[String],
    plan: &mut Plan,
) -> Wanted {
    let mut wanted = Wanted::default();
    for (group, rule) in rules.iter().filter(|(_, rule)| source.is_meant_by(rule)) {
        if !source.has(groups, group) {
            plan.explain(format!("not in group {group}"));
            continue;
        }
        plan.explain(format!("in group {group}"));
        if rule.admin {
            wanted.admin.get_or_insert_with(|| group.clone());
        }
        wanted.roles.extend(rule.projects.iter().map(|(project, role)| Grant {
            group: group.clone(),
            project: project.clone(),
            role: role.clone(),
        }));
    }
    wanted
}

impl Plan {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn explain(&mut self, reason: String) {
        self.reasons.push(reason);
    }

    fn change(&mut self, change: Change, reason: String) {
        self.changes.push(change);
        self.reasons.push(reason);
    }

    pub(super) fn roles(
        &mut self,
        source: &Source,
        user: UserId,
        standing: &Standing,
        wanted: &BTreeMap<ProjectId, Grant>,
        projects: &[Project],
    ) {
        let name = |id: ProjectId| {
            projects
                .iter()
                .find(|project| project.id == id)
                .map_or_else(|| id.to_string(), |project| format!("{:?}", project.name))
        };
        for mapped in standing.mapped.iter().filter(|mapped| mapped.source == source.name()) {
            let id = mapped.project_id;
            match standing.memberships.get(&id) {
                None => self.change(
                    Change::ForgetRole(id),
                    format!("project {}: the membership was taken away by hand", name(id)),
                ),
                Some(role) if *role != mapped.role => self.change(
                    Change::ForgetRole(id),
                    format!("project {}: the role was changed to {} by hand and stays", name(id), role.as_str()),
                ),
                Some(_) if !wanted.contains_key(&id) => self.change(
                    Change::RemoveRole(id),
                    format!("project {}: removed, no longer in group {}", name(id), mapped.group),
                ),
                Some(_) => {}
            }
        }
        for (&id, grant) in wanted {
            let mapped = MappedRole {
                project_id: id,
                user_id: user,
                source: source.name(),
                group: grant.group.clone(),
                role: grant.role.clone(),
            };
            let given = standing.mapped.iter().find(|mapped| mapped.project_id == id);
            let (group, role) = (&grant.group, grant.role.as_str());
            match (standing.memberships.get(&id), given) {
                (None, _) => {
                    self.change(Change::AddRole(mapped), format!("project {}: {role}, by group {group}", name(id)));
                }
                (Some(role), Some(given)) if *role != given.role => {}
                (Some(_), Some(given)) if given.source != mapped.source => {
                    self.explain(format!(
                        "project {}: {} stays, given by {}",
                        name(id),
                        given.role.as_str(),
                        given.source
                    ));
                }
                (Some(_), Some(given)) if given.role == mapped.role && given.group == mapped.group => {
                    self.explain(format!("project {}: {role} stays, by group {group}", name(id)));
                }
                (Some(old), Some(_)) => self.change(
                    Change::SetRole(mapped),
                    format!("project {}: {role} instead of {}, by group {group}", name(id), old.as_str()),
                ),
                (Some(old), None) => {
                    self.explain(format!(
                        "project {}: {} stays, the membership was made by hand",
                        name(id),
                        old.as_str()
                    ));
                }
            }
        }
    }

    pub(super) fn admin(&mut self, source: &Source, is_admin: bool, standing: &Standing, wanted: Option<&str>) {
        let given = standing.mapped_admin.as_ref();
        match (is_admin, given, wanted) {
            (false, _, Some(group)) => self.change(
                Change::GiveAdmin { source: source.name(), group: group.to_owned() },
                format!("administrator, by group {group}"),
            ),
            (false, Some(_), None) => {
                self.change(Change::ForgetAdmin, "no administrator any more: taken away by hand".to_owned());
            }
            (true, None, _) => self.explain("administrator: made by hand, stays".to_owned()),
            (true, Some(given), None) if given.source == source.name() => {
                if standing.is_only_admin {
                    self.explain(format!("administrator: no longer in group {}, but the last one stays", given.group));
                } else {
                    self.change(Change::TakeAdmin, format!("no administrator any more: not in group {}", given.group));
                }
            }
            (true, Some(given), _) => {
                self.explain(format!("administrator: stays, by group {} of {}", given.group, given.source));
            }
            (false, None, None) => {}
        }
    }
}
