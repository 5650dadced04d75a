//! Where playbooks and scripts come from.

use crate::id::{AccessKeyId, ProjectId, RepositoryId};
use crate::validation::ValidationError;
use serde::{Deserialize, Serialize};

/// How a repository is reached, derived from its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepositoryType {
    /// `git://`.
    Git,
    /// `ssh://`, or a URL without a protocol such as `git@host:path`.
    Ssh,
    /// `http://` and `https://`.
    Http,
    /// `file://`: cloned like a remote one.
    File,
    /// An absolute path: used in place, never cloned.
    Local,
    /// Any other protocol.
    Other(String),
}

/// A git repository, or a directory on the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Repository {
    /// Row of `project__repository`.
    pub id: RepositoryId,
    /// Name for people.
    pub name: String,
    /// Its project.
    pub project_id: ProjectId,
    /// URL or absolute path.
    pub git_url: String,
    /// Branch; empty for a directory.
    pub git_branch: String,
    /// Key to reach it with.
    pub ssh_key_id: AccessKeyId,
}

impl Repository {
    /// How the repository is reached.
    pub fn kind(&self) -> RepositoryType {
        if self.git_url.starts_with('/') {
            return RepositoryType::Local;
        }
        let protocol = self.git_url.split_once("://").map(|(protocol, _)| protocol).filter(|protocol| {
            !protocol.is_empty() && protocol.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        match protocol {
            None | Some("ssh") => RepositoryType::Ssh,
            Some("http" | "https") => RepositoryType::Http,
            Some("file") => RepositoryType::File,
            Some("git") => RepositoryType::Git,
            Some(other) => RepositoryType::Other(other.to_owned()),
        }
    }

    /// Checks name, URL and branch. Whether the URL is safe to give to git is the engine's check.
    pub fn validate(&self) -> Result<(), ValidationError> {
        if self.name.is_empty() {
            return Err(ValidationError::new("repository name can't be empty"));
        }
        if self.git_url.is_empty() {
            return Err(ValidationError::new("repository url can't be empty"));
        }
        if self.kind() != RepositoryType::Local && self.git_branch.is_empty() {
            return Err(ValidationError::new("repository branch can't be empty"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_from_the_url() {
        let table = [
            ("/srv/repository", RepositoryType::Local),
            ("file:///srv/repository", RepositoryType::File),
            ("https://example.test/a.git", RepositoryType::Http),
            ("http://example.test/a.git", RepositoryType::Http),
            ("git@example.test:a.git", RepositoryType::Ssh),
            ("ssh://git@example.test/a.git", RepositoryType::Ssh),
            ("git://example.test/a.git", RepositoryType::Git),
            ("--upload-pack=touch /tmp/x", RepositoryType::Ssh),
            ("s3://bucket", RepositoryType::Other("s3".into())),
        ];
        for (url, kind) in table {
            let repository = Repository { git_url: url.into(), ..Repository::default() };
            assert_eq!(repository.kind(), kind, "{url}");
        }
    }
}
