//! What git's messages mean: a reason that people can act on.
//!
//! Not for deciding what a job does next. Invariants: nothing of git's text is kept here, so no secret can be; a message that
//! is not recognised (another language, another version) is no failure of ours but `None`.

use super::{Access, Transport, Working};
use crate::job::ProblemCode;

/// Why git could not do its work, as far as its messages tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// ssh does not know the host's key.
    HostKeyUnknown,
    /// The host has another key than the one that is known.
    HostKeyChanged,
    /// An ssh address, and no ssh key.
    KeyMissing,
    /// The host does not accept the ssh key.
    KeyRefused,
    /// An http address that wants a login, and an ssh key.
    KeyUnfit,
    /// An http address that wants a login, and no key.
    PasswordMissing,
    /// The server does not accept login and password.
    PasswordRefused,
    /// The branch is not there.
    BranchUnknown,
    /// The commit or tag is not there.
    CommitUnknown,
    /// The repository is not there, or not for this key.
    NotFound,
    /// No connection.
    Unreachable,
    /// The connection broke.
    ConnectionLost,
    /// The server's certificate is not trusted.
    Certificate,
    /// A submodule wants a transport that is not allowed.
    TransportRefused,
    /// The disk is full.
    DiskFull,
}

/// Texts of git, ssh and curl, in lower case; the first that is found counts, so the more special ones come first.
const MESSAGES: &[(&str, Failure)] = &[
    ("remote host identification has changed", Failure::HostKeyChanged),
    ("host key verification failed", Failure::HostKeyUnknown),
    ("host key is known for", Failure::HostKeyUnknown),
    ("no space left on device", Failure::DiskFull),
    ("disk quota exceeded", Failure::DiskFull),
    ("permission denied (", Failure::KeyRefused),
    ("too many authentication failures", Failure::KeyRefused),
    ("authentication failed for", Failure::PasswordRefused),
    ("could not read username", Failure::PasswordRefused),
    ("could not read password", Failure::PasswordRefused),
    ("the requested url returned error: 401", Failure::PasswordRefused),
    ("the requested url returned error: 403", Failure::PasswordRefused),
    ("not found in upstream", Failure::BranchUnknown),
    ("couldn't find remote ref", Failure::BranchUnknown),
    ("did not match any file(s) known to git", Failure::CommitUnknown),
    ("reference is not a tree", Failure::CommitUnknown),
    ("unable to read tree", Failure::CommitUnknown),
    ("invalid reference", Failure::CommitUnknown),
    ("not our ref", Failure::CommitUnknown),
    ("server certificate verification failed", Failure::Certificate),
    ("ssl certificate problem", Failure::Certificate),
    ("' not allowed", Failure::TransportRefused),
    ("repository not found", Failure::NotFound),
    ("does not appear to be a git repository", Failure::NotFound),
    ("does not exist", Failure::NotFound),
    ("the requested url returned error: 404", Failure::NotFound),
    ("not valid: is this a git repository", Failure::NotFound),
    ("could not resolve host", Failure::Unreachable),
    ("failed to connect to", Failure::Unreachable),
    ("couldn't connect to server", Failure::Unreachable),
    ("connection refused", Failure::Unreachable),
    ("connection timed out", Failure::Unreachable),
    ("no route to host", Failure::Unreachable),
    ("network is unreachable", Failure::Unreachable),
    ("unable to connect to", Failure::Unreachable),
    ("connection reset", Failure::ConnectionLost),
    ("connection closed by", Failure::ConnectionLost),
    ("the remote end hung up", Failure::ConnectionLost),
    ("early eof", Failure::ConnectionLost),
    ("rpc failed", Failure::ConnectionLost),
    ("the requested url returned error: 5", Failure::ConnectionLost),
];

impl Failure {
    /// Finds the meaning of git's last words.
    pub(crate) fn of(text: &str, working: &Working) -> Option<Self> {
        let text = text.to_lowercase();
        let known = MESSAGES.iter().find(|(message, _)| text.contains(message)).map(|(_, failure)| *failure);
        // `fatal: repository 'https://host/a/' not found`
        let not_found = || text.contains("fatal: repository '") && text.contains("not found");
        let failure = known.or_else(|| not_found().then_some(Self::NotFound))?;
        let is_ssh = matches!(working.url.transport(), Transport::Ssh | Transport::Scp);
        Some(match (failure, &working.access) {
            (Self::KeyRefused, Access::None | Access::Password(_)) if is_ssh => Self::KeyMissing,
            (Self::PasswordRefused, Access::Agent { .. }) if working.url.credential().is_none() => Self::KeyUnfit,
            (Self::PasswordRefused, Access::None) if working.url.credential().is_none() => Self::PasswordMissing,
            // A file that may not be read, not a host that refuses a key.
            (Self::KeyRefused, _) if !is_ssh => return None,
            (failure, _) => failure,
        })
    }

