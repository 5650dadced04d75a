package taskrunner

import "github.com/semaphore-rs/semaphore/go/internal/core"

// Secret names a value of Secrets; no value is ever part of a Spec, so a Spec may be logged.
type Secret struct {
	Name string `json:"secret"`
}

// Secrets holds the values that a Spec names. They are hidden in all output.
type Secrets map[string][]byte

func (s Secrets) encode() []byte {
	var texts [][]byte
	for name, value := range s {
		texts = append(texts, []byte(name), value)
	}
	return core.Prefixed(texts...)
}

// Spec is everything that is needed to run one task.
type Spec struct {
	// TaskID, ProjectID and TemplateID are the numbers of the host's rows; they name directories and files.
	TaskID     int `json:"task_id"`
	ProjectID  int `json:"project_id"`
	TemplateID int `json:"template_id"`
	// TemplateKind is empty or task, build or deploy.
	TemplateKind string `json:"template_kind,omitempty"`
	// App is ansible, terraform, tofu, terragrunt, bash, powershell, python or the id of an app of Config.Apps.
	App string `json:"app"`
	// Playbook is the playbook, script or directory, relative to the repository.
	Playbook string `json:"playbook"`
	// Repository is where the files come from.
	Repository Repository `json:"repository"`
	// CommitHash is checked out instead of the head of the branch; empty means the head.
	CommitHash string `json:"commit_hash,omitempty"`
	// Inventory holds the hosts; nil for apps without.
	Inventory *Inventory `json:"inventory,omitempty"`
	// Environment holds the variables.
	Environment Environment `json:"environment"`
	// TemplateArguments are the arguments of the template.
	TemplateArguments []string `json:"template_arguments,omitempty"`
	// TaskArguments are those of the task.
	TaskArguments []string `json:"task_arguments,omitempty"`
	// Ansible holds the parameters of an Ansible run.
	Ansible Ansible `json:"ansible"`
	// Terraform holds the parameters of the Terraform family.
	Terraform Terraform `json:"terraform"`
	// Vaults are the vault passwords of the template.
	Vaults []Vault `json:"vaults,omitempty"`
	// Details is what the program is told about its task.
	Details Details `json:"details"`
	// HostKeys is what is known about the keys of hosts.
	HostKeys HostKeys `json:"host_keys"`
}

// Repository is a git repository or a local directory.
type Repository struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	// URL: a text that begins with / is a local directory, which is used in place.
	URL string `json:"url"`
	// Branch is ignored for local directories.
	Branch string `json:"branch"`
	Key    Key    `json:"key"`
}

// Key is an access key: its type and the parts that are not secret.
type Key struct {
	ID   int     `json:"id"`
	Kind KeyKind `json:"kind"`
}

// KeyKind is the type of a key with what belongs to it; NoKey, SSHKey, PasswordKey and TextKey make them.
type KeyKind struct {
	Type       string  `json:"type"`
	Login      *string `json:"login,omitempty"`
	PrivateKey *Secret `json:"private_key,omitempty"`
	Passphrase *Secret `json:"passphrase,omitempty"`
	Password   *Secret `json:"password,omitempty"`
	Value      *Secret `json:"value,omitempty"`
}

// NoKey needs no credentials.
func NoKey() KeyKind { return KeyKind{Type: "none"} }

// SSHKey is a private key (the name of its PEM text) with the user at the host; an empty passphrase means none.
func SSHKey(login, privateKey, passphrase string) KeyKind {
	kind := KeyKind{Type: "ssh", Login: &login, PrivateKey: &Secret{privateKey}}
	if passphrase != "" {
		kind.Passphrase = &Secret{passphrase}
	}
	return kind
}

// PasswordKey is a user with the name of the password.
func PasswordKey(login, password string) KeyKind {
	return KeyKind{Type: "login_password", Login: &login, Password: &Secret{password}}
}

// TextKey is the name of a single text.
func TextKey(value string) KeyKind { return KeyKind{Type: "string", Value: &Secret{value}} }

