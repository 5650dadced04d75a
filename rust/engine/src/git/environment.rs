//! The environment of git: transports it may use, credentials for one host, no prompts.
//!
//! Credentials go through an inline credential helper that git gets in `GIT_CONFIG_*`, restricted to the URL's host; the
//! values are variables of the git process alone, never arguments and never on disk.

use super::{Access, Transport, Working};
use crate::{EngineConfig, app::Environment, job::HostKeyMode};

/// Answers git's `get`; `store` and `erase` are ignored, so nothing is ever written. `test` and `printf` are built into the
/// shell, the values do not appear in any argument list.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$SEMAPHORE_GIT_USERNAME\" \"$SEMAPHORE_GIT_PASSWORD\"; }; f";

/// PATH, the host's variables, `GIT_TERMINAL_PROMPT=0`, the transport list and, for http addresses, the credentials.
///
/// Reference: there is no HOME, so no configuration of the server's user is read. The list of transports is ours: what a
/// repository names as its submodules must not reach programs (`ext::`) or, unless it is local itself, local files.
/// A list that the host configured (`GIT_ALLOW_PROTOCOL`) is kept, its `GIT_CONFIG_COUNT` is continued.
/// Reference: with an ssh key `SSH_AUTH_SOCK` and `GIT_SSH_COMMAND`; neither without one (in the mode `off`). ssh cannot ask
/// anybody: git has no controlling terminal, so neither has ssh, and an askpass program exists only if the host forwards one.
pub(crate) fn git_environment(config: &EngineConfig, working: &Working) -> Environment {
    let (url, credential) = (&working.url, working.access.credential());
    let mut environment = Environment::of_host(config);
    environment.set("GIT_TERMINAL_PROMPT", "0");
    if environment.get("GIT_ALLOW_PROTOCOL").is_none() {
        let local = matches!(url.transport(), Transport::File | Transport::Local);
        environment.set("GIT_ALLOW_PROTOCOL", if local { "file:git:http:https:ssh" } else { "git:http:https:ssh" });
    }
    if let (Some(credential), Some(origin)) = (credential.or(url.credential()), url.origin()) {
        let key = format!("credential.{origin}.helper");
        // The empty value comes first: it removes helpers of the system's configuration, which could store what they see.
        environment.add_git_configuration(&[(&key, ""), (&key, HELPER)]);
        // Reference: a key without a login put its password, usually a token, where the user stands. Servers differ in
        // where they look for a token, so a single text is given in both places.
        let (username, password) = (credential.username.as_str(), credential.password.as_str());
        environment.set("SEMAPHORE_GIT_USERNAME", if username.is_empty() { password } else { username });
        environment.set("SEMAPHORE_GIT_PASSWORD", if password.is_empty() { username } else { password });
    }
    let agent = match &working.access {
        Access::Agent { socket } => Some(socket),
        Access::None | Access::Password(_) => None,
    };
    if let Some(socket) = agent {
        environment.set("SSH_AUTH_SOCK", socket);
    }
    // A managed mode also counts where ssh finds a key by itself.
    if agent.is_some() || working.ssh.mode != HostKeyMode::Off {
        environment.set("GIT_SSH_COMMAND", format!("ssh {}", working.ssh.shell_text()));
    }
    environment
}

impl Environment {
    /// Git tidies up when it has fetched, by default in a session of its own, where no stop finds it; and it may be configured
    /// to start a daemon for each clone, which nobody would ever end.
    pub(super) fn forbid_git_daemons(&mut self) {
        let values = [("gc.autoDetach", "false"), ("maintenance.autoDetach", "false"), ("core.fsmonitor", "false")];
        self.add_git_configuration(&values);
    }

    /// Programs of a task could leave some in its clone.
    pub(super) fn forbid_hooks(&mut self) {
        self.add_git_configuration(&[("core.hooksPath", "/dev/null")]);
    }

    /// Continues what `GIT_CONFIG_COUNT` counts.
    fn add_git_configuration(&mut self, values: &[(&str, &str)]) {
        let count = self.get("GIT_CONFIG_COUNT").and_then(|text| text.to_str()?.parse::<u32>().ok());
        let mut number = u64::from(count.unwrap_or(0));
        for (key, value) in values {
            self.set(format!("GIT_CONFIG_KEY_{number}"), *key);
            self.set(format!("GIT_CONFIG_VALUE_{number}"), *value);
            number += 1;
        }
        self.set("GIT_CONFIG_COUNT", number.to_string());
    }
}