    /// For programs.
    pub fn code(self) -> ProblemCode {
        match self {
            Self::HostKeyUnknown | Self::HostKeyChanged => ProblemCode::HostKey,
            Self::KeyMissing | Self::KeyUnfit | Self::PasswordMissing => ProblemCode::KeyType,
            Self::DiskFull => ProblemCode::Machine,
            Self::KeyRefused
            | Self::PasswordRefused
            | Self::BranchUnknown
            | Self::CommitUnknown
            | Self::NotFound
            | Self::Unreachable
            | Self::ConnectionLost
            | Self::Certificate
            | Self::TransportRefused => ProblemCode::Repository,
        }
    }

    /// What to do, as a sentence for people.
    pub fn advice(self) -> &'static str {
        match self {
            Self::HostKeyUnknown => {
                "the git server's host key is not known: add it to the known hosts of the project, or accept new hosts there"
            }
            Self::HostKeyChanged => {
                "the git server's host key is not the one that is known: if the server really has a new key, replace it in the known hosts of the project; otherwise somebody may be listening"
            }
            Self::KeyMissing => "the git server wants an SSH key: give the repository a key of type SSH",
            Self::KeyRefused => {
                "the git server does not accept the SSH key: add its public key there, and check the user in the repository's address"
            }
            Self::KeyUnfit => {
                "the git server wants login and password, which an SSH key cannot give: choose a key of type login with password, or an ssh address"
            }
            Self::PasswordMissing => {
                "the git server wants login and password, or the repository does not exist: give the repository a key of type login with password"
            }
            Self::PasswordRefused => {
                "the git server does not accept login and password, or they do not allow to read this repository: check the repository's key"
            }
            Self::BranchUnknown => {
                "the repository does not have this branch, or nothing was ever pushed to it: check the branch of repository, template and task"
            }
            Self::CommitUnknown => "the repository does not have this commit or tag: check the commit of the task",
            Self::NotFound => {
                "there is no such repository, or this key may not see it: check the repository's address and key"
            }
            Self::Unreachable => {
                "the git server cannot be reached: check address, network and proxy, then run the task again"
            }
            Self::ConnectionLost => "the git server broke off: run the task again, and look at its log if this goes on",
            Self::Certificate => {
                "the git server's certificate is not trusted on this machine: install its authority's certificate"
            }
            Self::TransportRefused => "a submodule uses a transport that is not allowed: use https, ssh or git there",
            Self::DiskFull => "the disk of tmp_path is full: make room there",
        }
    }

    /// Whether a clone that failed like this would fail without a mirror too. A broken mirror can look like missing objects
    /// and like a connection that ends early.
    pub(crate) fn is_about_remote(self) -> bool {
        !matches!(self, Self::CommitUnknown | Self::ConnectionLost)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::key::SshOptions;

    fn found(url: &str, access: Access, text: &str) -> Option<Failure> {
        let working = Working {
            url: url.parse().unwrap(),
            branch: "main".parse().unwrap(),
            access,
            ssh: SshOptions::default(),
            parent: "/".into(),
            directory: "x".to_owned(),
        };
        Failure::of(text, &working)
    }

    #[test]
    fn messages_are_understood() {
        let agent = || Access::Agent { socket: "/s".into() };
        let (ssh, https) = ("git@host:a", "https://host/a");
        for (url, access, text, failure) in [
            (ssh, agent(), "Host key verification failed.\r\nfatal: Could not read", Failure::HostKeyUnknown),
            (
                ssh,
                agent(),
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                Failure::HostKeyChanged,
            ),
            (ssh, agent(), "git@host: Permission denied (publickey).", Failure::KeyRefused),
            (ssh, Access::None, "git@host: Permission denied (publickey,password).", Failure::KeyMissing),
            (https, agent(), "fatal: Authentication failed for 'https://host/a'", Failure::KeyUnfit),
            (
                https,
                Access::None,
                "fatal: could not read Username for 'https://host': terminal prompts disabled",
                Failure::PasswordMissing,
            ),
            ("https://u:p@host/a", Access::None, "fatal: Authentication failed for 'x'", Failure::PasswordRefused),
            (https, Access::None, "fatal: Remote branch x not found in upstream origin", Failure::BranchUnknown),
            (https, Access::None, "fatal: repository 'https://host/a/' not found", Failure::NotFound),
            (https, Access::None, "fatal: repository '/x' does not exist", Failure::NotFound),
            (https, Access::None, "error: pathspec 'x' did not match any file(s) known to git", Failure::CommitUnknown),
            (https, Access::None, "fatal: unable to access 'x': Could not resolve host: x", Failure::Unreachable),
            (https, Access::None, "fatal: transport 'ext' not allowed", Failure::TransportRefused),
            (https, Access::None, "error: write: No space left on device", Failure::DiskFull),
        ] {
            assert_eq!(found(url, access, text), Some(failure), "{text}");
        }
        assert_eq!(found(https, Access::None, "fatal: kaput"), None);
        assert_eq!(found("file:///srv/x", Access::None, "open: Permission denied (13)"), None);
    }
}