// Kinds of inventories.
const (
	InventoryStatic              = "static"
	InventoryStaticYAML          = "static-yaml"
	InventoryFile                = "file"
	InventoryTerraformWorkspace  = "terraform-workspace"
	InventoryTofuWorkspace       = "tofu-workspace"
	InventoryTerragruntWorkspace = "terragrunt-workspace"
)

// Inventory holds the hosts of a job.
type Inventory struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Content is the text of the inventory, the path of the file, or the name of the workspace.
	Content string `json:"content"`
	// Key has the credentials of the hosts.
	Key *Key `json:"key,omitempty"`
	// BecomeKey has those for becoming another user there.
	BecomeKey *Key `json:"become_key,omitempty"`
	// Repository is a second repository in which a file inventory lies.
	Repository *Repository `json:"repository,omitempty"`
}

// Environment holds the variables of a job.
type Environment struct {
	// ExtraVars are the extra variables, with the survey values of the task.
	ExtraVars map[string]any `json:"extra_vars,omitempty"`
	// SecretExtraVars are secret survey values, for Ansible only.
	SecretExtraVars map[string]Secret `json:"secret_extra_vars,omitempty"`
	// Env holds environment variables, NAME and value.
	Env [][2]string `json:"env,omitempty"`
	// Secrets holds secret variables.
	Secrets []SecretVariable `json:"secrets,omitempty"`
}

// SecretVariable reaches the program as environment variable (Kind env) or extra variable (Kind var).
type SecretVariable struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Value Secret `json:"value"`
}

// Ansible holds the parameters of an Ansible run.
type Ansible struct {
	// Verbosity is the number of v after -: 1 to 6; 0 means none.
	Verbosity int      `json:"verbosity,omitempty"`
	DryRun    bool     `json:"dry_run,omitempty"`
	Diff      bool     `json:"diff,omitempty"`
	Limit     []string `json:"limit,omitempty"`
	Tags      []string `json:"tags,omitempty"`
	SkipTags  []string `json:"skip_tags,omitempty"`
}

// Terraform holds the parameters of a run of Terraform, OpenTofu or Terragrunt.
type Terraform struct {
	// Plan: nothing is applied.
	Plan bool `json:"plan,omitempty"`
	// Destroy: -destroy.
	Destroy bool `json:"destroy,omitempty"`
	// AutoApprove applies without asking; otherwise the status becomes waiting_confirmation, see Job.Confirm.
	AutoApprove bool `json:"auto_approve,omitempty"`
	Upgrade     bool `json:"upgrade,omitempty"`
	Reconfigure bool `json:"reconfigure,omitempty"`
	// BackendFile is the file with an empty http backend that is written for the task; empty means none.
	BackendFile string `json:"backend_file,omitempty"`
	// HTTPAddress is where the state of this task is reachable.
	HTTPAddress *Secret `json:"http_address,omitempty"`
	// StageArguments are arguments by stage: init, plan, apply, default.
	StageArguments map[string][]string `json:"stage_arguments,omitempty"`
}

// Vault is a vault password of a template.
type Vault struct {
	// Name is the vault's id.
	Name string    `json:"name"`
	Kind VaultKind `json:"kind"`
}

// VaultKind is a password or a script that prints it; one of them is set.
type VaultKind struct {
	Password *Secret `json:"password,omitempty"`
	Script   string  `json:"script,omitempty"`
}

// Details is what a program is told about its task.
type Details struct {
	Message         string `json:"message"`
	Username        string `json:"username"`
	URL             string `json:"url,omitempty"`
	IncomingVersion string `json:"incoming_version,omitempty"`
	TargetVersion   string `json:"target_version,omitempty"`
}

// HostKeys is what is known about the keys of hosts that git and Ansible reach by ssh.
type HostKeys struct {
	// Mode is off (the default), accept-new or strict.
	Mode string `json:"mode,omitempty"`
	// KnownHosts holds lines of a known_hosts file.
	KnownHosts string `json:"known_hosts"`
}
