package model

// Template tells what a task runs and with what.
type Template struct {
	ID            int    `json:"id"`
	ProjectID     int    `json:"project_id"`
	InventoryID   *int   `json:"inventory_id,omitempty"`
	RepositoryID  int    `json:"repository_id"`
	EnvironmentID *int   `json:"environment_id,omitempty"`
	Name          string `json:"name"`
	// Playbook is the path in the repository: playbook, script or directory.
	Playbook string `json:"playbook"`
	// Arguments is an array as text.
	Arguments               *string         `json:"arguments,omitempty"`
	AllowOverrideArgsInTask bool            `json:"allow_override_args_in_task,omitempty"`
	Description             *string         `json:"description,omitempty"`
	Vaults                  []TemplateVault `json:"vaults,omitempty"`
	// Type is empty, build or deploy.
	Type            string  `json:"type,omitempty"`
	StartVersion    *string `json:"start_version,omitempty"`
	BuildTemplateID *int    `json:"build_template_id,omitempty"`
	ViewID          *int    `json:"view_id,omitempty"`
	// LastTask is only shown.
	LastTask              *TaskWithTemplate `json:"last_task,omitempty" stored:"-"`
	Autorun               bool              `json:"autorun,omitempty"`
	GitBranch             *string           `json:"git_branch,omitempty"`
	SurveyVars            []SurveyVar       `json:"survey_vars,omitempty"`
	SuppressSuccessAlerts bool              `json:"suppress_success_alerts,omitempty"`
	// App is ansible, terraform, tofu, terragrunt, bash, powershell, python, pulumi, or one of the configuration.
	App                       string  `json:"app,omitempty"`
	Tasks                     int     `json:"tasks"`
	TaskParams                Object  `json:"task_params,omitempty"`
	RunnerTag                 *string `json:"runner_tag,omitempty"`
	AllowOverrideBranchInTask bool    `json:"allow_override_branch_in_task,omitempty"`
	AllowParallelTasks        bool    `json:"allow_parallel_tasks,omitempty"`
}

// TemplateVault is an Ansible vault that a template opens.
type TemplateVault struct {
	ID         int     `json:"id"`
	ProjectID  int     `json:"project_id"`
	TemplateID int     `json:"template_id"`
	VaultKeyID *int    `json:"vault_key_id,omitempty"`
	Name       *string `json:"name,omitempty"`
	// Type is password or script.
	Type   string  `json:"type"`
	Script *string `json:"script,omitempty"`
}

// SurveyVar is a variable that is asked for before a task starts.
type SurveyVar struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Required bool   `json:"required,omitempty"`
	// Type is empty (text), int, secret or enum.
	Type         string           `json:"type,omitempty"`
	Description  string           `json:"description,omitempty"`
	Values       []SurveyVarValue `json:"values,omitempty"`
	DefaultValue string           `json:"default_value,omitempty"`
}

// SurveyVarValue is a choice.
type SurveyVarValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// View is a tab over the list of templates.
type View struct {
	ID        int    `json:"id"`
	ProjectID int    `json:"project_id"`
	Title     string `json:"title"`
	Position  int    `json:"position"`
	// Type is empty or all.
	Type        string  `json:"type,omitempty"`
	Hidden      bool    `json:"hidden,omitempty"`
	Filter      Object  `json:"filter,omitempty"`
	SortColumn  *string `json:"sort_column,omitempty"`
	SortReverse bool    `json:"sort_reverse,omitempty"`
}
