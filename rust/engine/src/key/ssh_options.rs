//! What ssh is told on its command line, for git and for Ansible alike.

use std::path::{Path, PathBuf};

use crate::job::HostKeyMode;

/// Options of ssh for one job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshOptions {
    /// How strictly the keys of hosts are checked.
    pub mode: HostKeyMode,
    /// The job's `known_hosts` file; unused in the mode `off`.
    pub known_hosts: Option<PathBuf>,
    /// `-F`: `ssh_config_path` of the configuration.
    pub config: Option<PathBuf>,
}

impl SshOptions {
    /// Arguments for ssh, in the reference's order: `-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null [-F FILE]`.
    pub fn arguments(&self) -> Vec<String> {
        let checking = match self.mode {
            HostKeyMode::Off => "no",
            HostKeyMode::AcceptNew => "accept-new",
            HostKeyMode::Strict => "yes",
        };
        let known = match (self.mode, &self.known_hosts) {
            (HostKeyMode::AcceptNew | HostKeyMode::Strict, Some(file)) => file.as_path(),
            _ => Path::new("/dev/null"),
        };
        let mut arguments = vec![
            "-o".to_owned(),
            format!("StrictHostKeyChecking={checking}"),
            "-o".to_owned(),
            format!("UserKnownHostsFile={}", file_name(known)),
        ];
        if let Some(config) = &self.config {
            arguments.extend(["-F".to_owned(), config.display().to_string()]);
        }
        arguments
    }

    /// The same as one text for a shell (`GIT_SSH_COMMAND`, `ANSIBLE_SSH_COMMON_ARGS`): what is not plain is quoted.
    pub fn shell_text(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
        let quoted = |argument: &String| {
            if !argument.is_empty() && argument.chars().all(plain) {
                argument.clone()
            } else {
                format!("'{}'", argument.replace('\'', "'\\''"))
            }
        };
        self.arguments().iter().map(quoted).collect::<Vec<_>>().join(" ")
    }
}

/// A path as ssh reads it: `%` begins a token, a blank another file.
fn file_name(path: &Path) -> String {
    let text = path.display().to_string().replace('%', "%%");
    if text.contains([' ', '\t']) { format!("\"{text}\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_permissive_line_of_the_reference() {
        let mut options = SshOptions { config: Some("/etc/ssh/it's".into()), ..SshOptions::default() };
        assert_eq!(
            options.shell_text(),
            r"-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -F '/etc/ssh/it'\''s'"
        );
        options = SshOptions { mode: HostKeyMode::Strict, known_hosts: Some("/tmp/k".into()), config: None };
        assert_eq!(options.shell_text(), "-o StrictHostKeyChecking=yes -o UserKnownHostsFile=/tmp/k");
        options = SshOptions { mode: HostKeyMode::AcceptNew, known_hosts: Some("/tmp/a b/100%".into()), config: None };
        assert_eq!(
            options.shell_text(),
            r#"-o StrictHostKeyChecking=accept-new -o 'UserKnownHostsFile="/tmp/a b/100%%"'"#
        );
    }

    /// Found by the fuzz target `ssh_options`: the word was lost, and the next one would have been taken for the file.
    #[test]
    fn an_empty_path_stays_a_word() {
        let options = SshOptions { config: Some("".into()), ..SshOptions::default() };
        assert!(options.shell_text().ends_with("-F ''"), "{}", options.shell_text());
    }
}
