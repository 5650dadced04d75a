//! The environment of a job's programs, in the order of the reference; nothing else of the server's environment is passed.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStringExt,
    path::Path,
};

use zeroize::Zeroize as _;

use super::{AppContext, details};
use crate::{
    EngineConfig,
    config::HomeDirMode,
    job::{HostKeyMode, SecretVarKind, TemplateKind},
    key::SshOptions,
};

/// Variables in the order of their definition; a name may come twice, the later value wins when a process is started.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    entries: Vec<(OsString, OsString)>,
}

impl Environment {
    /// Adds a variable.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.entries.push((name.into(), value.into()));
    }

    /// Value of a variable.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.entries.iter().rev().find(|(entry, _)| entry == name).map(|(_, value)| value.as_os_str())
    }

    /// PATH, then the forwarded and configured variables: what every program of a job sees, git included.
    pub fn of_host(config: &EngineConfig) -> Self {
        let mut environment = Self::default();
        environment.set("PATH", &config.path);
        for (name, value) in &config.env {
            environment.set(name, value);
        }
        environment
    }

    /// For a process specification.
    pub fn into_entries(mut self) -> Vec<(OsString, OsString)> {
        std::mem::take(&mut self.entries)
    }

    /// HOME and PWD of an app.
    fn set_home(&mut self, context: &AppContext<'_>) {
        self.set("HOME", home(context.config, context.spec.project_id));
        self.set("PWD", context.work_dir);
    }

    /// `environment.env`, then the secrets of type env, in stored order. Values are not expanded.
    fn set_user_variables(&mut self, context: &AppContext<'_>) {
        for (name, value) in &context.spec.environment.env {
            self.set(name, value);
        }
        for secret in &context.spec.environment.secrets {
            if secret.kind == SecretVarKind::Env {
                let value = context.secrets.get(&secret.value).unwrap_or_default();
                self.set(&secret.name, OsString::from_vec(value.to_vec()));
            }
        }
    }

    /// How strictly the keys of hosts are checked, for Ansible and the git that ansible-galaxy starts; nothing in the mode `off`.
    ///
    /// It travels in the extra arguments of ssh and its two companions, because the common ones belong to users: a bastion host
    /// in `ansible.cfg` or in a variable of the inventory would be lost otherwise. If the environment sets the common ones, ours
    /// come before, and ssh takes the first value of an option. `ssh_config_path` is for git alone, as in the other mode.
    fn set_host_keys(&mut self, context: &AppContext<'_>) {
        if context.ssh.mode == HostKeyMode::Off {
            return;
        }
        let ours = SshOptions { config: None, ..context.ssh.clone() }.shell_text();
        let with_ours = |theirs: Option<&OsStr>| {
            let mut text = OsString::from(&ours);
            if let Some(theirs) = theirs {
                text.push(" ");
                text.push(theirs);
            }
            text
        };
        for name in ["ANSIBLE_SSH_EXTRA_ARGS", "ANSIBLE_SFTP_EXTRA_ARGS", "ANSIBLE_SCP_EXTRA_ARGS"] {
            let text = with_ours(self.get(name));
            self.set(name, text);
        }
        if let Some(common) = self.get("ANSIBLE_SSH_COMMON_ARGS") {
            let text = with_ours(Some(common));
            self.set("ANSIBLE_SSH_COMMON_ARGS", text);
        }
        self.set("ANSIBLE_HOST_KEY_CHECKING", "True");
        if self.get("GIT_SSH_COMMAND").is_none() {
            self.set("GIT_SSH_COMMAND", format!("ssh {}", context.ssh.shell_text()));
        }
    }

    /// The inventory's agent, then kind and versions for build and deploy.
    fn set_task_kind(&mut self, context: &AppContext<'_>) {
        if let Some(socket) = context.agent {
            self.set("SSH_AUTH_SOCK", socket);
        }
        let spec = context.spec;
        let Some(kind) = details::kind_text(spec.template_kind) else { return };
        self.set("SEMAPHORE_TASK_TYPE", kind);
        if let Some(version) = &spec.details.incoming_version {
            self.set("SEMAPHORE_TASK_INCOMING_VERSION", version);
        }
        if let (TemplateKind::Build, Some(version)) = (spec.template_kind, &spec.details.target_version) {
            self.set("SEMAPHORE_TASK_TARGET_VERSION", version);
        }
    }
}

