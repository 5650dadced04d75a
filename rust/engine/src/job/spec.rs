//! The specification of one job: a plain value, the same in process, behind the C ABI and on a remote runner.

use std::collections::BTreeMap;

use semaphore_model::HostKeyMode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SecretRef;

/// Everything that is needed to run one task. Secrets are references into the job's `SecretSet`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobSpec {
    /// Row of `task`.
    pub task_id: i32,
    /// Row of `project`.
    pub project_id: i32,
    /// Row of `project__template`: names the clone's directory.
    pub template_id: i32,
    /// Type of the template.
    #[serde(default)]
    pub template_kind: TemplateKind,
    /// App id: `ansible`, `bash`, `python`, ... or the id of a custom app.
    pub app: String,
    /// Playbook, script or directory, relative to the repository.
    pub playbook: String,
    /// Where the files come from.
    pub repository: RepositorySpec,
    /// Commit to check out instead of the branch's head.
    #[serde(default)]
    pub commit_hash: Option<String>,
    /// Hosts, if the app has them.
    #[serde(default)]
    pub inventory: Option<InventorySpec>,
    /// Variables.
    #[serde(default)]
    pub environment: EnvironmentSpec,
    /// Arguments of the template, already parsed.
    #[serde(default)]
    pub template_arguments: Vec<String>,
    /// Arguments of the task; empty unless the template allows them.
    #[serde(default)]
    pub task_arguments: Vec<String>,
    /// Parameters of Ansible, template and task already merged by the template's `allow_override_*` rules.
    #[serde(default)]
    pub ansible: AnsibleParams,
    /// Parameters of the Terraform family, template and task already merged by the template's rules.
    #[serde(default)]
    pub terraform: TerraformParams,
    /// Vault passwords of the template, in a stable order.
    #[serde(default)]
    pub vaults: Vec<VaultSpec>,
    /// What the program is told about its task.
    pub details: TaskDetails,
    /// What is known about the keys of hosts.
    #[serde(default)]
    pub host_keys: HostKeys,
    /// Sequence number of the first log record: the host may have written some before.
    #[serde(default)]
    pub first_seq: u64,
}

/// Type of a template. Reference: `db.TemplateType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateKind {
    /// An ordinary task; the empty text in the database.
    #[default]
    Task,
    /// Makes a version.
    Build,
    /// Uses a version.
    Deploy,
}

/// A git repository or a local directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RepositorySpec {
    /// Row of `project__repository`.
    pub id: i32,
    /// Name, for the task's details.
    pub name: String,
    /// `git_url` as stored; parsed into a typed URL by the engine. A text that begins with `/` is a local directory used in place.
    pub url: String,
    /// Branch after the overrides of template and task; ignored for local directories.
    pub branch: String,
    /// Credentials.
    pub key: KeySpec,
}

/// An access key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeySpec {
    /// Row of `access_key`.
    pub id: i32,
    /// Type and the parts that are not secret.
    pub kind: KeyKind,
}

/// Type of an access key. Reference: `db.AccessKeyType`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum KeyKind {
    /// No credentials.
    None,
    /// A private key.
    Ssh {
        /// User name at the host; may be empty.
        login: String,
        /// PEM text.
        private_key: SecretRef,
        /// Its passphrase.
        passphrase: Option<SecretRef>,
    },
    /// A user with a password.
    LoginPassword {
        /// User name.
        login: String,
        /// Password.
        password: SecretRef,
    },
    /// A single text.
    String {
        /// The text.
        value: SecretRef,
    },
}

/// Hosts of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InventorySpec {
    /// Row of `project__inventory`.
    pub id: i32,
    /// Name, for the task's details.
    pub name: String,
    /// How `content` is meant.
    pub kind: InventoryKind,
    /// Text of the inventory, or path of the file, or name of the workspace.
    pub content: String,
    /// Credentials of the hosts.
    #[serde(default)]
    pub key: Option<KeySpec>,
    /// Credentials for becoming another user there.
    #[serde(default)]
    pub become_key: Option<KeySpec>,
    /// Second repository in which a file inventory lies.
    #[serde(default)]
    pub repository: Option<RepositorySpec>,
}

