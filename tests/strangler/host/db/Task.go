package db

import (
	"fmt"
	"time"

	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/util"
)

// DefaultTaskParams are Task.Params of apps that have none.
type DefaultTaskParams struct{}

// TerraformTaskParams are Task.Params of the Terraform family.
type TerraformTaskParams struct {
	Plan        bool `json:"plan"`
	Destroy     bool `json:"destroy"`
	AutoApprove bool `json:"auto_approve"`
	Upgrade     bool `json:"upgrade"`
	Reconfigure bool `json:"reconfigure"`
}

// AnsibleTaskParams are Task.Params of Ansible.
type AnsibleTaskParams struct {
	Debug      bool     `json:"debug"`
	DebugLevel int      `json:"debug_level"`
	DryRun     bool     `json:"dry_run"`
	Diff       bool     `json:"diff"`
	Limit      []string `json:"limit"`
	Tags       []string `json:"tags"`
	SkipTags   []string `json:"skip_tags"`
}

// Task is one run of a template. Its status is this row's: there is no other place for it.
type Task struct {
	ID         int                    `json:"id"`
	TemplateID int                    `json:"template_id"`
	ProjectID  int                    `json:"project_id"`
	Status     task_logger.TaskStatus `json:"status"`

	Playbook    string            `json:"playbook"`
	Environment string            `json:"environment,omitempty"`
	Secret      string            `json:"secret,omitempty"`
	Arguments   *string           `json:"arguments,omitempty"`
	GitBranch   *string           `json:"git_branch,omitempty"`
	UserID      *int              `json:"user_id,omitempty"`
	Message     string            `json:"message,omitempty"`
	Version     *string           `json:"version,omitempty"`
	Params      MapStringAnyField `json:"params,omitempty"`

	Start *time.Time `json:"start,omitempty"`
	End   *time.Time `json:"end,omitempty"`

	CommitHash    *string `json:"commit_hash,omitempty"`
	CommitMessage string  `json:"commit_message,omitempty"`
}

// ExtractParams reads Params into a struct.
func (task *Task) ExtractParams(target any) error { return task.Params.fill(target) }

// GetUrl is the page of the task, if the host has an address.
func (task *Task) GetUrl() *string {
	if util.Config.WebHost == "" {
		return nil
	}
	page := fmt.Sprintf("%s/project/%d/history?t=%d", util.Config.WebHost, task.ProjectID, task.ID)
	return &page
}
