//! As whom a child runs.

use std::{
    ffi::{CString, OsString},
    fs, io,
    os::{
        fd::OwnedFd,
        unix::{
            ffi::OsStringExt,
            fs::{MetadataExt, OpenOptionsExt, fchown},
        },
    },
    path::{Path, PathBuf},
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag, openat},
    sys::stat::{Mode, SFlag, fstat},
    unistd::{Gid, Uid, User, fchownat, getegid, geteuid, getgrouplist},
};

use super::fork::Foreign;
use crate::job::ProblemCode;

/// Deepest nesting of directories that are given away: each costs a descriptor meanwhile.
const DEEPEST: usize = 200;

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
#[derive(Clone, Debug, thiserror::Error)]
pub enum IdentityError {
    /// No such user.
    #[error("user `{user}` does not exist on this machine: create it or change `process.user`")]
    UnknownUser {
        /// Name.
        user: String,
    },
    /// A name and a number that do not belong together.
    #[error("user `{user}` has the number {number}, but `process.uid` is {uid}: remove one of the two")]
    Contradiction {
        /// Name.
        user: String,
        /// Its number.
        number: u32,
        /// The other number.
        uid: u32,
    },
    /// A number without a user has no group either.
    #[error("this machine knows no user with the number {uid}, and so no group of it: set `process.gid` too")]
    NoGroup {
        /// The number.
        uid: u32,
    },
    /// The root directory does not show the job its own files.
    #[error("{directory} is not the same directory below `process.chroot` {root}: mount it there at the same path")]
    OutsideRoot {
        /// The project's directory.
        directory: String,
        /// The root directory.
        root: String,
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

impl IdentityError {
    /// The same for programs.
    pub fn code(&self) -> ProblemCode {
        ProblemCode::ProcessIdentity
    }
}

impl Identity {
    /// The identity that `process.user`, `process.uid`, `process.gid` and `process.chroot` mean together.
    ///
    /// A name gives user, primary group and supplementary groups; a uid without a name does the same if the user database has
    /// it, otherwise it needs a gid; an explicit gid overrides the primary group. Reference: the Go server ignores the gid,
    /// does nothing for a uid alone, and runs a job of an unknown user as itself.
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
        match (&entry, uid) {
            (Some(entry), Some(uid)) if entry.uid.as_raw() != uid => {
                let (user, number) = (entry.name.clone(), entry.uid.as_raw());
                return Err(IdentityError::Contradiction { user, number, uid });
            }
            (None, Some(uid)) if gid.is_none() => return Err(IdentityError::NoGroup { uid }),
            _ => {}
        }
        let primary = gid.or(entry.as_ref().map(|entry| entry.gid.as_raw()));
        let groups = match &entry {
            Some(entry) => groups_of(entry, primary)?,
            None => primary.into_iter().collect(),
        };
        let uid = uid.or(entry.map(|entry| entry.uid.as_raw()));
        Ok(Self { uid, gid: primary, groups: Some(groups), chroot })
    }

    /// Whether it is what this process is anyway.
    pub fn is_current(&self) -> bool {
        self.chroot.is_none()
            && self.uid.is_none_or(|uid| uid == geteuid().as_raw())
            && self.gid.is_none_or(|gid| gid == getegid().as_raw())
    }

    /// The same outside of its root directory.
    pub(crate) fn outside(&self) -> Self {
        Self { chroot: None, ..self.clone() }
    }

    /// Makes a file or directory that this process has made the identity's own.
    ///
    /// # Errors
    /// If that is not allowed, or it has become something else meanwhile: a link, or a file that has another name too.
    pub(crate) fn give(&self, path: &Path) -> io::Result<()> {
        if self.uid.is_none() && self.gid.is_none() {
            return Ok(());
        }
        // Its directory can belong to a user who puts something else in its place at any moment.
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let found = file.metadata()?;
        if self.owns(&found) {
            return Ok(());
        }
        if !(found.is_dir() || found.is_file() && found.nlink() == 1) {
            return Err(io::Error::other("it was replaced by something else"));
        }
        fchown(&file, self.uid, self.gid)
    }

    /// The same for a directory that was opened by its place only.
    pub(crate) fn give_opened(&self, directory: &OwnedFd) -> io::Result<()> {
        let (owner, group) = (self.uid.map(Uid::from_raw), self.gid.map(Gid::from_raw));
        Ok(fchownat(directory, "", owner, group, AtFlags::AT_EMPTY_PATH)?)
    }

    /// As [`Identity::give`], with everything below it if it did not belong to the identity before.
    pub(crate) fn give_tree(&self, path: &Path) -> io::Result<()> {
        if (self.uid.is_none() && self.gid.is_none()) || self.owns(&fs::symlink_metadata(path)?) {
            return Ok(());
        }
        let directory =
            fs::OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_DIRECTORY).open(path)?;
        if self.owns(&directory.metadata()?) {
            return Ok(());
        }
        self.give_content(&directory.into(), 0)
    }

    /// Gives what is in a directory, and then the directory itself: whoever gets it can put links into it from then on. That
    /// is why nothing here goes by a path, either.
    fn give_content(&self, directory: &OwnedFd, depth: usize) -> io::Result<()> {
        if depth > DEEPEST {
            return Err(io::Error::other(format!("its directories are nested more than {DEEPEST} times")));
        }
        let (owner, group) = (self.uid.map(Uid::from_raw), self.gid.map(Gid::from_raw));
        let is_directory = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut names = Vec::new();
        for entry in Dir::openat(directory, ".", is_directory, Mode::empty())?.iter() {
            let name = entry?.file_name().to_owned();
            if name.as_c_str() != c"." && name.as_c_str() != c".." {
                names.push(name);
            }
        }
        for name in &names {
            let name = name.as_c_str();
            let entry = openat(directory, name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
            let found = fstat(&entry)?;
            if SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFDIR {
                self.give_content(&openat(directory, name, is_directory, Mode::empty())?, depth + 1)?;
            } else if found.st_nlink == 1 {
                fchownat(&entry, "", owner, group, AtFlags::AT_EMPTY_PATH)?;
            }
        }
        fchown(directory, self.uid, self.gid)
    }

    fn owns(&self, found: &fs::Metadata) -> bool {
        self.uid.is_none_or(|uid| uid == found.uid()) && self.gid.is_none_or(|gid| gid == found.gid())
    }

    /// Checks that the directory is the same below the root directory.
    pub(crate) fn check_root(&self, directory: &Path) -> Result<(), IdentityError> {
        let Some(root) = &self.chroot else { return Ok(()) };
        let inside = root.join(directory.strip_prefix("/").unwrap_or(directory));
        let place = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
        if place(directory).is_some() && place(directory) == place(&inside) {
            return Ok(());
        }
        let (directory, root) = (directory.display().to_string(), root.display().to_string());
        Err(IdentityError::OutsideRoot { directory, root })
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
