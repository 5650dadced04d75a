//! An ssh configuration that reaches a real sshd without a port: sshd is started by ssh itself, as its `ProxyCommand`.
//!
//! For tests of keys: who has an authorized key logs in as root at the host `git.example` and sees this machine's files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const SSHD: &str = "/usr/sbin/sshd";

/// Writes the configuration and what belongs to it into the directory; the lines of `public_keys` may log in.
///
/// `None` if this machine cannot do it: it takes root, a namespace of mounts and openssh-server. With CI=true that is a panic.
pub fn ssh_config(directory: &Path, public_keys: &str) -> Option<PathBuf> {
    let possible = Path::new(SSHD).exists()
        && Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|output| output.status.success());
    if !possible {
        crate::missing("root and openssh-server are needed (make deps)");
        return None;
    }
    let file = |name: &str| directory.join(name);
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file("host_key")).status();
    assert!(made.expect("ssh-keygen").success());
    fs::write(file("authorized_keys"), public_keys).unwrap();
    // Its directory for separated privileges is not there on a machine without a running server; nobody else sees this one.
    let script = format!(
        "mount -t tmpfs -o mode=0755 tmpfs /run && mkdir -m 0755 /run/sshd && exec {SSHD} -i -f {}\n",
        file("sshd_config").display()
    );
    fs::write(file("sshd.sh"), script).unwrap();
    let server = format!(
        "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n\
         PasswordAuthentication no\nLogLevel QUIET\n",
        file("host_key").display(),
        file("authorized_keys").display()
    );
    fs::write(file("sshd_config"), server).unwrap();
    let client = format!(
        "Host git.example\n  User root\n  IdentityFile none\n  ProxyCommand unshare --mount sh {}\n",
        file("sshd.sh").display()
    );
    fs::write(file("ssh_config"), client).unwrap();
    Some(file("ssh_config"))
}
