//! Where the socket of an agent lies, and that it goes.
//!
//! The directory is new, has mode 0700 and belongs to whom the job's programs run as; the socket in it has mode 0600.

use std::{
    fs, io,
    os::fd::AsRawFd,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use rsa::rand_core::{OsRng, RngCore};
use sha2::{Digest, Sha256};

use crate::key::KeyError;

/// Longest path of a socket; the kernel's structure has room for one byte more.
const LONGEST_PATH_BYTES: usize = 107;

/// Where sockets go whose path would be too long otherwise: the one directory that every system has, and all may write to.
const SHORT_DIRECTORY: &str = "/tmp";

/// To whom the socket is given; both `None` = to this process's own user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketOwner {
    /// User.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
}

/// Where an agent makes its directory.
#[derive(Clone, Debug)]
pub struct AgentPlace {
    /// A directory; it is made if it does not exist.
    pub parent: PathBuf,
    /// How the name of the new directory begins, for example `ssh_task_7`; the rest is random.
    pub name: String,
    /// To whom it is given.
    pub owner: SocketOwner,
    /// Whether a socket whose path would be too long may lie in `/tmp` instead; not with another root directory.
    pub short_path_allowed: bool,
}

/// A socket and its directory on disk; both are removed with the value.
#[derive(Debug)]
pub(super) struct Socket {
    directory: PathBuf,
    path: PathBuf,
    owner: SocketOwner,
}

impl AgentPlace {
    /// Makes directory and socket, and listens.
    pub(super) fn bind(&self, key_id: i32) -> Result<(Socket, UnixListener), KeyError> {
        let random = random_text().map_err(|source| KeyError::socket("get random numbers", source))?;
        let name = format!("ssh-agent-{key_id}-{random}.sock");
        let mut directory = self.parent.join(format!("{}_{random}", self.name));
        if directory.join(&name).as_os_str().len() > LONGEST_PATH_BYTES && self.short_path_allowed {
            let prefix = short_prefix(&self.parent);
            directory = Path::new(SHORT_DIRECTORY).join(format!("{prefix}{}_{random}", self.name));
        }
        let path = directory.join(name);
        if path.as_os_str().len() > LONGEST_PATH_BYTES {
            let source = io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("the path is longer than {LONGEST_PATH_BYTES} bytes: choose a shorter `tmp_path`"),
            );
            return Err(KeyError::socket(format!("create the socket {}", path.display()), source));
        }
        // Of a project without tasks nothing is there yet.
        if let Some(parent) = directory.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(parent)
                .map_err(|source| KeyError::socket(format!("create the directory {}", parent.display()), source))?;
        }
        // Fails if it is there already: nobody can have prepared it.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .map_err(|source| KeyError::socket(format!("create the directory {}", directory.display()), source))?;
        let socket = Socket { directory, path, owner: self.owner };
        let listener = socket
            .listen()
            .map_err(|source| KeyError::socket(format!("create the socket {}", socket.path.display()), source))?;
        Ok((socket, listener))
    }
}

impl Socket {
    fn listen(&self) -> io::Result<UnixListener> {
        let SocketOwner { uid, gid } = self.owner;
        if uid.is_none() && gid.is_none() {
            let listener = UnixListener::bind(&self.path)?;
            fs::set_permissions(&self.path, fs::Permissions::from_mode(0o600))?;
            return Ok(listener);
        }
        // The directory above belongs to that user, who can put a link in the place of ours at any moment.
        let flags = nix::libc::O_DIRECTORY | nix::libc::O_NOFOLLOW;
        let directory = fs::OpenOptions::new().read(true).custom_flags(flags).open(&self.directory)?;
        let found = directory.metadata()?;
        if found.uid() != nix::unistd::geteuid().as_raw() || found.mode() & 0o777 != 0o700 {
            return Err(io::Error::other("its directory was replaced by something else"));
        }
        let path = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string());
        let path = path.join(self.path.file_name().unwrap_or_default());
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        // The directory last: until then nobody else can reach into it.
        lchown(&path, uid, gid)?;
        fchown(&directory, uid, gid)?;
        Ok(listener)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn owner(&self) -> SocketOwner {
        self.owner
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // With whatever a program of the job has put beside it.
        if let Err(error) = fs::remove_dir_all(&self.directory)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.directory.display(), %error, "cannot remove the directory of an ssh agent");
        }
    }
}

/// Removes directories in `/tmp` that agents of this project directory left behind because their process was killed;
/// `belongs` tells from the name whether it is one of them.
pub(crate) fn remove_leftovers(parent: &Path, belongs: impl Fn(&str) -> bool) -> io::Result<()> {
    let prefix = short_prefix(parent);
    let mut result = Ok(());
    for entry in fs::read_dir(SHORT_DIRECTORY)?.filter_map(Result::ok) {
        let name = entry.file_name();
        let is_ours = name.to_string_lossy().strip_prefix(&prefix).is_some_and(&belongs);
        if is_ours && entry.metadata().is_ok_and(|found| found.is_dir() && found.mode() & 0o777 == 0o700) {
            result = result.and(fs::remove_dir_all(entry.path()));
        }
    }
    result
}

/// Beginning of names in `/tmp`: tells the projects of several servers apart.
fn short_prefix(parent: &Path) -> String {
    let digest = Sha256::digest(parent.as_os_str().as_bytes());
    format!("semaphore-{}-", hexadecimal(digest.get(..4).unwrap_or_default()))
}

/// Ten hexadecimal digits, as in the reference.
fn random_text() -> io::Result<String> {
    let mut bytes = [0; 5];
    OsRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
    Ok(hexadecimal(&bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The user to whom the socket goes owns the directory above, and puts a link in the place of the new directory.
    #[test]
    fn nothing_is_made_where_a_link_leads() {
        let root = tempfile::tempdir().unwrap();
        let (victim, link) = (root.path().join("victim"), root.path().join("link"));
        fs::DirBuilder::new().mode(0o700).create(&victim).unwrap();
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        let owner = SocketOwner { uid: Some(nix::unistd::geteuid().as_raw()), gid: None };
        let socket =
            |directory: &Path| Socket { directory: directory.to_owned(), path: directory.join("a.sock"), owner };
        assert!(socket(&link).listen().is_err());
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
        // A directory that others may write to is not ours, either.
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(socket(&victim).listen().is_err());
        fs::DirBuilder::new().mode(0o700).create(root.path().join("own")).unwrap();
        let own = socket(&root.path().join("own"));
        assert!(own.listen().is_ok() && own.path.exists());
    }
}
