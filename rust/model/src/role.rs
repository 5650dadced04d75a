//! Roles in a project and the permissions they give.

use crate::id::{ProjectId, TemplateId, TemplateRoleId};
use crate::open_enum::open_enum;
use crate::validation::ValidationError;
use serde::{Deserialize, Serialize};

open_enum! {
    /// Role of a member, `project__user.role`. A text outside the four is the slug of a row in `role`.
    ProjectRole {
        /// No role: somebody who is not a member (an administrator looking in).
        None = "",
        /// May do everything in the project.
        Owner = "owner",
        /// Runs tasks and manages resources.
        Manager = "manager",
        /// Runs tasks.
        TaskRunner = "task_runner",
        /// Reads only.
        Guest = "guest",
    }
}

impl ProjectRole {
    /// Permissions of a built-in role; none for a custom slug, whose permissions are in its `role` row.
    pub fn permissions(&self) -> Permissions {
        match self {
            Self::Owner => Permissions::ALL,
            Self::Manager => Permissions::RUN_TASKS | Permissions::MANAGE_RESOURCES,
            Self::TaskRunner => Permissions::RUN_TASKS,
            Self::Guest | Self::None | Self::Other(_) => Permissions::NONE,
        }
    }

    /// Whether this is one of the four built-in roles.
    pub fn is_built_in(&self) -> bool {
        matches!(self, Self::Owner | Self::Manager | Self::TaskRunner | Self::Guest)
    }
}

/// A set of permissions in a project, stored and sent as a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(transparent)]
pub struct Permissions(pub i64);

impl Permissions {
    /// No permission.
    pub const NONE: Self = Self(0);
    /// Run, stop and confirm tasks.
    pub const RUN_TASKS: Self = Self(1);
    /// Change or delete the project itself.
    pub const UPDATE_PROJECT: Self = Self(2);
    /// Manage keys, repositories, inventories, environments, templates and views.
    pub const MANAGE_RESOURCES: Self = Self(4);
    /// Manage members.
    pub const MANAGE_USERS: Self = Self(8);
    /// Everything a project knows.
    pub const ALL: Self = Self(15);

    /// Whether every permission of `wanted` is in the set.
    #[must_use]
    pub const fn contains(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

impl std::ops::BitOr for Permissions {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Permissions {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// A custom role, of one project or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Role {
    /// Its key, unique in the installation.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it allows.
    pub permissions: Permissions,
    /// The project it belongs to; none for all projects.
    pub project_id: Option<ProjectId>,
}

impl Role {
    /// Checks the name.
    pub fn validate(&self) -> Result<(), ValidationError> {
        if self.name.is_empty() { Err(ValidationError::new("Role name cannot be empty")) } else { Ok(()) }
    }
}

/// Additional permissions of a role on one template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TemplateRole {
    /// Row of `project__template_role`.
    pub id: TemplateRoleId,
    /// The role's slug.
    pub role_slug: String,
    /// The template.
    pub template_id: TemplateId,
    /// The template's project.
    pub project_id: ProjectId,
    /// What is allowed in addition to the role's own permissions.
    pub permissions: Permissions,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_the_bits_of_the_reference() {
        for (role, bits) in [("owner", 15), ("manager", 5), ("task_runner", 1), ("guest", 0), ("", 0), ("custom", 0)] {
            assert_eq!(ProjectRole::from(role).permissions(), Permissions(bits), "{role}");
        }
        assert!(Permissions::ALL.contains(Permissions::MANAGE_USERS));
        assert!(!Permissions(5).contains(Permissions::UPDATE_PROJECT));
    }
}