/// Type of an inventory. Reference: `db.InventoryType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InventoryKind {
    /// INI text.
    Static,
    /// YAML text.
    StaticYaml,
    /// A file of a repository.
    File,
    /// Workspaces of the Terraform family.
    TerraformWorkspace,
    /// As above, for OpenTofu.
    TofuWorkspace,
    /// As above, for Terragrunt.
    TerragruntWorkspace,
}

/// Variables of a job.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EnvironmentSpec {
    /// `environment.json` merged with the survey values of the task.
    #[serde(default)]
    pub extra_vars: Map<String, Value>,
    /// Secret survey values: merged over `extra_vars` for Ansible only.
    #[serde(default)]
    pub secret_extra_vars: BTreeMap<String, SecretRef>,
    /// `environment.env`, in stored order.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// Secrets of the environment, in stored order.
    #[serde(default)]
    pub secrets: Vec<SecretVar>,
}

/// A secret variable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecretVar {
    /// Name of the variable.
    pub name: String,
    /// How it reaches the program.
    pub kind: SecretVarKind,
    /// Value.
    pub value: SecretRef,
}

/// How a secret variable reaches the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretVarKind {
    /// As an environment variable.
    Env,
    /// As an extra variable.
    Var,
}

/// Parameters of an Ansible run. Reference: `db.AnsibleTaskParams`, `db.AnsibleTemplateParams`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnsibleParams {
    /// Number of `v` after `-`: 1 to 6; `None` = no debug output.
    pub verbosity: Option<u8>,
    /// `--check`.
    pub dry_run: bool,
    /// `--diff`.
    pub diff: bool,
    /// `--limit`.
    pub limit: Vec<String>,
    /// `--tags`.
    pub tags: Vec<String>,
    /// `--skip-tags`.
    pub skip_tags: Vec<String>,
}

/// Parameters of a run of the Terraform family. Reference: `db.TerraformTaskParams`, `db.TerraformTemplateParams`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TerraformParams {
    /// Plan only.
    pub plan: bool,
    /// `-destroy`.
    pub destroy: bool,
    /// Apply without asking: of the template, or of the task if the template allows it.
    pub auto_approve: bool,
    /// `init -upgrade`.
    pub upgrade: bool,
    /// `init -reconfigure` instead of `-migrate-state`.
    pub reconfigure: bool,
    /// Name of the file with an empty http backend that is written for the task; `None` = no override.
    pub backend_file: Option<String>,
    /// `TF_HTTP_ADDRESS`: where the state of this task is reachable.
    pub http_address: Option<SecretRef>,
    /// Arguments by stage (`init`, `plan`, `apply`, `default`), those of the template before those of the task.
    pub stage_arguments: BTreeMap<String, Vec<String>>,
}

/// What is known about the keys of hosts that git and Ansible reach by ssh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostKeys {
    /// How strictly they are checked.
    pub mode: HostKeyMode,
    /// Lines of a `known_hosts` file; unused in the mode `off`.
    pub known_hosts: String,
}

/// A vault password of a template.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VaultSpec {
    /// Vault id; `default` if the template gives none.
    pub name: String,
    /// Where the password comes from.
    pub kind: VaultKind,
}

/// Where a vault password comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VaultKind {
    /// Typed at the prompt.
    Password(SecretRef),
    /// A program of the user's.
    Script(String),
}

/// What a program is told about its task: `semaphore_vars.task_details` and `SEMAPHORE_TASK_DETAILS_*`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskDetails {
    /// Message of the task.
    pub message: String,
    /// Login of the user who started it; empty for schedules and webhooks.
    pub username: String,
    /// Page of the task; `None` without `web_host`.
    pub url: Option<String>,
    /// Version that a deploy uses.
    pub incoming_version: Option<String>,
    /// Version that a build makes.
    pub target_version: Option<String>,
}
