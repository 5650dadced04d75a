//! As whom a child runs.

use std::{
    ffi::{CString, OsString},
    os::unix::ffi::OsStringExt,
    path::PathBuf,
};

use nix::{
    errno::Errno,
    unistd::{Gid, Uid, User, getgrouplist},
};

use super::fork::Foreign;

/// User, groups and root directory of a child; `None` = those of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User id, real, effective and saved.
    pub uid: Option<u32>,
    /// Group id, real, effective and saved.
    pub gid: Option<u32>,
    /// Supplementary groups.
    pub groups: Option<Vec<u32>>,
    /// New root; program and working directory of the specification are then meant inside it.
    pub chroot: Option<PathBuf>,
}

/// Why there is no such identity. A job must be refused then, never run as somebody else.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// No such user.
    #[error("user `{user}` does not exist on this machine: create it or change `process.user`")]
    UnknownUser {
        /// Name.
        user: String,
    },
    /// The user database cannot be asked.
    #[error("cannot look up user `{user}`")]
    Lookup {
        /// Name or number.
        user: String,
        /// Why.
        source: Errno,
    },
}

impl Identity {
    /// The identity that `process.user`, `process.uid`, `process.gid` and `process.chroot` mean together.
    ///
    /// A name gives user, primary group and supplementary groups; a uid without a name does the same if the user database has
    /// it, otherwise no supplementary groups; an explicit gid overrides the primary group. Reference: the Go server ignores
    /// the gid, does nothing for a uid alone, and runs a job of an unknown user as itself.
    pub fn resolve(
        user: Option<&str>,
        uid: Option<u32>,
        gid: Option<u32>,
        chroot: Option<PathBuf>,
    ) -> Result<Self, IdentityError> {
        let entry = match (user, uid) {
            (Some(name), _) => {
                let found = User::from_name(name);
                let found = found.map_err(|source| IdentityError::Lookup { user: name.to_owned(), source })?;
                Some(found.ok_or_else(|| IdentityError::UnknownUser { user: name.to_owned() })?)
            }
            (None, Some(uid)) => User::from_uid(Uid::from_raw(uid))
                .map_err(|source| IdentityError::Lookup { user: uid.to_string(), source })?,
            (None, None) => return Ok(Self { uid, gid, groups: gid.map(|gid| vec![gid]), chroot }),
        };
        let primary = gid.or(entry.as_ref().map(|entry| entry.gid.as_raw()));
        let groups = match &entry {
            Some(entry) => groups_of(entry, primary)?,
            None => primary.into_iter().collect(),
        };
        let uid = uid.or(entry.map(|entry| entry.uid.as_raw()));
        Ok(Self { uid, gid: primary, groups: Some(groups), chroot })
    }

    pub(super) fn foreign(&self) -> Option<Foreign> {
        let root = match &self.chroot {
            Some(root) => Some(CString::new(OsString::from(root.clone()).into_vec()).ok()?),
            None => None,
        };
        Some(Foreign { uid: self.uid, gid: self.gid, groups: self.groups.clone(), root })
    }
}

fn groups_of(entry: &User, primary: Option<u32>) -> Result<Vec<u32>, IdentityError> {
    let lookup = |source| IdentityError::Lookup { user: entry.name.clone(), source };
    let name = CString::new(entry.name.clone()).map_err(|_| lookup(Errno::EINVAL))?;
    let primary = primary.map_or(entry.gid, Gid::from_raw);
    let groups = getgrouplist(&name, primary).map_err(lookup)?;
    Ok(groups.into_iter().map(Gid::as_raw).collect())
}
