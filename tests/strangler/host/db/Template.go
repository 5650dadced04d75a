package db

import "encoding/json"

// TemplateType is what a template's tasks are for.
type TemplateType string

// The kinds of templates.
const (
	TemplateTask   TemplateType = ""
	TemplateBuild  TemplateType = "build"
	TemplateDeploy TemplateType = "deploy"
)

// TemplateApp is the program that a template runs.
type TemplateApp string

// The apps that the mini host knows by name; any other is a program.
const (
	AppAnsible    TemplateApp = "ansible"
	AppTerraform  TemplateApp = "terraform"
	AppTofu       TemplateApp = "tofu"
	AppTerragrunt TemplateApp = "terragrunt"
	AppBash       TemplateApp = "bash"
	AppPowerShell TemplateApp = "powershell"
	AppPython     TemplateApp = "python"
)

// IsTerraform says whether the app plans and applies.
func (t TemplateApp) IsTerraform() bool {
	return t == AppTerraform || t == AppTofu || t == AppTerragrunt
}

// MapStringAnyField is an object of any shape.
type MapStringAnyField map[string]any

// fill reads an object into a struct; what the struct does not know is left out.
func (m MapStringAnyField) fill(target any) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, target)
}

// AnsibleTemplateParams are Template.TaskParams of Ansible.
type AnsibleTemplateParams struct {
	AllowDebug             bool     `json:"allow_debug"`
	AllowOverrideInventory bool     `json:"allow_override_inventory"`
	AllowOverrideLimit     bool     `json:"allow_override_limit"`
	AllowOverrideTags      bool     `json:"allow_override_tags"`
	AllowOverrideSkipTags  bool     `json:"allow_override_skip_tags"`
	Limit                  []string `json:"limit"`
	Tags                   []string `json:"tags"`
	SkipTags               []string `json:"skip_tags"`
}

// TerraformTemplateParams are Template.TaskParams of the Terraform family.
type TerraformTemplateParams struct {
	AllowDestroy     bool   `json:"allow_destroy,omitempty"`
	AllowAutoApprove bool   `json:"allow_auto_approve,omitempty"`
	AutoApprove      bool   `json:"auto_approve,omitempty"`
	OverrideBackend  bool   `json:"override_backend,omitempty"`
	BackendFilename  string `json:"backend_filename,omitempty"`
}

// TemplateVaultType is where a vault's password comes from.
type TemplateVaultType string

// The sources of vault passwords.
const (
	TemplateVaultPassword TemplateVaultType = "password"
	TemplateVaultScript   TemplateVaultType = "script"
)

// TemplateVault is one vault password of a template.
type TemplateVault struct {
	ID         int               `json:"id"`
	VaultKeyID *int              `json:"vault_key_id,omitempty"`
	Name       *string           `json:"name,omitempty"`
	Type       TemplateVaultType `json:"type"`
	Script     *string           `json:"script,omitempty"`

	Vault *AccessKey `json:"-"`
}

// Template is how tasks of one kind are run.
type Template struct {
	ID            int  `json:"id"`
	ProjectID     int  `json:"project_id"`
	InventoryID   *int `json:"inventory_id,omitempty"`
	RepositoryID  int  `json:"repository_id"`
	EnvironmentID *int `json:"environment_id,omitempty"`

	Name                    string            `json:"name"`
	Playbook                string            `json:"playbook"`
	Arguments               *string           `json:"arguments,omitempty"`
	AllowOverrideArgsInTask bool              `json:"allow_override_args_in_task,omitempty"`
	Vaults                  []TemplateVault   `json:"vaults,omitempty"`
	Type                    TemplateType      `json:"type,omitempty"`
	GitBranch               *string           `json:"git_branch,omitempty"`
	App                     TemplateApp       `json:"app,omitempty"`
	TaskParams              MapStringAnyField `json:"task_params,omitempty"`
}

// FillParams reads TaskParams into a struct.
func (tpl *Template) FillParams(target any) error { return tpl.TaskParams.fill(target) }