/// Values may be secret.
impl Drop for Environment {
    fn drop(&mut self) {
        for (_, value) in &mut self.entries {
            std::mem::take(value).into_vec().zeroize();
        }
    }
}

fn home(config: &EngineConfig, project_id: i32) -> OsString {
    match config.home_dir_mode {
        HomeDirMode::ProjectHome => config.project_dir(project_id).into_os_string(),
        HomeDirMode::TemplateDir | HomeDirMode::UserHome => config.home.clone().into_os_string(),
    }
}

/// For ansible-galaxy: without the task's kind.
pub(crate) fn galaxy(context: &AppContext<'_>) -> Environment {
    let mut environment = Environment::default();
    environment.set("PYTHONUNBUFFERED", "1");
    environment.set("ANSIBLE_FORCE_COLOR", "True");
    environment.set("ANSIBLE_HOST_KEY_CHECKING", "False");
    environment.entries.extend(Environment::of_host(context.config).into_entries());
    environment.set_home(context);
    if context.config.home_dir_mode == HomeDirMode::TemplateDir {
        environment.set("ANSIBLE_HOME", ansible_home(context.home_dir));
    }
    environment.set_user_variables(context);
    environment.set_host_keys(context);
    environment
}

/// Names of the variables that the user gives the job.
pub(crate) fn user_names<'a>(context: &AppContext<'a>) -> BTreeSet<&'a str> {
    let environment = &context.spec.environment;
    let secrets = environment.secrets.iter().filter(|secret| secret.kind == SecretVarKind::Env);
    environment.env.iter().map(|(name, _)| name.as_str()).chain(secrets.map(|secret| secret.name.as_str())).collect()
}

fn ansible_home(home_dir: &Path) -> OsString {
    home_dir.join(".ansible").into_os_string()
}

/// For ansible-playbook.
pub(crate) fn playbook(context: &AppContext<'_>) -> Environment {
    let mut environment = galaxy(context);
    environment.set_task_kind(context);
    environment
}

/// For shell apps.
pub(crate) fn shell(context: &AppContext<'_>) -> Environment {
    let mut environment = Environment::of_host(context.config);
    environment.set_home(context);
    environment.set_user_variables(context);
    for (name, value) in details::details_environment(context.spec, context.commit) {
        environment.set(name, value);
    }
    environment.set_task_kind(context);
    environment
}

/// For programs of the Terraform family.
///
/// Reference: agent, kind and versions come with plan and apply only (`run`).
pub(crate) fn terraform(context: &AppContext<'_>, run: bool) -> Environment {
    let mut environment = Environment::of_host(context.config);
    environment.set_home(context);
    environment.set_user_variables(context);
    if let Some(address) = &context.spec.terraform.http_address {
        let address = context.secrets.get(address).unwrap_or_default();
        environment.set("TF_HTTP_ADDRESS", OsString::from_vec(address.to_vec()));
    }
    if run {
        environment.set_task_kind(context);
    }
    environment
}

/// For `init`, which fetches modules with git: no prompt, and the inventory's ssh key.
pub(crate) fn terraform_init(context: &AppContext<'_>) -> Environment {
    let mut environment = terraform(context, false);
    environment.set("GIT_TERMINAL_PROMPT", "0");
    if let Some(socket) = context.agent {
        environment.set("SSH_AUTH_SOCK", socket);
        environment.set("GIT_SSH_COMMAND", format!("ssh {}", context.ssh.shell_text()));
    }
    environment
}

/// `NAME=VALUE` of bytes that need not be text.
pub(crate) fn assignment(name: &str, value: &[u8]) -> OsString {
    OsString::from_vec([name.as_bytes(), b"=", value].concat())
}
